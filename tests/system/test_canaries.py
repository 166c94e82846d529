"""Secrets in every place where one can be: none of them in anything that leaves the service."""
from __future__ import annotations

import base64
import json
import uuid
from pathlib import Path
from typing import Any, Callable, Iterator
from urllib.parse import quote

import pytest

from harness import fcgi, postgres, redis
from harness.ctl import ctl
from harness.http import Answer, HttpClient
from harness.nginx import Nginx
from harness.processes import wait_for
from harness.vitalsd import Vitalsd, run_once

REDACTED = "***REDACTED***"


class Canaries:
    """Makes secrets that stand nowhere else, and looks for them."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def new(self) -> str:
        """One more; without a character that some notation would encode."""
        self.made.append("c4n4ry" + uuid.uuid4().hex)
        return self.made[-1]

    def absent(self, what: str, data: bytes) -> None:
        """None of them in the bytes, as they are or in base64 as Basic authorization has them."""
        assert b"c4n4ry" not in data, f"a secret in {what}: …{data[max(0, data.find(b'c4n4ry') - 200):][:300]!r}…"
        assert base64.b64encode(b"u:c4n4ry")[:9] not in data, f"a secret in {what}, in base64"


@pytest.fixture
def canaries() -> Canaries:
    """A test's own."""
    return Canaries()


def sinks(instance: Vitalsd, canaries: Canaries) -> str:
    """Proves every sink; returns the log."""
    instance.log.records()
    log = instance.log.path.read_bytes() if instance.log.path.exists() else b""
    canaries.absent("the log", log)
    if instance.process is not None:
        canaries.absent("standard error", instance.process.said().encode())
    if Path(instance.settings["SCOREBOARD"]).exists():
        canaries.absent("the scoreboard", Path(instance.settings["SCOREBOARD"]).read_bytes())
    trace = instance.settings.get("TRACE_FILE")
    if trace and Path(trace).exists():
        canaries.absent("the trace file", Path(trace).read_bytes())
    for arguments in (("status",), ("--json", "status")):
        done = ctl(instance, *arguments)
        canaries.absent("vitalsctl", (done.stdout + done.stderr).encode())
    return log.decode()


def answered(canaries: Canaries, answer: Answer) -> Answer:
    """Head and body have no secret."""
    canaries.absent("an answer", answer.body + repr(answer.headers).encode())
    return answer


def settings(directory: Path) -> dict[str, Any]:
    """All that makes a service talk; those of other versions only where they exist."""
    out: dict[str, Any] = {"LOG_LEVEL": "DEBUG", "DEBUG": "on", "LOG_BODIES": "on", "LOG_BODY_SIZE": "8KiB"}
    if "TRACE_FILE" in run_once(Path("/tmp"), "--help").stdout:
        directory.mkdir()
        out["TRACE_FILE"] = directory / "trace.json"
    return out


@pytest.fixture
def talkative(service: Callable[..., Vitalsd], directory: Callable[[], Path]) -> Callable[..., Vitalsd]:
    """Makes services that log everything."""
    return lambda **more: service(**{**settings(directory()), **more})


# ---- Bodies ----

def json_bodies(new: Callable[[], str]) -> Iterator[tuple[str, bytes]]:
    """JSON, whole and not."""
    kind = "application/json"
    yield kind, json.dumps({"user": {"password": new(), "profile": [{"token": new()}, [{"x": {"api_key": new()}}]]}}).encode()
    yield kind, json.dumps({"secret": {"a": [new(), {"b": new()}]}, "credit_card": [new()], "ok": 1}).encode()
    yield kind, json.dumps({"Access-Token": new(), "refreshToken": new(), "CVV": new(), "db_password": new()}).encode()
    yield kind, b'{"pass\\u0077ord":"%s","\\u0073ecret":["%s"]}' % (new().encode(), new().encode())
    inner = json.dumps({"token": new(), "deep": json.dumps({"password": new(), "deeper": json.dumps({"secret": new()})})})
    yield kind, json.dumps({"event": inner, "url": f"https://u:{new()}@h/?access_token={new()}", "note": f"password: {new()}"}).encode()
    yield kind, json.dumps([json.dumps(json.dumps(json.dumps(json.dumps({"password": new()}))))]).encode()
    yield kind, b'{"password":"%s' % new().encode()
    yield kind, b"{'password':'%s'}" % new().encode()
    yield kind, b'{"a":1,}{"password":"%s"}' % new().encode()
    yield kind, b'{"a":"\xff","password":"%s"}' % new().encode()
    yield kind, b"\xef\xbb\xbf" + json.dumps({"password": new()}).encode()
    yield kind, json.dumps({"password": new()}).encode("utf-16")
    yield kind, b"[" * 600 + json.dumps({"password": new()}).encode() + b"]" * 600
    yield kind, json.dumps({"fill": "x" * 7000, "password": new(), "more": "y" * 3000, "token": new()}).encode()
    yield "application/problem+json; charset=utf-8", json.dumps({"token": new()}).encode()


