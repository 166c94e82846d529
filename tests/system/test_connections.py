"""Many connections, few descriptors, slow bodies, answers that nobody reads."""
from __future__ import annotations

import os
import time
from typing import Callable

import pytest

from harness import fcgi
from harness.fcgi import begin, cgi, pairs, record, request, stream
from harness.http import HttpClient, new_id
from harness.nginx import Nginx
from harness.processes import cpu_seconds, wait_for
from harness.vitalsd import Vitalsd

Make = Callable[..., Vitalsd]


def test_two_hundred_idle_connections_on_two_workers(service: Make) -> None:
    instance = service(WORKERS=2).start()
    before = instance.workers()
    connections = [instance.connect() for _ in range(200)]
    try:
        for _ in range(3):
            for number, connection in enumerate(connections):
                answer = connection.ask(uri=f"/facts/{number}")
                assert answer.json()["segment"] == str(number) and answer.seconds < 1
        for number, connection in enumerate(connections):
            connection.send(request(cgi(uri=f"/facts/{number}", correlation_id=f"all-{number}")))
        for number, connection in enumerate(connections):
            assert connection.read_answer().json()["correlation_id"] == f"all-{number}"
    finally:
        for connection in connections:
            connection.close()
    assert instance.workers() == before

    def completed() -> list[str]:
        """The IDs of the second round, as the log has them."""
        return [found["correlation_id"] for found in instance.log.find("Request completed") if found["correlation_id"].startswith("all-")]

    wait_for(lambda: len(completed()) >= 200, 5, "all records")
    assert sorted(completed()) == sorted(f"all-{number}" for number in range(200))


def test_idle_connections_cost_nothing(service: Make) -> None:
    instance = service(WORKERS=2).start()
    connections = [instance.connect() for _ in range(100)]
    try:
        for connection in connections:
            assert connection.ask(uri="/facts").status == 200
        used, begun = sum(map(cpu_seconds, instance.workers())), time.monotonic()
        wait_for(lambda: time.monotonic() - begun > 0.5, 2)  # the time measured
        assert sum(map(cpu_seconds, instance.workers())) - used < 0.1
    finally:
        for connection in connections:
            connection.close()


def test_idle_connections_are_closed_in_the_end(service: Make) -> None:
    instance = service(IDLE_TIMEOUT="1s").start()
    with instance.connect() as connection, instance.connect() as silent:
        assert connection.ask(uri="/facts").status == 200
        begun = time.monotonic()
        assert connection.closed_within(4) and time.monotonic() - begun > 0.5
        assert silent.closed_within(4)
    assert instance.ask(uri="/facts").status == 200


def test_more_connections_than_allowed(service: Make) -> None:
    """MAX_CONNECTIONS is a worker's: the idle ones make room, requests are served."""
    instance = service(WORKERS=1, MAX_CONNECTIONS=16).start()
    connections = [instance.connect() for _ in range(60)]
    try:
        wait_for(lambda: instance.ask(uri="/facts").status == 200, 5)
        for _ in range(5):
            assert instance.ask(uri="/facts").seconds < 1
    finally:
        for connection in connections:
            connection.close()
    assert instance.ask(uri="/facts").status == 200


def test_without_descriptors_it_serves_on(service: Make) -> None:
    """EMFILE: idle connections are closed, nobody exits, nobody spins."""
    instance = service(WORKERS=2, MAX_CONNECTIONS=None).start(nofile=40)
    before = instance.workers()
    connections = []
    try:
        for _ in range(120):
            connections.append(instance.connect())
        for _ in range(10):
            answer = instance.ask(uri="/facts")
            assert answer.status == 200 and answer.seconds < 5, answer
        used, begun = sum(map(cpu_seconds, before)), time.monotonic()
        wait_for(lambda: time.monotonic() - begun > 1, 3)  # the time measured
        assert sum(map(cpu_seconds, before)) - used < 0.4, "a busy loop"
    finally:
        for connection in connections:
            connection.close()
    assert instance.workers() == before
    assert instance.expect(instance.ask(uri="/facts"), 200)


def test_without_descriptors_behind_nginx(service: Make, front: Callable[[Vitalsd], Nginx]) -> None:
    instance = service(WORKERS=2, MAX_CONNECTIONS=None).start(nofile=40)
    nginx = front(instance)
    hogs = [instance.connect() for _ in range(100)]
    try:
        with HttpClient(nginx.port) as client:
            for _ in range(30):
                assert client.get("/facts").status == 200
    finally:
        for connection in hogs:
            connection.close()


@pytest.mark.parametrize("said", [1000, 4_000_000], ids=["waited for", "streamed"])
def test_slow_bodies_are_ended_by_the_deadline(service: Make, said: int) -> None:
    """Four times the workers stall in their bodies. One that fits the buffer holds no worker, another at most REQUEST_TIMEOUT."""
    instance = service(WORKERS=2, REQUEST_TIMEOUT="500ms", ADMISSION_TIMEOUT="1s", BODY_BUFFER_SIZE="1MiB").start()
    before = instance.workers()
    params = cgi("POST", "/count", content_length=str(said))
    stalled = [instance.connect() for _ in range(8)]
    try:
        for connection in stalled:
            connection.send(begin() + stream(fcgi.PARAMS, pairs(params)) + record(fcgi.STDIN, b"x"))
        begun = time.monotonic()
        answer = instance.ask(uri="/facts")
        assert answer.status == 200 and time.monotonic() - begun < (0.5 if said == 1000 else 8 * 0.5 + 1)
        for connection in stalled:
            assert connection.closed_within(4), "neither answered nor closed"
    finally:
        for connection in stalled:
            connection.close()
    assert instance.workers() == before


