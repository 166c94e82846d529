"""Redis behind sentinels: found through them, followed when it moves, with some of them dead, and with none that knows."""
from __future__ import annotations

import signal
import socket
from pathlib import Path
from typing import Callable, Iterator

import pytest

from conftest import Stack
from harness.load import Load
from harness.nginx import Nginx
from harness.processes import send, wait_for
from harness.sentinels import SERVICE, Watched
from harness.vitalsd import Vitalsd

BACK = 30.0

Service = Callable[..., Vitalsd]
Front = Callable[[Vitalsd], Nginx]


@pytest.fixture
def watched(directory: Callable[[], Path]) -> Iterator[Watched]:
    """A primary, a replica and three sentinels, for each test to break."""
    made = Watched(directory)
    yield made
    made.stop()


def make_stack(service: Service, front: Front, url: str, **settings: object) -> Stack:
    instance = service(WORKERS=4, REDIS_URL=url, REDIS_TIMEOUT="100ms", CACHE_MEMORY_BYTES=0, **settings)
    instance.settings["ADMIN_LISTEN"] = f"unix:{instance.admin_socket}"
    instance.start()
    return Stack(instance, front(instance))


def status(stack: Stack) -> int:
    """200: written to the primary and read back; 203: answered without it."""
    with stack.client() as client:
        return client.get("/through/k?write=1").status


OPENED = "Redis is not asked any more"


def reasons(stack: Stack) -> set[object]:
    return {record["reason"] for record in stack.service.log.find(OPENED)}


def test_the_primary_is_found(service: Service, front: Front, watched: Watched) -> None:
    stack = make_stack(service, front, watched.url + "/3")
    wait_for(lambda: status(stack) == 200, 5, "the primary")
    assert str(watched.redis[0].command("INFO", "keyspace")).count("db3:") == 1
    with stack.client() as client:
        assert client.get("/health/detailed").json()["checks"]["cache"] == "healthy"


def test_the_first_sentinels_are_dead_and_deaf(service: Service, front: Front, watched: Watched) -> None:
    """One refuses, one takes connections and says nothing: the third is asked within the same 100 ms, and from then on first."""
    watched.sentinels[0].stop()
    assert watched.sentinels[1].process is not None
    send([watched.sentinels[1].process.pid], signal.SIGSTOP)
    stack = make_stack(service, front, watched.url)
    wait_for(lambda: status(stack) == 200, 5, "the primary")
    send([watched.sentinels[1].process.pid], signal.SIGCONT)


Act = Callable[[Watched], object]
MOVES: dict[str, Act] = {
    "killed": lambda watched: watched.redis[0].stop(signal.SIGKILL),
    "frozen": lambda watched: watched.redis[0].freeze(),
    "told to": lambda watched: watched.sentinels[0].command("SENTINEL", "FAILOVER", SERVICE),
}


@pytest.mark.parametrize("how", MOVES)
def test_a_fail_over_is_followed(service: Service, front: Front, watched: Watched, how: str) -> None:
    """Under load: nobody fails, and writes reach the new primary, from every worker."""
    stack = make_stack(service, front, watched.url)
    wait_for(lambda: status(stack) == 200, 5, "the primary")
    with Load(stack.nginx.port, "/through/k?write=1", threads=4) as load:
        load.wait_answers(50)
        MOVES[how](watched)
        wait_for(lambda: watched.sentinels[0].primary() == watched.redis[1].port, BACK, "the sentinels fail over")
        # Until the old one is demoted it takes writes, which are then lost; so it is the new one that is looked at.
        with stack.client() as client:
            def arrives() -> bool:
                client.request("PUT", "/cache/after", b"the fail-over")
                return watched.redis[1].command("DBSIZE") == 2
            wait_for(arrives, BACK, "writes reach the new primary", every=0.05)
        wait_for(lambda: {status(stack) for _ in range(20)} == {200}, BACK, "writes from all")
        load.wait_answers(20)
    assert not load.errors, load.errors[:3]
    assert {answer.status for answer in load.answers} <= {200, 203}
    assert "role:master" in str(watched.redis[1].command("INFO", "replication"))


def test_a_demoted_primary_is_noticed_by_who_only_reads(service: Service, front: Front, watched: Watched) -> None:
    """It answers reads as well as ever: what tells is that it is asked for its role."""
    stack = make_stack(service, front, watched.url)
    wait_for(lambda: status(stack) == 200, 5, "the primary")
    # Behind the sentinels' back, who will make it the primary again.
    watched.redis[0].command("REPLICAOF", "127.0.0.1", str(watched.redis[1].port))
    with stack.client() as client:
        def noticed() -> bool:
            client.get("/through/k")
            return "the server that the sentinels name is not the primary" in reasons(stack)
        wait_for(noticed, BACK, "somebody notices", every=0.05)
    for sentinel in watched.sentinels:
        sentinel.stop()
    watched.redis[0].command("REPLICAOF", "NO", "ONE")


def test_sentinels_with_a_password(service: Service, front: Front, directory: Callable[[], Path]) -> None:
    watched = Watched(directory, password="let-us-ask")
    try:
        stack = make_stack(service, front, watched.url, REDIS_SENTINEL_PASSWORD="let-us-ask")
        wait_for(lambda: status(stack) == 200, 5, "the primary")
        without = make_stack(service, front, watched.url)
        assert status(without) == 203
        without.service.log.wait(OPENED, reason="the sentinels do not let this service in")
        assert "let-us-ask" not in stack.service.log.path.read_text()
    finally:
        watched.stop()


def test_no_sentinel_knows_or_answers(service: Service, front: Front, watched: Watched) -> None:
    stack = make_stack(service, front, watched.url.replace(SERVICE, "another"))
    assert status(stack) == 203
    stack.service.log.wait(OPENED, reason="the sentinels do not know the service")
    with socket.socket() as hole:  # takes connections and says nothing
        hole.bind(("127.0.0.1", 0))
        hole.listen(64)
        deaf = make_stack(service, front, f"redis+sentinel://127.0.0.1:1,127.0.0.1:{hole.getsockname()[1]}/{SERVICE}")
        assert status(deaf) == 203
        told = deaf.service.log.wait(OPENED)
        assert told["reason"] in ("no sentinel answers", "connecting timed out"), told
