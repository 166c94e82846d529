"""Two machines on one Redis: what one changes is not answered by the other's embedded cache any more."""
from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Callable, Iterator

import pytest

from harness import redis
from harness.processes import send, wait_for
from harness.vitalsd import Vitalsd

TOLD, NOT_TOLD = "Changes in Redis are told", "Changes in Redis are not told"
BACK = 10.0

Service = Callable[..., Vitalsd]


@pytest.fixture
def shared(directory: Callable[[], Path]) -> Iterator[redis.Redis]:
    server = redis.Redis(directory()).start()
    yield server
    server.thaw()
    server.stop()


@pytest.fixture
def machines(service: Service, shared: redis.Redis) -> tuple[Vitalsd, Vitalsd]:
    """Whose embedded caches believe for an hour what nobody tells them to have changed."""
    pair = tuple(make(service, shared) for _ in range(2))
    for instance in pair:
        instance.log.wait(TOLD)
    return pair  # type: ignore[return-value]


def make(service: Service, shared: redis.Redis, **settings: object) -> Vitalsd:
    return service(REDIS_URL=shared.url, CACHE_PREFIX="shop:", CACHE_UNTRACKED_TTL="1h", REDIS_TIMEOUT="200ms", **settings).start()


def put(instance: Vitalsd, value: bytes) -> None:
    wait_for(lambda: instance.ask("PUT", "/cache/k", value).status == 204, BACK, "it is put")


def got(instance: Vitalsd) -> bytes:
    answer = instance.ask(uri="/cache/k")
    return answer.body if answer.status == 200 else b""


def sees(instance: Vitalsd, value: bytes) -> None:
    wait_for(lambda: got(instance) == value, BACK, f"{value!r} is seen")


def gets(shared: redis.Redis) -> int:
    """How many GETs Redis has carried out."""
    told = str(shared.command("INFO", "commandstats"))
    return int(told.partition("cmdstat_get:calls=")[2].partition(",")[0] or 0)


def in_memory(instance: Vitalsd, shared: redis.Redis, value: bytes) -> None:
    """Until it is answered without Redis."""
    def answered() -> bool:
        before = gets(shared)
        return [got(instance) for _ in range(10)] == [value] * 10 and gets(shared) == before
    wait_for(answered, BACK, "it is answered from memory")


def test_a_change_elsewhere_is_seen(machines: tuple[Vitalsd, Vitalsd], shared: redis.Redis) -> None:
    here, there = machines
    for value in (b"one", b"two", b"three"):
        put(there, value)
        sees(here, value)
        in_memory(here, shared, value)
    there.ask("DELETE", "/cache/k")
    sees(here, b"")


def test_without_tracking_it_is_not(service: Service, shared: redis.Redis) -> None:
    """What the tests here look for is there: an hour of an old value, and no subscriber."""
    here, there = (make(service, shared, CACHE_TRACKING="off") for _ in range(2))
    put(there, b"one")
    sees(here, b"one")
    put(there, b"two")
    assert [got(here) for _ in range(10)] == [b"one"] * 10
    assert "sub=1" not in str(shared.command("CLIENT", "LIST")) and not here.log.find(TOLD)


def test_a_flush_is_seen(machines: tuple[Vitalsd, Vitalsd], shared: redis.Redis) -> None:
    here, _ = machines
    put(here, b"one")
    in_memory(here, shared, b"one")
    shared.command("FLUSHALL")
    sees(here, b"")


@pytest.mark.parametrize("how", ["pubsub", "normal"])
def test_a_lost_connection_is_noticed(machines: tuple[Vitalsd, Vitalsd], shared: redis.Redis, how: str) -> None:
    """Either of the two: nothing that was known before is believed, and it is told once."""
    here, there = machines
    put(there, b"one")
    in_memory(here, shared, b"one")
    shared.command("CLIENT", "KILL", "TYPE", how)
    put(there, b"two")
    sees(here, b"two")
    here.log.wait(NOT_TOLD)
    wait_for(lambda: len(here.log.find(TOLD)) == 2, BACK, "it listens again")
    in_memory(here, shared, b"two")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_the_keepers_death_is_noticed(machines: tuple[Vitalsd, Vitalsd], shared: redis.Redis, how: signal.Signals) -> None:
    """Its promise lapses where no other comes, and whoever reads next forgets in its place."""
    here, there = machines
    put(there, b"one")
    in_memory(here, shared, b"one")
    (keeper,) = here.keepers()
    send([keeper], how)
    put(there, b"two")
    sees(here, b"two")
    if how == signal.SIGSTOP:
        send([keeper], signal.SIGCONT)
    else:
        wait_for(lambda: len(here.log.find(TOLD)) == 2, BACK, "the next keeper listens")
        put(there, b"three")
        sees(here, b"three")
        in_memory(here, shared, b"three")


def test_redis_frozen_and_restarted(machines: tuple[Vitalsd, Vitalsd], shared: redis.Redis) -> None:
    """Nothing is answered from memory that may have changed behind a Redis that does not answer."""
    here, there = machines
    put(there, b"one")
    in_memory(here, shared, b"one")
    shared.freeze()
    sees(here, b"")
    shared.thaw()
    sees(here, b"one")
    shared.stop()
    shared.start()
    sees(here, b"")
    put(there, b"two")
    sees(here, b"two")
    wait_for(lambda: here.log.find(TOLD)[-1]["timestamp"] > here.log.find(NOT_TOLD)[-1]["timestamp"], BACK, "it listens again")
    in_memory(here, shared, b"two")


def test_a_reload_begins_anew(machines: tuple[Vitalsd, Vitalsd], shared: redis.Redis) -> None:
    here, there = machines
    put(there, b"one")
    in_memory(here, shared, b"one")
    os.kill(here.pid, signal.SIGHUP)
    here.log.wait("Service reloaded")
    wait_for(lambda: len(here.log.find(TOLD)) == 2, BACK, "the next keeper listens")
    put(there, b"two")
    sees(here, b"two")
    in_memory(here, shared, b"two")


def alone(service: Service, shared: redis.Redis, **settings: object) -> Vitalsd:
    """A process that serves by itself."""
    instance = service(REDIS_URL=shared.url, CACHE_PREFIX="shop:", CACHE_UNTRACKED_TTL="1h", WORKERS=0, **settings)
    instance.spawn()
    wait_for(instance.reachable, BACK, "it answers")
    return instance


def test_of_processes_without_a_supervisor_one_keeps(service: Service, shared: redis.Redis, machines: tuple[Vitalsd, Vitalsd]) -> None:
    """A thread of one of them listens and probes for all; when that one is killed, another's does."""
    there = machines[1]
    first = alone(service, shared)
    first.log.wait(TOLD)
    second = alone(service, shared, SCOREBOARD=first.settings["SCOREBOARD"])
    put(there, b"one")
    for one in (first, second):
        sees(one, b"one")
        in_memory(one, shared, b"one")
    first.kill()
    put(there, b"two")
    sees(second, b"two")
    second.log.wait(TOLD)
    put(there, b"three")
    sees(second, b"three")
    in_memory(second, shared, b"three")
    shared.freeze()
    sees(second, b"")
    shared.thaw()
    sees(second, b"three")
    assert second.stop() == 0