@pytest.mark.parametrize("said", [1000, 4_000_000], ids=["waited for", "streamed"])
def test_a_dripping_body_is_ended_by_the_deadline(service: Make, said: int) -> None:
    """Each byte comes in time, the whole does not: the deadline is total."""
    instance = service(WORKERS=1, REQUEST_TIMEOUT="700ms", ADMISSION_TIMEOUT="700ms", BODY_BUFFER_SIZE="1MiB").start()
    identity = new_id()
    with instance.connect() as connection:
        connection.send(begin() + stream(fcgi.PARAMS, pairs(cgi("POST", "/count", content_length=str(said), correlation_id=identity))))
        begun = time.monotonic()

        def over() -> bool:
            connection.send(record(fcgi.STDIN, b"x"))
            return bool(instance.log.find("Request completed", correlation_id=identity)
                        or instance.log.find("Connection closed"))

        wait_for(over, 4, "the drip is ended", every=0.02)
        assert 0.5 < time.monotonic() - begun < 2.5
        assert connection.closed_within(4)
    if said > 1000:
        assert instance.log.wait("Request completed", correlation_id=identity)["status_code"] in (408, 504)
    assert instance.expect(instance.ask(uri="/facts"), 200)


def test_a_large_body_that_stalls_holds_no_worker(service: Make) -> None:
    """More peers than workers, each with half of a body as large as may be; then all go on, more than there is room for."""
    instance = service(WORKERS=1, MAX_PENDING_SIZE="40MiB").start()
    body = b"x" * (12 << 20)
    data = request(cgi("POST", "/count", body=body), body)
    peers = [instance.connect() for _ in range(4)]
    try:
        for connection in peers[:2]:
            connection.send(data[:len(data) // 2])
        assert instance.ask(uri="/facts").seconds < 1
        for connection in peers[:2]:
            connection.send(data[len(data) // 2:])
            assert connection.read_answer().json()["bytes"] == len(body)
        for connection in peers:
            connection.send(data)
            assert connection.read_answer().json()["bytes"] == len(body)
    finally:
        for connection in peers:
            connection.close()


def test_an_unread_body_that_never_ends_is_cut(service: Make) -> None:
    """What is read after the answer is bounded in bytes and in time, and nobody waits for it."""
    instance = service(WORKERS=1, REQUEST_TIMEOUT="2s", BODY_BUFFER_SIZE="1MiB").start()
    head = begin() + stream(fcgi.PARAMS, pairs(cgi("POST", "/unread", content_length="8000000")))
    with instance.connect() as connection:
        connection.send(head)
        assert connection.read_answer().status == 200
        assert instance.ask(uri="/facts").seconds < 1, "the only worker drains for too long"
        assert connection.closed_within(4)
    with instance.connect() as connection:
        connection.send(head)
        for _ in range(1000):
            connection.send(record(fcgi.STDIN, b"x" * 65000))
        assert connection.closed_within(5)
    assert instance.ask(uri="/facts").status == 200


@pytest.mark.parametrize("uri", ["/count", "/unread"])
def test_a_streamed_body_keeps_the_connection(service: Make, uri: str) -> None:
    """A body too large to wait for is read while it comes, to its empty STDIN; the connection then serves on."""
    instance = service(WORKERS=1, BODY_BUFFER_SIZE="64KiB").start()
    body = b"x" * 300_000
    with instance.connect() as connection:
        for _ in range(3):
            identity = new_id()
            data = request(cgi("POST", uri, body=body, correlation_id=identity), body)
            connection.send(data[:200_000])
            instance.log.wait("Request started", correlation_id=identity)
            connection.send(data[200_000:])
            assert connection.read_answer().status == 200
            assert connection.ask(uri="/facts").status == 200, "the connection is kept"


def test_answers_that_nobody_reads(service: Make) -> None:
    """A peer that does not read its answer holds a worker no longer than REQUEST_TIMEOUT."""
    instance = service(WORKERS=2, REQUEST_TIMEOUT="700ms").start()
    before = instance.workers()
    deaf = [instance.connect().send(request(cgi(uri="/large?bytes=8000000"))) for _ in range(4)]
    try:
        begun = time.monotonic()
        assert instance.ask(uri="/facts").status == 200
        assert time.monotonic() - begun < 5
    finally:
        for connection in deaf:
            connection.close()
    assert instance.workers() == before


def test_one_worker(service: Make, front: Callable[[Vitalsd], Nginx]) -> None:
    instance = service(WORKERS=1).start()
    nginx = front(instance)
    assert len(instance.workers()) == 1
    clients = [HttpClient(nginx.port) for _ in range(10)]
    for _ in range(3):
        for client in clients:
            instance.expect(client.get("/facts"), 200)
    for client in clients:
        client.close()
    connections = [instance.connect() for _ in range(20)]
    for connection in connections:
        assert connection.ask(uri="/facts").status == 200
        connection.close()


@pytest.mark.parametrize("storm", [500])
def test_connections_that_come_and_go(service: Make, storm: int) -> None:
    instance = service(WORKERS=2).start()
    before = instance.workers()
    for number in range(storm):
        connection = instance.connect()
        if number % 2:
            connection.send(begin()[:number % 16])
        connection.close()
    assert instance.ask(uri="/facts").status == 200 and instance.workers() == before
    held = [len(os.listdir(f"/proc/{pid}/fd")) for pid in before]
    assert all(count < 40 for count in held), f"descriptors leak: {held}"
