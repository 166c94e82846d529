"""One nginx before all contenders: a server for each, with the shipped parameters and settings as far as the protocol allows."""
from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from harness.http import HttpClient
from harness.nginx import Nginx
from harness.vitalsd import CHECKOUT
from harness.web_server import free_port

from .contenders import Contender

MAIN = """\
daemon off;
{user}
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/nginx-error.log error;
events {{ worker_connections 2048; }}
http {{
	log_format left '$server_port $request_time';
	map $status $is_left {{ 499 1; default 0; }}
	access_log {directory}/left.log left if=$is_left;
	client_body_temp_path {directory}/body;
	proxy_temp_path {directory}/proxy;
	fastcgi_temp_path {directory}/fastcgi;
	uwsgi_temp_path {directory}/uwsgi;
	scgi_temp_path {directory}/scgi;
	keepalive_requests 1000000;
	{maps}
	server {{
		listen 127.0.0.1:{port};
		access_log off;
		return 204;
	}}
{servers}
}}
"""

FASTCGI = """\
{upstream}
	server {{
		listen 127.0.0.1:{port};
		location / {{
			{parameters}
			{more}
			fastcgi_pass {name};
			fastcgi_keep_conn {keep};
			fastcgi_buffer_size 16k;
			fastcgi_buffers 16 16k;
			fastcgi_busy_buffers_size 32k;
			fastcgi_connect_timeout 2s;
			fastcgi_read_timeout 35s;
			fastcgi_next_upstream error timeout invalid_header;
			fastcgi_next_upstream_tries 0;
			fastcgi_next_upstream_timeout 10s;
		}}
	}}
"""

HTTP = """\
{upstream}
	server {{
		listen 127.0.0.1:{port};
		location / {{
			proxy_pass http://{name};
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host $http_host;
			proxy_set_header X-Request-ID $request_id;
			proxy_set_header X-Forwarded-For $remote_addr;
			proxy_set_header X-Forwarded-Proto $scheme;
			proxy_buffer_size 16k;
			proxy_buffers 16 16k;
			proxy_busy_buffers_size 32k;
			proxy_connect_timeout 2s;
			proxy_read_timeout 35s;
			proxy_next_upstream error timeout invalid_header;
			proxy_next_upstream_tries 0;
			proxy_next_upstream_timeout 10s;
		}}
	}}
"""

ITSELF = """\
	server {{
		listen 127.0.0.1:{port};
		location / {{
			default_type application/json;
			return 200 '{body}';
		}}
	}}
"""


@dataclass(frozen=True)
class Address:
    """Where wrk finds one contender."""

    port: int


class BenchFront(Nginx):
    """Every contender has a port of its own; which of them runs is not nginx's business."""

    def __init__(self, directory: Path, contenders: Sequence[Contender]) -> None:
        super().__init__(directory, "", "")
        self.contenders = contenders
        self.ports: dict[str, int] = {}
        self.left_log = directory / "left.log"
        shipped = (CHECKOUT / "nginx-conf" / "vitals-upstream.conf").read_text()
        found = re.search(r"^upstream vitals \{.*?^\}$", shipped, re.MULTILINE | re.DOTALL)
        assert found, "nginx-conf/vitals-upstream.conf has no upstream vitals"
        self.upstream = found[0]
        self.maps = "\n".join(re.findall(r"^map .*?^\}$", shipped, re.MULTILINE | re.DOTALL))
        routes = (CHECKOUT / "nginx-conf" / "vitals.conf").read_text()
        self.parameters = "\n".join(re.findall(r"^fastcgi_param .*;$", routes, re.MULTILINE))

    def at(self, contender: Contender) -> Address:
        """For Wrk."""
        return Address(self.ports[contender.name])

    def left_waiting(self, contender: Contender, from_byte: int, seconds: float) -> int:
        """How many clients left without an answer that they had waited for so long, by what nginx wrote down since then."""
        with HttpClient(self.port) as client:
            assert client.get("/").status == 204  # nginx has by now seen the clients leave
        with open(self.left_log, encoding="ascii") as log:
            log.seek(from_byte)
            lines = [line.split() for line in log]
        return sum(int(port) == self.ports[contender.name] and float(waited) >= seconds for port, waited in lines)

    def left_bytes(self) -> int:
        """Where what nginx writes from now on will stand."""
        return self.left_log.stat().st_size

    def configure(self) -> None:
        """All servers, on free ports."""
        self.ports = {contender.name: free_port() for contender in self.contenders}
        super().configure()
        user = re.search(r"^user .*;$", (self.directory / "nginx.conf").read_text(), re.MULTILINE)
        text = MAIN.format(directory=self.directory, port=self.port, user=user[0] if user else "", maps=self.maps,
                           servers="".join(self._server(contender) for contender in self.contenders))
        (self.directory / "nginx.conf").write_text(text)

    def _server(self, contender: Contender) -> str:
        name = contender.name.replace("-", "_")
        upstream = self.upstream.replace("upstream vitals ", f"upstream {name} ").replace("/run/vitals/vitals.sock", contender.socket)
        template = {"fastcgi": FASTCGI, "http": HTTP, "none": ITSELF}[contender.protocol]
        if not contender.keeps:
            upstream = re.sub(r"^ +keepalive.*;$", "", upstream, flags=re.MULTILINE)
        return template.format(upstream=upstream, port=self.ports[contender.name], name=name, body=contender.body,
                               parameters=self.parameters, more=contender.parameters, keep="on" if contender.keeps else "off")
