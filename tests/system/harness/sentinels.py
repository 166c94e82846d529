"""Redis with a replica and sentinels: real ones, on free ports of 127.0.0.1, that are quick to change their minds."""
from __future__ import annotations

import socket
from pathlib import Path
from typing import Callable, Optional

from .processes import Process, wait_for
from .redis import Redis, talk
from .web_server import free_port

SERVICE = "the-cache"
CONFIGURATION = """\
port {port}
bind 127.0.0.1
dir {directory}
sentinel monitor {service} 127.0.0.1 {primary} {quorum}
sentinel down-after-milliseconds {service} 400
sentinel failover-timeout {service} 2000
{password}
"""


class Sentinel:
    """One, in a directory of its own."""

    def __init__(self, directory: Path, primary: int, quorum: int, password: Optional[str]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.port, self.password = directory, free_port(), password
        self.process: Optional[Process] = None
        lock = f"requirepass {password}\nsentinel sentinel-pass {password}" if password else ""
        (directory / "sentinel.conf").write_text(CONFIGURATION.format(port=self.port, directory=directory, service=SERVICE,
                                                                      primary=primary, quorum=quorum, password=lock))

    def start(self) -> "Sentinel":
        """Started, not waited for."""
        self.process = Process(["redis-server", str(self.directory / "sentinel.conf"), "--sentinel"], self.directory, "sentinel")
        return self

    def stop(self) -> None:
        """Twice is harmless."""
        if self.process is not None:
            self.process.stop()
            self.process = None

    def command(self, *words: str) -> object:
        """One command; None where nobody answers."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as sock:
                if self.password:
                    talk(sock, "AUTH", self.password)
                return talk(sock, *words)
        except OSError:
            return None

    def primary(self) -> Optional[int]:
        """The port that it names."""
        told = self.command("SENTINEL", "get-master-addr-by-name", SERVICE)
        return int(told[1]) if isinstance(told, list) else None

    def knows(self, others: int, replicas: int) -> bool:
        """Whether it has found so many of both."""
        told = self.command("SENTINEL", "master", SERVICE)
        if not isinstance(told, list):
            return False
        facts = dict(zip(told[::2], told[1::2]))
        return int(facts["num-other-sentinels"]) >= others and int(facts["num-slaves"]) >= replicas


class Watched:
    """A primary, a replica, and three sentinels over them."""

    def __init__(self, directory: Callable[[], Path], password: Optional[str] = None) -> None:
        self.redis = [Redis(directory(), free_port()).start() for _ in range(2)]
        self.redis[0].command("CONFIG", "SET", "repl-diskless-sync-delay", "0")
        self.redis[1].command("REPLICAOF", "127.0.0.1", str(self.redis[0].port))
        self.sentinels = [Sentinel(directory(), self.redis[0].port, 2, password).start() for _ in range(3)]
        wait_for(lambda: "master_link_status:up" in str(self.redis[1].command("INFO", "replication")), 20, "the replica is in step")
        wait_for(lambda: all(one.knows(2, 1) for one in self.sentinels), 20, "the sentinels know each other and the replica")

    @property
    def url(self) -> str:
        """For REDIS_URL."""
        return f"redis+sentinel://{','.join(f'127.0.0.1:{one.port}' for one in self.sentinels)}/{SERVICE}"

    def primary(self) -> Redis:
        """As the sentinels have it."""
        port = self.sentinels[0].primary()
        return next(one for one in self.redis if one.port == port)

    def stop(self) -> None:
        """All of them."""
        for one in [*self.sentinels, *self.redis]:
            if isinstance(one, Redis):
                one.thaw()
            one.stop()
