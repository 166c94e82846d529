"""A FastCGI server of a few lines, to see what the web server sends and how it takes what it gets."""
from __future__ import annotations

import os
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import Callable, Optional

from . import fcgi


@dataclass
class Received:
    """One request as it arrived."""

    connection: int
    keep: bool
    request_id: int = 1
    params: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def all(self, name: str) -> list[str]:
        """Every value of a parameter."""
        return [value for key, value in self.params if key == name]


Reply = Callable[[Received], Optional[bytes]]


def ok(received: Received) -> bytes:
    """An empty 200."""
    return b"Status: 200 OK\r\nContent-Type: text/plain\r\n\r\nok"


class FakeService:
    """Answers with reply(request); None drops the connection instead, as a worker that dies does."""

    def __init__(self, path: str, reply: Reply = ok) -> None:
        self.reply, self.received = reply, []  # type: Reply, list[Received]
        self.connections = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock, self.connections), daemon=True).start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        with sock, sock.makefile("rb") as file:
            while True:
                received = self._read(file, number)
                if received is None:
                    return
                self.received.append(received)
                answer = self.reply(received)
                if answer is None:
                    return
                sock.sendall(fcgi.stream(fcgi.STDOUT, answer, request_id=received.request_id)
                             + fcgi.record(fcgi.END_REQUEST, b"\0" * 8, request_id=received.request_id))
                if not received.keep:
                    return

    @staticmethod
    def _read(file, number: int) -> Optional[Received]:  # type: ignore[no-untyped-def]
        received, params, body = Received(number, False), bytearray(), bytearray()
        while True:
            header = file.read(8)
            if len(header) < 8:
                return None
            _, kind, request_id, size, padding, _ = struct.unpack(">BBHHBB", header)
            content = file.read(size)
            file.read(padding)
            if kind == fcgi.BEGIN_REQUEST:
                received.keep, received.request_id = bool(content[2] & fcgi.KEEP_CONN), request_id
            elif kind == fcgi.PARAMS:
                params += content
            elif kind == fcgi.STDIN and content:
                body += content
            elif kind == fcgi.STDIN:
                received.params, received.body = parse_pairs(bytes(params)), bytes(body)
                return received
            elif kind == fcgi.ABORT_REQUEST:
                return None

    def close(self) -> None:
        """No more connections; closing alone would leave the one that accept() waits for."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def parse_pairs(data: bytes) -> list[tuple[str, str]]:
    """Name-value pairs, as latin-1."""
    found, at = [], 0
    while at < len(data):
        lengths = []
        for _ in range(2):
            long = data[at] & 0x80
            lengths.append(struct.unpack(">I", data[at:at + 4])[0] & 0x7FFFFFFF if long else data[at])
            at += 4 if long else 1
        name, value = data[at:at + lengths[0]], data[at + lengths[0]:at + sum(lengths)]
        at += sum(lengths)
        found.append((name.decode("latin-1"), value.decode("latin-1")))
    return found
