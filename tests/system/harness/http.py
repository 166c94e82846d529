"""An HTTP/1.1 client that keeps its connection, and the answer that every client of the tests gives."""
from __future__ import annotations

import http.client
import json
import socket
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Optional, Union


def new_id() -> str:
    """A correlation ID that is valid and nobody else's."""
    return "t-" + uuid.uuid4().hex


@dataclass
class Answer:
    """One response, however it came."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    seconds: float = 0.0
    sent_id: str = ""
    method: str = "GET"
    extra: dict[str, Any] = field(default_factory=dict)

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> Optional[str]:
        """The only value of a header; None where there is none."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} more than once: {values}"
        return values[0] if values else None

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body.decode("utf-8"))

    @property
    def correlation_id(self) -> str:
        """As the response says it."""
        value = self.header("X-Correlation-ID")
        assert value, f"no X-Correlation-ID in {self.headers}"
        return value


class HttpClient:
    """Keep-alive over http.client; opens again where the server closed after an answer."""

    def __init__(self, port: int, timeout: float = 10.0) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def request(self, method: str, path: str, body: Optional[bytes] = None,
                headers: Union[None, dict[str, str], list[tuple[str, str]]] = None) -> Answer:
        """Sends one request with a correlation ID of its own, unless headers bring one."""
        pairs = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
        sent = [value for name, value in pairs if name.lower() == "x-correlation-id"]
        if not sent:
            sent = [new_id()]
            pairs.append(("X-Correlation-ID", sent[0]))
        begun = time.monotonic()
        own_host = any(name.lower() == "host" for name, _ in pairs)
        self.connection.putrequest(method, path, skip_host=own_host, skip_accept_encoding=True)
        for name, value in pairs:
            self.connection.putheader(name, value)
        if body is not None and not any(name.lower() == "content-length" for name, _ in pairs):
            self.connection.putheader("Content-Length", str(len(body)))
        self.connection.endheaders(body)
        response = self.connection.getresponse()
        data = response.read()
        return Answer(response.status, response.getheaders(), data, time.monotonic() - begun, sent[0], method)

    def get(self, path: str, headers: Union[None, dict[str, str], list[tuple[str, str]]] = None) -> Answer:
        """GET."""
        return self.request("GET", path, None, headers)

    def post(self, path: str, body: bytes, content_type: Optional[str] = "application/json") -> Answer:
        """POST of a body."""
        return self.request("POST", path, body, {"Content-Type": content_type} if content_type else {})

    def close(self) -> None:
        """Closes the connection; the next request opens one."""
        self.connection.close()

    def __enter__(self) -> "HttpClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def raw_exchange(port: int, data: bytes, seconds: float = 10.0) -> bytes:
    """Sends bytes as they are and reads until the server closes, also where that is before it has taken them all."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as sock:
        try:
            sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            while piece := sock.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
    return received
