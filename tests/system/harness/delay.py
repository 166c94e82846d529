"""A proxy before a Unix socket that hands every answer on late: a server that is slow and yet well."""
from __future__ import annotations

import selectors
import socket
import threading
import time
from collections import deque
from pathlib import Path
from typing import Optional

CHUNK_BYTES = 65536


class _Pair:
    """A client's connection and its own to the server; answers wait until they are due."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server
        self.answers: deque[tuple[float, bytes]] = deque()


class Delay:
    """with Delay(directory, target) as proxy: proxy.socket is its path; proxy.seconds may be changed at any time."""

    def __init__(self, directory: Path, target: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.socket, self.target = str(directory / "delay.sock"), target
        self.url = f"unix://{self.socket}"
        self.seconds = 0.0
        self.selector = selectors.DefaultSelector()
        self.pairs: dict[int, _Pair] = {}
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.socket)
        Path(self.socket).chmod(0o777)
        self.listener.listen(128)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _accept(self) -> None:
        client, _ = self.listener.accept()
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(self.target)
        except OSError:
            client.close()
            return
        pair = _Pair(client, server)
        for sock in (client, server):
            self.pairs[sock.fileno()] = pair
            self.selector.register(sock, selectors.EVENT_READ)

    def _end(self, pair: _Pair) -> None:
        for sock in (pair.client, pair.server):
            if sock.fileno() in self.pairs:
                del self.pairs[sock.fileno()]
                self.selector.unregister(sock)
                sock.close()

    def _copy(self, sock: socket.socket) -> None:
        pair = self.pairs[sock.fileno()]
        try:
            data = sock.recv(CHUNK_BYTES)
            if not data:
                self._end(pair)
            elif sock is pair.client:
                pair.server.sendall(data)
            else:
                pair.answers.append((time.monotonic() + self.seconds, data))
        except OSError:
            self._end(pair)

    def _hand_on(self) -> Optional[float]:
        """What is due; until when there is nothing more to do."""
        now, due = time.monotonic(), None
        for pair in list(self.pairs.values()):
            try:
                while pair.answers and pair.answers[0][0] <= now:
                    pair.client.sendall(pair.answers.popleft()[1])
            except OSError:
                self._end(pair)
                continue
            if pair.answers:
                due = min(due or pair.answers[0][0], pair.answers[0][0])
        return due

    def _run(self) -> None:
        while not self.stopping.is_set():
            due = self._hand_on()
            for key, _ in self.selector.select(min(0.05, max(0.0, due - time.monotonic()) if due else 0.05)):
                if key.fileobj is self.listener:
                    self._accept()
                elif key.fd in self.pairs:
                    self._copy(key.fileobj)  # type: ignore[arg-type]

    def __enter__(self) -> "Delay":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.thread.join(5)
        for pair in list(self.pairs.values()):
            self._end(pair)
        self.listener.close()
        self.selector.close()
