"""Hostile strings in every place that a client controls: each log line stays one JSON object, each answer right."""
from __future__ import annotations

from typing import Callable, Iterator, Optional, Union

import pytest

from harness import fcgi
from harness.fcgi import parse_cgi
from harness.http import Answer, new_id, raw_exchange
from harness.nginx import Nginx
from harness.vitalsd import Vitalsd

CORPUS: dict[str, bytes] = {
    "invalid UTF-8": b"\xff\xfe\x80\xbf\xc1",
    "cut UTF-8": b"\xe2\x82 \xf0\x9f\x99 \xc3",
    "overlong": b"\xc0\xaf \xc0\x80 \xe0\x80\xaf \xf0\x80\x80\xaf",
    "surrogates": b"\xed\xa0\x80\xed\xb0\x80",
    "past the last character": b"\xf4\x90\x80\x80 \xf8\x88\x80\x80\x80",
    "NUL": b"a\0b",
    "controls": bytes(range(1, 32)) + b"\x7f",
    "C1 controls": "\x80\x85\x9b2J\x9c\x9f".encode(),
    "line separators": "a\u2028b\u2029c\u0085d".encode(),
    "bidirectional": "\u202e\u2066\u200f\ufeff".encode(),
    "terminal": b"\x1b[2J\x1b]0;owned\x07\x1b[31m",
    "a quote": b'"',
    "a backslash": b"\\",
    "the end of a record": b'"}\n{"level":"ERROR","message":"forged"}\n',
    "a record in a record": b'","level":"CRITICAL","x":"',
    "CRLF": b"a\r\nX-Injected: yes\r\n\r\n<script>",
    "JSON": b'{"a":{"b":[1,"\\u0000\\ud800"]}}',
    "JSON in JSON": b'"{\\"a\\":\\"\\\\u0022\\"}"',
    "escapes": b"\\u0000\\n\\x00%00%0a%0d%22",
    "percents": b"%s%n%x%%%2525%",
    "long": b"x" * 9000,
    "long and quoted": b'"\\' * 4000,
    "long controls": b"\x1b" * 6000,
    "long UTF-8": "\U0001f642".encode() * 2500,
    "deep": b"[" * 3000,
    "deep objects": b'{"a":' * 1000,
    "combining": "e".encode() + "\u0301".encode() * 1000,
    "a name": b"password=; token: ; {\"cookie\":",
}
# Where a raw record can put bytes, and which answers are right there.
ANY = {200, 204, 400, 404, 405, 414, 431, 501}
PLACES: dict[str, set[int]] = {
    "HTTP_X_TEST": {204}, "HTTP_USER_AGENT": {204}, "HTTP_REFERER": {204}, "HTTP_COOKIE": {204}, "HTTP_AUTHORIZATION": {204},
    "HTTP_X_CORRELATION_ID": {204}, "HTTP_TRACEPARENT": {204}, "HTTP_TRACESTATE": {204}, "HTTP_ACCEPT": {204}, "HTTP_HOST": {204},
    "HTTP_X_FORWARDED_FOR": {204}, "REQUEST_ID": {204}, "REQUEST_START": {204}, "REMOTE_USER": {204}, "REMOTE_ADDR": {204},
    "REQUEST_SCHEME": {204}, "CONTENT_TYPE": {204}, "QUERY_STRING": {204}, "SCRIPT_NAME": ANY, "REQUEST_METHOD": ANY,
}


@pytest.fixture(scope="module")
def instance(built: None, testmod: object, directory: Callable[[], object]) -> Iterator[Vitalsd]:
    """Everything that can be logged is."""
    from conftest import modules_setting
    made = Vitalsd(directory(), MODULES=modules_setting(testmod), LOG_LEVEL="DEBUG", LOG_BODIES="on", MAX_PARAMS_SIZE="128KiB").start()
    yield made
    made.stop()
    made.log.records()


@pytest.fixture(autouse=True)
def unhurt(instance: Vitalsd) -> Iterator[None]:
    """The same workers afterwards; and every line of the log is read, which proves it."""
    before = instance.workers()
    yield
    assert instance.workers() == before, "a worker died"
    instance.log.records()
    assert not [found for found in instance.log.kept if found["message"] == "forged" or found["level"] == "CRITICAL"]


def proven(instance: Vitalsd, answer: Answer, right: set[int]) -> None:
    """Status, and both records under the ID that the answer names."""
    assert answer.status in right, f"{answer.status}: {answer.body[:300]!r}"
    assert not answer.all("X-Injected")
    identity = answer.correlation_id
    instance.log.wait("Request completed", correlation_id=identity, status_code=answer.status)
    started, completed = (instance.log.find(f"Request {what}", correlation_id=identity) for what in ("started", "completed"))
    assert len(started) == len(completed)  # more than one where a string was cut down to an ID that another had


def ask(instance: Vitalsd, params: list[tuple[fcgi.Text, fcgi.Text]], body: bytes = b"") -> Answer:
    """One raw request."""
    with instance.connect() as connection:
        return connection.exchange(params, body, keep=False)


