"""TRACE_FILE through nginx, PostgreSQL and Redis: which spans a request leaves, what is in them, and whose they are."""
from __future__ import annotations

import json
import os
import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import pytest

from harness import fcgi
from harness.http import Answer, HttpClient, new_id
from harness.nginx import Nginx
from harness.otlp import CLIENT, SERVER, Span, TraceFile
from harness.postgres import Postgres
from harness.processes import wait_for
from harness.redis import Redis
from harness.vitalsd import Vitalsd, demo_module, relay_module

TRACE, SPAN = "12345678901234567890123456789012", "1234567890123456"
SAMPLED = {"traceparent": f"00-{TRACE}-{SPAN}-01"}


@dataclass
class Traced:
    """The service with TRACE_FILE, nginx before it."""

    service: Vitalsd
    nginx: Nginx
    file: TraceFile

    def ask(self, method: str, path: str, body: Optional[bytes] = None, headers: Any = None) -> Answer:
        """Through nginx."""
        with HttpClient(self.nginx.port) as client:
            return client.request(method, path, body, headers)

    def spans(self, method: str, path: str, body: Optional[bytes] = None, headers: Any = None) -> list[Span]:
        """What a request leaves; its own span is the last."""
        return self.file.wait(self.ask(method, path, body, headers).correlation_id)

    def relay(self, url: str, count: int = 1, **headers: str) -> list[Span]:
        """What a relay leaves that makes calls to nginx, and so to the same service with the same correlation ID."""
        body = json.dumps([{"url": f"http://127.0.0.1:{self.nginx.port}{url}", "arguments": {}}] * count).encode()
        answer = self.ask("POST", "/relay", body, {"Content-Type": "application/json", **headers})
        return self.file.wait(answer.correlation_id, "/relay")


@pytest.fixture(scope="module")
def traced(built: None, database: Postgres, cache: Redis, testmod: Path, directory: Callable[[], Path]) -> Iterator[Traced]:
    """Everything is sampled; the relay may call nginx, which is told its port only once it has one."""
    place = directory()
    file = TraceFile(place / "spans.jsonl")
    service = Vitalsd(place, WORKERS=4, MODULES=f"{demo_module()},{testmod},{relay_module()}", DATABASE_URL=database.url, REDIS_URL=cache.url,
                      TRACE_FILE=file.path, SERVICE_NAME="shop", SERVICE_VERSION="2.1", REDACT_FIELDS="canary")
    service.settings["ADMIN_LISTEN"] = f"unix:{service.admin_socket}"
    nginx = Nginx(directory(), service.socket, service.admin_socket)
    try:
        nginx.start()
        service.settings["RELAY_ALLOW"] = f"127.0.0.1:{nginx.port}"
        service.start()
        yield Traced(service, nginx, file)
    finally:
        nginx.stop()
        service.stop()
    service.log.records()
    file.requests()


# ---- The request ----

def test_a_request(traced: Traced) -> None:
    statement, own = traced.spans("GET", "/live/users/42?a=1&password=hidden", None, {"User-Agent": "a test", "Host": "shop.example:8080"})
    assert (own.name, own.kind, own.parent, own.failed) == ("GET /live/users/{id}", SERVER, None, False)
    correlation = own.attributes.pop("vitals.correlation_id")
    assert own.attributes == {
        "http.request.method": "GET", "url.path": "/live/users/42", "url.query": "a=1&password=***REDACTED***", "url.scheme": "http",
        "http.route": "/live/users/{id}", "http.response.status_code": 200, "server.address": "shop.example", "server.port": 8080,
        "client.address": "127.0.0.1", "user_agent.original": "a test", "network.protocol.version": "1.1"}
    assert (statement.name, statement.kind, statement.failed) == ("SELECT", CLIENT, False)
    assert statement.attributes == {"db.system.name": "postgresql", "db.operation.name": "SELECT",
                                    "db.query.text": "select id, name, email from users where id = $1::bigint"}
    resource = own.resource
    assert (resource["service.name"], resource["service.version"]) == ("shop", "2.1") and resource["process.pid"] in traced.service.workers()
    record = traced.service.log.wait("Request completed", correlation_id=correlation)
    assert (record["trace_id"], record["span_id"], record["trace_flags"]) == (own.trace, own.span, "03")
    assert traced.service.log.wait("User shown", correlation_id=correlation, span_id=own.span)