def other_bodies(new: Callable[[], str]) -> Iterator[tuple[str, bytes]]:
    """Forms and texts."""
    form = "application/x-www-form-urlencoded"
    yield form, f"user=u&password={new()}&user%5Btoken%5D={new()}&a=1;secret={new()}&p%61sswd={new()}&p%2561sswd={new()}".encode()
    yield form, f"payload={quote(json.dumps({'a': {'token': new()}}))}&next={quote(f'https://u:{new()}@h/?api_key={new()}')}".encode()
    yield form, f"client_secret={new()}&new_password={new()}&passwordConfirm={new()}&password2={new()}&csrf_token={new()}".encode()
    part = "--B\r\nContent-Disposition: form-data; name=\"%s\"%s\r\n\r\n%s\r\n"
    yield "multipart/form-data; boundary=B", (part % ("password", "", new()) + part % ("a[token]", "", new())
                                              + part % ("f", "; filename=\"f\"", new()) + part % ("note", "", f"token={new()}")
                                              + part % ("json", "", json.dumps({"cvv": new()})) + "--B--\r\n").encode()
    yield "multipart/form-data; boundary=B", (part % ("password", "", new())).encode()
    yield "multipart/form-data", (part % ("password", "", new())).encode()
    yield "text/plain", f"password={new()}\nAuthorization: Bearer {new()}\nredis://:{new()}@h postgresql://u:{new()} x@h".encode()
    yield "text/plain", f"password={new()}".encode("utf-16")
    yield "application/octet-stream", new().encode()
    yield "text/xml", f"<password>{new()}</password>".encode()


def test_bodies(talkative: Callable[..., Vitalsd], canaries: Canaries, front: Callable[[Vitalsd], Nginx]) -> None:
    """Read by a handler that counts, by one that finds them wrong, and by none."""
    instance = talkative().start()
    bodies = [*json_bodies(canaries.new), *other_bodies(canaries.new)]
    with HttpClient(front(instance).port) as client:
        for kind, body in bodies:
            for path in ("/count", "/echo", "/unread", "/nowhere"):
                answer = client.request("POST", path, body, {"Content-Type": kind})
                if path != "/echo" or answer.status >= 400:
                    answered(canaries, answer)
                instance.completed(answer, status_code=answer.status)
    records = instance.log.find("Request body")
    assert len(records) == 4 * len(bodies)
    log = sinks(instance, canaries)
    assert log.count(REDACTED) > 50 and '"Response body"' in log
    assert any(found.get("body_cut") for found in records)


def test_texts_of_a_module(talkative: Callable[..., Vitalsd], canaries: Canaries) -> None:
    """Under a harmless name, whatever it is."""
    instance = talkative().start()
    for kind, body in [*json_bodies(canaries.new), *other_bodies(canaries.new)]:
        readable = "utf-16" not in str(body) and b"\0" not in body and b"filename" not in body and b"form-data" not in body
        if readable and kind not in ("application/octet-stream", "text/xml"):
            instance.completed(instance.ask("POST", "/log", body, content_type=kind))
    assert len(instance.log.find("Test record")) > 15
    sinks(instance, canaries)


# ---- What comes before the body ----

def test_urls(talkative: Callable[..., Vitalsd], canaries: Canaries, front: Callable[[Vitalsd], Nginx]) -> None:
    new = canaries.new
    queries = [
        f"password={new()}", f"a=1&ACCESS_TOKEN={new()}&b=2", f"a=1;token={new()}", f"p%61ssword={new()}", f"p%2561ssword={new()}",
        f"user[password]={new()}", f"user%5Bpassword%5D={new()}", f"user%255Bpassword%255D={new()}", f"api-key={new()}",
        f"AWSAccessKeyId={new()}&Signature={new()}", f"sig={new()}", f"X-Goog-Signature={new()}", f"x-amz-signature={new()}",
        f"X-Amz-Security-Token={new()}", f"next={quote(f'/login?token={new()}')}", f"next={quote(quote(f'/login?token={new()}', safe=''))}",
        f"url={quote(f'https://u:{new()}@h/')}", f"url=https://u:{new()}@h/", f"q={quote(json.dumps({'password': new()}))}",
        quote(f"a=1&token={new()}"), f"a={'x' * 5000}&token={new()}", f"{'x' * 600}password={new()}", f"a=1?token={new()}",
        f"a=%zz&token={new()}", f"%E0%80%AFtoken={new()}", f"+token+={new()}", f"card_number={new()}&ssn={new()}&private_key={new()}",
    ]
    instance = talkative().start()
    with HttpClient(front(instance).port) as client:
        for query in queries:
            for path in ("/nowhere", "/count", "//", "/live/users/1"):
                answer = answered(canaries, client.get(f"{path}?{query}"))
                instance.completed(answer)
    for query in queries:
        instance.completed(answered(canaries, instance.ask(uri=f"/nowhere?{query}")))
        instance.completed(answered(canaries, instance.ask("OPTIONS", f"http://u:{new()}@h/x?{query}")))
    sinks(instance, canaries)


