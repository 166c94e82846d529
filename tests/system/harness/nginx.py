"""nginx before the service, with the very files of nginx-conf/; only their sockets are replaced."""
from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Optional

from .processes import Process, wait_for
from .vitalsd import CHECKOUT

CONFIGURATION = """\
daemon off;
{user}
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/nginx-error.log info;
events {{ worker_connections 1024; }}
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


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody had a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Nginx:
    """One nginx in a directory of its own."""

    def __init__(self, directory: Path, service_socket: str, admin_socket: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.process: Optional[Process] = None
        self.port = 0
        for name in ("vitals-upstream.conf", "vitals.conf"):
            text = (CHECKOUT / "nginx-conf" / name).read_text()
            text = text.replace("/run/vitals/vitals.sock", service_socket).replace("/run/vitals/admin.sock", admin_socket)
            (directory / name).write_text(text)

    def start(self) -> "Nginx":
        """On a free port; tries another where somebody was faster."""
        for _ in range(5):
            self.port = free_port()
            text = CONFIGURATION.format(directory=self.directory, port=self.port,
                                        user="user root;" if os.geteuid() == 0 else "")
            (self.directory / "nginx.conf").write_text(text)
            self.process = Process(["nginx", "-p", str(self.directory), "-c", str(self.directory / "nginx.conf"),
                                    "-e", str(self.directory / "nginx-error.log")], self.directory, "nginx")
            wait_for(lambda: not self.process.running() or self.accepts(), 5, "nginx accepts")
            if self.process.running():
                return self
            said = self.process.said()
            self.process.stop()
            if "Address already in use" not in said:
                break
        raise AssertionError(f"nginx did not start: {said}")

    def accepts(self) -> bool:
        """A connection to the port succeeds."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def stop(self) -> None:
        """Twice is harmless."""
        if self.process is not None:
            self.process.stop()
