"""A FastCGI client of single records: what a web server would never send is what it is for."""
from __future__ import annotations

import socket
import struct
import time
from typing import Optional, Sequence, Union

from .http import Answer, new_id

BEGIN_REQUEST, ABORT_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT, STDERR, DATA = range(1, 9)
GET_VALUES, GET_VALUES_RESULT, UNKNOWN_TYPE = 9, 10, 11
RESPONDER, AUTHORIZER, FILTER = 1, 2, 3
KEEP_CONN = 1

Text = Union[str, bytes]
Address = Union[str, tuple[str, int]]


def to_bytes(text: Text) -> bytes:
    """Latin-1, so that a test can write any byte."""
    return text if isinstance(text, bytes) else text.encode("latin-1")


def record(kind: int, content: bytes = b"", *, request_id: int = 1, padding: int = 0, version: int = 1) -> bytes:
    """One record."""
    return struct.pack(">BBHHBB", version, kind, request_id, len(content), padding, 0) + content + b"\0" * padding


def stream(kind: int, data: bytes, *, piece: int = 65535, request_id: int = 1, padding: int = 0, end: bool = True) -> bytes:
    """Data in records of at most piece bytes, and the empty record that ends the stream."""
    out = [record(kind, data[i:i + piece], request_id=request_id, padding=padding) for i in range(0, len(data), piece)]
    if end:
        out.append(record(kind, request_id=request_id))
    return b"".join(out)


def begin(*, role: int = RESPONDER, keep: bool = True, request_id: int = 1) -> bytes:
    """BEGIN_REQUEST."""
    return record(BEGIN_REQUEST, struct.pack(">HB5x", role, KEEP_CONN if keep else 0), request_id=request_id)


def length(number: int) -> bytes:
    """A length in one byte or, from 128 on, in four."""
    return bytes([number]) if number < 128 else struct.pack(">I", number | 0x80000000)


def pair(name: Text, value: Text) -> bytes:
    """One name-value pair."""
    name, value = to_bytes(name), to_bytes(value)
    return length(len(name)) + length(len(value)) + name + value


def pairs(params: Sequence[tuple[Text, Text]]) -> bytes:
    """All of them."""
    return b"".join(pair(name, value) for name, value in params)


def cgi(method: str = "GET", uri: Text = "/health", *, body: Optional[bytes] = None, content_type: Optional[str] = None,
        correlation_id: Optional[Text] = None, headers: Sequence[tuple[Text, Text]] = (), remote: str = "127.0.0.1",
        content_length: Optional[Text] = None, **more: Text) -> list[tuple[Text, Text]]:
    """The variables that nginx would send for a request; more adds and replaces."""
    uri = to_bytes(uri)
    path, _, query = uri.partition(b"?")
    params: dict[str, Text] = {
        "REQUEST_METHOD": method, "REQUEST_URI": uri, "DOCUMENT_URI": path, "SCRIPT_NAME": "", "PATH_INFO": path,
        "QUERY_STRING": query, "SERVER_PROTOCOL": "HTTP/1.1", "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_SCHEME": "http",
        "REMOTE_ADDR": remote, "REMOTE_PORT": "40000", "SERVER_ADDR": "127.0.0.1", "SERVER_PORT": "80",
        "SERVER_NAME": "localhost", "HTTP_HOST": "localhost",
    }
    if content_type is not None:
        params["CONTENT_TYPE"] = content_type
    if content_length is not None:
        params["CONTENT_LENGTH"] = content_length
    elif body is not None:
        params["CONTENT_LENGTH"] = str(len(body))
    if correlation_id is not None:
        params["HTTP_X_CORRELATION_ID"] = correlation_id
    for name, value in more.items():
        params[name] = value
    return [(name, value) for name, value in params.items()] + list(headers)


def request(params: Sequence[tuple[Text, Text]], body: bytes = b"", *, keep: bool = True, request_id: int = 1,
            piece: int = 65535, params_piece: int = 65535, padding: int = 0) -> bytes:
    """A whole request."""
    return (begin(keep=keep, request_id=request_id)
            + stream(PARAMS, pairs(params), piece=params_piece, request_id=request_id, padding=padding)
            + stream(STDIN, body, piece=piece, request_id=request_id, padding=padding))