def test_headers(talkative: Callable[..., Vitalsd], canaries: Canaries, front: Callable[[Vitalsd], Nginx]) -> None:
    new = canaries.new
    headers = [
        ("Authorization", f"Bearer {new()}"), ("aUTHORIZATION", "Basic " + base64.b64encode(b"u:" + new().encode()).decode()),
        ("Proxy-Authorization", f"Basic {new()}"), ("Cookie", f"flavour={new()}; sid={new()}; {new()}"), ("COOKIE", new()),
        ("X-Api-Key", new()), ("x-api-KEY", new()), ("X-Auth-Token", new()), ("X-CSRF-Token", new()), ("Api-Secret", new()),
        ("Set-Cookie", f"a={new()}; Path=/"), ("Referer", f"https://u:{new()}@h/a?access_token={new()}#token={new()}"),
        ("Referer", f"/a?p%2561ssword={new()}"), ("X-Original-URL", f"/a?sig={new()}"), ("X-Context", json.dumps({"secret": new()})),
        ("User-Agent", f"x (password={new()})"), ("Traceparent", f"token={new()}"), ("Origin", f"https://{new()}:{new()}@h"),
        ("Accept", f"application/json;token={new()}"), ("Content-Type", f"text/plain; password={new()}"),
    ]
    instance = talkative().start()
    with HttpClient(front(instance).port) as client:
        for header in headers:
            for path in ("/count", "/live/users/1", "/nowhere"):
                instance.completed(answered(canaries, client.request("GET", path, None, [header])))
    for name, value in headers:
        variable = "HTTP_" + name.upper().replace("-", "_")
        answer = instance.ask("POST", "/unread", b"x", headers=[(variable, value)] * 2)
        instance.completed(answered(canaries, answer))
    answered(canaries, instance.ask(uri="/count", correlation_id=f"password={new()}"))  # refused: another is made
    log = sinks(instance, canaries)
    assert len(instance.log.find("Request headers")) > 50 and "flavour=" + REDACTED in log


# ---- Settings and stores ----

def test_stores_with_passwords(talkative: Callable[..., Vitalsd], canaries: Canaries, template: postgres.Template,
                               directory: Callable[[], Path]) -> None:
    """Right passwords, then wrong ones; servers that name secrets in their errors, and that go away."""
    password, other = canaries.new(), canaries.new()
    database, cache = postgres.Postgres(directory(), template).start(), redis.Redis(directory()).start()
    try:
        database.lock(password)
        cache.command("CONFIG", "SET", "requirepass", other)
        # "c" of c4n4ry is a hexadecimal digit: percent-encoded in part, so that decoding is proved too.
        right = talkative(DATABASE_URL=f"postgresql://vitals:{quote(password)}@/vitals?host={database.directory}",
                          REDIS_URL=f"redis+unix://:%63{other[1:]}@{cache.socket}", ADMIN_TOKEN=canaries.new(),
                          TEST_GREETING=f"smtp://u:{canaries.new()}@h, password={canaries.new()}").start()
        assert right.ask(uri="/live/users/7").json()["id"] == 7
        assert right.ask("PUT", "/cache/k", b"v").status == 204
        ask_everything(right, canaries)
        fail_statements(right, canaries)
        assert run_printed(right, canaries).count(REDACTED) >= 3
        database.stop()
        cache.stop()
        wait_for(lambda: failing(right, canaries, "Check failed"), 15, "failures are logged")
        sinks(right, canaries)
        database.start()
        cache.start()
        for wrong in ({"DATABASE_URL": f"postgresql://vitals:{canaries.new()}@/vitals?host={database.directory}",
                       "REDIS_URL": f"unix://:{canaries.new()}@{cache.socket}"},
                      {"DATABASE_URL": f"host={database.directory} dbname=vitals user=vitals password='{canaries.new()} \\' x'",
                       "REDIS_URL": f"redis://nobody:{canaries.new()}@127.0.0.1:1/0"},
                      {"DATABASE_URL": f"postgresql://vitals:{canaries.new()}@no.such.host.invalid/x?sslpassword={canaries.new()}",
                       "REDIS_URL": f"redis://:{canaries.new()}@no.such.host.invalid"}):
            instance = talkative(**wrong).start()
            run_printed(instance, canaries)
            wait_for(lambda: failing(instance, canaries, "Check failed"), 15, "the failures are logged")
            sinks(instance, canaries)
            instance.stop()
    finally:
        cache.stop()
        database.stop()