def test_a_caller(traced: Traced) -> None:
    own = traced.spans("GET", "/live/users/1", None, {**SAMPLED, "tracestate": "foo=1,bar=2"})[-1]
    assert (own.trace, own.parent, own.raw["traceState"]) == (TRACE, SPAN, "foo=1,bar=2")


@pytest.mark.parametrize("method, path, status, name", [
    ("GET", "/none", 404, "GET"), ("POST", "/live/users/1", 405, "POST"), ("GET", "/never", 500, "GET /never"), ("GET", "/outcome?result=9", 504, "GET /outcome"),
    ("HEAD", "/facts", 200, "HEAD /facts"), ("OPTIONS", "/facts", 204, "OPTIONS")])
def test_outcomes(traced: Traced, method: str, path: str, status: int, name: str) -> None:
    own, = traced.spans(method, path)
    assert (own.name, own.attributes["http.response.status_code"], own.failed) == (name, status, status >= 500)
    assert own.attributes.get("error.type") == (str(status) if status >= 500 else None)


def test_a_method_that_nobody_knows(traced: Traced) -> None:
    answer = traced.service.ask("BREW", "/facts")
    own, = traced.file.wait(answer.sent_id)
    assert own.name == "HTTP"
    assert (own.attributes["http.request.method"], own.attributes["http.request.method_original"]) == ("_OTHER", "BREW")


@pytest.mark.parametrize("host, address, port", [
    ("example.org", "example.org", None), ("[::1]:8080", "::1", 8080), ("[::1]", "::1", None), ("a:b", "a", None), ("a:99999", "a", None), ("a:", "a", None),
    ("user:word@example.org:81", "example.org", 81), ("", None, None), ("[", None, None), (":80", None, 80)])
def test_hosts(traced: Traced, host: str, address: Optional[str], port: Optional[int]) -> None:
    own, = traced.file.wait(traced.service.ask(uri="/facts", HTTP_HOST=host).sent_id)
    assert (own.attributes.get("server.address"), own.attributes.get("server.port")) == (address, port)


@pytest.mark.parametrize("protocol, version", [("HTTP/1.0", "1.0"), ("HTTP/2.0", "2"), ("HTTP/3.0", "3"), ("INCLUDED", None), ("", None)])
def test_protocols(traced: Traced, protocol: str, version: Optional[str]) -> None:
    own, = traced.file.wait(traced.service.ask(uri="/facts", SERVER_PROTOCOL=protocol).sent_id)
    assert own.attributes.get("network.protocol.version") == version


HOSTILE = {"every byte": bytes(range(1, 256)), "invalid UTF-8": b"\xff\xfe\xc3(", "quotes": b'"}\\",{', "newlines": b"a\r\nb\n", "escape": b"\x1b[31m",
           "long": b"\x01" * 20000, "long and not UTF-8": b"\xe4" * 20000, "beyond": b"\xf4\x90\x80\x80", "surrogate": b"\xed\xa0\x80"}


@pytest.mark.parametrize("bad", HOSTILE.values(), ids=HOSTILE)
def test_any_bytes(traced: Traced, bad: bytes) -> None:
    for place in ("REQUEST_URI", "QUERY_STRING", "REQUEST_METHOD", "REMOTE_USER", "REMOTE_ADDR", "HTTP_USER_AGENT", "HTTP_HOST", "SERVER_PROTOCOL",
                  "HTTP_TRACEPARENT", "HTTP_TRACESTATE"):
        identity = new_id()
        params = dict(fcgi.cgi(uri="/facts?p=1", correlation_id=identity))
        params[place] = b"/" + bad if place == "REQUEST_URI" else b"HTTP/" + bad if place == "SERVER_PROTOCOL" else bad
        with traced.service.connect() as connection:
            connection.exchange(list(params.items()), keep=False)
        assert traced.file.wait(identity)


