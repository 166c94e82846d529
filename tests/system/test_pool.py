"""The pool: it grows and shrinks, ends requests that do not end, tells why workers died, and stops in order."""
from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack
from typing import Callable

import pytest

from harness import ctl, fcgi
from harness.fcgi import cgi, request
from harness.http import new_id
from harness.processes import alive, send, wait_for
from harness.vitalsd import Vitalsd

Make = Callable[..., Vitalsd]


def begin(instance: Vitalsd, stack: ExitStack, uri: str) -> tuple[fcgi.Connection, str]:
    """A request on a connection of its own, and its correlation ID, sent and not waited for."""
    identity = new_id()
    connection = stack.enter_context(instance.connect())
    connection.send(request(cgi(uri=uri, correlation_id=identity)))
    return connection, identity


def ask_admin(instance: Vitalsd, uri: str) -> fcgi.Answer:
    """Through the admin worker."""
    with instance.connect(instance.admin_socket) as connection:
        return connection.ask(uri=uri)


def with_admin(service: Make, **settings: object) -> Vitalsd:
    """An instance that has an admin worker, not started."""
    instance = service(**settings)
    instance.settings["ADMIN_LISTEN"] = f"unix:{instance.admin_socket}"
    return instance


# ---- Growing and shrinking ----------------------------------------------------------------------------


def test_the_pool_grows_while_all_are_busy_and_shrinks_afterwards(service: Make) -> None:
    instance = service(WORKERS=1, WORKERS_MAX=5, WORKERS_IDLE_TIMEOUT="1s").start()
    with ExitStack() as stack:
        slow = [begin(instance, stack, "/slow?ms=3000&how=sleep") for _ in range(4)]
        for _, identity in slow:
            instance.log.wait("Request started", correlation_id=identity)
        assert not instance.log.find("Request completed", correlation_id=slow[0][1]), "all four run at once"
        wait_for(lambda: ctl.status(instance)["pool"]["workers"] == 5, 5, "one more than are busy")
        for connection, _ in slow:
            assert connection.read_answer().status == 200
            assert connection.ask(uri="/facts").status == 200
        wait_for(lambda: len(instance.workers()) == 1, 15, "shrunk again")
        for connection, _ in slow:
            assert connection.ask(uri="/facts").status == 200, "nobody's connection was closed"
    assert instance.log.find("Pool grows") and instance.log.find("Pool shrinks") and not instance.log.find("Worker died")
    assert ctl.status(instance)["workers_wanted"] == 1


def test_it_never_grows_beyond_its_bound(service: Make) -> None:
    instance = service(WORKERS=1, WORKERS_MAX=2).start()
    with ExitStack() as stack:
        slow = [begin(instance, stack, "/slow?ms=700&how=sleep")[0] for _ in range(6)]
        for connection in slow:
            assert connection.read_answer().status == 200
            assert ctl.status(instance)["pool"]["workers"] <= 2
    assert len(instance.log.find("Worker started")) == 2


def test_an_idle_elastic_pool_stays_small(service: Make) -> None:
    instance = service(WORKERS=2, WORKERS_MAX=8).start()
    for _ in range(300):
        assert instance.ask(uri="/facts").status == 200
    assert len(instance.workers()) == 2


# ---- Requests that do not end, workers that die ----------------------------------------------------------


def test_a_handler_that_never_returns_is_ended(service: Make) -> None:
    instance = service(WORKERS=1, REQUEST_TIMEOUT="500ms", REQUEST_GRACE="300ms").start()
    with ExitStack() as stack:
        connection, identity = begin(instance, stack, "/slow?ms=30000&how=sleep")
        instance.log.wait("Request started", correlation_id=identity)
        begun = time.monotonic()
        assert connection.closed_within(5)
        assert time.monotonic() - begun > 0.7
        died = instance.log.wait("Worker died")
        assert (died["cause"], died["signal"], died["correlation_id"], died["route"]) == ("timeout", "SIGKILL", identity, "/slow")
        assert instance.log.find("Worker is killed", pid=died["pid"])
    assert instance.ask(uri="/facts").status == 200
    assert ctl.status(instance)["deaths"] == {"signal": 0, "exit": 0, "oom": 0, "timeout": 1}


