"""vitalsctl log-level: levels of a running service that hold for a while."""
from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable

import pytest

from harness import ctl, postgres
from harness.fcgi import cgi, request
from harness.http import HttpClient, new_id
from harness.nginx import Nginx
from harness.processes import PATH, send, wait_for
from harness.vitalsd import Vitalsd, build_directory

Make = Callable[..., Vitalsd]
Front = Callable[[Vitalsd], Nginx]


def level(instance: Vitalsd, *arguments: str) -> str:
    """vitalsctl log-level, which is to succeed."""
    done = ctl.ctl(instance, "log-level", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def in_force(instance: Vitalsd) -> list[dict[str, Any]]:
    """As vitalsctl lists them."""
    return json.loads(level(instance, "--json"))["log_levels"]


def debug_ids(instance: Vitalsd) -> set[str]:
    """Whose DEBUG records there are."""
    return {found.get("correlation_id", "") for found in instance.log.records() if found["level"] == "DEBUG"}


def post(client: HttpClient, identity: str) -> None:
    """A request that logs "Test record" at INFO and "Test detail" at DEBUG."""
    answer = client.request("POST", "/log", b"x", {"X-Correlation-ID": identity})
    assert answer.status == 204


def test_one_correlation_id_through_nginx(service: Make, front: Front) -> None:
    """Its DEBUG records and nobody else's, whichever worker serves it; told once by whom and for how long."""
    instance = service(WORKERS=3).start()
    nginx = front(instance)
    mine = new_id()
    told = level(instance, "debug", "--for", "5m", "--correlation-id", mine)
    assert "DEBUG" in told and "5m 0s" in told and f"correlation ID {mine}" in told
    with ExitStack() as stack:
        clients = [stack.enter_context(HttpClient(nginx.port)) for _ in range(6)]
        for client in clients:
            post(client, new_id())
            post(client, mine)
            post(client, mine + "x")
    wait_for(lambda: len(instance.log.find("Test record")) == 18, 5, "all records")
    assert debug_ids(instance) == {mine}
    assert len(instance.log.find("Test detail", correlation_id=mine)) == 6
    audit = instance.log.find("Log level set")
    assert len(audit) == 1 and audit[0]["logger"] == "vitals.log" and audit[0]["level"] == "INFO"
    assert (audit[0]["scope"], audit[0]["target"], audit[0]["set_level"]) == ("correlation_id", mine, "DEBUG")
    assert audit[0]["by_uid"] == os.getuid() and audit[0]["by_pid"] > 0 and audit[0]["set_at"] < audit[0]["until"]
    listed = in_force(instance)
    assert [(one["level"], one["scope"], one["target"]) for one in listed] == [("DEBUG", "correlation_id", mine)]
    assert 0 < listed[0]["seconds_left"] <= 300 and listed[0]["by_pid"] == audit[0]["by_pid"]
    assert ctl.status(instance)["log_levels"] == 1


def test_it_ends_by_itself(service: Make) -> None:
    instance = service(WORKERS=2).start()
    level(instance, "debug", "--for", "1s")
    instance.ask("POST", "/log", b"x")
    assert instance.log.wait("Test detail") and instance.log.find("Log level set", scope="everything")
    wait_for(lambda: not in_force(instance), 5, "over")
    assert "No level is set for a while" in level(instance)
    before = len(instance.log.find("Test detail"))
    for _ in range(4):
        instance.completed(instance.ask("POST", "/log", b"x"))
    assert len(instance.log.find("Test detail")) == before
    assert len(instance.log.find("Log level ended", scope="everything", set_level="DEBUG")) == 1


def test_a_reset_ends_all(service: Make) -> None:
    instance = service(WORKERS=2).start()
    level(instance, "debug")
    level(instance, "error", "--logger", "vitals.request")
    level(instance, "debug", "--route", "/log")
    assert len(in_force(instance)) == 3
    text = level(instance)
    assert "everything" in text and "logger vitals.request" in text and "route /log" in text
    assert "3 ended" in level(instance, "reset")
    assert in_force(instance) == []
    instance.completed(instance.ask("POST", "/log", b"x"))
    assert not instance.log.find("Test detail") and len(instance.log.find("Log levels reset")) == 1
    assert "0 ended" in level(instance, "reset")


def test_by_logger_and_by_route_louder_and_quieter(service: Make) -> None:
    """The more specific one decides."""
    instance = service(WORKERS=1).start()
    level(instance, "error", "--logger", "vitals.request")
    kept_out, told = instance.ask(uri="/facts"), instance.ask("POST", "/log", b"x")
    instance.log.wait("Test record", correlation_id=told.sent_id)
    assert kept_out.status == 200 and not instance.log.find("Request completed", correlation_id=kept_out.sent_id)
    level(instance, "debug", "--route", "/log")
    told = instance.ask("POST", "/log", b"x")
    instance.completed(told)
    assert instance.log.find("Test detail", correlation_id=told.sent_id)
    kept_out = instance.ask(uri="/facts")
    level(instance, "reset")
    instance.completed(instance.ask(uri="/facts"))
    assert not instance.log.find("Request completed", correlation_id=kept_out.sent_id)


def test_statements_of_what_is_looked_at(service: Make, database: postgres.Postgres) -> None:
    """A level set for a while shows the SQL too, without parameters; LOG_LEVEL=DEBUG alone does not."""
    instance = service(DATABASE_URL=database.url, LOG_LEVEL="DEBUG").start()
    before = instance.expect(instance.ask(uri="/sql?q=select%20$1::text&p=private-value"), 200)
    level(instance, "debug", "--route", "/sql")
    after = instance.expect(instance.ask(uri="/sql?q=select%20$1::text&p=private-value"), 200)
    assert not instance.log.find("Statement", correlation_id=before.sent_id)
    statement = instance.log.find("Statement", correlation_id=after.sent_id)
    assert len(statement) == 1 and statement[0]["sql"] == "select $1::text" and "private-value" not in str(statement)


def test_a_reload_keeps_it(service: Make) -> None:
    instance = service(WORKERS=1).start()
    level(instance, "debug", "--route", "/log")
    assert ctl.ctl(instance, "reload").returncode == 0
    assert len(in_force(instance)) == 1
    told = instance.ask("POST", "/log", b"x")
    instance.completed(told)
    assert instance.log.find("Test detail", correlation_id=told.sent_id)
    assert len(instance.log.find("Log level set")) == 1


def test_a_service_that_is_stuck_takes_it(service: Make) -> None:
    """Supervisor and workers are stopped; what was asked holds as soon as they go on."""
    instance = service(WORKERS=2).start()
    pids = [instance.pid] + instance.workers()
    send(pids, signal.SIGSTOP)
    try:
        level(instance, "debug", "--for", "10m")
        assert len(in_force(instance)) == 1
        with instance.connect() as connection:
            connection.send(request(cgi("POST", "/log", content_length="0")))
            send(pids, signal.SIGCONT)
            assert connection.read_answer().status == 204
    finally:
        send(pids, signal.SIGCONT)
    assert instance.log.wait("Test detail")


def test_every_worker_is_blocked(service: Make) -> None:
    instance = service(WORKERS=2).start()
    with ExitStack() as stack:
        connections = [stack.enter_context(instance.connect()) for _ in range(2)]
        for connection in connections:
            connection.send(request(cgi(uri="/slow?ms=1500&how=sleep")))
        wait_for(lambda: ctl.status(instance)["pool"]["busy"] == 2, 5, "both are busy")
        level(instance, "critical", "--logger", "vitals.request")
        for connection in connections:
            assert connection.read_answer().status == 200
    instance.log.wait("Log level set")
    assert not instance.log.find("Request completed", route="/slow")


@pytest.mark.parametrize("arguments, said", [
    (["loud"], 'The level is "loud"; allowed is DEBUG, INFO, WARNING, ERROR or CRITICAL'),
    (["debug", "--for", "25h"], '--for is "25h"; allowed is a duration'),
    (["debug", "--for", "0s"], '--for is "0s"'),
    (["debug", "--route", "users"], '--route is "users"; allowed is'),
    (["debug", "--correlation-id", "a b"], '--correlation-id is "a b"; allowed is'),
    (["debug", "--logger", "a", "--route", "/b"], "Either --logger or --route, not both."),
    (["--for", "5m"], "Which level?"),
    (["reset", "--route", "/b"], "it takes no option"),
    (["debug", "now"], '"now" is one too many'),
    (["debug", "--limit", "3"], "log-level takes no --limit"),
    (["debug", "--for"], "The last option needs a value"),
])
def test_wrong_arguments(service: Make, arguments: list[str], said: str) -> None:
    """Refused in a sentence, with the status of misuse, before anything is touched or even looked for."""
    done = ctl.run_ctl("--scoreboard", "/nowhere/at/all", "log-level", *arguments)
    assert done.returncode == 2 and said in done.stderr and done.stdout == "", (done.returncode, done.stderr)


def test_options_of_another_command(service: Make) -> None:
    for arguments in (["status", "--route", "/x"], ["drain", "--for", "5m"], ["errors", "--correlation-id", "x"]):
        done = ctl.run_ctl("--scoreboard", "/nowhere/at/all", *arguments)
        assert done.returncode == 2 and f"{arguments[0]} takes no {arguments[1]}" in done.stderr, done.stderr


def test_no_more_than_there_is_room_for(service: Make) -> None:
    instance = service(WORKERS=1).start()
    for number in range(16):
        level(instance, "debug", "--logger", f"logger{number}")
    done = ctl.ctl(instance, "log-level", "debug", "--logger", "one-more")
    assert done.returncode == 1 and "16 levels are in force" in done.stderr
    level(instance, "info", "--logger", "logger3")
    assert len(in_force(instance)) == 16


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_another_user_may_not(service: Make, directory: Callable[[], Path]) -> None:
    instance = service(WORKERS=1).start()
    place = directory()
    place.mkdir()
    place.chmod(0o755)
    program = shutil.copy(build_directory() / "vitalsctl", place)
    board = str(instance.directory / "scoreboard")

    def as_nobody(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "--scoreboard", board, *arguments],
                              env={"PATH": PATH, "LC_ALL": "C"}, capture_output=True, text=True, timeout=10)

    for mode in (0o600, 0o644):  # and where all may read it
        os.chmod(board, mode)
        done = as_nobody("log-level", "debug")
        assert done.returncode == 1 and "Permission denied; it takes the user whose service it is, or root" in done.stderr
    assert as_nobody("log-level").returncode == 0 and as_nobody("errors").returncode == 0
    assert as_nobody("log-level", "reset").returncode == 1
    assert in_force(instance) == []


def test_nobody_is_there_to_heed_it(service: Make) -> None:
    """The scoreboard of a supervisor that was killed."""
    instance = service(WORKERS=1).start()
    instance.kill()
    done = ctl.ctl(instance, "log-level", "debug")
    assert done.returncode == 1 and "does not live any more" in done.stderr
