"""FastCGI records that no web server would send: closed or answered, never a crash, never another's loss."""
from __future__ import annotations

import struct
import time
from typing import Callable, Iterator

import pytest

from conftest import Stack
from harness import fcgi
from harness.fcgi import begin, cgi, pair, pairs, record, request, stream
from harness.http import new_id
from harness.processes import wait_for

GOOD = pairs(cgi())
ENV = stream(fcgi.PARAMS, GOOD)


@pytest.fixture(autouse=True)
def unhurt(stack: Stack) -> Iterator[None]:
    """The same workers afterwards, and they serve."""
    before = stack.service.workers()
    yield
    assert stack.service.workers() == before, "a worker died"
    for _ in range(4):
        assert stack.service.ask(uri="/users/3").json()["id"] == 3


# ---- Refused by admission: closed without an answer ----

def lie(name: int, value: int, data: bytes = b"") -> bytes:
    """Parameters whose lengths are lies."""
    return stream(fcgi.PARAMS, struct.pack(">II", name | 0x80000000, value | 0x80000000) + data)


HOSTILE: dict[str, bytes] = {
    "version 0": record(fcgi.BEGIN_REQUEST, begin()[8:], version=0),
    "version 2": record(fcgi.BEGIN_REQUEST, begin()[8:], version=2),
    "version 255": b"\xff" * 8,
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100,
    "zeros": b"\0" * 64,
    "type 0": record(0, b"12345678"),
    "type 12": record(12, b"12345678"),
    "type 255": record(255, b"12345678"),
    "unknown management type": record(77, b"", request_id=0),
    "GET_VALUES": record(fcgi.GET_VALUES, pair("FCGI_MAX_CONNS", ""), request_id=0),
    "GET_VALUES, then a request": record(fcgi.GET_VALUES, pair("FCGI_MPXS_CONNS", ""), request_id=0) + request(cgi()),
    "GET_VALUES_RESULT": record(fcgi.GET_VALUES_RESULT, pair("FCGI_MAX_CONNS", "1"), request_id=0),
    "UNKNOWN_TYPE": record(fcgi.UNKNOWN_TYPE, b"\x0c" + b"\0" * 7, request_id=0),
    "GET_VALUES in the parameters": begin() + record(fcgi.PARAMS, GOOD) + record(fcgi.GET_VALUES, request_id=0) + record(fcgi.PARAMS),
    "authorizer": begin(role=fcgi.AUTHORIZER) + ENV,
    "filter": begin(role=fcgi.FILTER) + ENV,
    "role 0": begin(role=0) + ENV,
    "role 65535": begin(role=65535) + ENV,
    "request 0": begin(request_id=0) + stream(fcgi.PARAMS, GOOD, request_id=0),
    "BEGIN too short": record(fcgi.BEGIN_REQUEST, b"\0\1\1") + ENV,
    "BEGIN empty": record(fcgi.BEGIN_REQUEST) + ENV,
    "BEGIN too long": record(fcgi.BEGIN_REQUEST, b"\0\1\1" + b"\0" * 60) + ENV,
    "BEGIN twice": begin() + begin() + ENV,
    "BEGIN in the parameters": begin() + record(fcgi.PARAMS, GOOD[:50]) + begin() + record(fcgi.PARAMS, GOOD[50:]) + record(fcgi.PARAMS),
    "another BEGIN in the parameters": begin() + record(fcgi.PARAMS, GOOD) + begin(request_id=2) + record(fcgi.PARAMS),
    "PARAMS first": ENV,
    "STDIN first": record(fcgi.STDIN, b"x"),
    "ABORT first": record(fcgi.ABORT_REQUEST),
    "ABORT after BEGIN": begin() + record(fcgi.ABORT_REQUEST),
    "ABORT in the parameters": begin() + record(fcgi.PARAMS, GOOD) + record(fcgi.ABORT_REQUEST),
    "END_REQUEST": record(fcgi.END_REQUEST, b"\0" * 8),
    "END_REQUEST after BEGIN": begin() + record(fcgi.END_REQUEST, b"\0" * 8),
    "STDOUT": begin() + record(fcgi.STDOUT, b"x"),
    "STDERR": begin() + record(fcgi.STDERR, b"x"),
    "DATA": begin() + record(fcgi.DATA, b"x"),
    "STDIN before the parameters": begin() + record(fcgi.STDIN, b"x") + ENV,
    "STDIN in the parameters": begin() + record(fcgi.PARAMS, GOOD) + record(fcgi.STDIN, b"x") + record(fcgi.PARAMS),
    "parameters of another request": begin() + stream(fcgi.PARAMS, GOOD, request_id=2),
    "parameters of two requests": begin() + record(fcgi.PARAMS, GOOD[:50]) + stream(fcgi.PARAMS, GOOD[50:], request_id=9),
    "a bad version in the parameters": begin() + record(fcgi.PARAMS, GOOD, version=3) + record(fcgi.PARAMS),
    "a name of 2^31-1 bytes": begin() + lie(0x7FFFFFFF, 0),
    "a value of 2^31-1 bytes": begin() + lie(1, 0x7FFFFFFF, b"A"),
    "both of 2^31-1 bytes": begin() + lie(0x7FFFFFFF, 0x7FFFFFFF, b"A" * 100),
    "lengths whose sum is 2^32": begin() + lie(0x7FFFFFFF, 0x7FFFFFFF) + lie(2, 0),
    "a name longer than what comes": begin() + stream(fcgi.PARAMS, b"\x7f\x01abc"),
    "a value longer than what comes": begin() + stream(fcgi.PARAMS, b"\x01\x7fabc"),
    "one byte too short": begin() + stream(fcgi.PARAMS, GOOD[:-1]),
    "half a length": begin() + stream(fcgi.PARAMS, GOOD + b"\x80\x00"),
    "a name without the value's length": begin() + stream(fcgi.PARAMS, GOOD + b"\x05"),
    "201 parameters": begin() + stream(fcgi.PARAMS, pairs(cgi() + [(f"HTTP_X_{n}", "") for n in range(201)])),
    "20000 empty parameters": begin() + stream(fcgi.PARAMS, b"\0\0" * 20000),
    "parameters of 70000 bytes": begin() + stream(fcgi.PARAMS, pairs(cgi() + [("HTTP_X", "x" * 70000)])),
    "parameters of a megabyte": begin() + stream(fcgi.PARAMS, pairs(cgi() + [("HTTP_X", "x" * (1 << 20))])),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_records_close_the_connection(stack: Stack, data: bytes) -> None:
    with stack.service.connect() as connection:
        connection.send(data)
        begun = time.monotonic()
        assert connection.closed_within(3), "neither closed nor answered"
        assert time.monotonic() - begun < 1, "closed by the deadline only"


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_records_after_a_good_request(stack: Stack, data: bytes) -> None:
    with stack.service.connect() as connection:
        assert connection.ask(uri="/users/4").json()["id"] == 4
        connection.send(data)
        assert connection.closed_within(3), "neither closed nor answered"


def test_hostile_records_get_no_answer(stack: Stack) -> None:
    """Nothing of them is served: no record in the log, no byte back."""
    completed = len(stack.service.log.find("Request completed", path="/hostile-path"))
    for data in (b"\0" * 8, begin(role=2) + stream(fcgi.PARAMS, pairs(cgi(uri="/hostile-path"))),
                 begin() + begin() + stream(fcgi.PARAMS, pairs(cgi(uri="/hostile-path")))):
        with stack.service.connect() as connection:
            connection.send(data)
            assert connection.read_record() is None
    stack.service.ask(uri="/health")
    assert len(stack.service.log.find("Request completed", path="/hostile-path")) == completed


# ---- Incomplete: closed by the admission deadline (one second here) ----

PARTIAL: dict[str, bytes] = {
    "nothing": b"",
    "one byte": b"\x01",
    "half a header": begin()[:5],
    "half a BEGIN": begin()[:12],
    "BEGIN alone": begin(),
    "half a PARAMS header": begin() + ENV[:4],
    "half the parameters": begin() + ENV[:100],
    "no end of the parameters": begin() + record(fcgi.PARAMS, GOOD),
    "half of the end": begin() + ENV[:-3],
    "padding missing": begin() + record(fcgi.PARAMS, GOOD, padding=255)[:-200],
}


def test_partial_requests_are_closed_by_the_deadline(stack: Stack) -> None:
    """All side by side, so that the deadline passes once. A silent connection is idle, not incomplete."""
    connections = {name: stack.service.connect().send(data) for name, data in PARTIAL.items() if data}
    begun = time.monotonic()
    try:
        for name, connection in connections.items():
            assert connection.closed_within(4), f"{name}: still open"
        assert 0.5 < time.monotonic() - begun < 4
    finally:
        for connection in connections.values():
            connection.close()


@pytest.mark.parametrize("data", PARTIAL.values(), ids=PARTIAL)
def test_peers_that_leave_in_a_request(stack: Stack, data: bytes) -> None:
    for _ in range(20):
        stack.service.connect().send(data).close()


@pytest.mark.parametrize("data", PARTIAL.values(), ids=PARTIAL)
def test_partial_requests_that_go_on(stack: Stack, data: bytes) -> None:
    """What came in two parts is a request like any other."""
    whole = begin() + (record(fcgi.PARAMS, GOOD, padding=255) + record(fcgi.PARAMS) if data == PARTIAL["padding missing"] else ENV)
    with stack.service.connect() as connection:
        connection.send(data)
        stack.service.ask(uri="/health/live")
        assert whole.startswith(data) or data == PARTIAL["no end of the parameters"]
        connection.send(whole[len(data):] + record(fcgi.STDIN))
        assert connection.read_answer().json()["status"] == "healthy"


# ---- Odd but right ----

ODD: dict[str, Callable[[list], bytes]] = {
    "parameters one byte a record": lambda p: request(p, params_piece=1),
    "parameters seven bytes a record": lambda p: request(p, params_piece=7),
    "padding of 255": lambda p: request(p, padding=255),
    "padding of 255 and one byte a record": lambda p: request(p, padding=255, params_piece=1),
    "request 65535": lambda p: request(p, request_id=65535),
    "unknown flags": lambda p: record(fcgi.BEGIN_REQUEST, b"\0\1\xff" + b"\xaa" * 5) + request(p)[16:],
    "reserved byte set": lambda p: b"".join(bytes([1, kind, 0, 1, 0, size, 0, 0x7F]) + data for kind, size, data in [
        (1, 8, begin()[8:])]) + request(p)[16:],
    "200 parameters": lambda p: request(p + [(f"HTTP_X_{n}", "") for n in range(200 - len(p))]),
    "60000 bytes of parameters": lambda p: request(p + [("HTTP_X_LONG", "x" * 60000)]),
    "four-byte lengths for short names": lambda p: begin() + stream(fcgi.PARAMS, b"".join(
        struct.pack(">II", len(fcgi.to_bytes(n)) | 0x80000000, len(fcgi.to_bytes(v)) | 0x80000000) + fcgi.to_bytes(n) + fcgi.to_bytes(v)
        for n, v in p)) + record(fcgi.STDIN),
}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_odd_but_right(stack: Stack, make: Callable[[list], bytes]) -> None:
    identity = new_id()
    data = make(cgi(uri="/users/8", correlation_id=identity))
    request_id = struct.unpack(">H", data[2:4])[0]
    with stack.service.connect() as connection:
        answer = connection.send(data).read_answer(request_id)
        answer.sent_id = identity
        stack.service.expect(answer, 200, route="/users/{id}")
        if request_id == 1:
            assert connection.ask(uri="/users/9").json()["id"] == 9


@pytest.mark.parametrize("odd", [[("", "")], [("", "x")], [("A=B", "x")], [("HTTP_X", "a\0b")], [("HTTP_\0", "x")], [("X" * 3000, "")],
                                 [("REQUEST_METHOD", "POST")], [("REQUEST_URI", "/users/9")]], ids=str)
def test_odd_parameters_are_taken_or_refused(stack: Stack, odd: list[tuple[str, str]]) -> None:
    """An empty name, '=' in a name, NUL, one name twice: the same request or a clean 400, and no other request."""
    with stack.service.connect() as connection:
        answer = connection.exchange(cgi(uri="/users/8") + odd)
        assert answer.status == 400 or answer.json()["id"] == 8, answer
        assert connection.ask(uri="/users/9").json()["id"] == 9


def test_one_byte_at_a_time(stack: Stack) -> None:
    """Within the deadline a drip is a request."""
    identity = new_id()
    with stack.service.connect() as connection:
        for byte in request(cgi(uri="/users/8", correlation_id=identity)):
            connection.send(bytes([byte]))
        answer = connection.read_answer()
    answer.sent_id = identity
    assert stack.service.expect(answer, 200).json()["id"] == 8


def test_a_body_one_byte_at_a_time(stack: Stack) -> None:
    with stack.service.connect() as connection:
        data = request(cgi("POST", "/count", body=b"x" * 40), b"x" * 40, piece=1, padding=3)
        for byte in data:
            connection.send(bytes([byte]))
        assert connection.read_answer().json()["bytes"] == 40


# ---- Hostile in the body, when a worker already reads it ----

def body_of(*records: bytes, said: int = 100) -> bytes:
    """POST /count of 100 bytes of which half is sent, then these records."""
    params = cgi("POST", "/count", content_length=str(said))
    return begin() + stream(fcgi.PARAMS, pairs(params)) + record(fcgi.STDIN, b"x" * 50) + b"".join(records)


REST = record(fcgi.STDIN, b"x" * 50) + record(fcgi.STDIN)
IN_BODY: dict[str, bytes] = {
    "bad version": body_of(record(fcgi.STDIN, b"x" * 50, version=9), record(fcgi.STDIN)),
    "another request's": body_of(record(fcgi.STDIN, b"x" * 50, request_id=2), record(fcgi.STDIN)),
    "unknown type": body_of(record(99, b"x"), REST),
    "ABORT": body_of(record(fcgi.ABORT_REQUEST)),
    "ABORT, then more": body_of(record(fcgi.ABORT_REQUEST), REST),
    "BEGIN": body_of(begin(), REST),
    "another BEGIN": body_of(begin(request_id=2), stream(fcgi.PARAMS, GOOD, request_id=2), REST),
    "PARAMS": body_of(ENV, REST),
    "DATA": body_of(record(fcgi.DATA, b"x" * 50), REST),
    "END_REQUEST": body_of(record(fcgi.END_REQUEST, b"\0" * 8), REST),
    "STDOUT": body_of(record(fcgi.STDOUT, b"x"), REST),
    "GET_VALUES": body_of(record(fcgi.GET_VALUES, pair("FCGI_MAX_CONNS", ""), request_id=0), REST),
    "GET_VALUES that lies": body_of(record(fcgi.GET_VALUES, b"\xff\xff\xff\xff\xff", request_id=0), REST),
    "UNKNOWN_TYPE": body_of(record(fcgi.UNKNOWN_TYPE, b"\0" * 8, request_id=0), REST),
    "unknown management": body_of(record(55, b"x" * 2000, request_id=0), REST),
    "ended too early": body_of(record(fcgi.STDIN)),
    "zeros": body_of(b"\0" * 200),
    "noise": body_of(bytes(range(256)) * 300),
}


@pytest.mark.parametrize("data", IN_BODY.values(), ids=IN_BODY)
def test_hostile_records_in_the_body(stack: Stack, data: bytes) -> None:
    """Answered or closed at once; an answer of 200 only for the whole body."""
    with stack.service.connect(seconds=4) as connection:
        connection.send(data)
        while True:
            got = connection.read_record()
            if got is None or got[0] == fcgi.END_REQUEST:
                break
            if got[0] == fcgi.STDOUT and b"Status: 200" in got[2]:
                assert b'"bytes":100' in got[2].replace(b" ", b""), got


@pytest.mark.parametrize("leave", [body_of(), body_of(said=2_000_000), begin() + stream(fcgi.PARAMS, pairs(cgi("POST", "/echo",
                         content_type="application/json", content_length="10")))], ids=["half", "too large", "none"])
def test_peers_that_leave_in_the_body(stack: Stack, leave: bytes) -> None:
    for _ in range(10):
        stack.service.connect().send(leave).close()


# ---- Peers that leave before or in the answer ----

def test_a_peer_that_leaves_before_the_answer(stack: Stack) -> None:
    identity = new_id()
    connection = stack.service.connect()
    connection.send(request(cgi(uri="/slow?ms=150&how=sleep", correlation_id=identity)))
    stack.service.log.wait("Request started", correlation_id=identity)
    connection.close()
    found = stack.service.log.wait("Request completed", correlation_id=identity)
    assert found["duration_seconds"] >= 0.15


def test_a_peer_that_leaves_in_the_answer(stack: Stack) -> None:
    for _ in range(10):
        identity = new_id()
        with stack.service.connect() as connection:
            connection.send(request(cgi(uri="/large?bytes=4000000", correlation_id=identity)))
            connection.sock.recv(1000)
        stack.service.log.wait("Request completed", correlation_id=identity)


def test_a_client_of_nginx_that_leaves(stack: Stack) -> None:
    for _ in range(10):
        identity = new_id()
        with stack.client() as client:
            client.connection.putrequest("GET", "/slow?ms=50&how=sleep")
            client.connection.putheader("X-Correlation-ID", identity)
            client.connection.endheaders()
            stack.service.log.wait("Request started", correlation_id=identity)
        stack.service.log.wait("Request completed", correlation_id=identity)


def test_a_large_answer_to_a_slow_reader(stack: Stack) -> None:
    with stack.service.connect() as connection:
        connection.send(request(cgi(uri="/large?bytes=8000000")))
        for _ in range(20):
            connection.buffer += connection.sock.recv(1000)
            stack.service.ask(uri="/health/live")
        answer = connection.read_answer()
    assert answer.status == 200 and len(answer.body) == 8_000_000


# ---- One connection, many requests ----

def test_keep_conn_off_closes(stack: Stack) -> None:
    with stack.service.connect() as connection:
        assert connection.ask(uri="/health", keep=False).status == 200
        assert connection.read_record() is None


def test_keep_conn_off_after_kept_ones(stack: Stack) -> None:
    with stack.service.connect() as connection:
        for _ in range(3):
            assert connection.ask(uri="/users/1").status == 200
        assert connection.ask(uri="/users/1", keep=False).status == 200
        assert connection.read_record() is None


def test_closing_does_not_linger(stack: Stack) -> None:
    """libfcgi waits up to two seconds for a peer that keeps its side open; the worker must not."""
    begun = time.monotonic()
    for _ in range(10):
        with stack.service.connect() as connection:
            connection.ask(uri="/health", keep=False)
            stack.service.ask(uri="/health")
    assert time.monotonic() - begun < 3


def test_a_thousand_requests_on_one_connection(stack: Stack) -> None:
    with stack.service.connect() as connection:
        for number in range(1, 1001):
            answer = connection.ask(uri=f"/users/{number}")
            assert answer.json()["id"] == number
    stack.service.expect(answer, 200)


def test_request_ids_may_change_on_a_connection(stack: Stack) -> None:
    with stack.service.connect() as connection:
        for request_id in (1, 2, 65535, 300):
            connection.send(request(cgi(uri="/users/6"), request_id=request_id))
            assert connection.read_answer(request_id).json()["id"] == 6


# ---- Bodies that are left unread: no smuggling ----

def smuggled(identity: str) -> bytes:
    """A request in the body of another."""
    return request(cgi(uri="/users/666", correlation_id=identity))


HIDING = {
    "a route that does not read": ("POST", "/unread"),
    "no route": ("POST", "/no-such-route"),
    "a method that is not allowed": ("PUT", "/users/1"),
    "a GET with a body": ("GET", "/users/1"),
    "a health route": ("GET", "/health"),
    "a type that is not served": ("POST", "/echo"),
}


@pytest.mark.parametrize("method, uri", HIDING.values(), ids=HIDING)
@pytest.mark.parametrize("said", ["right", "none", "zero", "short", "long"])
@pytest.mark.parametrize("when", ["at once", "one after the other"])
def test_an_unread_body_is_no_request(stack: Stack, method: str, uri: str, said: str, when: str) -> None:
    """The body looks like records, framed and bare; the request after it is answered or the connection closed."""
    hidden, first, second = new_id(), new_id(), new_id()
    inner = smuggled(hidden) * 3
    number = {"right": len(inner), "none": None, "zero": 0, "short": 10, "long": len(inner) + 10}[said]
    params = cgi(method, uri, content_length=None if number is None else str(number), correlation_id=first)
    one, two = request(params, inner), request(cgi(uri="/users/2", correlation_id=second))
    with stack.service.connect(seconds=4) as connection:
        connection.send(one + two if when == "at once" else one)
        try:
            assert connection.read_answer().correlation_id == first
            if when != "at once":
                connection.send(two)
            answer = connection.read_answer()
            assert answer.correlation_id == second and answer.json()["id"] == 2
            assert connection.ask(uri="/users/7").json()["id"] == 7
        except fcgi.Closed as closed:
            assert not closed.data
            assert when == "at once" or said == "long", "a connection that could be kept was closed"
    stack.service.log.wait("Request completed", correlation_id=first)
    assert not [found for found in stack.service.log.records() if found.get("correlation_id") == hidden]


def aligned(make: Callable[[int], bytes]) -> bytes:
    """What make gives for the filling with which its length is a multiple of 1024."""
    return next(data for data in map(make, range(128, 1300)) if len(data) % 1024 == 0)


@pytest.mark.parametrize("blocks", [8, 16, 60, 2000])
@pytest.mark.parametrize("uri", ["/unread", "/no-such-route"])
def test_an_aligned_unread_body_is_no_request(stack: Stack, uri: str, blocks: int) -> None:
    """Wherever a reader's buffer of a kilobyte's multiple ends, what is left begins with BEGIN_REQUEST."""
    hidden, first = new_id(), new_id()
    inner = blocks * aligned(lambda fill: request(cgi(uri="/users/666", correlation_id=hidden, HTTP_X_FILL="x" * fill)))
    size = len(inner)

    def head(fill: int) -> bytes:
        params = cgi("POST", uri, correlation_id=first, content_length=str(size), HTTP_X_FILL="x" * fill)
        return begin() + stream(fcgi.PARAMS, pairs(params)) + record(fcgi.STDIN, inner[:60 * 1024])[:8]

    if size > 60 * 1024:
        body = b"".join(record(fcgi.STDIN, inner[i:i + 60 * 1024]) for i in range(0, size, 60 * 1024))
    else:
        body = record(fcgi.STDIN, inner)
    with stack.service.connect(seconds=6) as connection:
        connection.send(aligned(head)[:-8] + body + record(fcgi.STDIN))
        answer = connection.read_answer()
        assert answer.correlation_id == first
        try:
            assert connection.ask(uri="/users/2").json()["id"] == 2
        except fcgi.Closed:
            assert size > 1 << 20, "a connection that could be kept was closed"
    assert not [found for found in stack.service.log.records() if found.get("correlation_id") == hidden]


def test_a_large_unread_body(stack: Stack) -> None:
    """Beyond the bound the connection is closed; below it the next request is served."""
    hidden = new_id()
    for times in (10, 100, 4000, 40000):
        with stack.service.connect(seconds=6) as connection:
            connection.send(request(cgi("POST", "/unread"), smuggled(hidden) * times))
            try:
                assert connection.read_answer().status in (200, 413)
                assert connection.ask(uri="/users/2").json()["id"] == 2
            except fcgi.Closed:
                assert times > 100
    assert not [found for found in stack.service.log.records() if found.get("correlation_id") == hidden]


@pytest.mark.parametrize("uri", ["/count", "/unread"])
def test_the_end_of_a_body_may_come_late(stack: Stack, uri: str) -> None:
    """CONTENT_LENGTH bytes are not the end: the empty STDIN still comes, here after other requests were served."""
    with stack.service.connect() as connection:
        for _ in range(3):
            connection.send(begin() + stream(fcgi.PARAMS, pairs(cgi("POST", uri, content_length="5"))) + record(fcgi.STDIN, b"hello"))
            stack.service.ask(uri="/health/live")
            connection.send(record(fcgi.STDIN))
            assert connection.read_answer().status == 200
            assert connection.ask(uri="/users/2").json()["id"] == 2


def test_pipelined_requests_are_never_lost_in_silence(stack: Stack) -> None:
    identities = [new_id() for _ in range(20)]
    with stack.service.connect(seconds=4) as connection:
        connection.send(b"".join(request(cgi(uri="/users/2", correlation_id=identity)) for identity in identities))
        for identity in identities:
            try:
                assert connection.read_answer().correlation_id == identity
            except fcgi.Closed as closed:
                assert not closed.data
                break


# ---- Stalled and dripping peers, more of them than workers ----

def fast(stack: Stack, times: int = 20) -> None:
    """Good requests, on new and kept connections, are answered at once."""
    with stack.service.connect() as kept:
        for _ in range(times):
            for answer in (kept.ask(uri="/users/2"), stack.service.ask(uri="/health/live")):
                assert answer.status == 200 and answer.seconds < 0.3, answer


@pytest.mark.parametrize("data", PARTIAL.values(), ids=PARTIAL)
def test_stalled_peers_hold_nobody_up(stack: Stack, data: bytes) -> None:
    stalled = [stack.service.connect().send(data) for _ in range(4 * int(stack.service.settings["WORKERS"]))]
    try:
        fast(stack)
    finally:
        for connection in stalled:
            connection.close()


def test_dripping_peers_hold_nobody_up(stack: Stack) -> None:
    """A byte every few milliseconds from each: admitted by nobody until the deadline ends it."""
    drips = [stack.service.connect() for _ in range(4 * int(stack.service.settings["WORKERS"]))]
    data = request(cgi(uri="/health", headers=[("HTTP_X_LONG", "x" * 50000)]))
    begun = time.monotonic()
    try:
        for byte in data:
            for connection in drips:
                connection.send(bytes([byte]))
            answer = stack.service.ask(uri="/users/2")
            assert answer.status == 200 and answer.seconds < 0.3
            if time.monotonic() - begun > 2:
                break
        else:
            raise AssertionError("the drip was over too soon")
        for connection in drips:
            assert connection.closed_within(2), "a drip outlives the deadline"
    finally:
        for connection in drips:
            connection.close()


def test_a_stalled_keep_alive_peer_holds_nobody_up(stack: Stack) -> None:
    """The same after good requests on the connection."""
    stalled = [stack.service.connect() for _ in range(8)]
    try:
        for connection in stalled:
            assert connection.ask(uri="/users/2").status == 200
            connection.send(begin() + ENV[:60])
        fast(stack)
    finally:
        for connection in stalled:
            connection.close()
    wait_for(lambda: stack.service.ask(uri="/health").status == 200, 2)