def ask_everything(instance: Vitalsd, canaries: Canaries) -> None:
    """Health, a query, the cache: whatever comes of it."""
    for uri in ("/health", "/health/ready", "/health/detailed", "/health/detailed?verbose", "/live/users/1", "/cache/k"):
        for accept in ("application/json", "application/health+json"):
            instance.completed(answered(canaries, instance.ask(uri=uri, headers=[("HTTP_ACCEPT", accept)])))


def failing(instance: Vitalsd, canaries: Canaries, *also: str) -> bool:
    """Asks once more; True when the log tells of the outage."""
    ask_everything(instance, canaries)
    return all(instance.log.find(message) for message in ("Database connection failed", *also))


def fail_statements(instance: Vitalsd, canaries: Canaries) -> None:
    """The server's error text names what it was given."""
    for sql in ("select query_to_xml('select 1 from \"token=' || $1 || '\"', true, true, '')",
                "select query_to_xml('select 1 from \"x\" where ' || 'password:' || $1, true, true, '')",
                "select ('postgresql://u:' || $1 || '@h/db')::int", "select ('{\"token\": ' || $1 || '}')::json"):
        answer = instance.ask(uri=f"/sql?q={quote(sql)}&token={canaries.new()}")
        assert answer.status >= 400
        instance.completed(answered(canaries, answer))
    assert instance.log.find("Statement failed")


def run_printed(instance: Vitalsd, canaries: Canaries) -> str:
    """--print-settings and --check, which load the same file."""
    out = ""
    for argument in ("--print-settings", "--check"):
        done = run_once(instance.directory, argument, "--env-file", str(instance.env_file))
        canaries.absent(argument, (done.stdout + done.stderr).encode())
        out += done.stdout
    return out


def test_settings_that_are_wrong(canaries: Canaries, tmp_path: Path, built: None) -> None:
    """The sentences of --check name the setting and show no secret, wherever it stands in the file."""
    new = canaries.new
    files = [
        f"DATABASE_URL=mysql://u:{new()}@h/x\nREDIS_URL=redis://u:{new()}@h:port/0\nADMIN_TOKEN=a {new()}\n",
        f"DATABASE_URL=host=h password={new()} nonsense\nREDIS_URL={new()}\n",
        f"DATABASE_URL=postgresql://u:{new()}/{new()}@h:x/db?password={new()}&no=such\nREDIS_URL=unix://:{new()}@\n",
        f"DATABASE_PASSWORD={new()}\nREDIS_PASSWORD={new()}\nADMIN_TOKN={new()}\nPGPASSWORD={new()}\n",
        f"LOG_LEVEL=password={new()}\nLISTEN=https://u:{new()}@h\nWORKERS=token: {new()}\nLOG_FILE=redis://:{new()}@h\n",
        f"ADMIN_TOKEN=\"{new()}\nDATABASE_URL='{new()}\n", f"password {new()}\npassword: {new()}\nexport token={new()}\n",
        f"ADMIN_TOKEN={new()}{'x' * 2000}\nREDIS_URL=redis://:{new()}{'x' * 5000}@h\nDATABASE_URL=postgresql://u:{new()}{'x' * 5000}@h\n",
    ]
    for n, text in enumerate(files):
        path = tmp_path / f"{n}.env"
        path.write_text(text)
        for argument in ("--check", "--print-settings"):
            done = run_once(tmp_path, argument, "--env-file", str(path))
            canaries.absent(f"{argument} of file {n}", (done.stdout + done.stderr).encode())
            assert argument != "--check" or done.returncode == 2, text
    env = {"DATABASE_URL": f"mysql://u:{new()}@h", "REDIS_URL": f"x:{new()}", "ADMIN_TOKEN": f"\t{new()}", "LOG_LEVEL": f"token={new()}"}
    done = run_once(tmp_path, "--check", env=env)
    canaries.absent("--check of the environment", (done.stdout + done.stderr).encode())
    assert done.returncode == 2
