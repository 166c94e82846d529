"""What apache-conf/vitals-proxy-fcgi.conf and contrib/haproxy/ make their servers send, before a FastCGI server of the tests' own."""
from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, Union

import pytest

from harness.apache import Apache
from harness.fake import FakeService, Received, ok
from harness.fronts import proxy_fcgi
from harness.haproxy import Haproxy
from harness.http import HttpClient

Web = Union[Apache, Haproxy]
BASIC = {"Authorization": "Basic YWxpY2U6c2VjcmV0"}  # alice:secret


@dataclass
class Mirror:
    """A web server with both of its sockets in our hands."""

    web: Web
    api: FakeService
    admin: FakeService

    def client(self) -> HttpClient:
        """A client of the web server."""
        return HttpClient(self.web.port)

    def sent(self, path: str = "/", headers: object = None) -> Received:
        """What arrives of a GET."""
        with self.client() as client:
            assert client.get(path, headers).status == 200  # type: ignore[arg-type]
        return self.api.received[-1]


@pytest.fixture
def place(directory: Callable[[], Path]) -> Path:
    """A directory for the sockets."""
    found = directory()
    found.mkdir()
    found.chmod(0o755)
    return found


@pytest.fixture
def start(place: Path) -> Iterator[Callable[[Web], Mirror]]:
    """Starts a web server before its two sockets; ends all of it."""
    made: list[Mirror] = []

    def make(web: Web) -> Mirror:
        made.append(Mirror(web, FakeService(str(place / "v.sock")), FakeService(str(place / "a.sock"))))
        web.start()
        return made[-1]

    yield make
    for mirror in made:
        mirror.web.stop()
        mirror.api.close()
        mirror.admin.close()


@pytest.fixture(params=["mod_proxy_fcgi", "haproxy"])
def mirror(request: pytest.FixtureRequest, place: Path, start: Callable[[Web], Mirror]) -> Mirror:
    """A fresh one for each test."""
    make = proxy_fcgi if request.param == "mod_proxy_fcgi" else Haproxy
    return start(make(place / "web", str(place / "v.sock"), str(place / "a.sock")))


def test_connections_are_kept(mirror: Mirror) -> None:
    with mirror.client() as client:
        for _ in range(40):
            assert client.get("/users/1").status == 200
    assert all(received.keep for received in mirror.api.received)
    assert mirror.api.connections <= 2, "one for each thread of HAProxy's"


@pytest.mark.parametrize("path, admin", [
    ("/health", True), ("/health/ready", True), ("/health/detailed?verbose", True), ("/metrics", True), ("/status", True),
    ("/healthy", False), ("/", False), ("/users/health", False), ("/metrics/x", False),
])
def test_probes_go_to_the_admin_worker(mirror: Mirror, path: str, admin: bool) -> None:
    with mirror.client() as client:
        assert client.get(path).status == 200
    assert [len(mirror.api.received), len(mirror.admin.received)] == ([0, 1] if admin else [1, 0])
    assert (mirror.api.received + mirror.admin.received)[0].all("REQUEST_URI") == [path]


def test_the_parameters(mirror: Mirror) -> None:
    with mirror.client() as client:
        client.request("POST", "/a%20b/../c?d=%26", b"hello", [("Content-Type", "text/plain"), ("X-Twice", "1"), ("X-Twice", "2")])
    got = mirror.api.received[0]
    wanted = {"REQUEST_METHOD": "POST", "REQUEST_URI": "/a%20b/../c?d=%26", "QUERY_STRING": "d=%26", "CONTENT_LENGTH": "5",
              "CONTENT_TYPE": "text/plain", "REMOTE_ADDR": "127.0.0.1", "REQUEST_SCHEME": "http", "SERVER_PROTOCOL": "HTTP/1.1"}
    assert {name: got.all(name) for name in wanted} == {name: [value] for name, value in wanted.items()}
    assert got.all("SCRIPT_NAME") in ([""], ["/"]) and got.all("PATH_INFO") == [], "mounted at the root"
    assert got.body == b"hello" and got.all("HTTP_X_TWICE") in (["1", "2"], ["1, 2"])


def test_when_the_request_came_is_the_servers_word(mirror: Mirror) -> None:
    before = time.time()
    got = mirror.sent(headers=[("X-Vitals-Start", "t=1"), ("Request-Start", "t=2"), ("REQUEST_START", "t=3")])
    said = got.all("REQUEST_START")
    assert len(said) == 1 and re.fullmatch(r"t=\d{16}", said[0]), said
    assert before - 1 < int(said[0][2:]) / 1e6 < time.time() + 1
    assert isinstance(mirror.web, Haproxy) or not got.all("HTTP_X_VITALS_START"), "a means to an end, which nobody shall rely on"