class Closed(Exception):
    """The service closed the connection before an answer was complete; data is what came."""

    def __init__(self, data: bytes) -> None:
        super().__init__(f"closed after {len(data)} bytes of an answer")
        self.data = data


class Connection:
    """One connection to the service."""

    def __init__(self, address: Address, seconds: float = 10.0) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(seconds)
        self.buffer = b""
        try:
            self.sock.connect(address)
        except BaseException:
            self.sock.close()
            raise

    def send(self, data: bytes) -> "Connection":
        """Everything; a connection that was closed meanwhile is found when reading."""
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return self

    def _fill(self) -> bool:
        try:
            piece = self.sock.recv(1 << 18)
        except ConnectionResetError:
            return False
        self.buffer += piece
        return bool(piece)

    def read_record(self) -> Optional[tuple[int, int, bytes]]:
        """Type, request ID and content; None at the end of the connection."""
        while len(self.buffer) < 8 or len(self.buffer) < 8 + sum(struct.unpack(">HB", self.buffer[4:7])):
            if not self._fill():
                return None
        version, kind, request_id, size, padding = struct.unpack(">BBHHB", self.buffer[:7])
        assert version == 1, f"the service sent version {version}"
        content = self.buffer[8:8 + size]
        self.buffer = self.buffer[8 + size + padding:]
        return kind, request_id, content

    def read_answer(self, request_id: int = 1) -> Answer:
        """Up to END_REQUEST; Closed where the service closes before. Never anything on STDERR."""
        begun, out = time.monotonic(), []
        while True:
            got = self.read_record()
            if got is None:
                raise Closed(b"".join(out))
            kind, identity, content = got
            assert identity == request_id, f"record for request {identity}"
            if kind == STDOUT:
                out.append(content)
            elif kind == STDERR:
                assert not content, f"STDERR: {content!r}"
            elif kind == END_REQUEST:
                app_status, protocol_status = struct.unpack(">IB", content[:5])
                answer = parse_cgi(b"".join(out))
                answer.seconds = time.monotonic() - begun
                answer.extra = {"app_status": app_status, "protocol_status": protocol_status}
                return answer
            else:
                raise AssertionError(f"record of type {kind} from the service")

    def exchange(self, params: Sequence[tuple[Text, Text]], body: bytes = b"", **how: object) -> Answer:
        """One whole request and its answer."""
        begun = time.monotonic()
        self.send(request(params, body, **how))  # type: ignore[arg-type]
        answer = self.read_answer()
        answer.seconds = time.monotonic() - begun
        return answer

    def ask(self, method: str = "GET", uri: Text = "/health", body: Optional[bytes] = None, *, keep: bool = True,
            piece: int = 65535, **variables: object) -> Answer:
        """As exchange(), from method and URI, with a correlation ID of its own."""
        identity = variables.pop("correlation_id", None) or new_id()
        params = cgi(method, uri, body=body, correlation_id=identity, **variables)  # type: ignore[arg-type]
        answer = self.exchange(params, body or b"", keep=keep, piece=piece)
        answer.sent_id, answer.method = str(identity), method
        return answer

    def closed_within(self, seconds: float) -> bool:
        """True where the service closes the connection in time; what it sends before is thrown away."""
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                self.sock.settimeout(max(0.01, end - time.monotonic()))
                if not self.sock.recv(65536):
                    return True
        except ConnectionResetError:
            return True
        except TimeoutError:
            pass
        finally:
            self.sock.settimeout(10)
        return False

    def close(self) -> None:
        """Twice is harmless."""
        self.sock.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def parse_cgi(data: bytes) -> Answer:
    """A CGI response (RFC 3875 section 6): Status first, headers, an empty line, the body."""
    head, blank, body = data.partition(b"\r\n\r\n")
    assert blank, f"no end of the headers: {data[:300]!r}"
    headers = []
    for line in head.split(b"\r\n"):
        name, colon, value = line.partition(b": ")
        assert colon and name and b"\n" not in line and b"\r" not in line, f"header {line!r}"
        headers.append((name.decode("ascii"), value.decode("latin-1")))
    status = [value for name, value in headers if name.lower() == "status"]
    assert len(status) == 1, f"Status in {headers}"
    answer = Answer(int(status[0].split()[0]), headers, body)
    said = answer.header("Content-Length")
    assert said is None or not body or int(said) == len(body), f"Content-Length {said}, {len(body)} bytes"
    return answer
