"""Whoever opens the sockets and then starts the service with them: spawn-fcgi, systemd's socket activation."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Optional

from .processes import Process, wait_for
from .vitalsd import Vitalsd, program


class Launched(Vitalsd):
    """An instance whose sockets somebody else opens and gives to it; command is what starts with them."""

    def command(self) -> list[str]:
        """The program and arguments before vitalsd's own."""
        raise NotImplementedError

    def spawn(self, nofile: Optional[int] = None) -> Process:
        self.write_settings()
        self.process = Process([*self.command(), str(program()), "--env-file", str(self.env_file)], self.directory, "vitalsd",
                               nofile=nofile)
        return self.process


class SpawnFcgi(Launched):
    """spawn-fcgi: the listener is descriptor 0. The admin worker's socket is still the service's own."""

    def command(self) -> list[str]:
        return ["spawn-fcgi", "-n", "-s", self.socket, "-M", "0666", "--"]


class SocketActivated(Launched):
    """systemd-socket-activate: descriptors from 3 on, by name; starts the program at the first connection."""

    def command(self) -> list[str]:
        return ["systemd-socket-activate", "--listen", self.socket, "--listen", self.admin_socket, "--fdname", "vitals:admin"]

    def spawn(self, nofile: Optional[int] = None) -> Process:
        process = super().spawn(nofile)
        wait_for(lambda: Path(self.socket).exists() and Path(self.admin_socket).exists(), 5, "systemd-socket-activate listens")
        for path in (self.socket, self.admin_socket):
            os.chmod(path, 0o666)
        self.connect().close()
        return process