def test_the_id_of_the_request_is_the_servers_word(mirror: Mirror) -> None:
    forged = [("Request-ID", "forged"), ("REQUEST_ID", "forged"), ("Unique-ID", "forged"), ("UNIQUE_ID", "forged")]
    ids = [mirror.sent(headers=forged).all("REQUEST_ID") for _ in range(3)]
    assert all(len(said) == 1 and re.fullmatch(r"[A-Za-z0-9._-]{20,128}", said[0]) for said in ids), ids
    assert len({said[0] for said in ids}) == 3


@pytest.mark.parametrize("name", ["Proxy", "X_Correlation_ID", "Remote-User", "REMOTE_USER"])
def test_a_client_cannot_forge_parameters(mirror: Mirror, name: str) -> None:
    got = mirror.sent(headers=[(name, "forged"), ("X-Correlation-ID", "right")])
    assert not got.all("HTTP_PROXY") and not got.all("REMOTE_USER") and got.all("HTTP_X_CORRELATION_ID") == ["right"]


def test_who_was_not_authenticated_is_nobody(mirror: Mirror) -> None:
    """HAProxy by itself sends whoever the client claims to be."""
    got = mirror.sent(headers=BASIC)
    assert not got.all("REMOTE_USER") and not got.all("AUTH_TYPE") and got.all("HTTP_AUTHORIZATION") == [BASIC["Authorization"]]


def protect_apache(place: Path) -> Apache:
    """With a password for all of the site, as its operator would add it."""
    hashed = subprocess.run(["openssl", "passwd", "-apr1", "secret"], capture_output=True, text=True, check=True).stdout
    users = place / "users"
    users.write_text(f"alice:{hashed}")
    more = f'<Location "/">\nAuthType Basic\nAuthName x\nAuthUserFile "{users}"\nRequire valid-user\n</Location>\n'
    return proxy_fcgi(place / "web", str(place / "v.sock"), str(place / "a.sock"), more)


def protect_haproxy(place: Path) -> Haproxy:
    """As the comment in vitals.cfg says."""
    web = Haproxy(place / "web", str(place / "v.sock"), str(place / "a.sock"))
    lines = [line for line in web.text.splitlines() if '"%[str()]"' not in line]
    assert len(lines) == len(web.text.splitlines()) - 2
    text = "\n".join(lines) + "\n"
    web.text = text.replace("    use-fcgi-app vitals\n", "    use-fcgi-app vitals\n    http-request auth unless { http_auth(people) }\n", 1)
    web.text += "userlist people\n    user alice insecure-password secret\n"
    return web


@pytest.mark.parametrize("protect", [protect_apache, protect_haproxy])
def test_who_was_authenticated_is_told(place: Path, start: Callable[[Web], Mirror], protect: Callable[[Path], Web]) -> None:
    mirror = start(protect(place))
    with mirror.client() as client:
        assert client.get("/", {"Authorization": "Basic YWxpY2U6d3Jvbmc="}).status == 401
        assert client.get("/").status == 401
    assert not mirror.api.received, "the service was not asked"
    assert mirror.sent(headers=BASIC).all("REMOTE_USER") == ["alice"]


def test_a_dropped_get(mirror: Mirror) -> None:
    """HAProxy repeats it; Apache cannot without repeating a POST too."""
    mirror.api.reply = lambda received: ok(received) if len(mirror.api.received) > 2 else None
    with mirror.client() as client:
        status = client.get("/users/1").status
    assert (status, len(mirror.api.received)) == ((200, 3) if isinstance(mirror.web, Haproxy) else (503, 1))


@pytest.mark.parametrize("method", ["POST", "PATCH", "LOCK"])
def test_a_dropped_post_is_never_repeated(mirror: Mirror, method: str) -> None:
    mirror.api.reply = lambda received: None
    with mirror.client() as client:
        assert client.request(method, "/orders", b"{}").status in (502, 503)
    assert len(mirror.api.received) == 1


def test_no_mark_is_left_against_the_service(mirror: Mirror, place: Path) -> None:
    """A service that was away for a moment is asked again at once."""
    mirror.api.close()
    with mirror.client() as client:
        assert client.get("/users/1").status == 503
    (place / "v.sock").unlink()
    mirror.api = FakeService(str(place / "v.sock"))
    assert mirror.sent("/users/1").all("REQUEST_URI") == ["/users/1"]


def test_errors_of_the_service_come_through(mirror: Mirror) -> None:
    mirror.api.reply = lambda received: b"Status: 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n\r\n{}"
    with mirror.client() as client:
        answer = client.get("/users/1")
    assert (answer.status, answer.body, answer.header("Content-Type")) == (503, b"{}", "application/problem+json")
    assert len(mirror.api.received) == 1


def test_a_large_body_goes_through(mirror: Mirror) -> None:
    body = bytes(range(256)) * 40_000
    with mirror.client() as client:
        assert client.request("PUT", "/upload", body).status == 200
    assert mirror.api.received[0].body == body