@pytest.mark.parametrize("code", [0, 3])
def test_a_handler_that_ends_its_process(service: Make, code: int) -> None:
    instance = service(WORKERS=1).start()
    with ExitStack() as stack:
        connection, identity = begin(instance, stack, f"/exit?code={code}")
        assert connection.closed_within(5)
        died = instance.log.wait("Worker died")
        assert (died["cause"], died["exit_code"], died["correlation_id"]) == ("exit", code, identity)
    assert instance.ask(uri="/facts").status == 200
    assert ctl.status(instance)["deaths"]["exit"] == 1


def test_a_service_whose_workers_keep_dying_is_not_ready(service: Make) -> None:
    instance = with_admin(service, WORKERS=1).start()
    assert ask_admin(instance, "/health/ready").status == 200

    def kill_and_ask() -> bool:
        send([pid for pid in instance.workers() if b"admin" not in comm(pid)], signal.SIGKILL)
        answer = ask_admin(instance, "/health/ready")
        return answer.status == 503 and answer.json()["reason"] == "workers keep dying"

    wait_for(kill_and_ask, 10, "not ready")
    assert ctl.status(instance)["held_back"] == 1
    wait_for(lambda: ask_admin(instance, "/health/ready").status == 200, 15, "ready again")


def comm(pid: int) -> bytes:
    """The process's name, b"" where it is gone."""
    try:
        with open(f"/proc/{pid}/comm", "rb") as file:
            return file.read()
    except OSError:
        return b""


def test_blocked_workers_leave_the_admin_worker_answering(service: Make) -> None:
    instance = with_admin(service, WORKERS=3).start()
    with ExitStack() as stack:
        slow = [begin(instance, stack, "/slow?ms=2500&how=sleep") for _ in range(3)]
        for _, identity in slow:
            instance.log.wait("Request started", correlation_id=identity)
        wait_for(lambda: ask_admin(instance, "/health/ready").json().get("reason") == "saturated", 2.4, "saturated")
        assert ask_admin(instance, "/health/live").status == 200
        assert ctl.status(instance)["pool"]["busy"] == 3
        for connection, _ in slow:
            assert connection.read_answer().status == 200
        assert ask_admin(instance, "/health/ready").status == 200


# ---- Stopping --------------------------------------------------------------------------------------------


def test_a_graceful_stop_is_not_ready_first_and_serves_on(service: Make) -> None:
    instance = with_admin(service, WORKERS=2, DRAIN_SECONDS="1s").start()
    with instance.connect() as connection:
        assert connection.ask(uri="/facts").status == 200
        begun = time.monotonic()
        send([instance.pid], signal.SIGTERM)
        answer = wait_for(lambda: [found for found in [ask_admin(instance, "/health/ready")] if found.status == 503], 0.9)[0]
        assert answer.json()["reason"] == "draining" and ctl.status(instance)["status"] == "draining"
        assert connection.ask(uri="/facts").status == 200 and instance.ask(uri="/facts").status == 200
        assert instance.process.wait(5) == 0
        assert 0.9 < time.monotonic() - begun < 4
        assert connection.closed_within(1)


@pytest.mark.parametrize("first, second", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT)])
def test_a_second_signal_ends_the_draining(service: Make, first: int, second: int) -> None:
    instance = service(DRAIN_SECONDS="60s").start()
    begun = time.monotonic()
    send([instance.pid], first)
    instance.log.wait("Service stopping")
    assert instance.process.running()
    send([instance.pid], second)
    assert instance.process.wait(5) == 0 and time.monotonic() - begun < 5


def test_a_fast_stop_does_not_wait_for_slow_requests(service: Make) -> None:
    instance = service(WORKERS=2, DRAIN_SECONDS="60s", FAST_STOP_SECONDS="1s").start()
    with ExitStack() as stack:
        quick, _ = begin(instance, stack, "/slow?ms=600&how=sleep")
        _, identity = begin(instance, stack, "/slow?ms=20000&how=sleep")
        instance.log.wait("Request started", correlation_id=identity)
        begun = time.monotonic()
        send([instance.pid], signal.SIGINT)
        assert quick.read_answer().status == 200
        assert instance.process.wait(5) == 0
        assert time.monotonic() - begun < 4
    assert instance.log.find("Workers that did not end are killed")
    assert instance.log.find("Worker died", correlation_id=identity)


