"""PostgreSQL and Redis stopped, restarted, frozen and refusing, and the way back."""
from __future__ import annotations

import re
import socket
import threading
import time
from typing import Callable, Iterator

import pytest

from conftest import Stack
from harness import redis
from harness.http import Answer
from harness.load import Load
from harness.nginx import Nginx
from harness.processes import wait_for
from harness.vitalsd import Vitalsd
from test_health import detailed

DEADLINE = 0.8 + 0.4  # HEALTH_CHECK_TIMEOUT and a margin for two busy processors
BACK = 2.0


def shape(answer: Answer) -> list[str]:
    """The keys of the answer and of its checks, in order."""
    told = answer.json()
    return list(told) + list(told["checks"])


def look(stack: Stack, status: int, times: int = 5, limit: float = DEADLINE) -> list[Answer]:
    """/health/detailed, several times: the status, in time, the shape of a healthy answer."""
    answers = []
    with stack.client() as client:
        for _ in range(times):
            answers.append(client.get("/health/detailed"))
    for answer in answers:
        assert answer.seconds < limit, f"answered after {answer.seconds:.3f} s"
        detailed(answer.body)
    assert shape(answers[-1]) == stack.shape, answers[-1].body  # type: ignore[attr-defined]
    stack.service.expect(answers[-1], status, route="/health/detailed")
    return answers


def settle(stack: Stack, check: str, healthy: bool, seconds: float) -> float:
    """Waits until /health/detailed says so of a check; how long it took."""
    begun = time.monotonic()
    with stack.client() as client:
        wait_for(lambda: (client.get("/health/detailed").json()["checks"][check] == "healthy") == healthy, seconds,
                 f"{check} healthy: {healthy}", every=0.05)
    return time.monotonic() - begun


@pytest.fixture(autouse=True)
def healed(fragile: Stack) -> Iterator[None]:
    """Healthy before and after each test."""
    settle(fragile, "database", True, 5)
    settle(fragile, "cache", True, 5)
    with fragile.client() as client:
        fragile.shape = shape(client.get("/health/detailed"))  # type: ignore[attr-defined]
    yield
    for server in (fragile.database, fragile.cache):
        server.thaw()
        if server.process is None:
            server.start()
        server.admit()
    settle(fragile, "database", True, 5)
    settle(fragile, "cache", True, 5)


Break = Callable[[Stack], None]
DATABASE: dict[str, tuple[Break, Break]] = {
    "stopped": (lambda s: s.database.stop(), lambda s: s.database.start()),
    "crashed": (lambda s: s.database.stop(3), lambda s: s.database.start()),
    "frozen": (lambda s: s.database.freeze(), lambda s: s.database.thaw()),
    "rejecting": (lambda s: s.database.refuse("hba"), lambda s: s.database.admit()),
    "full": (lambda s: s.database.refuse("limit"), lambda s: s.database.admit()),
}
CACHE: dict[str, tuple[Break, Break]] = {
    "stopped": (lambda s: s.cache.stop(), lambda s: s.cache.start()),
    "frozen": (lambda s: s.cache.freeze(), lambda s: s.cache.thaw()),
    "locked": (lambda s: s.cache.refuse("auth"), lambda s: s.cache.admit()),
    "full": (lambda s: s.cache.refuse("limit"), lambda s: s.cache.admit()),
}


@pytest.mark.parametrize("how", DATABASE)
def test_database_away(fragile: Stack, how: str) -> None:
    hurt, heal = DATABASE[how]
    hurt(fragile)
    settle(fragile, "database", False, 3)
    answer = look(fragile, 503)[-1]
    checks = detailed(answer.body)
    assert checks["database"].startswith("unhealthy: ") and len(checks["database"]) > len("unhealthy: ")
    assert checks["cache"] == "healthy" and answer.json()["status"] == "degraded"
    for secret in (str(fragile.database.directory), "user=", "password"):
        assert secret not in checks["database"]
    with fragile.client() as client:
        ready = fragile.service.expect(client.get("/health/ready"), 503, route="/health/ready")
        assert ready.body == b'{"status":"not ready","reason":"database unavailable"}'
        assert fragile.service.expect(client.get("/health"), 200).json()["status"] == "healthy"
        assert fragile.service.expect(client.get("/health/live"), 200).body == b'{"status":"alive"}'
    heal(fragile)
    assert settle(fragile, "database", True, 5) < BACK
    look(fragile, 200, 2)
    with fragile.client() as client:
        wait_for(lambda: client.get("/live/users/42").status == 200, BACK, "users from the database again")


