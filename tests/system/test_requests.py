"""Routes, methods, paths, bodies and JSON, through nginx and as raw records."""
from __future__ import annotations

import json
from typing import Callable, Optional

import pytest

from conftest import Stack
from harness import fcgi
from harness.http import HttpClient, raw_exchange
from harness.nginx import Nginx
from harness.vitalsd import Vitalsd

MIB = 1 << 20


# ---- Routes and methods ----

def test_a_user(stack: Stack) -> None:
    with stack.client() as client:
        answer = stack.service.expect(client.get("/users/42"), 200, route="/users/{id}", path="/users/42")
    assert answer.header("Content-Type") == "application/json"
    assert answer.json() == {"id": 42, "name": "User 42", "email": "user42@example.org"}


@pytest.mark.parametrize("path, status", [("/users/999999", 404), ("/users/abc", 400), ("/users/1e3", 400), ("/users/", 404),
                                          ("/users/99999999999999999999", 400), ("/users/1/2", 404), ("/users", 404),
                                          ("/users/%27%20or%201=1", 400)])
def test_users_that_are_none(stack: Stack, path: str, status: int) -> None:
    with stack.client() as client:
        stack.service.expect_problem(client.get(path), status)


def test_no_such_route(stack: Stack) -> None:
    with stack.client() as client:
        problem = stack.service.expect_problem(client.get("/no/such/route"), 404)
    assert problem["title"] == "Not Found"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE-ME"])
def test_method_not_allowed(stack: Stack, method: str) -> None:
    answer = stack.service.ask(method, "/live/users/42")
    stack.service.expect_problem(answer, 405)
    assert answer.header("Allow") == "GET, HEAD, OPTIONS"


def test_several_methods_are_listed(stack: Stack) -> None:
    answer = stack.service.ask("POST", "/cache/k")
    stack.service.expect_problem(answer, 405)
    assert answer.header("Allow") == "DELETE, GET, HEAD, OPTIONS, PUT"


def test_options(stack: Stack) -> None:
    with stack.client() as client:
        answer = client.request("OPTIONS", "/live/users/42")
        assert answer.status in (200, 204) and answer.body == b""
        stack.service.expect(answer, answer.status)
        assert answer.header("Allow") == "GET, HEAD, OPTIONS"
        stack.service.expect_problem(client.request("OPTIONS", "/no/such/route"), 404)


def test_head(stack: Stack) -> None:
    with stack.client() as client:
        shown, headed = client.get("/users/42"), client.request("HEAD", "/users/42")
        stack.service.expect(headed, 200, route="/users/{id}")
        assert headed.body == b"" and headed.header("Content-Length") == str(len(shown.body))
        assert client.get("/users/43").json()["id"] == 43
    raw = stack.service.ask("HEAD", "/users/42")
    assert raw.body == b"" and raw.header("Content-Length") == str(len(shown.body))


@pytest.mark.parametrize("code", [204, 304])
def test_statuses_without_a_body(stack: Stack, code: int) -> None:
    answer = stack.service.expect(stack.service.ask(uri=f"/coded?code={code}"), code)
    assert answer.body == b"" and answer.header("Content-Length") is None


@pytest.mark.parametrize("result, status", [(1, 400), (2, 404), (3, 409), (4, 413), (5, 415), (6, 404), (7, 503), (8, 503), (9, 504),
                                            (11, 503), (12, 500), (13, 500)])
def test_each_outcome_has_its_status(stack: Stack, result: int, status: int) -> None:
    stack.service.expect_problem(stack.service.ask(uri=f"/outcome?result={result}"), status, route="/outcome")


# ---- Paths ----

PATHS: list[tuple[str, int]] = [
    ("/users/%34%32", 200),
    ("/%75sers/42", 200),
    ("/users/../users/42", 200),
    ("/users/./42", 200),
    ("/a/b/../../users/42", 200),
    ("/a/%2e%2e/users/42", 200),
    ("/users/%2542", 400),
    ("/users/%252e%252e", 400),
    ("/users/42%00", 400),
    ("/users/4%", 400),
    ("/users/4%2", 400),
    ("/users/4%zz", 400),
    ("/..", 400),
    ("/../users/42", 400),
    ("/%2e%2e/users/42", 400),
    ("/a/../../users/42", 400),
    ("/users/4\xff", 400),
    ("/users/42/", 404),
    ("//users/42", 404),
    ("/Users/42", 404),
]


