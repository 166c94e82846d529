"""Redis down, frozen, slow, full, read-only, loading and restarted empty: requests go on, one pays for all, one probes for all."""
from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Callable, Iterator, Optional

import pytest

from conftest import Stack
from harness import redis
from harness.delay import Delay
from harness.http import Answer
from harness.load import Load
from harness.nginx import Nginx
from harness.processes import alive, send, wait_for
from harness.vitalsd import Vitalsd

OPENED, CLOSED = "Redis is not asked any more", "Redis is asked again"
WORKERS = 4
BACK = 10.0  # what is judged stands in scripts/trial redis; here that it comes back at all

Service = Callable[..., Vitalsd]
Front = Callable[[Vitalsd], Nginx]


@pytest.fixture
def cache(directory: Callable[[], Path]) -> Iterator[redis.Redis]:
    """One for each test to break."""
    server = redis.Redis(directory()).start()
    yield server
    server.thaw()
    server.stop()


@pytest.fixture
def stack(service: Service, front: Front, cache: redis.Redis) -> Stack:
    """A pool before it that has used it."""
    return make_stack(service, front, cache, cache.url)


def make_stack(service: Service, front: Front, cache: redis.Redis, url: str, **settings: object) -> Stack:
    instance = service(WORKERS=WORKERS, REDIS_URL=url, REDIS_TIMEOUT="100ms", CACHE_MEMORY_BYTES=0, **settings)
    instance.settings["ADMIN_LISTEN"] = f"unix:{instance.admin_socket}"
    instance.start()
    stack = Stack(instance, front(instance), cache=cache)
    wait_for(lambda: ask(stack).status == 200, 5, "the cache is used")
    return stack


def ask(stack: Stack, write: bool = False) -> Answer:
    """200: the cache did all that was asked of it, 203: the answer was made without it."""
    with stack.client() as client:
        return client.get("/through/k?write=1" if write else "/through/k")


def metric(stack: Stack, name: str) -> Optional[float]:
    """One line of /metrics."""
    with stack.client() as client:
        lines = client.get("/metrics").body.decode().splitlines()
    found = [line.rpartition(" ")[2] for line in lines if line.startswith(name + " ")]
    return float(found[0]) if found else None


def is_closed(stack: Stack) -> bool:
    return metric(stack, 'vitals_cache_breaker_state{state="closed"}') == 1


def records(stack: Stack, message: str) -> list[dict[str, object]]:
    return stack.service.log.find(message)


Act = Callable[[redis.Redis], object]
AWAY: dict[str, tuple[Act, Act]] = {
    "down": (lambda server: server.stop(signal.SIGKILL), lambda server: server.start()),
    "frozen": (lambda server: server.freeze(), lambda server: server.thaw()),
    "paused": (lambda server: server.command("CLIENT", "PAUSE", "1500", "ALL"), lambda server: None),
}


@pytest.mark.parametrize("how", AWAY)
def test_away_under_load(stack: Stack, how: str) -> None:
    """Everybody is answered throughout; it is opened once, told once, seen in /metrics, and closed without a word from us."""
    hurt, heal = AWAY[how]
    with Load(stack.nginx.port, "/through/k", threads=8) as load:
        load.wait_answers(50)
        hurt(stack.cache)
        wait_for(lambda: not is_closed(stack), 5, "the breaker opens")
        load.wait_answers(200)
        heal(stack.cache)
        wait_for(lambda: is_closed(stack), BACK, "the breaker closes")
        wait_for(lambda: load.answers[-1].status == 200, BACK, "the cache is used again")
        load.wait_answers(50)
    assert not load.errors, load.errors[:3]
    assert {answer.status for answer in load.answers} == {200, 203}
    opened, closed = records(stack, OPENED), records(stack, CLOSED)
    assert len(opened) == len(closed) == metric(stack, "vitals_cache_breaker_opened_total")
    assert opened[0]["level"] == "WARNING" and opened[0]["reason"]
    assert closed[-1]["level"] == "INFO" and closed[-1]["after_seconds"] > 0
    slow = [answer.seconds for answer in load.answers if answer.seconds > 0.09]
    # Without the breaker each worker pays at each of its attempts; with it, those that hang together pay at an opening.
    assert len(slow) <= (8 + WORKERS) * len(opened), slow


def test_slow_answers(service: Service, front: Front, cache: redis.Redis, directory: Callable[[], Path]) -> None:
    """Each answer comes half a second late, also that to a probe: no better than none."""
    with Delay(directory(), cache.socket) as delay:
        stack = make_stack(service, front, cache, delay.url)
        delay.seconds = 0.5
        wait_for(lambda: ask(stack).status == 203, 5, "an answer that did not wait for it")
        wait_for(lambda: not is_closed(stack), 5, "the breaker opens")
        before = metric(stack, "vitals_cache_breaker_opened_total")
        answers = [ask(stack) for _ in range(100)]
        assert {answer.status for answer in answers} == {203}
        assert metric(stack, "vitals_cache_breaker_opened_total") == before
        delay.seconds = 0.0
        wait_for(lambda: ask(stack).status == 200, BACK, "the cache again")