@pytest.mark.parametrize("how", ["stopped", "rejecting", "full"])
def test_requests_while_the_database_is_away(fragile: Stack, how: str) -> None:
    hurt, heal = DATABASE[how]
    hurt(fragile)
    with fragile.client() as client:
        for _ in range(8):
            answer = client.get("/live/users/42")
            assert answer.seconds < 3
            fragile.service.expect_problem(answer, 503, route="/live/users/{id}")
    heal(fragile)
    with fragile.client() as client:
        begun = time.monotonic()
        for _ in range(12):
            wait_for(lambda: client.get("/live/users/42").status == 200, BACK, "users again")
        assert time.monotonic() - begun < 2 * BACK


def test_a_query_on_a_frozen_database_ends_in_time(service: Callable[..., Vitalsd], fragile: Stack) -> None:
    instance = service(DATABASE_URL=fragile.database.url, DB_QUERY_TIMEOUT="500ms", DB_CONNECT_TIMEOUT="500ms", WORKERS=1).start()
    instance.expect(instance.ask(uri="/live/users/1"), 200)
    fragile.database.freeze()
    answer = instance.ask(uri="/live/users/1")
    assert answer.status in (503, 504) and answer.seconds < 2, answer
    instance.completed(answer, status_code=answer.status)
    fragile.database.thaw()
    wait_for(lambda: instance.ask(uri="/live/users/2").status == 200, BACK + 0.5, "users after the thaw")
    assert instance.expect(instance.ask(uri="/live/users/2"), 200).json()["id"] == 2


def test_a_late_answer_reaches_nobody_else(service: Callable[..., Vitalsd], fragile: Stack) -> None:
    """A query that is late is answered 504, and its rows never come to the next request."""
    instance = service(DATABASE_URL=fragile.database.url, DB_QUERY_TIMEOUT="300ms", WORKERS=1).start()
    late = instance.ask(uri="/sql?q=select%201%20as%20late%20from%20pg_sleep(0.6)")
    instance.expect_problem(late, 504)
    assert late.seconds < 1.0
    for _ in range(5):
        assert instance.expect(instance.ask(uri="/sql?q=select%202%20as%20mine"), 200).json() == [{"mine": 2}]


@pytest.mark.parametrize("how", CACHE)
def test_cache_away(fragile: Stack, how: str) -> None:
    hurt, heal = CACHE[how]
    hurt(fragile)
    settle(fragile, "cache", False, 3)
    answer = look(fragile, 200)[-1]
    checks, told = detailed(answer.body), answer.json()
    assert checks["cache"].startswith("unhealthy: ") and checks["database"] == "healthy"
    assert told["status"] == "healthy" and told["warnings"], told
    for secret in (fragile.cache.socket, str(fragile.cache.directory), redis.PASSWORD):
        assert secret not in answer.body.decode()
    with fragile.client() as client:
        assert fragile.service.expect(client.get("/health/ready"), 200).body == b'{"status":"ready"}'
        missed = client.get("/cache/k")
        assert missed.status in (503, 504) and missed.seconds < 0.5, missed
        fragile.service.expect(client.get("/live/users/42"), 200)
    heal(fragile)
    assert settle(fragile, "cache", True, 5) < BACK
    with fragile.client() as client:
        wait_for(lambda: client.get("/cache/k").status == 404, BACK, "the cache again")


def test_both_frozen_under_load(fragile: Stack) -> None:
    """Requests hang in the database, the cache is silent: the health routes answer in time all the same."""
    with Load(fragile.nginx.port, "/live/users/7", threads=8) as load:
        load.wait_answers(50)
        fragile.database.freeze()
        fragile.cache.freeze()
        settle(fragile, "database", False, 3)
        answer = look(fragile, 503, times=10)[-1]
        checks = detailed(answer.body)
        assert checks["database"].startswith("unhealthy: ") and checks["cache"].startswith("unhealthy: ")
        with fragile.client() as client:
            for _ in range(5):
                live = client.get("/health")
                assert live.status == 200 and live.seconds < 0.5
        fragile.database.thaw()
        fragile.cache.thaw()
        assert settle(fragile, "database", True, 5) < BACK
        load.wait_answers(50)
    assert not load.errors, load.errors[:3]
    assert {answer.status for answer in load.answers} <= {200, 503, 504}
    assert load.answers[-1].status == 200


