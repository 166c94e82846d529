"""X-Correlation-ID and X-Process-Time on every answer, and log lines that stay valid whatever comes in."""
from __future__ import annotations

import re
import uuid

import pytest

from conftest import Stack
from harness import fcgi
from harness.http import Answer, new_id, raw_exchange

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.mark.parametrize("sent", ["a", "abc-DEF_1.2", "0" * 128, "-", "._-", "6f1c6f0e-5b1e-4d5a-9c57-1f2f3a4b5c6d"])
def test_taken_over(stack: Stack, sent: str) -> None:
    with stack.client() as client:
        answer = client.get("/health/live", {"X-Correlation-ID": sent})
    assert answer.correlation_id == sent
    assert stack.service.log.wait("Request completed", correlation_id=sent)


REJECTED = ["", " ", "a b", "a,b", "x" * 129, "a/b", "a;b", '"a"', "ä", "a\tb", "{}", "a\\", "x" * 4000]


def made(stack: Stack, answer: Answer) -> str:
    """The ID that the service made instead."""
    identity = answer.correlation_id
    assert UUID.fullmatch(identity), identity
    stack.service.log.wait("Request completed", correlation_id=identity)
    return identity


def says_rejected(stack: Stack, identity: str) -> bool:
    """Some record of the request says that an ID was rejected."""
    return any("reject" in str(found).lower() for found in stack.service.log.records() if found.get("correlation_id") == identity)


@pytest.mark.parametrize("sent", REJECTED, ids=lambda sent: repr(sent[:12]))
def test_rejected(stack: Stack, sent: str) -> None:
    with stack.service.connect() as connection:
        answer = connection.exchange(fcgi.cgi(uri="/health/live", correlation_id=sent), keep=False)
    identity = made(stack, answer)
    if sent.strip():
        assert says_rejected(stack, identity)


@pytest.mark.parametrize("values", [("one", "two"), ("same", "same"), ("one", "")])
def test_repeated_is_rejected(stack: Stack, values: tuple[str, str]) -> None:
    with stack.service.connect() as connection:
        params = fcgi.cgi(uri="/health/live", headers=[("HTTP_X_CORRELATION_ID", value) for value in values])
        answer = connection.exchange(params, keep=False)
    assert says_rejected(stack, made(stack, answer))


def test_repeated_through_nginx_is_rejected(stack: Stack) -> None:
    with stack.client() as client:
        answer = client.get("/health/live", [("X-Correlation-ID", "one"), ("X-Correlation-ID", "two")])
    assert says_rejected(stack, made(stack, answer))


def test_made_ones_differ(stack: Stack) -> None:
    with stack.service.connect() as connection:
        found = {connection.exchange(fcgi.cgi(uri="/health/live")).correlation_id for _ in range(50)}
    assert len(found) == 50 and all(UUID.fullmatch(identity) for identity in found)


ERRORS = [("GET", "/none", 404, None), ("POST", "/live/users/1", 405, b""), ("POST", "/echo", 400, b"{"), ("GET", "/never", 500, None),
          ("GET", "/live/users/x", 400, None), ("GET", "/outcome?result=8", 503, None), ("GET", "/outcome?result=9", 504, None)]


@pytest.mark.parametrize("method, path, status, body", ERRORS, ids=str)
def test_on_errors_too(stack: Stack, method: str, path: str, status: int, body: bytes) -> None:
    with stack.client() as client:
        answer = client.request(method, path, body, {"Content-Type": "application/json"})
    stack.service.expect_problem(answer, status)
    assert re.fullmatch(r"\d+\.\d+", answer.header("X-Process-Time") or "")


def test_a_request_keeps_the_web_servers_id(stack: Stack) -> None:
    answer = stack.service.expect(stack.service.ask(uri="/facts", REQUEST_ID="abcdef0123456789"), 200, request_id="abcdef0123456789")
    assert answer.json()["request_id"] == "abcdef0123456789"
    own = stack.service.completed(stack.service.ask(uri="/facts"))["request_id"]
    assert uuid.UUID(own)


# ---- The log ----

