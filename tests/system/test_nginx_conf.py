"""What nginx-conf/ makes nginx send, before a FastCGI server of the tests' own."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator

import pytest

from harness.fake import FakeService, Received, ok
from harness.http import HttpClient, raw_exchange
from harness.nginx import Nginx


@dataclass
class Mirror:
    """nginx with both upstreams in our hands."""

    nginx: Nginx
    api: FakeService
    admin: FakeService

    def client(self) -> HttpClient:
        """A client of nginx."""
        return HttpClient(self.nginx.port)


@pytest.fixture
def mirror(directory: Callable[[], Path]) -> Iterator[Mirror]:
    """A fresh one for each test."""
    place = directory()
    place.mkdir()
    api, admin = FakeService(str(place / "v.sock")), FakeService(str(place / "a.sock"))
    nginx = Nginx(place, str(place / "v.sock"), str(place / "a.sock"))
    try:
        nginx.start()
        yield Mirror(nginx, api, admin)
    finally:
        nginx.stop()
        api.close()
        admin.close()


def test_connections_are_kept(mirror: Mirror) -> None:
    with mirror.client() as client:
        for _ in range(20):
            assert client.get("/users/1").status == 200
    assert all(received.keep for received in mirror.api.received) and mirror.api.connections == 1


@pytest.mark.parametrize("path, admin", [("/health", True), ("/health/ready", True), ("/health/detailed?verbose", True), ("/metrics", True),
                                         ("/healthy", False), ("/", False), ("/users/health", False), ("/x/../health", True)])
def test_probes_go_to_the_admin_worker(mirror: Mirror, path: str, admin: bool) -> None:
    with mirror.client() as client:
        client.get(path)
    assert [len(mirror.api.received), len(mirror.admin.received)] == ([0, 1] if admin else [1, 0])
    assert (mirror.api.received + mirror.admin.received)[0].all("REQUEST_URI") == [path]


def test_the_parameters(mirror: Mirror) -> None:
    with mirror.client() as client:
        client.request("POST", "/a%20b/../c?d=%26", b"hello", [("Content-Type", "text/plain"), ("X-Twice", "1"), ("X-Twice", "2")])
    got: Received = mirror.api.received[0]
    wanted = {"REQUEST_METHOD": "POST", "REQUEST_URI": "/a%20b/../c?d=%26", "QUERY_STRING": "d=%26", "SCRIPT_NAME": "", "CONTENT_LENGTH": "5",
              "CONTENT_TYPE": "text/plain", "REMOTE_ADDR": "127.0.0.1", "REQUEST_SCHEME": "http", "SERVER_PROTOCOL": "HTTP/1.1"}
    assert {name: got.all(name) for name in wanted} == {name: [value] for name, value in wanted.items()}
    assert got.body == b"hello" and len(got.all("REQUEST_ID")[0]) == 32 and got.all("HTTP_X_TWICE") in (["1", "2"], ["1, 2"])


@pytest.mark.parametrize("header", ["Proxy", "X_Correlation_ID", "Remote-User", "Authorization"])
def test_a_client_cannot_forge_parameters(mirror: Mirror, header: str) -> None:
    """httpoxy; a name with an underscore; a user who was never authenticated."""
    with mirror.client() as client:
        client.get("/", [(header, "Basic YWRtaW46eA=="), ("X-Correlation-ID", "right")])
    got = mirror.api.received[0]
    assert not any(got.all("HTTP_PROXY")) and not any(got.all("REMOTE_USER")) and got.all("HTTP_X_CORRELATION_ID") == ["right"]


def test_a_dropped_get_is_repeated(mirror: Mirror) -> None:
    mirror.api.reply = lambda received: ok(received) if len(mirror.api.received) > 2 else None
    with mirror.client() as client:
        assert client.get("/users/1").status == 200
    assert len(mirror.api.received) == 3


@pytest.mark.parametrize("method", ["POST", "PATCH", "LOCK"])
def test_a_dropped_post_is_never_repeated(mirror: Mirror, method: str) -> None:
    mirror.api.reply = lambda received: None
    with mirror.client() as client:
        assert client.request(method, "/orders", b"{}").status == 502
    assert len(mirror.api.received) == 1


def test_a_request_that_kills_each_worker_is_given_up(mirror: Mirror) -> None:
    mirror.api.reply = lambda received: None
    with mirror.client() as client:
        assert client.get("/poison").status == 502
        assert len(mirror.api.received) == 16, "once for each line of the upstream, and no more"
        mirror.api.reply = ok
        assert client.get("/users/1").status == 200, "no mark is left against the upstream"


def test_errors_of_the_service_come_through(mirror: Mirror) -> None:
    mirror.api.reply = lambda received: b"Status: 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n\r\n{}"
    with mirror.client() as client:
        answer = client.get("/users/1")
    assert (answer.status, answer.body, len(mirror.api.received)) == (503, b"{}", 1)


def test_a_large_body_goes_through(mirror: Mirror) -> None:
    body = bytes(range(256)) * 40_000
    with mirror.client() as client:
        assert client.request("PUT", "/upload", body).status == 200
    assert mirror.api.received[0].body == body


@pytest.mark.parametrize("size", [17 << 20, 64 << 20])
def test_a_body_that_nginx_refuses_is_the_services_413(mirror: Mirror, size: int) -> None:
    mirror.api.reply = lambda received: b"Status: 413 Content Too Large\r\nContent-Type: text/plain\r\n\r\nours"
    with mirror.client() as client:
        answer = client.request("POST", "/echo", b" " * size)
    got = mirror.api.received[0]
    assert answer.status == 413 and answer.body == b"ours"
    assert got.all("REQUEST_METHOD") == ["POST"] and got.body == b"" and int(got.all("CONTENT_LENGTH")[0]) > 1 << 40


def test_the_host_of_the_request_line_counts(mirror: Mirror) -> None:
    """RFC 9112 section 3.2.2."""
    for line, host, told in ((b"GET /", b"one.example:8080", "one.example:8080"), (b"GET http://two.example/", b"one.example", "two.example")):
        raw_exchange(mirror.nginx.port, line + b" HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
        assert mirror.api.received[-1].all("HTTP_HOST") == [told]


def test_chunked_bodies_have_a_length(mirror: Mirror) -> None:
    raw_exchange(mirror.nginx.port, b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    got = mirror.api.received[0]
    assert got.body == b"abc" and got.all("CONTENT_LENGTH") in (["3"], [""])
