"""Redis on a Unix socket, and a client of a few lines."""
from __future__ import annotations

import signal
import socket
from pathlib import Path
from typing import Optional, Union

from .processes import Process, freeze_tree, thaw_tree, wait_for

PASSWORD = "only-the-tests-know"


class Redis:
    """One server in a directory of its own."""

    def __init__(self, directory: Path, port: int = 0) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.port = port
        self.directory, self.socket = directory, str(directory / "redis.sock")
        self.process: Optional[Process] = None
        self.url = f"unix://{self.socket}"
        self.locked = False

    def start(self, loading_delay_us: int = 0) -> "Redis":
        """Starts and waits until it answers; loading_delay_us: each key that it finds saved takes so long, and it is not waited for."""
        self.locked = False
        slowly = ["--key-load-delay", str(loading_delay_us), "--loading-process-events-interval-bytes", "1024"] if loading_delay_us else []
        self.process = Process(["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--unixsocket", self.socket, "--save", "", "--appendonly", "no",
                                "--dir", str(self.directory), "--enable-debug-command", "yes", *slowly], self.directory, "redis")
        wait_for(self.accepts if not loading_delay_us else self.listens, 10, "Redis accepts")
        return self

    def accepts(self) -> bool:
        """PING is answered."""
        assert self.process is not None and self.process.running(), f"Redis ended: {self.process.said()}"
        try:
            return self.command("PING") == "PONG"
        except OSError:
            return False

    def listens(self) -> bool:
        """Something is answered, be it a refusal."""
        try:
            self.accepts()
        except AssertionError:
            return self.process is not None and self.process.running()
        return False

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Twice is harmless."""
        if self.process is not None:
            self.process.stop(number)
            self.process = None

    def freeze(self) -> None:
        """Stopped: connections are accepted by the kernel, nothing answers."""
        assert self.process is not None
        freeze_tree(self.process.pid)

    def thaw(self) -> None:
        """Goes on after freeze(); harmless otherwise."""
        if self.process is not None:
            thaw_tree(self.process.pid)

    def refuse(self, how: str) -> None:
        """how: "auth" (a password is wanted) or "limit" (no client more); clients that are there are dropped."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(5)
            sock.connect(self.socket)
            if how == "auth":
                talk(sock, "CONFIG", "SET", "requirepass", PASSWORD)
                self.locked = True
            else:
                talk(sock, "CONFIG", "SET", "maxclients", "1")
            talk(sock, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            if how == "limit":
                self.holder = sock.dup()

    def admit(self) -> None:
        """Undoes refuse()."""
        holder = getattr(self, "holder", None)
        if holder is not None:
            talk(holder, "CONFIG", "SET", "maxclients", "10000")
            holder.close()
            self.holder = None
        if self.locked:
            self.command("CONFIG", "SET", "requirepass", "")
            self.locked = False

    def command(self, *words: Union[str, bytes]) -> Union[None, str, int, list]:
        """One command on a connection of its own."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(5)
            sock.connect(self.socket)
            if self.locked:
                talk(sock, "AUTH", PASSWORD)
            return talk(sock, *words)


def talk(sock: socket.socket, *words: Union[str, bytes]) -> Union[None, str, int, list]:
    """Sends a command, reads its reply (RESP2); AssertionError for an error reply."""
    parts = [word if isinstance(word, bytes) else word.encode() for word in words]
    sock.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
    with sock.makefile("rb") as file:
        return _reply(file)


def _reply(file) -> Union[None, str, int, list]:  # type: ignore[no-untyped-def]
    line = file.readline()
    kind, rest = line[:1], line[1:-2]
    if kind == b"+":
        return rest.decode()
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return None if rest == b"-1" else file.read(int(rest) + 2)[:-2].decode("latin-1")
    if kind == b"*":
        return [_reply(file) for _ in range(int(rest))]
    raise AssertionError(f"Redis: {line!r}")
