"""What nginx, Apache and HAProxy have in common as the tests start them: a free port, a process, an end."""
from __future__ import annotations

import socket
from pathlib import Path
from typing import Optional, TypeVar

from .processes import Process, wait_for

Self = TypeVar("Self", bound="WebServer")


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody had a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class WebServer:
    """One server in a directory of its own; a subclass says how it is configured and started."""

    name = ""
    port_taken = "Address already in use"

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.process: Optional[Process] = None
        self.port = 0

    def configure(self) -> None:
        """Writes the configuration for self.port."""
        raise NotImplementedError

    def command(self) -> list[str]:
        """Runs it in the foreground."""
        raise NotImplementedError

    def errors(self) -> str:
        """What it said elsewhere than on its standard output."""
        return ""

    def start(self: Self) -> Self:
        """On a free port; tries another where somebody was faster."""
        said = ""
        for _ in range(5):
            self.port = free_port()
            self.configure()
            process = self.process = Process(self.command(), self.directory, self.name)
            wait_for(lambda: not process.running() or self.accepts(), 10, f"{self.name} accepts")
            if process.running():
                return self
            said = process.said() + self.errors()
            process.stop()
            if self.port_taken not in said:
                break
        raise AssertionError(f"{self.name} did not start: {said}")

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