@pytest.mark.parametrize("path, status", PATHS, ids=[path for path, _ in PATHS])
def test_paths(stack: Stack, path: str, status: int) -> None:
    """By REQUEST_URI alone: decoded once, dot segments gone, nothing above the root."""
    answer = stack.service.ask(uri=path, PATH_INFO="", SCRIPT_NAME="", DOCUMENT_URI="")
    if status == 200:
        stack.service.expect(answer, 200, route="/users/{id}")
        assert answer.json()["id"] == 42
    else:
        stack.service.expect_problem(answer, status)


@pytest.mark.parametrize("script, info, uri, path", [
    ("/api", "/facts/x", "/api/facts/x", "/facts/x"),
    ("/api/v1", "/facts", "/api/v1/facts?p=1", "/facts"),
    ("", "/facts/x", "/facts/x", "/facts/x"),
])
def test_mounted_at_a_prefix(stack: Stack, script: str, info: str, uri: str, path: str) -> None:
    answer = stack.service.expect(stack.service.ask(uri=uri, SCRIPT_NAME=script, PATH_INFO=info), 200)
    assert (answer.json()["script_name"], answer.json()["path"]) == (script, path)
    if script:
        stack.service.expect_problem(stack.service.ask(uri=f"{script}/none", SCRIPT_NAME=script, PATH_INFO="/none"), 404)


@pytest.mark.parametrize("params", [
    [("REQUEST_METHOD", "")], [], [("REQUEST_METHOD", "GET")], [("REQUEST_URI", "/health")],
    [("REQUEST_METHOD", "G ET"), ("REQUEST_URI", "/health")], [("REQUEST_METHOD", "GET"), ("REQUEST_URI", "health")],
    [("REQUEST_METHOD", "GET"), ("REQUEST_URI", "*")], [("REQUEST_METHOD", "GET"), ("REQUEST_URI", "")],
], ids=str)
def test_variables_that_make_no_request(stack: Stack, params: list[tuple[str, str]]) -> None:
    before = stack.service.workers()
    with stack.service.connect() as connection:
        try:
            assert 400 <= connection.exchange(params, keep=False).status < 500
        except fcgi.Closed:
            pass
    assert stack.service.workers() == before


# ---- Facts of a request ----

def test_facts_through_nginx(stack: Stack) -> None:
    with stack.client() as client:
        answer = client.get("/facts/a%20b?p=1&p=&q=%26&p=%C3%A4+b", [("X-Repeated", "one"), ("X-Repeated", "two"),
                            ("Cookie", "a=b; flavour=choc; flavour=mint"), ("X-Correlation-ID", "facts-1"), ("Host", "example.org")])
    told = stack.service.expect(answer, 200, route="/facts/{segment}").json()
    assert told["method"] == "GET" and told["path"] == "/facts/a b" and told["segment"] == "a b"
    assert told["query"] == "p=1&p=&q=%26&p=%C3%A4+b" and told["params"] == ["1", "", "ä b"]
    assert told["headers"] in (["one", "two"], ["one, two"])
    assert told["cookie"] == "choc" and told["script_name"] == "" and told["scheme"] == "http"
    assert told["client_ip"] == "127.0.0.1" and told["correlation_id"] == "facts-1" and told["host"] == "example.org"
    assert told["content_type"] == "" and told["content_length"] == -1 and told["user"] is None
    assert len(told["request_id"]) == 32, "nginx's $request_id"
    assert stack.service.completed(answer)["request_id"] == told["request_id"]


def test_facts_of_a_body(stack: Stack) -> None:
    with stack.client() as client:
        told = client.post("/facts", b"12345", "Text/Plain; Charset=UTF-8").json()
    assert told["content_type"] == "text/plain" and told["content_length"] == 5


def test_repeated_parameters_are_all_read(stack: Stack) -> None:
    answer = stack.service.ask(uri="/facts", headers=[("HTTP_X_REPEATED", "one"), ("HTTP_X_REPEATED", ""), ("HTTP_X_REPEATED", "three")],
                               REMOTE_USER="alice", REQUEST_SCHEME="https", HTTPS="on")
    told = stack.service.expect(answer, 200, user_id="alice").json()
    assert told["headers"] == ["one", "", "three"] and told["user"] == "alice" and told["scheme"] == "https"


def test_started_and_completed_are_logged(stack: Stack) -> None:
    with stack.client() as client:
        answer = client.get("/facts?p=1&token=abc&password=hunter2")
    stack.service.completed(answer)
    started = stack.service.log.wait("Request started", correlation_id=answer.sent_id)
    assert started["method"] == "GET" and started["client_ip"] == "127.0.0.1" and started["level"] == "INFO"
    assert started["url"].endswith("/facts?p=1&token=***REDACTED***&password=***REDACTED***"), started


