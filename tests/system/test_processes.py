"""Workers and supervisor that die, and how the service ends."""
from __future__ import annotations

import os
import signal
import time
from typing import Callable

import pytest

from conftest import Stack
from harness import fcgi, postgres
from harness.fcgi import cgi, request
from harness.http import HttpClient, new_id
from harness.load import Load
from harness.nginx import Nginx
from harness.processes import alive, cpu_seconds, send, wait_for
from harness.vitalsd import Vitalsd

Make = Callable[..., Vitalsd]
Front = Callable[[Vitalsd], Nginx]


def whole(instance: Vitalsd) -> bool:
    """As many workers as there should be."""
    return len(instance.workers()) == instance.processes_wanted()


def test_started_is_logged(service: Make) -> None:
    instance = service(WORKERS=3).start()
    started = instance.log.wait("Service started")
    assert started["logger"] == "vitals.supervisor" and started["level"] == "INFO"
    wait_for(lambda: len(instance.log.find("Worker started")) == 3, 3, "three workers logged")
    logged = {found["pid"] for found in instance.log.find("Worker started")}
    assert logged == set(instance.workers())
    assert len({found["worker"] for found in instance.log.find("Worker started")}) == 3
    assert int((instance.directory / "vitalsd.pid").read_text()) == instance.pid
    assert instance.stop() == 0
    assert instance.log.find("Service stopped") and not (instance.directory / "vitalsd.pid").exists()
    assert not os.path.exists(instance.socket)


def test_a_killed_worker_is_replaced(service: Make) -> None:
    instance = service(WORKERS=2).start()
    victim = instance.workers()[0]
    time_before = time.monotonic()
    send([victim], signal.SIGKILL)
    died = instance.log.wait("Worker died", pid=victim)
    assert died["level"] == "ERROR" and died["signal"] == "SIGKILL" and died["logger"] == "vitals.supervisor"
    assert isinstance(died["worker"], int)
    wait_for(lambda: whole(instance), 5, "a new worker")
    assert time.monotonic() - time_before < 5
    assert victim not in instance.workers()
    wait_for(lambda: len(instance.log.find("Worker started", worker=died["worker"])) == 2, 5, "its successor is told")
    assert instance.ask(uri="/facts").status == 200


def test_workers_killed_under_load_fail_no_get(service: Make, front: Front, database: postgres.Postgres) -> None:
    instance = service(WORKERS=4, DATABASE_URL=database.url).start()
    nginx = front(instance)
    killed = 0
    with Load(nginx.port, "/users/5", threads=6) as load:
        load.wait_answers(50)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            wait_for(lambda: len(instance.workers()) >= 3, 5, "workers to kill")
            send([instance.workers()[0]], signal.SIGKILL)
            killed += 1
            load.wait_answers(100)
        wait_for(lambda: whole(instance), 10, "all workers again")
        load.wait_answers(50)
    assert not load.errors, load.errors[:3]
    failed = [answer for answer in load.answers if answer.status != 200]
    assert not failed, f"{len(failed)} of {len(load.answers)} failed with {killed} workers killed: {failed[0]}"
    assert killed >= 4
    wait_for(lambda: len(instance.log.find("Worker died")) == killed, 5, "each death is logged")


def test_crash(service: Make, front: Front) -> None:
    instance = service(WORKERS=2, DEMO_CRASH=1).start()
    nginx = front(instance)
    before = instance.workers()
    identity = new_id()
    with HttpClient(nginx.port) as client:
        answer = client.request("POST", "/crash", b"{}", {"Content-Type": "application/json", "X-Correlation-ID": identity})
        assert answer.status == 502
        died = instance.log.wait("Worker died")
        assert died["signal"] == "SIGABRT" and died["pid"] in before and died["level"] == "ERROR"
        assert died.get("correlation_id", identity) == identity and died.get("route", "/crash") == "/crash"
        wait_for(lambda: whole(instance), 5, "a new worker")
        assert client.get("/facts").status == 200
    assert len(instance.log.find("Worker died")) == 1, "nginx must not repeat a POST"
    assert instance.log.wait("Request started", correlation_id=identity)


@pytest.mark.parametrize("number, name", [(signal.SIGSEGV, "SIGSEGV"), (signal.SIGBUS, "SIGBUS"), (signal.SIGKILL, "SIGKILL")])
def test_the_obituary_names_the_request(service: Make, number: int, name: str) -> None:
    instance = service(WORKERS=1).start()
    identity = new_id()
    with instance.connect() as connection:
        connection.send(request(cgi(uri="/slow?ms=5000&how=sleep", correlation_id=identity)))
        instance.log.wait("Request started", correlation_id=identity)
        victim = instance.workers()[0]
        send([victim], number)
        died = instance.log.wait("Worker died", pid=victim)
        assert died["signal"] == name and died["correlation_id"] == identity and died["route"] == "/slow"
        assert died["phase"] == "handler" and died["elapsed_seconds"] >= 0, died
    wait_for(lambda: whole(instance), 5, "a new worker")
    assert instance.ask(uri="/facts").status == 200


def test_workers_that_die_young_are_held_back(service: Make) -> None:
    """Not a fork bomb, and not given up: it serves again when the killing ends."""
    instance = service(WORKERS=1).start()
    seen: set[int] = set()
    end = time.monotonic() + 3
    while time.monotonic() < end:
        for pid in instance.workers():
            seen.add(pid)
            send([pid], signal.SIGKILL)
        time.sleep(0.005)  # the pace of the killing
    assert 2 <= len(seen) <= 30, f"{len(seen)} workers in three seconds"
    wait_for(lambda: whole(instance), 15, "a worker again")
    wait_for(instance.reachable, 5, "served again")