def test_restarted_under_load(fragile: Stack) -> None:
    with Load(fragile.nginx.port, "/live/users/7", threads=4, pause=0.002) as load:
        load.wait_answers(20)
        fragile.database.stop()
        fragile.database.start()
        fragile.cache.stop()
        fragile.cache.start()
        settle(fragile, "database", True, BACK)
        settle(fragile, "cache", True, BACK)
        wait_for(lambda: load.answers[-1].status == 200, BACK, "users again")
        load.wait_answers(20)
    assert not load.errors, load.errors[:3]
    assert {answer.status for answer in load.answers} <= {200, 503}


def test_started_while_the_database_is_away(service: Callable[..., Vitalsd], front: Callable[[Vitalsd], Nginx], fragile: Stack) -> None:
    fragile.database.stop()
    instance = service(DATABASE_URL=fragile.database.url, REDIS_URL=fragile.cache.url)
    instance.settings["ADMIN_LISTEN"] = f"unix:{instance.admin_socket}"
    instance.start()
    assert instance.expect(instance.ask(uri="/health"), 200).json()["status"] == "healthy"
    ready = instance.expect(instance.ask(uri="/health/ready"), 503)
    assert ready.body == b'{"status":"not ready","reason":"database unavailable"}'
    assert instance.expect(instance.ask(uri="/health/detailed"), 503).json()["status"] == "degraded"
    assert instance.ask(uri="/health/startup").status == 503
    instance.expect_problem(instance.ask(uri="/live/users/1"), 503)
    fragile.database.start()
    begun = time.monotonic()
    wait_for(lambda: instance.ask(uri="/health/ready").status == 200, 5, "ready")
    assert time.monotonic() - begun < BACK
    wait_for(lambda: instance.ask(uri="/live/users/1").status == 200, BACK, "users")
    assert instance.ask(uri="/health/startup").status == 200
    instance.ask(uri="/health/detailed")


def test_a_password_is_told_to_nobody(service: Callable[..., Vitalsd], directory: Callable[[], object]) -> None:
    instance = service(DATABASE_URL="postgresql://someone:s3cr3t-word@127.0.0.1:1/vitals",
                       REDIS_URL="redis://:s3cr3t-word@127.0.0.1:1/0").start()
    answer = instance.expect(instance.ask(uri="/health/detailed"), 503)
    instance.ask(uri="/live/users/1")
    instance.ask(uri="/cache/k")
    for text in (answer.body.decode(), instance.log.path.read_text(), instance.process.said()):
        assert "s3cr3t-word" not in text
    assert "127.0.0.1" not in detailed(answer.body)["database"] and "someone" not in answer.body.decode()


def test_a_black_hole_holds_nobody_longer_than_its_deadline(service: Callable[..., Vitalsd]) -> None:
    """A server that takes the connection and never speaks."""
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(64)
        port = hole.getsockname()[1]
        instance = service(DATABASE_URL=f"postgresql://v@127.0.0.1:{port}/v", REDIS_URL=f"redis://127.0.0.1:{port}/0",
                           DB_CONNECT_TIMEOUT="500ms").start()
        health = instance.ask(uri="/health/detailed")
        assert health.status == 503 and health.seconds < DEADLINE, health
        user = instance.ask(uri="/live/users/1")
        assert user.status in (503, 504) and user.seconds < 1.2, user
        cached = instance.ask(uri="/cache/k")
        assert cached.status in (503, 504) and cached.seconds < 0.5, cached




def test_checks_are_run_by_one_for_all(fragile: Stack) -> None:
    """A storm of probes while each run takes its whole deadline: Redis is asked once a run, not once a worker."""
    def pings() -> int:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(fragile.cache.socket)
            told = redis.talk(sock, "INFO", "commandstats")
        found = re.search(r"cmdstat_ping:calls=(\d+)", str(told))
        return int(found.group(1)) if found else 0

    def probe() -> None:
        with fragile.service.connect() as connection:
            while time.monotonic() < end:
                answers.append(connection.ask(uri="/health/detailed").status)

    fragile.database.freeze()
    settle(fragile, "database", False, 3)
    before, end = pings(), time.monotonic() + 2.5
    answers: list[int] = []
    threads = [threading.Thread(target=probe) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) == {503} and len(answers) > 20
    assert 1 <= pings() - before <= 4, (len(answers), pings() - before)
