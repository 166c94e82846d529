"""What records say of requests: the form ecs, slow ones, samples, the ID in the database, crashes."""
from __future__ import annotations

import json
import signal
import time
import urllib.parse
from typing import Any, Callable

import pytest

from harness import postgres
from harness.fcgi import cgi, request
from harness.http import new_id
from harness.logs import Record
from harness.processes import send, wait_for
from harness.vitalsd import Vitalsd

Make = Callable[..., Vitalsd]
PHASES = ["reading", "handler", "database", "cache", "writing"]


# ---- LOG_FORMAT=ecs ----

def test_ecs(service: Make) -> None:
    instance = service(LOG_FORMAT="ecs", SERVICE_NAME="shop", SERVICE_VERSION="1.2", SLOW_REQUEST_MS=20).start()
    answer = instance.ask(uri="/slow?ms=30&token=s3cret", REMOTE_ADDR="192.0.2.7", REMOTE_USER="ann")
    same = {"labels.correlation_id": answer.sent_id}
    started = instance.log.wait("Request started", **same)
    completed = instance.log.wait("Request completed", **same)
    slow = instance.log.wait("Slow request", **same)
    assert started["url.original"].startswith("/slow?ms=30&token=") and "s3cret" not in json.dumps(started)
    assert started["client.ip"] == "192.0.2.7" and started["user.id"] == "ann"
    for found in (started, completed, slow):
        assert found["service.name"] == "shop" and found["service.version"] == "1.2"
        assert found["log.origin.file.name"].endswith(".c") and isinstance(found["log.origin.file.line"], int)
        assert found["http.request.method"] == "GET" and found["http.request.id"]
    assert completed["http.response.status_code"] == 200 and completed["url.path"] == "/slow"
    assert completed["http.response.body.bytes"] == len(answer.body)
    assert isinstance(completed["event.duration"], int) and completed["event.duration"] >= 30_000_000
    assert slow["log.level"] == "WARNING" and slow["vitals.handler_seconds"] >= 0.03
    for found in instance.log.records():
        types = {key: type(value) for key, value in found.items()}
        assert all(kind in (str, bool) for key, kind in types.items() if key.startswith("labels.")), found
        assert all(kind in (int, float) for key, kind in types.items() if key.startswith("vitals.")), found


# ---- Slow requests ----

def slow_record(instance: Vitalsd, identity: str) -> Record:
    """The one record of a slow request; its phases add up to its duration."""
    found = instance.log.wait("Slow request", correlation_id=identity)
    assert len(instance.log.find("Slow request", correlation_id=identity)) == 1
    spent = sum(found[f"{phase}_seconds"] for phase in PHASES)
    assert abs(spent - found["duration_seconds"]) < 0.0001 and all(found[f"{phase}_seconds"] >= 0 for phase in PHASES), found
    return found


def test_a_slow_handler(service: Make) -> None:
    instance = service(SLOW_REQUEST_MS=50).start()
    answer = instance.ask(uri="/slow?ms=80&how=sleep")
    found = slow_record(instance, answer.sent_id)
    assert found["level"] == "WARNING" and found["route"] == found["path"] == "/slow" and found["method"] == "GET"
    assert found["status_code"] == 200 and found["handler_seconds"] >= 0.08
    assert found["database_calls"] == found["cache_calls"] == 0 and "slowest_statement" not in found


def test_a_fast_request_is_not_slow(service: Make) -> None:
    instance = service(SLOW_REQUEST_MS=60000).start()
    instance.completed(instance.ask(uri="/slow?ms=30"))
    assert not instance.log.find("Slow request")
    instance = service(SLOW_REQUEST_MS=0).start()
    instance.completed(instance.ask(uri="/slow?ms=30"))
    assert not instance.log.find("Slow request")


def test_slow_stores(service: Make, database: postgres.Postgres, cache: Any) -> None:
    instance = service(SLOW_REQUEST_MS=50, DATABASE_URL=database.url, REDIS_URL=cache.url).start()
    answer = instance.ask(uri="/slow?ms=80&how=database")
    found = slow_record(instance, answer.sent_id)
    assert found["database_seconds"] >= 0.08 and found["database_calls"] == 1
    assert found["slowest_statement"] == "select pg_sleep($1::float8)" and found["slowest_statement_seconds"] >= 0.08
    assert found["handler_seconds"] < found["database_seconds"]
    instance = service(SLOW_REQUEST_MS=1, REDIS_URL=cache.url).start()
    database_less = instance.ask(uri="/slow?ms=5")
    assert slow_record(instance, database_less.sent_id)["database_calls"] == 0


