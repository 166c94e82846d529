"""Whoever starts the service but a shell: spawn-fcgi, systemd's socket activation, a service manager that is told of it."""
from __future__ import annotations

import os
import socket
import struct
from pathlib import Path
from typing import Optional

from .processes import Process, wait_for
from .vitalsd import Vitalsd, program


class Launched(Vitalsd):
    """An instance that another program starts, and turns into."""

    def command(self) -> list[str]:
        """That program and its arguments, before vitalsd's own."""
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


class Managed(Launched):
    """With a service manager's notification socket (sd_notify(3)), read by us."""

    watchdog_usec = 400_000

    def command(self) -> list[str]:
        path = str(self.directory / "notify")
        self.notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notifications.bind(path)
        self.notifications.setblocking(False)
        self.notifications.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        return ["env", f"NOTIFY_SOCKET={path}", f"WATCHDOG_USEC={self.watchdog_usec}"]

    def told(self) -> list[tuple[int, dict[str, str]]]:
        """What came since the last call: who sent it and the assignments of each message."""
        found = []
        while True:
            try:
                data, ancillary, _, _ = self.notifications.recvmsg(4096, socket.CMSG_SPACE(12))
            except BlockingIOError:
                return found
            sender = struct.unpack("3i", ancillary[0][2])[0] if ancillary else 0
            found.append((sender, dict(line.split("=", 1) for line in data.decode().split("\n"))))
