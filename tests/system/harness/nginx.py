"""nginx before the service, with the very files of nginx-conf/; only their sockets are replaced."""
from __future__ import annotations

import os
from pathlib import Path

from .vitalsd import CHECKOUT
from .web_server import WebServer

CONFIGURATION = """\
daemon off;
{user}
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/nginx-error.log info;
events {{ worker_connections 4096; }}
http {{
	access_log {directory}/nginx-access.log;
	client_body_temp_path {directory}/body;
	proxy_temp_path {directory}/proxy;
	fastcgi_temp_path {directory}/fastcgi;
	uwsgi_temp_path {directory}/uwsgi;
	scgi_temp_path {directory}/scgi;
	keepalive_requests 100000;
	include {directory}/vitals-upstream.conf;
	server {{
		listen 127.0.0.1:{port};
		include {directory}/vitals.conf;
	}}
}}
"""


class Nginx(WebServer):
    """One nginx."""

    name = "nginx"

    def __init__(self, directory: Path, service_socket: str, admin_socket: str) -> None:
        super().__init__(directory)
        for name in ("vitals-upstream.conf", "vitals.conf"):
            text = (CHECKOUT / "nginx-conf" / name).read_text()
            text = text.replace("/run/vitals/vitals.sock", service_socket).replace("/run/vitals/admin.sock", admin_socket)
            (directory / name).write_text(text)

    def configure(self) -> None:
        """One worker process."""
        text = CONFIGURATION.format(directory=self.directory, port=self.port, user="user root;" if os.geteuid() == 0 else "")
        (self.directory / "nginx.conf").write_text(text)

    def command(self) -> list[str]:
        """In the directory."""
        return ["nginx", "-p", str(self.directory), "-c", str(self.directory / "nginx.conf"), "-e", str(self.directory / "nginx-error.log")]