def test_all_of_them_at_once_still_fit(traced: Traced) -> None:
    identity, bad = new_id(), b"\x01" * 6000
    params = dict(fcgi.cgi(uri=b"/facts/" + bad, correlation_id=identity, headers=[("HTTP_TRACEPARENT", SAMPLED["traceparent"])]))
    for place in ("QUERY_STRING", "REQUEST_METHOD", "REMOTE_ADDR", "HTTP_USER_AGENT", "HTTP_HOST"):
        params[place] = bad
    params["HTTP_TRACESTATE"] = "a=" + '"\\' * 120
    with traced.service.connect() as connection:
        connection.exchange(list(params.items()), keep=False)
    own, = traced.file.wait(identity)
    assert own.attributes["url.path"] == "/facts/" + "\x01" * 505


# ---- What it waited for ----

def sql(traced: Traced, statement: str) -> Span:
    """The span of a statement."""
    return traced.spans("GET", "/sql?q=" + "".join(f"%{byte:02x}" for byte in statement.encode()))[0]


@pytest.mark.parametrize("statement, shown, state", [
    ("select 'canary-1', 17", "select ?, ?", None),
    ("select 1/0", "select ?/?", "22012"),
    ("selec nothing", "selec nothing", "42601"),
    ("select * from no_such_table -- canary-2", "select * from no_such_table", "42P01"),
])
def test_statements(traced: Traced, statement: str, shown: str, state: Optional[str]) -> None:
    span = sql(traced, statement)
    assert span.attributes["db.query.text"] == shown
    assert (span.attributes.get("db.response.status_code"), span.attributes.get("error.type"), span.failed) == (state, state, state is not None)


def test_a_code_is_of_its_own_statement(traced: Traced) -> None:
    assert sql(traced, "select 1/0").failed
    for _ in range(8):
        assert not sql(traced, "select 1").failed


def test_a_statement_in_vain(traced: Traced) -> None:
    span = sql(traced, "select pg_sleep(0), pg_terminate_backend(pg_backend_pid())")
    assert span.failed and span.attributes["error.type"] in ("57P01", "unavailable")


def test_the_cache(traced: Traced) -> None:
    key = "/cache/" + new_id()
    for method, body, name in (("GET", None, "GET"), ("PUT", b"value", "SET"), ("GET", None, "GET"), ("DELETE", None, "UNLINK")):
        span, _ = traced.spans(method, key, body)
        assert (span.name, span.kind, span.failed) == (name, CLIENT, False), "a miss is no error"
        assert span.attributes == {"db.system.name": "redis", "db.operation.name": name}


def test_a_cache_that_hangs(traced: Traced, cache: Redis) -> None:
    cache.freeze()
    try:
        span, own = traced.spans("GET", "/cache/any")
    finally:
        cache.thaw()
    assert span.failed and span.attributes["error.type"] in ("timeout", "unavailable") and own is not None
    wait_for(lambda: traced.ask("GET", "/cache/any").status == 404, 10, "the cache serves again")


def test_many_operations(traced: Traced) -> None:
    """Calls of a relay that may take 32 of them, each with a URL that is cut."""
    spans = traced.relay("/facts?p=" + "x" * 3000, 32)
    assert len(spans) == 33 and "vitals.spans.left_out" not in spans[-1].attributes


# ---- From service to service ----

def test_a_chain(traced: Traced) -> None:
    """The relay calls nginx, and so the same service: its span hangs below that of the call."""
    path = "/echo?token=canary-3&n=" + new_id()
    call, own = traced.relay(path, **SAMPLED, tracestate="foo=1")
    assert (call.name, call.trace, call.parent, call.failed) == ("POST", TRACE, own.span, False)
    assert call.attributes["http.response.status_code"] == 200 and call.attributes["url.full"].endswith(path.replace("canary-3", "***REDACTED***"))
    callee = wait_for(lambda: [spans[-1] for spans in traced.file.requests() if spans[-1].parent == call.span], 5, "the span of the callee")[0]
    assert (callee.name, callee.trace, callee.raw["traceState"]) == ("POST /echo", TRACE, "foo=1")
    assert callee.attributes["vitals.correlation_id"] == own.attributes["vitals.correlation_id"]
    assert call.start <= callee.start and callee.end <= call.end