def test_a_slow_body(service: Make) -> None:
    """The body comes in two parts, and the worker that waits for the second is seen to."""
    instance = service(SLOW_REQUEST_MS=50, BODY_BUFFER_SIZE=0).start()
    identity = new_id()
    whole = request(cgi("POST", "/count", body=b"x" * 1000, correlation_id=identity), b"x" * 1000)
    with instance.connect() as connection:
        connection.send(whole[:-600])
        instance.log.wait("Request started", correlation_id=identity)
        seen = time.monotonic()
        wait_for(lambda: time.monotonic() - seen > 0.1, 5, "the reading takes 100 ms")
        connection.send(whole[-600:])
        assert connection.read_answer().status == 200
    found = slow_record(instance, identity)
    assert found["reading_seconds"] >= 0.1 and found["handler_seconds"] < found["reading_seconds"]


def test_a_slow_reader_of_the_answer(service: Make) -> None:
    """The records of a request are written before its answer; that its answer took long is told afterwards."""
    instance = service(SLOW_REQUEST_MS=50, LOG_SAMPLE=0).start()
    identity = new_id()
    with instance.connect() as connection:
        connection.send(request(cgi(uri="/large?bytes=8000000", correlation_id=identity), keep=False))
        wait_for(lambda: instance.workers(), 5, "workers")
        begun = time.monotonic()
        wait_for(lambda: time.monotonic() - begun > 0.2, 5, "the writing takes 200 ms")
        assert len(connection.read_answer().body) == 8000000
    found = slow_record(instance, identity)
    assert found["writing_seconds"] >= 0.05 and found["handler_seconds"] < found["writing_seconds"]
    completed = instance.log.find("Request completed", correlation_id=identity)
    assert len(completed) == 1 and completed[0]["duration_seconds"] < found["duration_seconds"]


# ---- LOG_SAMPLE ----

def test_successes_are_left_out_and_the_rest_is_not(service: Make) -> None:
    instance = service(LOG_SAMPLE="0").start()
    good = [instance.ask(uri="/facts") for _ in range(5)]
    failed, missing = instance.ask(uri="/never"), instance.ask(uri="/nothing?token=s3cret", REMOTE_ADDR="192.0.2.7")
    assert {answer.status for answer in good} == {200} and failed.status == 500 and missing.status == 404
    found = instance.completed(missing)
    assert found["sampled"] is False and found["client_ip"] == "192.0.2.7" and found["url"].startswith("/nothing?token=***")
    assert instance.completed(failed)["level"] == "ERROR"
    assert not instance.log.find("Request started")
    assert len(instance.log.find("Request completed")) == 2


def test_services_take_the_same_requests(service: Make) -> None:
    first, second = service(LOG_SAMPLE="30%").start(), service(LOG_SAMPLE="0.3").start()
    identities = [f"chain-{n}" for n in range(60)]
    last = {}
    for instance in (first, second):
        for identity in identities:
            instance.ask(uri="/facts", correlation_id=identity)
        last[instance] = instance.ask(uri="/nothing")  # is always there
        instance.completed(last[instance])
    taken = []
    for instance in (first, second):
        def logged(message: str) -> list[str]:
            return sorted({found["correlation_id"] for found in instance.log.find(message)} & set(identities))
        wait_for(lambda: logged("Request started") == logged("Request completed"), 5, "pairs of records")
        taken.append(logged("Request started"))
    assert taken[0] == taken[1] and 5 <= len(taken[0]) <= 35


# ---- The ID in the database ----

def active_statement(database: postgres.Postgres, identity: str) -> str:
    """The statement of a request, as pg_stat_activity shows it; "" where there is none."""
    return database.sql(f"select query from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() "
                        f"and query like '%{identity}%'")


def end_statements(database: postgres.Postgres) -> None:
    """Those that sleep."""
    database.sql("select pg_cancel_backend(pid) from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() "
                 "and query like '%pg_sleep($1%'")


