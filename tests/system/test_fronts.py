"""One set of tests behind every web server and launcher of harness/fronts.py: the answer and the log line of each request."""
from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from harness import postgres
from harness.apache import Apache
from harness.fronts import FRONTS, TOKEN, Front, Kind, Needs
from harness.http import Answer, new_id, raw_exchange

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture(scope="module", params=FRONTS, ids=lambda kind: kind.name.replace(" ", "-"))
def front(request: pytest.FixtureRequest, built: None, database: postgres.Postgres, testmod: Path,
          directory: Callable[[], Path]) -> Iterator[Front]:
    """Each front in its turn, for all tests of this file."""
    kind: Kind = request.param
    place = directory()
    place.mkdir()
    place.chmod(0o755)
    found = kind.start(kind, Needs(place, database.url, testmod))
    yield found
    found.stop()


def get(front: Front, path: str, headers: Any = None) -> Answer:
    """One GET on a connection of its own."""
    with front.client() as client:
        return client.get(path, headers)


def facts(front: Front, path: str = "/facts", headers: Any = None) -> dict[str, Any]:
    """What the handler saw."""
    return front.service.expect(get(front, path, headers), 200).json()


def raw(front: Front, request: bytes) -> Answer:
    """Bytes as they are, a correlation ID put in for %b; status 0 where the connection was reset before an answer was read."""
    identity = new_id()
    reply = raw_exchange(front.web.port, request.replace(b"%b", identity.encode()))
    if not reply:
        return Answer(0, [], b"")
    head, _, body = reply.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines[1:])]
    answer = Answer(int(lines[0].split()[1]), headers, body, sent_id=identity, method=request.split()[0].decode())
    if answer.header("Transfer-Encoding") == "chunked":
        answer.body = unchunk(body)
    return answer


def unchunk(data: bytes) -> bytes:
    """RFC 9112 section 7.1, without extensions and trailers."""
    out = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        out, data = out + data[:length], data[length + 2:] if length else b""
    return out


