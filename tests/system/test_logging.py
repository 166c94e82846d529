"""Where the log goes: rotated, full, stuck, shared by many workers."""
from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Callable

import pytest

from harness import postgres
from harness.load import Load
from harness.logs import LogFile
from harness.nginx import Nginx
from harness.processes import PATH, children_of, send, wait_for
from harness.vitalsd import Vitalsd, program

Make = Callable[..., Vitalsd]


def test_reopened_for_logrotate(service: Make) -> None:
    instance = service(WORKERS=3).start()
    old = instance.directory / "vitals.log.1"
    instance.completed(instance.ask(uri="/facts"))
    os.rename(instance.log.path, old)
    send([instance.pid], signal.SIGUSR1)
    fresh = LogFile(instance.log.path)
    connections = [instance.connect() for _ in range(12)]

    def all_moved() -> bool:
        """A round of requests leaves nothing in the old file."""
        size = old.stat().st_size
        for connection in connections:
            connection.ask(uri="/facts")
        return bool(fresh.find("Request completed")) and old.stat().st_size == size

    wait_for(all_moved, 5, "all is written to the new file")
    assert LogFile(old).find("Service started")
    for connection in connections:
        connection.close()
    instance.log = fresh


def test_a_full_disk_stops_nothing(service: Make) -> None:
    instance = service(LOG_FILE="/dev/full")
    instance.spawn()
    wait_for(instance.reachable, 5, "vitalsd answers")
    before = wait_for(lambda: instance.workers() if len(instance.workers()) == instance.processes_wanted() else None, 5, "all workers")
    for _ in range(200):
        assert instance.ask(uri="/facts").status == 200
    assert instance.workers() == before
    assert instance.stop() == 0


def test_a_stuck_sink_stops_nothing(service: Make) -> None:
    """Standard error is a pipe that nobody reads: records are dropped, requests are not."""
    instance = service(LOG_FILE=None)
    instance.write_settings()
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", str(program()), "--env-file", str(instance.env_file)],
                               cwd=instance.directory, env={"PATH": PATH}, stderr=subprocess.PIPE, start_new_session=True)
    try:
        wait_for(instance.reachable, 5, "vitalsd answers")
        begun = time.monotonic()
        with instance.connect(seconds=3) as connection:
            for _ in range(1000):  # a pipe holds 64 KiB, some hundred records
                assert connection.ask(uri="/facts").status == 200
        assert time.monotonic() - begun < 10
        assert process.stderr.read1(100).startswith(b"{")
    finally:
        workers = children_of(process.pid)
        send([process.pid], signal.SIGTERM)
        try:
            process.wait(5)
        finally:
            send([process.pid] + workers, signal.SIGKILL)
            process.wait(5)
            process.stderr.close()


def test_many_writers_tear_nothing(service: Make, front: Callable[[Vitalsd], Nginx]) -> None:
    """Every line is whole (the harness proves each), every request has its two records."""
    instance = service(WORKERS=4).start()
    with Load(front(instance).port, "/facts?" + "x" * 3000, threads=8) as load:
        load.wait_answers(1500)
    assert not load.errors
    wait_for(lambda: len(instance.log.find("Request completed")) >= len(load.answers), 5, "all records")
    completed = {found["correlation_id"] for found in instance.log.find("Request completed")}
    assert {answer.sent_id for answer in load.answers} <= completed
    assert len(instance.log.find("Request started")) == len(instance.log.find("Request completed"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give privileges up")
def test_privileges_are_given_up(service: Make, directory: Callable[[], Path]) -> None:
    """Workers and supervisor run as RUN_USER, the socket is LISTEN_OWNER's, the log goes on; and all that again."""
    instance = service(RUN_USER="nobody", LISTEN_OWNER="www-data:www-data", LISTEN_MODE="0660")
    for _ in range(2):
        instance.start()
        found = os.stat(instance.socket)
        assert found.st_uid == found.st_gid == 33 and found.st_mode & 0o777 == 0o660
        for pid in instance.workers():
            lines = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
            assert set(lines["Uid"].split()) == {"65534"} and lines["Groups"].split() in ([], ["65534"]), lines
        victim = instance.workers()[0]
        send([victim], signal.SIGKILL)
        wait_for(lambda: len(instance.workers()) == 2 and victim not in instance.workers(), 5, "a new worker")
        instance.expect(instance.ask(uri="/facts"), 200)
        assert instance.stop() == 0


def test_debug_logs_statements_without_parameters(service: Make, database: postgres.Postgres) -> None:
    instance = service(DATABASE_URL=database.url, DEBUG="on", LOG_LEVEL="DEBUG").start()
    answer = instance.expect(instance.ask(uri="/sql?q=select%20$1::text&p=private-value"), 200)
    records = [found for found in instance.log.records() if found.get("correlation_id") == answer.sent_id]
    statements = [found for found in records if found["level"] == "DEBUG" and "select $1::text" in str(found)]
    assert statements, records
    assert "private-value" not in str(statements)