EVERY_BYTE = bytes(range(1, 256))
HOSTILE = {
    "every byte": EVERY_BYTE, "NUL": b"a\0b", "escape": b"\x1b[31mred", "newlines": b"a\r\nb\n{\"level\":\"ERROR\"}\n",
    "invalid UTF-8": b"\xff\xfe\xc3(", "overlong": b"\xc0\xaf", "surrogate": b"\xed\xa0\x80", "cut": b"\xe2\x82", "quotes": b'"}\\",{',
    "U+2028": "\u2028\u2029\u0085".encode(), "beyond": b"\xf4\x90\x80\x80", "long": b"\xe4" * 20000, "percent": b"%s%n%99999d",
}


@pytest.mark.parametrize("bad", HOSTILE.values(), ids=HOSTILE)
def test_the_log_stays_valid(stack: Stack, bad: bytes) -> None:
    """In the path, the query, headers, method, user, address: one record a line, valid UTF-8, valid JSON."""
    before = stack.service.workers()
    for place in ("REQUEST_URI", "QUERY_STRING", "REQUEST_METHOD", "REMOTE_USER", "REMOTE_ADDR", "HTTP_USER_AGENT", "HTTP_HOST",
                  "REQUEST_ID", "HTTP_COOKIE", "PATH_INFO", "SCRIPT_NAME", "CONTENT_TYPE"):
        identity = new_id()
        params = dict(fcgi.cgi(uri="/facts?p=1", correlation_id=identity))
        params[place] = b"/" + bad if place in ("REQUEST_URI", "PATH_INFO", "SCRIPT_NAME") else bad
        with stack.service.connect() as connection:
            try:
                connection.exchange(list(params.items()), keep=False)
            except fcgi.Closed:
                continue
        stack.service.log.wait("Request completed", correlation_id=identity)
        assert len(stack.service.log.find("Request completed", correlation_id=identity)) == 1
    assert stack.service.workers() == before


@pytest.mark.parametrize("bad", HOSTILE.values(), ids=HOSTILE)
def test_a_field_may_hold_any_bytes(stack: Stack, bad: bytes) -> None:
    answer = stack.service.expect(stack.service.ask("POST", "/log", bad), 204)
    found = stack.service.log.wait("Test record", correlation_id=answer.sent_id)
    assert found["bytes"] == len(bad) and found["half"] == 0.5 and found["yes"] is True
    assert found["Api-Key"] == "***REDACTED***" and found["function"] == "log_body" and found["module"].startswith("testmod")
    if bad == HOSTILE["newlines"]:
        assert found["text"] == bad.decode()


def test_a_record_that_is_too_long_is_cut(stack: Stack) -> None:
    answer = stack.service.expect(stack.service.ask("POST", "/log", b"\x01" * 100_000), 204)
    stack.service.log.wait("Test record", correlation_id=answer.sent_id)
    line = next(line for line in stack.service.log.path.read_bytes().split(b"\n") if b'"Test record"' in line and answer.sent_id.encode() in line)
    assert len(line) <= 16384 and (b'"truncated":true' in line)


def test_hostile_http_through_nginx(stack: Stack) -> None:
    for line in (b"GET /\xff\xfe%0a HTTP/1.1", b"GET /a%00b HTTP/1.1", b"GET /live/users/1?\x01=\xc3( HTTP/1.1"):
        identity = new_id()
        raw_exchange(stack.nginx.port, line + b"\r\nHost: x\r\nX-Bytes: \xff\x01\r\nX-Correlation-ID: " + identity.encode()
                     + b"\r\nConnection: close\r\n\r\n")
    stack.service.log.records()


def test_authorization_is_never_logged(stack: Stack) -> None:
    headers = [("HTTP_AUTHORIZATION", "Bearer very-secret-1"), ("HTTP_COOKIE", "session=very-secret-2")]
    stack.service.completed(stack.service.ask(uri="/facts?api_key=very-secret-3&X-Amz-Signature=very-secret-4", headers=headers))
    assert "very-secret" not in stack.service.log.path.read_text()