def test_workers_go_with_their_supervisor(service: Make) -> None:
    instance = service(WORKERS=3).start()
    workers = instance.workers()
    instance.kill()
    wait_for(lambda: not any(alive(pid) for pid in workers), 2, "workers gone")


def test_a_new_start_works_at_once_after_the_supervisor_was_killed(service: Make, front: Front) -> None:
    instance = service(WORKERS=2)
    instance.settings["ADMIN_LISTEN"] = f"unix:{instance.admin_socket}"
    instance.start()
    nginx = front(instance)
    with HttpClient(nginx.port) as client:
        assert client.get("/facts").status == 200
        workers = instance.workers()
        instance.kill()
        begun = time.monotonic()
        wait_for(lambda: not any(alive(pid) for pid in workers), 2, "workers gone")
        assert os.path.exists(instance.socket), "the socket is stale now"
        instance.start()
        assert time.monotonic() - begun < 5
        instance.expect(client.get("/facts"), 200)


def test_a_new_start_at_once_while_old_workers_still_end(service: Make) -> None:
    """No pause between the kill and the start."""
    instance = service(WORKERS=2).start()
    instance.kill()
    instance.start()
    assert instance.ask(uri="/facts").status == 200
    assert len(instance.workers()) == 2


def test_a_supervisor_killed_in_a_request_leaves_no_worker(service: Make) -> None:
    instance = service(WORKERS=2).start()
    with instance.connect() as connection:
        identity = new_id()
        connection.send(request(cgi(uri="/slow?ms=1500&how=spin", correlation_id=identity)))
        instance.log.wait("Request started", correlation_id=identity)
        workers = instance.workers()
        instance.kill()
        wait_for(lambda: not any(alive(pid) for pid in workers), 4, "workers gone, also the busy one")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_finish_what_runs(service: Make, front: Front, number: int) -> None:
    instance = service(WORKERS=2).start()
    identity = new_id()
    idle = instance.connect()
    assert idle.ask(uri="/facts").status == 200
    with instance.connect() as connection:
        connection.send(request(cgi(uri="/slow?ms=800&how=sleep", correlation_id=identity)))
        instance.log.wait("Request started", correlation_id=identity)
        begun = time.monotonic()
        send([instance.pid], number)
        answer = connection.read_answer()
        assert answer.status == 200 and answer.correlation_id == identity
    assert instance.process.wait(5) == 0
    assert 0.3 < time.monotonic() - begun < 3
    assert idle.closed_within(1)
    idle.close()
    assert instance.log.find("Request completed", correlation_id=identity, status_code=200)
    assert instance.log.find("Service stopped") and not instance.log.find("Worker died")
    with pytest.raises(OSError):
        instance.connect()


def test_a_handler_that_does_not_return_does_not_hold_the_end_up(service: Make) -> None:
    instance = service(WORKERS=1, REQUEST_TIMEOUT="1s").start()
    with instance.connect() as connection:
        identity = new_id()
        connection.send(request(cgi(uri="/slow?ms=20000&how=sleep", correlation_id=identity)))
        instance.log.wait("Request started", correlation_id=identity)
        begun = time.monotonic()
        send([instance.pid], signal.SIGTERM)
        instance.process.wait(8)
        assert time.monotonic() - begun < 7


def test_stalled_peers_do_not_delay_the_end(service: Make) -> None:
    instance = service(WORKERS=2).start()
    peers = [instance.connect().send(fcgi.begin()) for _ in range(10)] + [instance.connect() for _ in range(10)]
    begun = time.monotonic()
    assert instance.stop() == 0
    assert time.monotonic() - begun < 3
    for connection in peers:
        connection.close()


def test_signals_to_a_worker_alone(service: Make) -> None:
    """A terminal's Ctrl-C goes to the whole group: no deaths are to be reported."""
    instance = service(WORKERS=2).start()
    os.killpg(instance.pid, signal.SIGINT)
    assert instance.process.wait(5) == 0
    assert instance.log.find("Service stopped") and not instance.log.find("Worker died")


def test_a_stop_at_once_after_the_start(service: Make) -> None:
    for _ in range(5):
        instance = service(WORKERS=4)
        instance.spawn()
        instance.log.wait("Service started", 5)
        assert instance.stop() == 0
        assert not os.path.exists(instance.socket)


def test_stopped_in_the_load(service: Make, front: Front) -> None:
    """What was begun is finished: each answer is whole or is the web server's 502, and the end is quick."""
    instance = service(WORKERS=2).start()
    nginx = front(instance)
    with Load(nginx.port, "/facts", threads=4, pause=0.001) as load:
        load.wait_answers(50)
        assert instance.stop() == 0
    assert not load.errors, load.errors[:3]
    assert {answer.status for answer in load.answers} <= {200, 502, 503}
    started = {found["correlation_id"] for found in instance.log.find("Request started")}
    completed = {found["correlation_id"] for found in instance.log.find("Request completed")}
    assert started == completed


def test_an_idle_service_sleeps(stack: Stack) -> None:
    pids = stack.service.workers() + [stack.service.pid]
    used, begun = sum(map(cpu_seconds, pids)), time.monotonic()
    wait_for(lambda: time.monotonic() - begun > 0.5, 2)  # the time measured
    assert sum(map(cpu_seconds, pids)) - used < 0.05
