"""HAProxy with the very file of contrib/haproxy/; only its sockets and its port are replaced."""
from __future__ import annotations

import socket
from pathlib import Path
from typing import Optional

from .nginx import free_port
from .processes import Process, wait_for
from .vitalsd import CHECKOUT

GLOBAL = "global\n    maxconn 256\n    nbthread 2\n    log stderr format raw local0\n"


class Haproxy:
    """One HAProxy in a directory of its own."""

    def __init__(self, directory: Path, service_socket: str, admin_socket: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        text = (CHECKOUT / "contrib" / "haproxy" / "vitals.cfg").read_text()
        assert text.count("bind :80\n") == 1
        self.text = text.replace("/run/vitals/vitals.sock", service_socket).replace("/run/vitals/admin.sock", admin_socket)
        self.process: Optional[Process] = None
        self.port = 0

    def start(self) -> "Haproxy":
        """On a free port; tries another where somebody was faster."""
        (self.directory / "global.cfg").write_text(GLOBAL)
        for _ in range(5):
            self.port = free_port()
            (self.directory / "vitals.cfg").write_text(self.text.replace("bind :80\n", f"bind 127.0.0.1:{self.port}\n"))
            self.process = Process(["haproxy", "-db", "-f", str(self.directory / "global.cfg"), "-f", str(self.directory / "vitals.cfg")],
                                   self.directory, "haproxy")
            wait_for(lambda: not self.process.running() or self.accepts(), 10, "HAProxy accepts")
            if self.process.running():
                return self
            said = self.process.said()
            self.process.stop()
            if "cannot bind" not in said:
                break
        raise AssertionError(f"HAProxy did not start: {said}")

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