# ---- Bodies ----

@pytest.mark.parametrize("size", [0, 1, 127, 8191, 8192, 8193, 65535, 65536, 300_000, MIB])
def test_bodies_of_any_size(stack: Stack, size: int) -> None:
    with stack.client() as client:
        answer = stack.service.expect(client.post("/count", b"\0" * size, "application/octet-stream"), 200)
    assert answer.json() == {"bytes": size, "zeros": size}


@pytest.mark.parametrize("piece", [1, 7, 8184, 65535])
def test_a_body_in_many_records(stack: Stack, piece: int) -> None:
    body = bytes(range(256)) * (20 if piece == 1 else 1000)
    with stack.service.connect() as connection:
        for _ in range(2):
            answer = connection.ask("POST", "/count", body, piece=piece)
            assert answer.json() == {"bytes": len(body), "zeros": len(body) // 256}
    stack.service.expect(answer, 200, bytes=len(answer.body))


def test_a_body_without_content_length(stack: Stack) -> None:
    with stack.service.connect() as connection:
        answer = connection.exchange(fcgi.cgi("POST", "/count", correlation_id="streamed-1"), b"x" * 1000)
        assert answer.json()["bytes"] == 1000
        assert connection.ask(uri="/health").status == 200


def test_chunked_through_nginx(stack: Stack) -> None:
    data = raw_exchange(stack.nginx.port, b"POST /count HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                        b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
    assert data.startswith(b"HTTP/1.1 200") and b'"bytes":11' in data.replace(b" ", b"").replace(b"\n", b""), data


def test_echo_is_byte_for_byte(stack: Stack) -> None:
    body = ' {"a" : [1, 2.50, 1e5, "\\u00e4 ä \\n"], "big": 12345678901234567890, "a": null}\n'.encode()
    with stack.client() as client:
        answer = stack.service.expect(client.post("/echo", body), 200, route="/echo")
    assert answer.body == body and answer.header("Content-Type") == "application/json"


def test_large_echo(stack: Stack) -> None:
    body = b'["' + b"x" * (MIB - 4) + b'"]'
    with stack.client() as client:
        assert stack.service.expect(client.post("/echo", body), 200).body == body


def test_too_large_by_content_length(stack: Stack) -> None:
    """Answered before anything of the body has come."""
    with stack.service.connect() as connection:
        params = fcgi.cgi("POST", "/echo", content_type="application/json", content_length=str(MIB + 1), correlation_id="large-1")
        connection.send(fcgi.begin() + fcgi.stream(fcgi.PARAMS, fcgi.pairs(params)))
        answer = connection.read_answer()
    answer.sent_id, answer.method = "large-1", "POST"
    assert answer.seconds < 1
    stack.service.expect_problem(answer, 413)


@pytest.mark.parametrize("route", ["/echo", "/count"])
@pytest.mark.parametrize("size", [MIB + 1, 20 * MIB])
def test_too_large_through_nginx(stack: Stack, route: str, size: int) -> None:
    with stack.client() as client:
        answer = client.post(route, b" " * size)
        stack.service.expect_problem(answer, 413)
        stack.service.expect(client.get("/users/1"), 200)


@pytest.mark.parametrize("path, status", [("/unread", 200), ("/no-such-route", 404), ("/users/1", 405)])
def test_an_unread_body_costs_no_answer(service: Callable[..., Vitalsd], front: Callable[[Vitalsd], Nginx], path: str, status: int) -> None:
    """All defaults: a body that nginx lets through and no handler reads still gets the service's answer, not a 502."""
    instance = service().start()
    with HttpClient(front(instance).port) as client:
        for size in (2 * MIB, 15 * MIB):
            for _ in range(3):
                instance.expect(client.post(path, b" " * size), status)


def test_too_large_by_stream(stack: Stack) -> None:
    with stack.service.connect() as connection:
        params = fcgi.cgi("POST", "/count", correlation_id="large-2")
        connection.send(fcgi.request(params, b"x" * (MIB + 1)))
        answer = connection.read_answer()
    answer.sent_id, answer.method = "large-2", "POST"
    stack.service.expect_problem(answer, 413)


@pytest.mark.parametrize("said", ["-1", "abc", "1e3", "0x10", "5 5", "99999999999999999999", "+5", ""])
def test_content_length_that_is_none(stack: Stack, said: str) -> None:
    before = stack.service.workers()
    with stack.service.connect() as connection:
        answer = connection.exchange(fcgi.cgi("POST", "/count", content_length=said), b"hello", keep=False)
    assert answer.status in ((400, 413) if said else (200,)), answer
    assert stack.service.workers() == before


def test_two_content_lengths_that_differ(stack: Stack) -> None:
    with stack.service.connect() as connection:
        params = fcgi.cgi("POST", "/count", content_length="5") + [("CONTENT_LENGTH", "6")]
        assert connection.exchange(params, b"hello", keep=False).status == 400


@pytest.mark.parametrize("said, sent", [(10, 4), (4, 10), (0, 10)])
def test_content_length_that_lies(stack: Stack, said: int, sent: int) -> None:
    """Short: never a good answer. Long: what is too much reaches nobody."""
    with stack.service.connect() as connection:
        try:
            answer = connection.exchange(fcgi.cgi("POST", "/count", content_length=str(said)), b"x" * sent)
            assert (answer.status == 200) == (said <= sent) or answer.status == 400, answer
            if answer.status == 200:
                assert answer.json()["bytes"] == said
            assert connection.ask(uri="/users/5").json()["id"] == 5
        except fcgi.Closed:
            pass
    assert stack.service.ask(uri="/users/5").status == 200


# ---- JSON ----

TYPES: list[tuple[Optional[str], int]] = [
    ("application/json", 200), ("application/json; charset=utf-8", 200), ("Application/JSON", 200), ("application/problem+json", 200),
    ("application/vnd.api+json;v=1", 200), (None, 415), ("text/plain", 415), ("application/x-www-form-urlencoded", 415),
    ("application/jsonp", 415), ("text/json-not", 415), ("", 415), ("json", 415), ("application/xml, application/json", 415),
]


@pytest.mark.parametrize("content_type, status", TYPES, ids=str)
def test_content_types(stack: Stack, content_type: Optional[str], status: int) -> None:
    answer = stack.service.ask("POST", "/echo", b"{}", content_type=content_type)
    if status == 200:
        assert stack.service.expect(answer, 200).body == b"{}"
    else:
        stack.service.expect_problem(answer, status)


GOOD = [b"{}", b"[]", b"0", b"-0", b"-0.0e-0", b"1E+2", b'""', b"null", b"true", b"false", b' [ 1 , {"a" : "b" } ]\r\n\t', b'"\\/\\b\\f"',
        '"ä€𝄞"'.encode(), b'"\\uD834\\uDD1E"', b'"\x7f"', b'{"":0}', b'{"a":1,"a":2}', b"123456789012345678901234567890", b"1e400",
        b"[" * 20 + b"]" * 20]
BAD = [b"", b" ", b"{", b"}", b"[1,]", b'{"a":1,}', b'{"a"}', b'{"a":}', b"{a:1}", b"{'a':1}", b"[1 2]", b'{"a":1 "b":2}', b"01", b"-",
       b"+1", b".5", b"1.", b"1e", b"0x10", b"NaN", b"Infinity", b"-Infinity", b"nan", b"True", b"TRUE", b"tru", b"nulll", b"None",
       b"{} {}", b"{}x", b"1,2", b"[1]]", b"// c\n{}", b"/* c */{}", b"{}#", b'"', b'"\\"', b'"\\x41"', b'"\\u12"', b'"\\u12g4"', b'"\n"',
       b'"\t"', b'"\x00"', b"{}\x00", b"\x00{}", b"\x0c{}", b"\xa0{}", b"\xef\xbb\xbf{}", b'"\xff"', b'"\xc3"', b'"\xc0\xaf"',
       b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b"[" * 2000 + b"]" * 2000, b"[" * 100_000, b'{"a":' * 5000, "{\u2028}".encode(), b"'a'",
       b'"a" "b"', b"[,1]", b"[1,,2]", b'{"a":1,,"b":2}', b"--1", b"1.2.3", b"1e5.5", b"- 1"]


@pytest.mark.parametrize("body", GOOD, ids=lambda body: repr(body[:24]))
def test_json_is_taken(stack: Stack, body: bytes) -> None:
    answer = stack.service.expect(stack.service.ask("POST", "/echo", body, content_type="application/json"), 200)
    assert answer.body == body


def test_json_is_refused(stack: Stack) -> None:
    """The whole table on one kept-alive connection, a good document after each bad one."""
    with stack.service.connect() as connection:
        for body in BAD:
            answer = connection.ask("POST", "/echo", body, content_type="application/json")
            assert answer.status == 400, (body[:40], answer)
            stack.service.expect_problem(answer, 400, route="/echo")
            assert connection.ask("POST", "/echo", b"[1]", content_type="application/json").body == b"[1]"


# ---- Wrong handlers ----

@pytest.mark.parametrize("path", ["/never", "/twice", "/bad-header", "/huge"])
def test_a_wrong_handler_is_one_clean_500(stack: Stack, path: str) -> None:
    with stack.client() as client:
        answer = client.get(path)
        stack.service.expect_problem(answer, 500, route=path)
        assert answer.header("X-Injected") is None and answer.header("X-Split") is None
        stack.service.expect(client.get("/users/1"), 200)
    said = [found for found in stack.service.log.records()
            if found.get("correlation_id") == answer.sent_id and found["level"] in ("ERROR", "CRITICAL")]
    assert said, "an error is logged"


def test_a_client_cannot_split_a_header(stack: Stack) -> None:
    answer = stack.service.ask(uri="/header?value=a%0d%0aX-Injected:%20b")
    assert answer.header("X-Injected") is None and answer.status == 500
    assert stack.service.ask(uri="/header?value=plain").header("X-Test") == "plain"


# ---- Database and cache ----

def test_sql(stack: Stack) -> None:
    with stack.client() as client:
        rows = stack.service.expect(client.get("/sql?q=select%20$1::int%20as%20n,true%20as%20b,null%20as%20z,$2%20as%20t&p=5&p=x"), 200)
        assert rows.json() == [{"n": 5, "b": True, "z": None, "t": "x"}]
        assert client.get("/sql?q=select%201%20where%20false").json() == []
        stack.service.expect_problem(client.get("/sql?q=select%20$1::int&p=x"), 400)
        stack.service.expect_problem(client.get("/sql?q=insert%20into%20users%20values(1,$1,$1)&p=x"), 409)
        wrong = client.get("/sql?q=select%20nonsense")
        stack.service.expect_problem(wrong, 500)
        assert b"nonsense" not in wrong.body


def test_a_query_that_takes_too_long(stack: Stack) -> None:
    """REQUEST_TIMEOUT is five seconds here, DB_QUERY_TIMEOUT ten: the earlier counts."""
    answer = stack.service.ask(uri="/sql?q=select%20pg_sleep(20)")
    assert 4 < answer.seconds < 7
    stack.service.expect_problem(answer, 504)
    assert stack.service.ask(uri="/users/1").status == 200


def test_cache(stack: Stack) -> None:
    value = bytes(range(256))
    with stack.client() as client:
        assert client.get("/cache/of-this-test").status == 404
        stack.service.expect(client.request("PUT", "/cache/of-this-test?ttl=60", value), 204)
        shown = stack.service.expect(client.get("/cache/of-this-test"), 200)
        assert shown.body == value
        stack.service.expect(client.request("DELETE", "/cache/of-this-test"), 204)
        assert client.get("/cache/of-this-test").status == 404
        stack.service.expect(client.request("PUT", "/cache/two", b""), 204)
        assert client.get("/cache/two").body == b""


def test_cache_keeps_to_the_time_to_live(stack: Stack) -> None:
    with stack.client() as client:
        client.request("PUT", "/cache/ttl", b"x")
        client.request("PUT", "/cache/ttl-60?ttl=60", b"x")
    times = sorted(int(stack.cache.command("TTL", key)) for key in stack.cache.command("KEYS", "*ttl*"))
    assert len(times) == 2 and 50 < times[0] <= 60 and 290 < times[1] <= 300, times


# ---- Slow ----

@pytest.mark.parametrize("how", ["sleep", "spin", "database"])
def test_slow(stack: Stack, how: str) -> None:
    with stack.client() as client:
        answer = stack.service.expect(client.get(f"/slow?ms=150&how={how}"), 200, route="/slow")
    assert 0.15 <= float(answer.header("X-Process-Time")) < 1.5
    assert stack.service.completed(answer)["duration_seconds"] >= 0.15


@pytest.mark.parametrize("query", ["ms=-1", "ms=x", "how=sleep", "ms=10&how=dance"])
def test_slow_with_wrong_parameters(stack: Stack, query: str) -> None:
    answer = stack.service.ask(uri=f"/slow?{query}")
    assert answer.status in (200, 400) and answer.seconds < 2


def test_crash_is_not_there_unless_asked_for(stack: Stack) -> None:
    with stack.client() as client:
        stack.service.expect_problem(client.post("/crash", b"{}"), 404)


def test_problems_are_json_without_a_clients_bytes(stack: Stack) -> None:
    answer = stack.service.ask(uri='/none/"<script>\\\xff')
    assert json.loads(answer.body)["status"] in (400, 404) and b"<script>" not in answer.body
