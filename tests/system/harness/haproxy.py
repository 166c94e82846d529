"""HAProxy with the very file of contrib/haproxy/; only its sockets and its port are replaced."""
from __future__ import annotations

from pathlib import Path

from .vitalsd import CHECKOUT
from .web_server import WebServer

GLOBAL = "global\n    maxconn 256\n    nbthread 2\n    log stderr format raw local0\n"


class Haproxy(WebServer):
    """One HAProxy."""

    name = "haproxy"
    port_taken = "cannot bind"

    def __init__(self, directory: Path, service_socket: str, admin_socket: str) -> None:
        super().__init__(directory)
        text = (CHECKOUT / "contrib" / "haproxy" / "vitals.cfg").read_text()
        assert text.count("bind :80\n") == 1
        self.text = text.replace("/run/vitals/vitals.sock", service_socket).replace("/run/vitals/admin.sock", admin_socket)

    def configure(self) -> None:
        """The file as it is shipped, behind a few lines of ours."""
        (self.directory / "global.cfg").write_text(GLOBAL)
        (self.directory / "vitals.cfg").write_text(self.text.replace("bind :80\n", f"bind 127.0.0.1:{self.port}\n"))

    def command(self) -> list[str]:
        """Without a daemon."""
        return ["haproxy", "-db", "-f", str(self.directory / "global.cfg"), "-f", str(self.directory / "vitals.cfg")]