def chunked(front: Front, path: str, body: bytes, piece: int = 1000) -> Answer:
    """A POST whose length nobody said."""
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + piece]), body[i:i + piece]) for i in range(0, len(body), piece))
    head = (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Correlation-ID: %b\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    return raw(front, head.encode() + chunks + b"0\r\n\r\n")


# ---- Routes and methods ----

@pytest.mark.parametrize("path, keys", [
    ("/health", ["status", "timestamp", "version"]),
    ("/health/live", ["status"]),
    ("/health/ready", ["status"]),
    ("/health/startup", ["status"]),
    ("/health/detailed", ["status", "timestamp", "version", "checks", "warnings"]),
])
def test_health(front: Front, path: str, keys: list[str]) -> None:
    answer = front.service.expect(get(front, path), 200, route=path, path=path)
    assert answer.header("Content-Type") == "application/json" and answer.header("Cache-Control") == "no-store"
    told = answer.json()
    assert set(keys) <= set(told) and told["status"] in ("healthy", "alive", "ready", "started"), told


def test_the_database_is_checked(front: Front) -> None:
    assert get(front, "/health/detailed").json()["checks"]["database"] == "healthy"


def test_a_user(front: Front) -> None:
    answer = front.service.expect(get(front, "/users/42"), 200, route="/users/{id}", path="/users/42")
    assert answer.header("Content-Type") == "application/json"
    assert answer.json() == {"id": 42, "name": "User 42", "email": "user42@example.org"}


def test_echo(front: Front) -> None:
    body = '{"a":[1,2.5,"ä\\u0000"],"b":null}'.encode()
    with front.client() as client:
        answer = front.service.expect(client.post("/echo", body), 200, route="/echo")
    assert answer.body == body


def test_no_such_route(front: Front) -> None:
    problem = front.service.expect_problem(get(front, "/no/such/route"), 404)
    assert problem["title"] == "Not Found"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_method_not_allowed(front: Front, method: str) -> None:
    with front.client() as client:
        answer = client.request(method, "/live/users/42", b"{}")
    front.service.expect_problem(answer, 405)
    assert answer.header("Allow") == "GET, HEAD, OPTIONS"


def test_head(front: Front) -> None:
    with front.client() as client:
        shown, headed = client.get("/users/42"), client.request("HEAD", "/users/42")
        front.service.expect(headed, 200, route="/users/{id}")
        assert headed.body == b"" and headed.header("Content-Length") in (str(len(shown.body)), None)
        assert client.get("/users/43").json()["id"] == 43, "the connection goes on where the HEAD ended"


def test_options(front: Front) -> None:
    with front.client() as client:
        answer = client.request("OPTIONS", "/live/users/42")
    assert answer.status in (200, 204) and answer.body == b"" and answer.header("Allow") == "GET, HEAD, OPTIONS"
    front.service.expect(answer, answer.status)


# ---- Correlation ----

def test_a_correlation_id_is_taken_over(front: Front) -> None:
    answer = get(front, "/users/1", {"X-Correlation-ID": "front-1.2_" + new_id()})
    assert answer.correlation_id == answer.sent_id
    front.service.completed(answer, status_code=200)


@pytest.mark.parametrize("sent", [["a b"], ["x" * 129], ["{}"], ["one", "two"]], ids=["form", "length", "braces", "repeated"])
def test_a_correlation_id_is_rejected(front: Front, sent: list[str]) -> None:
    answer = get(front, "/users/1", [("X-Correlation-ID", value) for value in sent])
    assert UUID.fullmatch(answer.correlation_id)
    front.service.log.wait("Correlation ID rejected", correlation_id=answer.correlation_id)
    front.service.log.wait("Request completed", correlation_id=answer.correlation_id)


def test_a_correlation_id_is_made(front: Front) -> None:
    answer = raw(front, b"GET /users/1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.status == 200 and UUID.fullmatch(answer.correlation_id)
    front.service.log.wait("Request completed", correlation_id=answer.correlation_id)
    assert not front.service.log.find("Correlation ID rejected", correlation_id=answer.correlation_id)


def test_the_request_id_is_the_web_servers(front: Front) -> None:
    """Under none of the names that a client could try."""
    forged = [(name, "forged") for name in ("Request-ID", "Request_ID", "X-Request-ID", "Unique-ID", "Unique_ID")]
    first, second = facts(front, headers=forged), facts(front, headers=forged)
    assert re.fullmatch(front.kind.request_id, first["request_id"]), first["request_id"]
    assert first["request_id"] != second["request_id"]
    assert front.service.log.wait("Request completed", correlation_id=first["correlation_id"])["request_id"] == first["request_id"]
    if isinstance(front.web, Apache):
        assert first["request_id"] in (front.web.directory / "apache-access.log").read_text()


# ---- What the service is told ----

def test_who_asks_for_what(front: Front) -> None:
    told = facts(front, "/facts/x?a=b", [("Host", "example.org:8443"), ("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-Proto", "https"),
                                         ("Forwarded", "for=6.6.6.6;proto=https"), ("X-Real-IP", "6.6.6.6")])
    assert (told["method"], told["path"], told["segment"], told["query"]) == ("GET", "/facts/x", "x", "a=b")
    assert (told["client_ip"], told["scheme"], told["host"], told["script_name"]) == ("127.0.0.1", "http", "example.org:8443", "")
    length = front.differs("length of no body")
    assert told["content_type"] == "" and told["content_length"] == (-1 if length is None else length)
    started = front.service.log.wait("Request started", correlation_id=told["correlation_id"])
    assert (started["method"], started["client_ip"]) == ("GET", "127.0.0.1") and started["url"].endswith("/facts/x?a=b")


def test_repeated_headers(front: Front) -> None:
    told = facts(front, headers=[("X-Repeated", "one"), ("X-Repeated", "two"), ("Cookie", "a=b; flavour=choc; flavour=mint")])
    assert told["headers"] in (["one", "two"], ["one, two"]) and told["cookie"] == "choc"


@pytest.mark.parametrize("query, params", [
    ("p=1&p=&q=%26&p=%C3%A4+b", ["1", "", "ä b"]), ("p=a%2Fb%3Fc&x", ["a/b?c"]), ("p=1;2&p==", ["1;2", "="]), ("", []),
    ("p=%2542", ["%42"]), ("p=?&p=/../", ["?", "/../"]),
])
def test_query_strings(front: Front, query: str, params: list[str]) -> None:
    told = facts(front, f"/facts?{query}")
    assert (told["query"], told["params"]) == (query, params)


@pytest.mark.parametrize("segment, decoded", [
    ("a%20b", "a b"), ("%C3%A4", "ä"), ("a%2Fb", "a/b"), ("a%2fb", "a/b"), ("%2542", "%42"), ("a%3Fb", "a?b"), ("a%23b", "a#b"),
    ("a+b", "a+b"), ("a;b=c", "a;b=c"), ("a%3Bb", "a;b"), ("~a", "~a"), ("%41", "A"), ("a%5Cb", "a\\b"), ("a%0Ab", "a\nb"),
    ("a%22b", 'a"b'), ("a:b@c", "a:b@c"),
])
def test_percent_encoded_paths(front: Front, segment: str, decoded: str) -> None:
    refused = front.differs(f"/facts/{segment}")
    if refused is not None:
        assert get(front, f"/facts/{segment}").status == refused
        return
    assert facts(front, f"/facts/{segment}")["segment"] == decoded


@pytest.mark.parametrize("path, status", [
    ("/users/../users/42", 200), ("/users/./42", 200), ("/a/%2e%2e/users/42", 200), ("/%75sers/%34%32", 200), ("/users/42/", 404),
    ("//users/42", 404), ("/users//42", 404), ("/Users/42", 404), ("/users/%2542", 400), ("/users/42%00", 400),
    ("/users/4%zz", 400), ("/users/4%2", 400), ("/..", 400), ("/%2e%2e/users/42", 400), ("/a/../../users/42", 400),
])
def test_paths(front: Front, path: str, status: int) -> None:
    """Decoded once and normalised by the service alone, or refused by the web server before it."""
    answer = get(front, path)
    refused = front.differs(path)
    if refused is not None:
        assert answer.status == refused
        return
    if status == 200:
        front.service.expect(answer, 200, route="/users/{id}")
        assert answer.json()["id"] == 42
    else:
        front.service.expect_problem(answer, status)


def test_two_hosts(front: Front) -> None:
    """RFC 9112 section 3.2.2: the request line counts."""
    answer = raw(front, b"GET http://two.example/facts HTTP/1.1\r\nHost: one.example\r\nX-Correlation-ID: %b\r\nConnection: close\r\n\r\n")
    if front.differs("two hosts") is not None:
        assert answer.status == front.differs("two hosts")
        return
    told = front.service.expect(answer, 200, path="/facts").json()
    assert (told["host"], told["path"]) == ("two.example", "/facts")


# ---- What a client cannot forge ----

@pytest.mark.parametrize("headers", [
    [("Authorization", "Basic YWRtaW46eA==")], [("Remote-User", "admin")], [("Remote_User", "admin")], [("REMOTE_USER", "admin")],
    [("X-Remote-User", "admin")], [("Authorization", "Digest username=\"admin\"")],
], ids=lambda headers: headers[0][0] + headers[0][1][:5])
def test_remote_user_cannot_be_forged(front: Front, headers: list[tuple[str, str]]) -> None:
    told = facts(front, headers=headers)
    assert told["user"] is None
    assert "user_id" not in front.service.log.wait("Request completed", correlation_id=told["correlation_id"])


def test_the_proxy_header_is_dropped(front: Front) -> None:
    """httpoxy, CVE-2016-5385."""
    assert not any(facts(front, "/facts?header=Proxy", [("Proxy", "http://6.6.6.6/")])["headers"])


def test_a_name_with_an_underscore_is_dropped(front: Front) -> None:
    answer = get(front, "/facts?header=X-Repeated", [("X_Repeated", "forged"), ("X_Correlation_ID", "forged")])
    assert front.service.expect(answer, 200).json()["headers"] == []


def test_the_admin_token_arrives(front: Front) -> None:
    """Authorization is passed on as it is."""
    told = facts(front, "/facts?header=Authorization", {"Authorization": f"Bearer {TOKEN}"})
    assert told["headers"] == [f"Bearer {TOKEN}"]


# ---- Bodies ----

@pytest.mark.parametrize("size", [0, 1, 8192, 65536, 100_000])
def test_bodies(front: Front, size: int) -> None:
    with front.client() as client:
        answer = front.service.expect(client.post("/count", b"\0" * size, "application/octet-stream"), 200)
    assert answer.json() == {"bytes": size, "zeros": size}


def test_the_largest_body(front: Front) -> None:
    size = front.kind.max_bytes
    with front.client() as client:
        answer = front.service.expect(client.post("/count", b"\0" * size, "application/octet-stream"), 200)
    assert answer.json() == {"bytes": size, "zeros": size}


@pytest.mark.parametrize("more", [1, 3 << 20])
def test_too_large(front: Front, more: int) -> None:
    with front.client() as client:
        answer = client.post("/count", b"\0" * (front.kind.max_bytes + more), "application/octet-stream")
        how = front.differs("too large")
        if how is None:
            front.service.expect_problem(answer, 413, path="/count")
        elif how == "application/problem+json":
            assert answer.status == 413 and answer.header("Content-Type") == how
            assert answer.json()["status"] == 413 and answer.json()["correlation_id"] == answer.correlation_id
        else:
            assert answer.status == how
    assert how is None or not front.service.log.find("Request completed", correlation_id=answer.sent_id)


def test_after_a_refused_body_nothing_is_left_over(front: Front) -> None:
    """What was not read of one request must not become the next one, on whatever connection it goes."""
    smuggled = b"GET /users/7 HTTP/1.1\r\nHost: x\r\n\r\n".ljust(64) * (front.kind.max_bytes // 32)
    for number in range(1, 6):
        with front.client() as client:
            client.post("/count", smuggled, "application/octet-stream")
        with front.client() as client:
            assert front.service.expect(client.get(f"/users/{number}"), 200).json()["id"] == number


def test_after_an_answer_that_did_not_wait_nothing_is_left_over(front: Front) -> None:
    """As above, with a body that the service would have taken and no route wanted."""
    for number in range(1, 6):
        with front.client() as client:
            assert client.post("/no/such/route", b"x" * front.kind.max_bytes, "text/plain").status == 404
        with front.client() as client:
            assert front.service.expect(client.get(f"/users/{number}"), 200).json()["id"] == number


def test_a_body_that_no_handler_reads(front: Front) -> None:
    for number in range(1, 6):
        with front.client() as client:
            front.service.expect(client.post("/unread", b"x" * 60_000, "text/plain"), 200)
            assert client.get(f"/users/{number}").json()["id"] == number


@pytest.mark.parametrize("size", [2, 9, 5000])
def test_chunked_bodies(front: Front, size: int) -> None:
    body = json.dumps("x" * (size - 2)).encode()
    answer = front.service.expect(chunked(front, "/echo", body), 200, route="/echo")
    assert answer.body == body


def test_a_chunked_body_beyond_a_buffer(front: Front) -> None:
    body = json.dumps("x" * 100_000).encode()
    answer = chunked(front, "/echo", body, 8000)
    if front.differs("chunked beyond a buffer") is not None:
        assert answer.status in (front.differs("chunked beyond a buffer"), 0)
        return
    assert front.service.expect(answer, 200).body == body


def test_a_chunked_body_that_is_too_large(front: Front) -> None:
    answer = chunked(front, "/count", b"\0" * (front.kind.max_bytes + 40_000), 32_768)
    if front.differs("too large, chunked") is not None:
        assert answer.status in (front.differs("too large, chunked"), 0)
        return
    front.service.expect_problem(answer, 413)