def test_what_waits_at_the_stop_is_still_served(service: Make) -> None:
    """In the accept queue, on idle connections, and half way between two workers."""
    instance = service(WORKERS=2).start()
    with ExitStack() as stack:
        kept = [stack.enter_context(instance.connect()) for _ in range(10)]
        for connection in kept:
            assert connection.ask(uri="/facts").status == 200
        slow = [begin(instance, stack, "/slow?ms=800&how=sleep") for _ in range(2)]
        for _, identity in slow:
            instance.log.wait("Request started", correlation_id=identity)
        for connection in kept:
            connection.send(request(cgi(uri="/facts")))
        queued = [begin(instance, stack, "/facts")[0] for _ in range(10)]
        send([instance.pid], signal.SIGTERM)
        for connection in [connection for connection, _ in slow] + kept + queued:
            assert connection.read_answer().status == 200
        assert instance.process.wait(5) == 0


# ---- vitalsctl -------------------------------------------------------------------------------------------


def test_status_shows_what_runs(service: Make) -> None:
    instance = service(WORKERS=2).start()
    with ExitStack() as stack:
        connection, identity = begin(instance, stack, "/slow?ms=900&how=sleep&token=hunter2")
        instance.log.wait("Request started", correlation_id=identity)
        status = ctl.status(instance)
        running = [worker["request"] for worker in status["workers"] if worker["request"]]
        assert len(running) == 1 and 0 <= running[0].pop("elapsed_seconds") < 1
        assert running == [{"correlation_id": identity, "method": "GET", "path": "/slow", "route": "/slow", "phase": "handler"}]
        assert status["supervisor"] == {"pid": instance.pid, "alive": True} and status["status"] == "serving"
        text = ctl.ctl(instance, "status").stdout
        assert f"GET /slow ({identity})" in text and "serving" in text and f"supervisor {instance.pid}" in text
        assert "hunter2" not in text
        assert connection.read_answer().status == 200


def test_status_of_a_stuck_service(service: Make) -> None:
    """It reads the scoreboard: nobody has to answer."""
    instance = service(WORKERS=2).start()
    pids = [instance.pid, *instance.workers()]
    send(pids, signal.SIGSTOP)
    try:
        assert ctl.status(instance)["pool"]["workers"] == 2
        done = ctl.ctl(instance, "--timeout", "1", "drain")
        assert done.returncode == 1 and "did not do so in time" in done.stderr
    finally:
        send(pids, signal.SIGCONT)
    wait_for(lambda: ctl.status(instance)["status"] == "draining", 5, "done once it can")


def test_control_bytes_of_a_client_do_not_reach_the_terminal(service: Make) -> None:
    instance = service(WORKERS=1).start()
    with ExitStack() as stack:
        connection, identity = begin(instance, stack, "/slow?ms=900&how=sleep")
        instance.log.wait("Request started", correlation_id=identity)
        connection.close()
        connection, identity = begin(instance, stack, "/facts/%1b%5b2J%c2%9b")
        wait_for(lambda: instance.log.find("Request started", correlation_id=identity), 5)
        done = ctl.ctl(instance, "status")
    assert done.returncode == 0 and not any(ord(char) < 32 and char != "\n" for char in done.stdout)


def test_drain_and_resume(service: Make) -> None:
    instance = with_admin(service, WORKERS=1).start()
    assert ctl.ctl(instance, "drain").returncode == 0
    answer = ask_admin(instance, "/health/ready")
    assert answer.status == 503 and answer.json()["reason"] == "draining" and instance.ask(uri="/facts").status == 200
    assert ctl.ctl(instance, "resume").returncode == 0
    assert ask_admin(instance, "/health/ready").status == 200
    instance.log.wait("Service drains")
    instance.log.wait("Service resumes")