def replaced(name: str, value: bytes, **more: str) -> list[tuple[fcgi.Text, fcgi.Text]]:
    """The variables of GET /coded with this one."""
    params = dict(fcgi.cgi(uri="/coded", correlation_id=new_id(), **more))
    params[name] = value
    return list(params.items())


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("evil", CORPUS)
def test_a_parameter(instance: Vitalsd, place: str, evil: str) -> None:
    right = {400} if b"\0" in CORPUS[evil] else PLACES[place]
    proven(instance, ask(instance, replaced(place, CORPUS[evil])), right)


@pytest.mark.parametrize("evil", CORPUS)
def test_a_path(instance: Vitalsd, evil: str) -> None:
    for uri in (b"/coded/" + CORPUS[evil], CORPUS[evil], b"/coded?" + CORPUS[evil], b"/coded?a=" + CORPUS[evil] + b"&b=1"):
        proven(instance, ask(instance, fcgi.cgi(uri=uri, correlation_id=new_id())), ANY)


@pytest.mark.parametrize("evil", CORPUS)
def test_the_name_of_a_header(instance: Vitalsd, evil: str) -> None:
    params = fcgi.cgi(uri="/coded", correlation_id=new_id(), headers=[(b"HTTP_X_" + CORPUS[evil], b"x")])
    proven(instance, ask(instance, params), {204, 400})


BODIES = ["application/json", "application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=B", "image/png"]


@pytest.mark.parametrize("content_type", BODIES)
@pytest.mark.parametrize("evil", CORPUS)
def test_a_body(instance: Vitalsd, evil: str, content_type: str) -> None:
    """As a text of a module's record, and as LOG_BODIES shows it."""
    body = CORPUS[evil]
    if content_type.startswith("multipart"):
        body = b'--B\r\nContent-Disposition: form-data; name="' + body[:2000] + b'"\r\n\r\n' + body + b"\r\n--B--\r\n"
    params = fcgi.cgi("POST", "/log", body=body, content_type=content_type, correlation_id=new_id())
    answer = ask(instance, params, body)
    proven(instance, answer, {204})
    found = instance.log.find("Request body", correlation_id=answer.correlation_id)
    assert len(found) == 1 and found[0]["bytes"] == len(body)
    assert ("body" in found[0]) == (content_type != "image/png" and not (content_type == "text/plain" and b"\0" in body))
    assert len(found[0].get("body", "").encode()) <= 3 * 4096  # an invalid byte is shown in three
    text = instance.log.find("Test record", correlation_id=answer.correlation_id)[0]["text"]
    if evil in ("a quote", "a backslash", "terminal", "C1 controls", "line separators", "CRLF") and not content_type.startswith("multi"):
        assert text.encode() == body, "what was sent is what a reader of the log sees"


def through_nginx(nginx: Nginx, head: bytes, body: bytes = b"") -> Optional[Answer]:
    """The service's answer to these very bytes; None where nginx answered by itself or closed."""
    data = raw_exchange(nginx.port, head + b"\r\n\r\n" + body)
    if not data.startswith(b"HTTP/1.1 ") or b"\r\nX-Correlation-ID: " not in data.partition(b"\r\n\r\n")[0]:
        return None
    line, _, rest = data.partition(b"\r\n")
    return parse_cgi(b"Status: " + line.split(b" ", 1)[1] + b"\r\n" + rest)


NGINX_PLACES: dict[str, Union[bytes, tuple[bytes, bytes]]] = {
    "path": (b"GET /header/", b" HTTP/1.1\r\nHost: h\r\nConnection: close"),
    "query": (b"GET /header?a=", b" HTTP/1.1\r\nHost: h\r\nConnection: close"),
    "method": (b"", b" /header HTTP/1.1\r\nHost: h\r\nConnection: close"),
    "Host": (b"GET /header HTTP/1.1\r\nConnection: close\r\nHost: ", b""),
    "X-Test": (b"GET /header HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Test: ", b""),
    "Referer": (b"GET /header HTTP/1.1\r\nHost: h\r\nConnection: close\r\nReferer: ", b""),
    "Cookie": (b"GET /header HTTP/1.1\r\nHost: h\r\nConnection: close\r\nCookie: ", b""),
    "X-Correlation-ID": (b"GET /header HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Correlation-ID: ", b""),
    "Authorization": (b"GET /header HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: ", b""),
    "Content-Type": (b"GET /header HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: ", b""),
}


@pytest.fixture(scope="module")
def nginx(instance: Vitalsd, directory: Callable[[], object]) -> Iterator[Nginx]:
    """Before it."""
    made = Nginx(directory(), instance.socket, instance.admin_socket)
    yield made.start()
    made.stop()


@pytest.mark.parametrize("place", NGINX_PLACES)
def test_behind_nginx(instance: Vitalsd, nginx: Nginx, place: str) -> None:
    """What nginx lets through; most places let most through."""
    before, after = NGINX_PLACES[place]
    answers = [through_nginx(nginx, before + evil + after) for evil in CORPUS.values()]
    for answer in answers:
        if answer is not None:
            proven(instance, answer, ANY)
    wanted = 0 if place in ("method", "Host") else 8
    assert sum(answer is not None for answer in answers) >= wanted


def test_bodies_behind_nginx(instance: Vitalsd, nginx: Nginx) -> None:
    for evil in CORPUS.values():
        head = b"POST /log HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d" % len(evil)
        answer = through_nginx(nginx, head, evil)
        assert answer is not None
        proven(instance, answer, {204})