def test_a_call_in_vain(traced: Traced) -> None:
    call, own = traced.relay("/no/such/path")
    assert call.failed and call.attributes["error.type"] == "404" and not own.failed


# ---- Which requests ----

def none_of(traced: Traced, answers: list[Answer]) -> bool:
    """No spans of these, also when those of a later request are there."""
    traced.spans("GET", "/facts")
    return all(traced.file.find(answer.correlation_id) is None for answer in answers)


def test_a_caller_decides(traced: Traced) -> None:
    assert none_of(traced, [traced.ask("GET", "/live/users/1", None, {"traceparent": f"00-{TRACE}-{SPAN}-{flags}"}) for flags in ("00", "02", "fe")])


def test_probes_leave_none(traced: Traced) -> None:
    assert none_of(traced, [traced.ask("GET", "/health"), traced.ask("GET", "/health/ready")])
    assert traced.spans("GET", "/health", None, SAMPLED)[-1].name == "GET /health", "unless their caller wants them"


def test_nothing_secret(traced: Traced) -> None:
    places = [("GET", "/facts?password=canary-4&canary=canary-4", None, {}), ("GET", "/facts?a[api_key]=canary-4", None, {"Cookie": "a=canary-4"}),
              ("POST", "/echo", b'{"a":"canary-4"}', {"Content-Type": "application/json", "Authorization": "Bearer canary-4"})]
    for place in places:
        traced.spans(*place)
    sql(traced, "select E'a\\'canary-4', $$canary-4$$, /* canary-4 */ 1")
    assert b"canary-" not in traced.file.path.read_bytes()


def test_a_share(service: Callable[..., Vitalsd], directory: Callable[[], Path]) -> None:
    place = directory()
    place.mkdir()
    file = TraceFile(place / "spans")
    instance = service(TRACE_FILE=file.path, TRACE_SAMPLE="0.5").start()
    with instance.connect() as connection:
        for _ in range(400):
            connection.ask(uri="/facts")
        last = connection.ask(uri="/facts", headers=[("HTTP_TRACEPARENT", SAMPLED["traceparent"])])
    file.wait(last.sent_id)
    requests = file.requests()
    assert 120 < len(requests) < 280
    assert all(spans[-1].trace == TRACE or int(spans[-1].trace[18:], 16) >= 1 << 55 for spans in requests), "by the random bits alone"
    flags = {record["trace_flags"] for record in instance.log.find("Request completed", path="/facts")}
    assert flags == {"01", "02", "03"}


def test_opened_again(traced: Traced, service: Callable[..., Vitalsd], directory: Callable[[], Path]) -> None:
    """logrotate under load: every line is in one of the two files, and none is torn."""
    place = directory()
    place.mkdir()
    file, old = TraceFile(place / "spans"), TraceFile(place / "spans.1")
    instance = service(TRACE_FILE=file.path).start()
    sent: list[str] = []
    stop = threading.Event()

    def load() -> None:
        with instance.connect() as connection:
            while not stop.is_set():
                sent.append(connection.ask(uri="/facts").sent_id)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: len(sent) > 50, 10, "requests before")
        file.path.rename(old.path)
        os.kill(instance.pid, signal.SIGUSR1)
        wait_for(file.requests, 10, "spans in the new file")
    finally:
        stop.set()
        for thread in threads:
            thread.join()

    def found() -> list[str]:
        """Their correlation IDs."""
        return sorted(str(spans[-1].attributes["vitals.correlation_id"]) for spans in old.requests() + file.requests())

    wait_for(lambda: len(found()) >= len(sent), 10, "all spans")
    assert found() == sorted(sent)


@pytest.mark.parametrize("value, sentence", [("spans.jsonl", "allowed is an absolute path"), ("/nowhere/spans", "cannot be opened"), ("/dev/null", "is not a regular file")])
def test_a_file_that_cannot_be(service: Callable[..., Vitalsd], value: str, sentence: str) -> None:
    process = service(TRACE_FILE=value).spawn()
    assert process.wait(10) != 0 and sentence in process.said()
