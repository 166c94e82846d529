"""The five health routes while all is well, who sees what, and what the settings change."""
from __future__ import annotations

import json
import re
from contextlib import ExitStack
from typing import Any, Callable

import pytest

from conftest import Stack
from harness import fcgi, redis
from harness.nginx import Nginx
from harness.processes import wait_for
from harness.vitalsd import Vitalsd
from harness.web_server import free_port

TIME = r'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"'
HEALTH = re.compile(rf'\{{"status":"healthy","timestamp":{TIME},"version":"[^"]+"\}}')
TOP = ["status", "timestamp", "version", "checks", "warnings"]
ROUTES = ["/health", "/health/live", "/health/ready", "/health/startup", "/health/detailed"]


def detailed(body: bytes) -> dict[str, Any]:
    """Proves the shape of /health/detailed (keys, their order, no blanks) and gives its checks."""
    assert not re.search(rb"\s", re.sub(rb'"[^"]*"', b"", body)), f"blanks in {body!r}"
    told = json.loads(body)
    checks = told["checks"]
    assert list(told) == TOP and told["status"] in ("healthy", "degraded"), body
    assert re.fullmatch(TIME, f'"{told["timestamp"]}"') and told["version"] and isinstance(told["warnings"], list), body
    assert list(checks)[:4] == ["database", "cache", "memory", "disk"] and "pool" in checks, body
    assert isinstance(checks["database"], str) and isinstance(checks["cache"], str), body
    assert list(checks["memory"]) == ["total", "available", "percent"], body
    assert list(checks["disk"]) == ["total", "free", "percent"], body
    assert list(checks["pool"])[:4] == ["workers", "idle", "busy", "queue"], body
    assert list(checks["pool"]["queue"]) == ["pending", "capacity"], body
    return checks


def test_health(stack: Stack) -> None:
    with stack.client() as client:
        answer = stack.service.expect(client.get("/health"), 200, route="/health", path="/health")
    assert HEALTH.fullmatch(answer.body.decode()), answer.body
    assert answer.header("Content-Type") == "application/json"


@pytest.mark.parametrize("path, body", [("/health/live", b'{"status":"alive"}'), ("/health/ready", b'{"status":"ready"}')])
def test_probes_byte_for_byte(stack: Stack, path: str, body: bytes) -> None:
    with stack.client() as client:
        answer = stack.service.expect(client.get(path), 200, route=path)
    assert answer.body == body
    assert answer.header("Content-Type") == "application/json"


def test_startup(stack: Stack) -> None:
    with stack.client() as client:
        answer = stack.service.expect(client.get("/health/startup"), 200, route="/health/startup")
    assert answer.json()["status"]


def test_detailed(stack: Stack) -> None:
    with stack.client() as client:
        answer = stack.service.expect(client.get("/health/detailed"), 200, route="/health/detailed")
    checks = detailed(answer.body)
    assert checks["database"] == checks["cache"] == "healthy"
    told = answer.json()
    assert told["status"] == "healthy" and not told.get("warnings")
    memory, disk = told["checks"]["memory"], told["checks"]["disk"]
    assert 0 < memory["available"] <= memory["total"] and 0 <= memory["percent"] <= 100
    assert 0 < disk["free"] <= disk["total"] and 0 <= disk["percent"] <= 100


@pytest.mark.parametrize("path", ROUTES)
def test_head_has_the_headers_and_no_body(stack: Stack, path: str) -> None:
    with stack.client() as client:
        answer = stack.service.expect(client.request("HEAD", path), 200, route=path)
        assert answer.body == b"" and answer.header("Content-Type") == "application/json"
        assert client.get("/health/live").status == 200


@pytest.mark.parametrize("path", ROUTES)
def test_health_is_never_cached(stack: Stack, path: str) -> None:
    """RFC 9111: an answer without freshness may be reused by a heuristic; a probe's never may."""
    with stack.client() as client:
        assert "no-store" in (client.get(path).header("Cache-Control") or "")


@pytest.mark.parametrize("path", ROUTES)
def test_health_serves_get_only(stack: Stack, path: str) -> None:
    with stack.client() as client:
        answer = client.post(path, b"{}")
    stack.service.expect_problem(answer, 405)
    assert "GET" in (answer.header("Allow") or "")


def strangers(service: Vitalsd, token: str = "") -> Any:
    """/health/detailed as somebody from elsewhere sees it."""
    headers = [("HTTP_AUTHORIZATION", token)] if token else []
    return service.ask(uri="/health/detailed", remote="203.0.113.9", headers=headers)


@pytest.mark.parametrize("token", ["", "Bearer wrong", "Bearer let-me-see-not", "Bearer let-me-se", "Bearer", "Basic let-me-see",
                                   "let-me-see"])
