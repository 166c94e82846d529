"""A slow request holds up nobody but itself: its worker's other connections go to siblings."""
from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from typing import Callable

import pytest

from harness import ctl, fcgi, postgres
from harness.fcgi import cgi, request
from harness.http import new_id
from harness.processes import send
from harness.vitalsd import Vitalsd

Make = Callable[..., Vitalsd]

SLOW_MS = 1500


def open_all(instance: Vitalsd, stack: ExitStack, count: int) -> list[fcgi.Connection]:
    """So many connections, each kept alive after a first request."""
    connections = [stack.enter_context(instance.connect()) for _ in range(count)]
    for connection in connections:
        assert connection.ask(uri="/facts").status == 200
    return connections


def begin_slow(instance: Vitalsd, connection: fcgi.Connection, how: str, ms: int = SLOW_MS) -> str:
    """Sends a slow request; its correlation ID once it runs."""
    identity = new_id()
    connection.send(request(cgi(uri=f"/slow?ms={ms}&how={how}", correlation_id=identity)))
    instance.log.wait("Request started", correlation_id=identity)
    return identity


@pytest.mark.parametrize("how", ["sleep", "spin", "database"])
def test_connections_of_a_busy_worker_are_served_by_siblings(service: Make, database: postgres.Postgres, how: str) -> None:
    instance = service(WORKERS=2, DATABASE_URL=database.url).start()
    with ExitStack() as stack:
        slow, *others = open_all(instance, stack, 20)
        identity = begin_slow(instance, slow, how)
        # By chance the sibling may have accepted all the others, and then there is nothing to give.
        held = next(worker["connections"] for worker in ctl.status(instance)["workers"]
                    if worker["request"] and worker["request"]["correlation_id"] == identity)
        for connection in others:
            answer = connection.ask(uri="/facts")
            assert answer.status == 200
        assert not instance.log.find("Request completed", correlation_id=identity), "the others did not wait for it"
        assert slow.read_answer().status == 200
        workers = ctl.status(instance)["workers"]
        given = sum(worker["given"] for worker in workers)
        assert given == sum(worker["taken"] for worker in workers) and (given > 0 or held == 1)
        for connection in [slow, *others]:
            assert connection.ask(uri="/facts").status == 200
    assert len({worker["pid"] for worker in workers}) == 2 and not instance.log.find("Worker died")


def test_without_the_handoff_they_would_wait(service: Make) -> None:
    """Proves that the test above can fail."""
    instance = service(WORKERS=2, HANDOFF_AFTER=0).start()
    with ExitStack() as stack:
        slow, *others = open_all(instance, stack, 20)
        identity = begin_slow(instance, slow, "sleep")
        for connection in others:
            assert connection.ask(uri="/facts").status == 200
        assert instance.log.find("Request completed", correlation_id=identity)
        assert sum(worker["given"] for worker in ctl.status(instance)["workers"]) == 0


def test_a_request_that_has_arrived_in_part_goes_on_arriving(service: Make) -> None:
    instance = service(WORKERS=2).start()
    body = b'{"text":"' + b"x" * 50_000 + b'"}'
    whole = request(cgi("POST", "/echo", body=body, content_type="application/json"), body)
    with ExitStack() as stack:
        connections = open_all(instance, stack, 20)
        slow, halves = connections[0], connections[1:]
        for connection in halves:
            connection.send(whole[:30_000])
        identity = begin_slow(instance, slow, "sleep")
        for connection in halves:
            answer = connection.send(whole[30_000:]).read_answer()
            assert (answer.status, answer.body) == (200, body)
        assert not instance.log.find("Request completed", correlation_id=identity)
        assert slow.read_answer().status == 200


def test_an_answer_that_nobody_reads_holds_only_its_worker(service: Make) -> None:
    instance = service(WORKERS=2, REQUEST_TIMEOUT="3s").start()
    with ExitStack() as stack:
        slow, *others = open_all(instance, stack, 20)
        identity = new_id()
        slow.send(request(cgi(uri="/large?bytes=20000000", correlation_id=identity)))
        instance.log.wait("Request completed", correlation_id=identity)  # and is being written now
        begun = time.monotonic()
        for connection in others:
            assert connection.ask(uri="/facts").status == 200
        assert time.monotonic() - begun < 2


def test_with_every_worker_busy_they_wait_for_the_first_that_is_free(service: Make) -> None:
    instance = service(WORKERS=2).start()
    with ExitStack() as stack:
        connections = open_all(instance, stack, 12)
        slow = {connection: begin_slow(instance, connection, "sleep", ms) for connection, ms in zip(connections, (500, 2000))}
        for connection in connections[2:]:
            connection.send(request(cgi(uri="/facts")))
        for connection in connections[2:]:
            assert connection.read_answer().status == 200
        assert not instance.log.find("Request completed", correlation_id=list(slow.values())[1])
        for connection in slow:
            assert connection.read_answer().status == 200


def test_a_worker_killed_in_a_slow_request_takes_no_other_connection_with_it(service: Make) -> None:
    instance = service(WORKERS=2).start()
    with ExitStack() as stack:
        slow, *others = open_all(instance, stack, 20)
        begin_slow(instance, slow, "sleep", 10_000)
        for connection in others:
            assert connection.ask(uri="/facts").status == 200
        busy = [worker["pid"] for worker in ctl.status(instance)["workers"] if worker["request"]]
        assert len(busy) == 1
        send(busy, signal.SIGKILL)
        died = instance.log.wait("Worker died", pid=busy[0])
        assert died["cause"] == "signal" and died["route"] == "/slow" and died["generation"] == 1
        for connection in others:
            assert connection.ask(uri="/facts").status == 200
        assert slow.closed_within(1)