def test_full(stack: Stack) -> None:
    """OOM: what is there is read, what is written fails at once, and the breaker has nothing to do with it."""
    stack.cache.command("CONFIG", "SET", "maxmemory", "1")
    assert {ask(stack).status for _ in range(20)} == {200}
    assert {ask(stack, write=True).status for _ in range(20)} == {203}
    assert is_closed(stack) and not records(stack, OPENED)
    stack.cache.command("CONFIG", "SET", "maxmemory", "0")
    assert {ask(stack, write=True).status for _ in range(20)} == {200}


def connections(stack: Stack) -> int:
    """Taken by Redis since it was started."""
    info = str(stack.cache.command("INFO", "stats"))
    return int(info.split("total_connections_received:")[1].split()[0])


def test_read_only(stack: Stack) -> None:
    """A replica is read, and asked anew now and then whether it still is one, not at each write."""
    stack.cache.command("REPLICAOF", "127.0.0.1", "1")
    assert {ask(stack).status for _ in range(20)} == {200}
    before = connections(stack)
    assert {ask(stack, write=True).status for _ in range(200)} == {203}
    assert 1 <= connections(stack) - before < 100
    assert is_closed(stack) and not records(stack, OPENED)
    stack.cache.command("REPLICAOF", "NO", "ONE")
    wait_for(lambda: ask(stack, write=True).status == 200, BACK, "writes")


def test_restarted_empty(stack: Stack) -> None:
    """Nothing of what was cached before is answered, and what is cached anew is."""
    with stack.client() as client:
        assert client.request("PUT", "/cache/old", b"old").status == 204
        assert client.get("/cache/old").body == b"old"
        stack.cache.stop()
        stack.cache.start()
        wait_for(lambda: client.get("/cache/old").status == 404, BACK, "a miss")
    wait_for(lambda: ask(stack).status == 200, BACK, "the cache is used")


def test_loading(stack: Stack) -> None:
    """While it loads it refuses everybody, in time: nobody asks it until it has."""
    stack.cache.command("CONFIG", "SET", "save", "3600 1000000")
    stack.cache.command("DEBUG", "POPULATE", "20000")
    stack.cache.command("SAVE")
    stack.cache.stop()
    stack.cache.start(loading_delay_us=100)
    wait_for(lambda: any(record["reason"] == "the server is loading its data" for record in records(stack, OPENED))
             or ask(stack) is None, 10, "it is seen to load")
    wait_for(lambda: ask(stack).status == 200, 30, "the cache again")
    assert not any(answer.status >= 400 for answer in [ask(stack)])


def test_locked(stack: Stack) -> None:
    """Connections that are there go on until they are dropped; then nobody is let in, and it is told why."""
    stack.cache.refuse("auth")
    wait_for(lambda: not is_closed(stack) or ask(stack) is None, 5, "the breaker opens")
    assert ask(stack).status == 203
    assert records(stack, OPENED)[-1]["reason"] == "the server wants a password"
    stack.cache.admit()
    wait_for(lambda: ask(stack).status == 200, BACK, "the cache again")


def test_the_keeper_is_started_again(stack: Stack) -> None:
    """Killed, it is followed by another, which finds Redis back."""
    (keeper,) = stack.service.keepers()
    stack.cache.freeze()
    wait_for(lambda: ask(stack).status == 203, 5, "Redis is missed")
    os.kill(keeper, signal.SIGKILL)
    record = stack.service.log.wait("Keeper of Redis died", signal="SIGKILL")
    assert record["pid"] == keeper
    stack.cache.thaw()
    wait_for(lambda: ask(stack).status == 200, BACK, "the cache again")
    wait_for(lambda: stack.service.keepers() not in ([], [keeper]), BACK, "another keeper")


def test_requests_probe_where_the_keeper_does_not(stack: Stack) -> None:
    """One that is stopped keeps nobody from finding Redis back."""
    (keeper,) = stack.service.keepers()
    send([keeper], signal.SIGSTOP)
    stack.cache.freeze()
    wait_for(lambda: ask(stack).status == 203, 5, "Redis is missed")
    stack.cache.thaw()
    wait_for(lambda: ask(stack).status == 200, BACK, "the cache again")
    send([keeper], signal.SIGCONT)


def test_the_keeper_goes_on_through_a_reload_and_ends_with_the_service(stack: Stack) -> None:
    (before,) = stack.service.keepers()
    os.kill(stack.service.pid, signal.SIGHUP)
    stack.service.log.wait("Service reloaded")
    wait_for(lambda: len(stack.service.keepers()) == 1 and stack.service.keepers() != [before], BACK, "another keeper")
    stack.cache.freeze()
    wait_for(lambda: ask(stack).status == 203, 5, "Redis is missed")
    stack.cache.thaw()
    wait_for(lambda: ask(stack).status == 200, BACK, "the cache again")
    (after,) = stack.service.keepers()
    stack.service.stop()
    wait_for(lambda: not alive(after), BACK, "the keeper ends")


def test_without_redis_there_is_no_keeper_and_no_breaker(service: Service, front: Front) -> None:
    instance = service(WORKERS=1)
    instance.settings["ADMIN_LISTEN"] = f"unix:{instance.admin_socket}"
    instance.start()
    stack = Stack(instance, front(instance))
    assert instance.keepers() == [] and metric(stack, "vitals_cache_breaker_opened_total") is None