def test_the_database_shows_whose_statement_runs(service: Make, database: postgres.Postgres) -> None:
    instance = service(DATABASE_URL=database.url).start()
    identity = new_id()
    with instance.connect() as connection:
        connection.send(request(cgi(uri="/slow?ms=20000&how=database", correlation_id=identity), keep=False))
        shown = wait_for(lambda: active_statement(database, identity), 5, "the statement in pg_stat_activity")
        end_statements(database)
        connection.read_answer()
    comment = shown[shown.index("/*"):]
    assert shown.startswith("select pg_sleep($1::float8)\n/*") and comment.endswith("*/")
    assert comment.startswith(f"/*correlation_id='{identity}',route='{urllib.parse.quote('/slow', safe='')}'")


def test_no_comment_where_none_is_wanted(service: Make, database: postgres.Postgres) -> None:
    instance = service(DATABASE_URL=database.url, DB_COMMENT_SAMPLE="0").start()
    answer = instance.ask(uri="/sql?q=" + urllib.parse.quote("select query from pg_stat_activity where pid = pg_backend_pid()"))
    assert answer.json() == [{"query": "select query from pg_stat_activity where pid = pg_backend_pid()"}]


@pytest.mark.parametrize("statement", [
    "select 1 as n", "select 1 as n;", "select 1 as n -- end", "select 1 /* a */ as n", "select '*/' as n", "select $$'$$ as n",
    "with a as (select 1 as n) select n from a", "values (1)", "show server_version",
    "select '" + "x" * 2000 + "' as n",
])
def test_statements_run_as_without(service: Make, database: postgres.Postgres, statement: str) -> None:
    answers = []
    for ratio in ("0", "1"):
        instance = service(DATABASE_URL=database.url, DB_COMMENT_SAMPLE=ratio, WORKERS=1).start()
        answers.append(instance.ask(uri="/sql?q=" + urllib.parse.quote(statement)))
        instance.stop()
    assert answers[0].status == answers[1].status == 200 and answers[0].body == answers[1].body


# ---- Crashes ----

def test_an_abort_has_a_backtrace_with_the_module(service: Make) -> None:
    instance = service(DEMO_CRASH=1, WORKERS=1).start()
    identity = new_id()
    with instance.connect() as connection:
        connection.send(request(cgi("POST", "/crash", body=b"", correlation_id=identity), keep=False))
        died = instance.log.wait("Worker died", signal="SIGABRT")
    lines = died["backtrace"].split("\n")
    assert died["level"] == "ERROR" and died["exception"] == "SIGABRT" and died["correlation_id"] == identity
    assert lines[0].startswith("libc.so.6+0x") and any(line.startswith("demo.so+0x") for line in lines), lines
    assert any(line.startswith("libvitals.so") for line in lines) and len(lines) <= 32


def test_a_signal_from_outside_says_who_sent_it(service: Make) -> None:
    instance = service(WORKERS=1).start()
    victim = instance.workers()[0]
    send([victim], signal.SIGSEGV)
    died = instance.log.wait("Worker died", pid=victim)
    assert died["signal"] == "SIGSEGV" and died["exception"].startswith("SIGSEGV sent by process ")
    assert died["backtrace"].count("\n") >= 1
    wait_for(lambda: instance.workers() and instance.workers()[0] != victim, 5, "a new worker")


def test_a_kill_leaves_no_backtrace(service: Make) -> None:
    instance = service(WORKERS=1).start()
    victim = instance.workers()[0]
    send([victim], signal.SIGKILL)
    died = instance.log.wait("Worker died", pid=victim)
    assert "exception" not in died and "backtrace" not in died


def test_a_worker_of_the_time_before_a_reload_has_one_too(service: Make) -> None:
    """The supervisor has executed itself anew since it forked that worker, and has other addresses."""
    instance = service(WORKERS=1, DEMO_CRASH=1).start()
    old, identity = instance.workers()[0], new_id()
    with instance.connect() as connection:
        connection.send(request(cgi(uri="/slow?ms=20000&how=sleep", correlation_id=identity), keep=False))
        instance.log.wait("Request started", correlation_id=identity)
        send([instance.pid], signal.SIGHUP)
        instance.log.wait("Service reloaded")
        send([old], signal.SIGBUS)
        died = instance.log.wait("Worker died", pid=old)
    assert died["correlation_id"] == identity and any(line.startswith("demo.so+0x") for line in died["backtrace"].split("\n"))