def test_details_are_not_for_strangers(stack: Stack, token: str) -> None:
    answer = strangers(stack.service, token)
    stack.service.completed(answer)
    assert b'"memory"' not in answer.body and b'"total"' not in answer.body, answer.body
    assert answer.status in (200, 401, 403, 404)


def test_details_are_for_the_token(stack: Stack) -> None:
    answer = stack.service.expect(strangers(stack.service, "Bearer let-me-see"), 200)
    assert detailed(answer.body)["database"] == "healthy"
    assert "let-me-see" not in stack.service.log.path.read_text()


@pytest.mark.parametrize("remote", ["127.0.0.1", "127.8.9.10", "::1"])
def test_details_are_for_loopback(stack: Stack, remote: str) -> None:
    assert detailed(stack.service.expect(stack.service.ask(uri="/health/detailed", remote=remote), 200).body)


@pytest.mark.parametrize("forged", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_a_header_makes_nobody_loopback(stack: Stack, forged: str) -> None:
    name = "HTTP_" + forged.upper().replace("-", "_")
    answer = stack.service.ask(uri="/health/detailed", remote="203.0.113.9", headers=[(name, "127.0.0.1")])
    assert b'"memory"' not in answer.body


def test_probes_are_for_strangers_too(stack: Stack) -> None:
    for path in ROUTES[:4]:
        assert stack.service.ask(uri=path, remote="203.0.113.9").status == 200


def test_stores_that_are_not_configured_fail_nothing(service: Callable[..., Vitalsd]) -> None:
    instance = service().start()
    checks = detailed(instance.expect(instance.ask(uri="/health/detailed"), 200).body)
    assert checks["database"] == checks["cache"] == "not configured"
    assert instance.expect(instance.ask(uri="/health/ready"), 200).body == b'{"status":"ready"}'


def test_health_checks_off(service: Callable[..., Vitalsd], front: Callable[[Vitalsd], Nginx]) -> None:
    instance = service(ENABLE_HEALTH_CHECKS="off", ADMIN_LISTEN=None)
    instance.settings["ADMIN_LISTEN"] = f"unix:{instance.admin_socket}"
    instance.start()
    for path in ROUTES:
        instance.expect_problem(instance.ask(uri=path), 404)
        with instance.connect(instance.admin_socket) as connection:
            assert connection.ask(uri=path, keep=False).status == 404


def test_the_cache_can_be_critical(service: Callable[..., Vitalsd], cache: redis.Redis, directory: Callable[[], Any]) -> None:
    away = directory() / "nobody.sock"
    instance = service(CRITICAL_CHECKS="database,cache", REDIS_URL=f"unix://{away}").start()
    answer = instance.expect(instance.ask(uri="/health/detailed"), 503)
    assert answer.json()["status"] == "degraded" and detailed(answer.body)["cache"].startswith("unhealthy: ")
    ready = instance.expect(instance.ask(uri="/health/ready"), 503)
    assert ready.body == b'{"status":"not ready","reason":"cache unavailable"}'
    assert str(away) not in answer.body.decode()


def test_a_full_disk_warns(service: Callable[..., Vitalsd]) -> None:
    instance = service(DISK_MAX_PERCENT=1, MEMORY_MAX_PERCENT=1).start()
    answer = instance.expect(instance.ask(uri="/health/detailed"), 200)
    told = answer.json()
    assert detailed(answer.body) and told["status"] == "healthy" and len(told["warnings"]) >= 1, told


def test_several_disks(service: Callable[..., Vitalsd]) -> None:
    instance = service(DISK_PATHS="/tmp,/dev/shm").start()
    answer = instance.expect(instance.ask(uri="/health/detailed"), 200)
    assert b"/dev/shm" in answer.body or b"shm" in answer.body, answer.body


def test_the_admin_worker_serves_nothing_else(stack: Stack) -> None:
    with stack.service.connect(stack.service.admin_socket) as connection:
        assert connection.ask(uri="/health/live").status == 200
        assert connection.ask(uri="/users/1").status == 404


def test_the_admin_worker_answers_while_all_others_are_busy(stack: Stack) -> None:
    busy = [stack.service.connect() for _ in range(2 * int(stack.service.settings["WORKERS"]))]
    try:
        for number, connection in enumerate(busy):
            connection.send(fcgi.request(fcgi.cgi(uri="/slow?ms=700&how=sleep", correlation_id=f"busy-{number}"), keep=False))
        wait_for(lambda: stack.service.log.find("Request started", correlation_id="busy-0"), 3, "a worker is busy")
        with stack.client() as client:
            for path in ROUTES:
                answer = client.get(path)
                assert answer.seconds < 0.5, (path, answer.seconds)
                assert path == "/health/ready" or answer.status == 200
        for connection in busy:
            assert connection.read_answer().status == 200
    finally:
        for connection in busy:
            connection.close()


def block(instance: Vitalsd, still_open: ExitStack, number: int, milliseconds: int) -> fcgi.Connection:
    """A connection whose request holds one worker; the next one goes to another worker."""
    connection = still_open.enter_context(instance.connect())
    identity = f"blocks-{number}"
    connection.send(fcgi.request(fcgi.cgi(uri=f"/slow?ms={milliseconds}&how=sleep", correlation_id=identity), keep=False))
    instance.log.wait("Request started", correlation_id=identity)
    return connection


def ask_admin(instance: Vitalsd, uri: str, **variables: Any) -> Any:
    """One request to the admin worker."""
    with instance.connect(instance.admin_socket) as connection:
        return connection.ask(uri=uri, keep=False, **variables)


def admin_queue(instance: Vitalsd) -> dict[str, Any]:
    """The queue as the admin worker sees it."""
    return detailed(ask_admin(instance, "/health/detailed").body)["pool"]["queue"]


@pytest.mark.parametrize("percent, ready", [(50, False), (80, True), (0, True)])
def test_what_waits_is_told_while_all_workers_are_busy(service: Callable[..., Vitalsd], percent: int, ready: bool) -> None:
    """Five connections in a queue for eight, which nobody can accept."""
    instance = service(LISTEN_BACKLOG=8, SATURATED_AFTER="1h", READY_MAX_QUEUE_PERCENT=percent)
    instance.settings["ADMIN_LISTEN"] = f"unix:{instance.admin_socket}"
    instance.start()
    assert admin_queue(instance) == {"pending": 0, "capacity": 8}
    with ExitStack() as still_open:
        blocking = [block(instance, still_open, number, 3000) for number in range(2)]
        waiting = [still_open.enter_context(instance.connect()) for _ in range(5)]
        assert admin_queue(instance) == {"pending": 5, "capacity": 8}
        answer = ask_admin(instance, "/health/ready")
        assert answer.body == (b'{"status":"ready"}' if ready else b'{"status":"not ready","reason":"saturated"}')
        instance.expect(answer, 200 if ready else 503)
        verbose = ask_admin(instance, "/health/ready?verbose").body.decode()
        assert verbose.startswith("[+]pool ok" if ready else "[-]pool failed: saturated") and "(5 of 8 connections waiting)" in verbose
        assert ask_admin(instance, "/health/live").status == 200
        assert detailed(ask_admin(instance, "/health/detailed").body)["pool"]["busy"] == 2
        assert all(connection.read_answer().status == 200 for connection in blocking)
        wait_for(lambda: admin_queue(instance)["pending"] == 0, 5, "the queue is empty")
        instance.expect(ask_admin(instance, "/health/ready"), 200)
        assert all(connection.ask(uri="/users/x", keep=False).status > 0 for connection in waiting)


def test_the_queue_of_several_listeners_and_in_every_form(service: Callable[..., Vitalsd], directory: Callable[[], Any]) -> None:
    instance = service(LISTEN_BACKLOG=16, WORKERS=1)
    other, port = directory(), free_port()
    other.mkdir()
    instance.settings["LISTEN"] += f",unix:{other}/w.sock,tcp:127.0.0.1:{port}"
    instance.settings["ADMIN_LISTEN"] = f"unix:{instance.admin_socket}"
    instance.start()
    with ExitStack() as still_open:
        blocking = block(instance, still_open, 0, 3000)
        for address in (instance.socket, f"{other}/w.sock", f"{other}/w.sock", ("127.0.0.1", port)):
            still_open.enter_context(instance.connect(address))
        wait_for(lambda: admin_queue(instance) == {"pending": 4, "capacity": 48}, 3, "four connections wait")
        draft = ask_admin(instance, "/health/detailed?format=health").json()["checks"]["pool:connections"][0]
        assert (draft["componentId"], draft["observedValue"], draft["capacity"]) == ("queue", 4, 48)
        pool = ask_admin(instance, "/health/detailed?format=microprofile").json()["checks"][-1]
        assert (pool["name"], pool["data"]["queue_pending"], pool["data"]["queue_capacity"]) == ("pool", 4, 48)
        assert blocking.read_answer().status == 200


def test_saturated_after(service: Callable[..., Vitalsd]) -> None:
    """Long requests of every worker, and nobody waiting."""
    instance = service(WORKERS=1, SATURATED_AFTER="100ms")
    instance.settings["ADMIN_LISTEN"] = f"unix:{instance.admin_socket}"
    instance.start()
    with ExitStack() as still_open:
        blocking = block(instance, still_open, 0, 2000)
        wait_for(lambda: ask_admin(instance, "/health/ready").body == b'{"status":"not ready","reason":"saturated"}', 1.5, "saturated")
        assert admin_queue(instance)["pending"] == 0
        assert blocking.read_answer().status == 200
    wait_for(lambda: ask_admin(instance, "/health/ready").status == 200, 5, "ready again")