def test_reload_waits_and_tells(service: Make) -> None:
    instance = service(WORKERS=2).start()
    done = ctl.ctl(instance, "reload")
    assert (done.returncode, done.stdout) == (0, "Generation 2 serves.\n")
    done = ctl.ctl(instance, "upgrade")
    assert (done.returncode, done.stdout) == (0, "Generation 3 serves.\n")
    scoreboard = str(instance.settings["SCOREBOARD"])
    instance.settings["WORKERS"] = "none"
    instance.write_settings()
    done = ctl.run_ctl("--scoreboard", scoreboard, "reload")
    assert done.returncode == 1 and 'WORKERS is "none"' in done.stderr and done.stdout == ""


def test_a_service_that_is_gone(service: Make) -> None:
    instance = service(WORKERS=1).start()
    workers = instance.workers()
    instance.kill()
    wait_for(lambda: not any(alive(pid) for pid in workers), 3)
    assert ctl.status(instance)["status"] == "stopped"
    done = ctl.ctl(instance, "reload")
    assert done.returncode == 1 and "does not live any more" in done.stderr
    os.unlink(instance.settings["SCOREBOARD"])
    done = ctl.ctl(instance, "status")
    assert done.returncode == 1 and "There is no scoreboard" in done.stderr


@pytest.mark.parametrize("arguments, why", [
    ((), "Usage:"), (("nonsense",), "not a command"), (("status", "again"), "one too many"), (("--nonsense", "status"), "no such option"), (("status", "--timeout"), "needs a value"), (("--timeout", "x", "status"), "--timeout"),
    (("--timeout", "0", "status"), "--timeout"), (("--env-file", "/nowhere/x.env", "status"), "/nowhere/x.env"),
])
def test_wrong_words(arguments: tuple[str, ...], why: str, built: None) -> None:
    done = ctl.run_ctl(*arguments)
    assert done.returncode in (1, 2) and why in done.stderr and not done.stdout


# ---- Processes without a supervisor ------------------------------------------------------------------------


def test_processes_without_a_supervisor_share_a_scoreboard(service: Make) -> None:
    first, second = service(WORKERS=0), service(WORKERS=0)
    second.settings["SCOREBOARD"] = first.settings["SCOREBOARD"]
    for instance in (first, second):
        instance.spawn()
        wait_for(instance.reachable, 5, "answers")
        for _ in range(5):
            assert instance.ask(uri="/facts").status == 200
    status = ctl.status(first)
    assert status["status"] == "alone" and status["pool"]["workers"] == 2 and status["pool"]["requests"] >= 10
    assert {worker["pid"] for worker in status["workers"]} == {first.pid, second.pid}
    detailed = second.ask(uri="/health/detailed").json()["checks"]["pool"]
    assert detailed["workers"] == 2
    first.kill()
    counted = ctl.status(second)["pool"]["requests"]
    assert counted >= status["pool"]["requests"] and ctl.status(second)["pool"]["workers"] == 1
    third = service(WORKERS=0)
    third.settings["SCOREBOARD"] = first.settings["SCOREBOARD"]
    third.spawn()
    wait_for(third.reachable, 5, "answers")
    assert [worker["worker"] for worker in ctl.status(second)["workers"]] == [0, 1], "the dead one's slot is used again"
    assert ctl.status(second)["pool"]["requests"] > counted
    assert third.stop() == 0 and second.stop() == 0
    assert os.path.exists(first.settings["SCOREBOARD"]), "it is kept for whoever comes next"
    done = ctl.ctl(second, "drain")
    assert done.returncode == 1 and "no supervisor" in done.stderr


def test_one_process_serves_and_ends_in_order(service: Make) -> None:
    instance = service(WORKERS=0)
    instance.spawn()
    wait_for(instance.reachable, 5, "answers")
    assert instance.workers() == []
    with ExitStack() as stack:
        connection, identity = begin(instance, stack, "/slow?ms=500&how=sleep")
        instance.log.wait("Request started", correlation_id=identity)
        send([instance.pid], signal.SIGTERM)
        assert connection.read_answer().status == 200
    assert instance.process.wait(5) == 0 and not os.path.exists(instance.socket)


def test_a_supervisor_and_single_processes_do_not_mix(service: Make) -> None:
    instance = service(WORKERS=1).start()
    alone = service(WORKERS=0)
    alone.settings["SCOREBOARD"] = instance.settings["SCOREBOARD"]
    alone.spawn()
    assert alone.process.wait(10) == 1 and "belongs to a running supervisor" in alone.process.said()
