"""PostgreSQL frozen, killed, restarted, full, failing over, and behind pgbouncer: each request ends in time and says what
is the matter, the service comes back by itself, and nothing is left behind at the server."""
from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, Iterator
from urllib.parse import quote, urlencode

import pytest

from conftest import Stack
from harness import fcgi
from harness.http import Answer
from harness.load import Load
from harness.nginx import Nginx
from harness.pgbouncer import PgBouncer
from harness.postgres import REPLICATED, Postgres, Standby, Template, program
from harness.processes import PATH, send, tree_of, wait_for
from harness.vitalsd import Vitalsd

BACK = 2.0
QUERY, CONNECT = 1.0, 1.0
# The longest that a request may take: half of CONNECT for a connection that was idle, CONNECT, QUERY, and two busy processors.
DEADLINE = CONNECT / 2 + CONNECT + QUERY + 0.5
TIMES = {"DB_QUERY_TIMEOUT": f"{QUERY * 1000:.0f}ms", "DB_CONNECT_TIMEOUT": f"{CONNECT * 1000:.0f}ms"}
READ = "/prepared?" + urlencode([("q", "select id, name from users where id = $1::bigint"), ("p", "7")])
WRITE = "/transaction?" + urlencode([("q", "update users set name = name where id = 7"), ("q", "select 1 as done"), ("end", "commit"),
                                     ("prepared", "1")])

Make = Callable[..., Vitalsd]
Front = Callable[[Vitalsd], Nginx]
Directory = Callable[[], Path]


@pytest.fixture
def server(template: Template, directory: Directory) -> Iterator[Postgres]:
    """A PostgreSQL of the test's own."""
    postgres = Postgres(directory(), template, REPLICATED).start()
    yield postgres
    postgres.thaw()
    postgres.stop(signal.SIGQUIT)


def sql(text: str, *params: str, route: str = "sql", **more: str) -> str:
    """The path of a statement."""
    return f"/{route}?" + urlencode([("q", text), *(("p", param) for param in params), *more.items()])


def ask(instance: Vitalsd, path: str) -> Answer:
    """One request on a connection of its own."""
    return instance.ask(uri=path)


def metric(instance: Vitalsd, name: str) -> float:
    """The sum of a metric's series that begin so, 0 where there is none."""
    lines = instance.ask(uri="/metrics").body.decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def failures_of_names(instance: Vitalsd) -> list[Any]:
    """Records that tell of a statement which the server refused: prepared ones that it did not know, among others."""
    return [record for record in instance.log.records() if record["message"] == "Statement failed"]


def all_back(instance: Vitalsd, path: str, since: float, times: int = 24) -> float:
    """Waits until the path is answered, then demands that every worker does so; how long it took since then."""
    wait_for(lambda: ask(instance, path).status == 200, 10, f"{path} again", every=0.02)
    took = time.monotonic() - since
    print(f"figures: {path.split('?')[0]} back after {took:.3f} s")
    wait_for(lambda: all(ask(instance, path).status == 200 for _ in range(times)), 5, f"{path} by every worker")
    return took


def judge(load: Load, allowed: set[int]) -> None:
    """No connection broke, no answer took longer than it may, each that failed says so clearly."""
    assert not load.errors, load.errors[:3]
    assert {answer.status for answer in load.answers} <= allowed, {answer.status for answer in load.answers}
    longest = max(load.answers, key=lambda answer: answer.seconds)
    counts = {status: sum(answer.status == status for answer in load.answers) for status in sorted({answer.status for answer in load.answers})}
    print(f"figures: {load.path.split('?')[0]} answered {counts}, the longest after {longest.seconds:.3f} s")
    assert longest.seconds < DEADLINE, f"{longest.status} after {longest.seconds:.3f} s"
    for answer in load.answers:
        if answer.status != 200:
            assert answer.header("Content-Type") == "application/problem+json"
            assert answer.json()["status"] == answer.status and answer.json()["detail"]


# ---- One server ----------------------------------------------------------------------------------------------------------

def fill(server: Postgres) -> list[subprocess.Popen[bytes]]:
    """Takes the server's last connections."""
    argv = [program("psql"), "-X", "-h", str(server.directory), "-U", "vitals", "-d", "vitals", "-c", "select pg_sleep(60)"]
    others: list[subprocess.Popen[bytes]] = []
    while server.admits():
        other = subprocess.Popen(argv, env={"PATH": PATH}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        others.append(other)
        wait_for(lambda: other.poll() is not None or server.active("select pg_sleep(60)") == sum(one.poll() is None for one in others), 5,
                 "one more session, or none")
    return others


def empty(server: Postgres, others: list[subprocess.Popen[bytes]]) -> None:
    """Gives them back."""
    if others:
        server.sql("select pg_terminate_backend(pid, 5000) from pg_stat_activity where query like 'select pg_sleep(60)%'")
    for other in others:
        other.terminate()
    for other in others:
        other.wait(5)


class Outage:
    """What is done to a server, and its end; the ways are the tests' parameters."""

    def __init__(self, how: str, server: Postgres, instance: Vitalsd) -> None:
        self.how, self.server, self.instance = how, server, instance
        self.others: list[subprocess.Popen[bytes]] = []

    def begin(self) -> None:
        """The server is away when this returns, or has just been."""
        server = self.server
        if self.how == "frozen":
            server.freeze()
        elif self.how == "crashed":
            server.stop(signal.SIGQUIT)
        elif self.how == "killed":
            assert server.process is not None
            doomed = tree_of(server.process.pid)
            for pid in doomed:
                os.kill(pid, signal.SIGKILL)
            server.process.wait(5)
            wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in doomed), 5, "every process of the server is gone")
            server.process = None
            (server.data / "postmaster.pid").unlink(missing_ok=True)
        elif self.how == "stopped":
            server.stop()
        elif self.how == "full":
            workers = self.instance.workers()
            send(workers, signal.SIGSTOP)  # or they would be back before the others are there
            server.drop_sessions()
            self.others = fill(server)
            send(workers, signal.SIGCONT)

    def end(self) -> None:
        """It serves again."""
        if self.how == "frozen":
            self.server.thaw()
        elif self.how == "full":
            empty(self.server, self.others)
            self.others = []
            wait_for(self.server.admits, 5, "a connection is free")
        elif self.how != "terminated":
            self.server.start()
        else:
            self.server.drop_sessions()


@pytest.mark.parametrize("how", ["frozen", "crashed", "killed", "stopped", "full", "terminated"])
def test_outage_under_load(service: Make, front: Front, template: Template, directory: Directory, how: str) -> None:
    """Reads by a prepared statement and writes in transactions, before, during and after."""
    server = Postgres(directory(), template, "max_connections = 14\n").start()
    instance = service(DATABASE_URL=server.url, WORKERS=4, **TIMES).start()
    outage = Outage(how, server, instance)
    nginx = front(instance)
    try:
        with Load(nginx.port, READ, threads=2, pause=0.002) as reads, Load(nginx.port, WRITE, threads=2, pause=0.002) as writes:
            reads.wait_answers(50)
            writes.wait_answers(50)
            outage.begin()
            if how != "terminated":
                wait_for(lambda: reads.answers[-1].status in (503, 504) and writes.answers[-1].status in (503, 504), 5, "failures")
            if how == "frozen":  # for so long that connecting has failed, too
                wait_for(lambda: 503 in {answer.status for answer in reads.answers + writes.answers}, 10, "a connect that failed")
            outage.end()
            ended = time.monotonic()
            took = all_back(instance, READ, ended)
            assert took < BACK, f"back after {took:.3f} s"
            reads.wait_answers(50)
            writes.wait_answers(50)
        for load in (reads, writes):
            judge(load, {200, 503, 504})
            assert load.answers[-1].status == 200
        assert how in ("terminated",) or any(answer.status != 200 for answer in reads.answers)
        assert not failures_of_names(instance), failures_of_names(instance)[:2]
        wait_for(lambda: server.sql("select count(*) from pg_stat_activity where usename = 'vitals' and state <> 'idle'") == "0", BACK,
                 "no backend in a statement or a transaction")
        assert int(server.sql("select count(*) from pg_stat_activity where usename = 'vitals'")) <= 5
        assert metric(instance, "vitals_database_reconnects_total") >= 1
    finally:
        empty(server, outage.others)
        server.thaw()
        server.stop(signal.SIGQUIT)


def test_too_many_connections_is_said(service: Make, template: Template, directory: Directory) -> None:
    server = Postgres(directory(), template, "max_connections = 8\n").start()
    others = fill(server)
    try:
        instance = service(DATABASE_URL=server.url, WORKERS=1, **TIMES).start()
        for _ in range(5):
            refused = ask(instance, "/live/users/1")
            instance.expect_problem(refused, 503)
            assert refused.header("Retry-After") == "1"
            assert refused.seconds < 0.5
        record = instance.log.wait("Database connection failed")
        assert record["exception"] == "too many connections (SQLSTATE 53300)", record
        empty(server, others)
        others = []
        begun = time.monotonic()
        assert all_back(instance, "/live/users/1", begun, 3) < BACK
        instance.log.wait("Database connection restored")
    finally:
        empty(server, others)
        server.stop(signal.SIGQUIT)


# ---- What is left at the server --------------------------------------------------------------------------------------------

SLEEP = "select pg_sleep(30)"


def test_a_statement_that_is_late_is_cancelled(service: Make, server: Postgres) -> None:
    """statement_timeout would end it only half a second later."""
    instance = service(DATABASE_URL=server.url, DB_QUERY_TIMEOUT="300ms", WORKERS=1).start()
    late = ask(instance, sql(SLEEP))
    instance.expect_problem(late, 504)
    assert 0.3 <= late.seconds < 0.6
    wait_for(lambda: server.active(SLEEP) == 0, 0.4, "cancelled", every=0.02)
    assert metric(instance, "vitals_database_cancels_total") == 1
    assert metric(instance, 'vitals_database_closed_total{reason="timeout"}') == 1


def test_a_statement_of_a_killed_worker_ends(service: Make, server: Postgres) -> None:
    """REQUEST_TIMEOUT and the statement's own limit are far away: the server sees that its client has gone."""
    instance = service(DATABASE_URL=server.url, DB_QUERY_TIMEOUT="60s", REQUEST_TIMEOUT="60s", WORKERS=1).start()
    with instance.connect() as connection:
        connection.send(fcgi.request(fcgi.cgi(uri=sql(SLEEP))))
        wait_for(lambda: server.active(SLEEP) == 1, 5, "it runs")
        worker = instance.workers()[0]
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: server.active(SLEEP) == 0, BACK, "it has ended")


# ---- Fail-over -----------------------------------------------------------------------------------------------------------

def two(first: Postgres, second: Postgres, attributes: str = "read-write") -> str:
    """Both in one URL."""
    return f"postgresql:///vitals?host={first.directory},{second.directory}&user=vitals&target_session_attrs={attributes}"


@pytest.fixture
def pair(server: Postgres, directory: Directory) -> Iterator[tuple[Postgres, Standby]]:
    """A primary and a standby that follows it."""
    standby = Standby(directory(), server).start()
    assert isinstance(standby, Standby) and not standby.is_primary()
    wait_for(lambda: server.sql("select count(*) from pg_stat_replication where state = 'streaming'") == "1", 10, "it streams")
    yield server, standby
    standby.stop(signal.SIGQUIT)


@pytest.mark.parametrize("how", ["crashed", "frozen"])
@pytest.mark.parametrize("order", ["primary first", "standby first"])
def test_failover_is_followed(service: Make, front: Front, pair: tuple[Postgres, Standby], how: str, order: str) -> None:
    primary, standby = pair
    url = two(primary, standby) if order == "primary first" else two(standby, primary)
    instance = service(DATABASE_URL=url, WORKERS=4, **TIMES).start()
    nginx = front(instance)
    with Load(nginx.port, READ, threads=2, pause=0.002) as reads, Load(nginx.port, WRITE, threads=2, pause=0.002) as writes:
        reads.wait_answers(50)
        writes.wait_answers(50)
        outage = Outage(how, primary, instance)
        outage.begin()
        wait_for(lambda: writes.answers[-1].status in (503, 504), 5, "failures")
        standby.promote()
        wait_for(standby.is_primary, 10, "promoted")
        took = all_back(instance, WRITE, time.monotonic())
        assert took < BACK, f"back after {took:.3f} s"
        writes.wait_answers(50)
        reads.wait_answers(50)
    for load in (reads, writes):
        judge(load, {200, 503, 504})
        assert load.answers[-1].status == 200
    assert not failures_of_names(instance), failures_of_names(instance)[:2]
    assert metric(instance, "vitals_database_moves_total") >= 1
    moved = instance.log.wait("Database connection moved to another server")
    assert str(standby.directory) not in str(moved)
    # A new connection is not held up by the dead host longer than its share.
    standby.drop_sessions()
    for _ in range(8):
        again = ask(instance, WRITE)
        assert again.status in (200, 503) and again.seconds < CONNECT + 0.3, again
    assert all_back(instance, WRITE, time.monotonic()) < BACK


def test_a_session_that_becomes_read_only_is_thrown_away(service: Make, server: Postgres, directory: Directory) -> None:
    """A primary that its operator demotes without ending sessions, as managed ones are: the sessions move, or get 503."""
    other = Standby(directory(), server).start()
    try:
        instance = service(DATABASE_URL=two(server, other), WORKERS=2, **TIMES).start()
        assert all_back(instance, WRITE, time.monotonic(), 8) < BACK
        server.sql("alter system set default_transaction_read_only = on; select pg_reload_conf()")
        wait_for(lambda: server.sql("show default_transaction_read_only") == "on", 5, "read-only")
        assert isinstance(other, Standby)
        other.promote()
        wait_for(other.is_primary, 10, "promoted")
        assert all_back(instance, WRITE, time.monotonic(), 8) < BACK
        assert not failures_of_names(instance), failures_of_names(instance)[:2]
        assert metric(instance, 'vitals_database_closed_total{reason="read_only"}') >= 1
        assert metric(instance, "vitals_database_moves_total") >= 1
    finally:
        other.stop(signal.SIGQUIT)


def test_a_server_that_does_not_accept_yet(service: Make, server: Postgres, directory: Directory) -> None:
    """SQLSTATE 57P03, as while it starts: a standby that admits nobody, until it is promoted."""
    standby = Standby(directory(), server, "hot_standby = off\n")
    standby.accepts = lambda: "not accepting" in subprocess.run(  # type: ignore[method-assign]
        [program("psql"), "-h", str(standby.directory), "-U", "postgres", "-c", ""], capture_output=True, text=True, env={"PATH": PATH}).stderr
    standby.start()
    try:
        instance = service(DATABASE_URL=standby.url, WORKERS=2, **TIMES).start()
        for _ in range(6):
            refused = ask(instance, "/live/users/1")
            instance.expect_problem(refused, 503)
            assert refused.seconds < 0.5
        record = instance.log.wait("Database connection failed")
        assert record["exception"] == "the server is starting or stopping (SQLSTATE 57P03)", record
        standby.promote()
        wait_for(standby.admits, 10, "it admits")
        assert all_back(instance, "/live/users/1", time.monotonic(), 8) < BACK
    finally:
        standby.stop(signal.SIGQUIT)


# ---- Transactions ----------------------------------------------------------------------------------------------------------

def transaction(*statements: str, end: str = "commit", **more: str) -> str:
    """The path of a transaction."""
    return "/transaction?" + urlencode([*(("q", text) for text in statements), ("end", end), *more.items()])


def test_transactions(service: Make, server: Postgres) -> None:
    server.sql("create table kept (n int unique); grant all on kept to vitals")
    instance = service(DATABASE_URL=server.url, WORKERS=1).start()

    def kept() -> str:
        return server.sql("select coalesce(string_agg(n::text, ',' order by n), '') from kept")

    done = ask(instance, transaction("insert into kept values (1)", "insert into kept values (2)", "select count(*) from kept"))
    assert instance.expect(done, 200).json() == [{"count": 2}]
    assert kept() == "1,2"
    instance.expect(ask(instance, transaction("insert into kept values (3)", end="rollback")), 200)
    # The first failure is the answer, and undoes what went before.
    instance.expect_problem(ask(instance, transaction("insert into kept values (4)", "insert into kept values (1)")), 409)
    instance.expect_problem(ask(instance, transaction("insert into kept values (4)", "select 1/0")), 400)
    assert kept() == "1,2"
    assert not [record for record in instance.log.records() if record["message"] == "Transaction left open"]
    # One that is forgotten: undone, told, and the answer does not claim otherwise.
    forgotten = ask(instance, transaction("insert into kept values (5)", end="forget"))
    instance.expect_problem(forgotten, 500, route="/transaction")
    record = instance.log.wait("Transaction left open", correlation_id=forgotten.sent_id)
    assert record["level"] == "ERROR" and record["route"] == "/transaction"
    assert kept() == "1,2"
    # And the next request is in none.
    assert ask(instance, sql("select pg_current_xact_id_if_assigned() is null as alone")).json() == [{"alone": True}]
    instance.expect(ask(instance, sql("insert into kept values (6) returning n")), 200)
    assert kept() == "1,2,6"
    assert server.sql("select count(*) from pg_stat_activity where state like 'idle in transaction%'") == "0"
    # Its connection ends in the midst of it: nothing is opened in its place.
    lost = ask(instance, transaction("insert into kept values (7)", "select pg_terminate_backend(pg_backend_pid())", "insert into kept values (8)"))
    instance.expect_problem(lost, 503)
    assert kept() == "1,2,6"
    assert metric(instance, 'vitals_database_transactions_total{outcome="committed"}') == 1
    assert metric(instance, 'vitals_database_transactions_total{outcome="rolled_back"}') == 5
    instance.expect(ask(instance, "/live/users/1"), 200)


def test_a_handler_that_dies_in_a_transaction(service: Make, server: Postgres) -> None:
    server.sql("create table kept (n int); grant all on kept to vitals")
    instance = service(DATABASE_URL=server.url, WORKERS=1, DB_QUERY_TIMEOUT="60s", REQUEST_TIMEOUT="60s").start()
    with instance.connect() as connection:
        connection.send(fcgi.request(fcgi.cgi(uri=transaction("insert into kept values (1)", SLEEP))))
        wait_for(lambda: server.active(SLEEP) == 1, 5, "it runs")
        os.kill(instance.workers()[0], signal.SIGKILL)
        wait_for(lambda: server.sql("select count(*) from pg_stat_activity where usename = 'vitals' and state <> 'idle'") == "0", BACK,
                 "nothing is left of it")
    assert server.sql("select count(*) from kept") == "0"


def test_typed_fields(stack: Stack) -> None:
    ok, miss, missing, wrong = 0, 6, 2, 13
    for text, results, values in [
        ("select 42::bigint as n", (ok, ok, wrong), (42, 42.0, False)),
        ("select 2.5::numeric as n", (wrong, ok, wrong), (0, 2.5, False)),
        ("select true as n", (wrong, wrong, ok), (0, 0.0, True)),
        ("select null::int as n", (miss, miss, miss), (0, 0.0, False)),
        ("select 1 as m", (missing, missing, missing), (0, 0.0, False)),
    ]:
        told = stack.service.expect(stack.service.ask(uri=sql(text, route="typed")), 200).json()
        assert (told["int_result"], told["double_result"], told["bool_result"]) == results, (text, told)
        assert (told["int"], told["double"], told["bool"]) == values, (text, told)
    rows = stack.service.ask(uri=sql("select array[1,2] as a, array['x','y z'] as b, 1.50::numeric as c, null::json as d, "
                                     "'{\"k\": [true]}'::jsonb as e, '2026-01-02 03:04:05+00'::timestamptz at time zone 'UTC' as f"))
    assert rows.json() == [{"a": [1, 2], "b": ["x", "y z"], "c": 1.5, "d": None, "e": {"k": [True]}, "f": "2026-01-02T03:04:05"}]


# ---- Prepared statements ---------------------------------------------------------------------------------------------------

def test_prepared_statements_survive(service: Make, server: Postgres) -> None:
    server.sql("create table shaped as select 1 as n; alter table shaped owner to vitals")
    instance = service(DATABASE_URL=server.url, WORKERS=1).start()
    shaped = sql("select * from shaped", route="prepared")
    for change in (None, "deallocate all", "discard all", "alter table shaped add column m int", "alter table shaped drop column m"):
        if change is not None:
            instance.expect(ask(instance, sql(change)), 200)
        for _ in range(3):
            assert instance.expect(ask(instance, shaped), 200).json()[0]["n"] == 1
    server.stop()
    server.start()
    assert all_back(instance, shaped, time.monotonic(), 3) < BACK
    assert not failures_of_names(instance)
    assert metric(instance, 'vitals_database_prepared_total{occasion="first"}') == 1
    assert metric(instance, 'vitals_database_prepared_total{occasion="again"}') >= 4


# ---- pgbouncer -------------------------------------------------------------------------------------------------------------

@pytest.fixture(params=["transaction", "session"])
def bouncer(request: pytest.FixtureRequest, server: Postgres, directory: Directory) -> Iterator[PgBouncer]:
    """pgbouncer before the server; fewer connections than workers where it pools transactions."""
    pooler = PgBouncer(directory(), server, request.param, 2 if request.param == "transaction" else 10).start()
    yield pooler
    pooler.stop()


@pytest.mark.parametrize("prepare", ["auto", "on", "off"])
def test_behind_pgbouncer(service: Make, front: Front, server: Postgres, bouncer: PgBouncer, prepare: str) -> None:
    """Reads, writes in transactions, a restart of either: no error but a clear 503 while one is away."""
    instance = service(DATABASE_URL=bouncer.url + "&target_session_attrs=read-write", WORKERS=4, DB_PREPARE=prepare, **TIMES).start()
    nginx = front(instance)
    with Load(nginx.port, READ, threads=2, pause=0.002) as reads, Load(nginx.port, WRITE, threads=2, pause=0.002) as writes:
        reads.wait_answers(100)
        writes.wait_answers(100)
        # Told to prepare where that cannot be, each worker learns it, at worst by the loss of one transaction.
        learns = prepare == "on" and bouncer.mode == "transaction"
        failed = [answer for answer in reads.answers + writes.answers if answer.status != 200]
        assert len(failed) <= (4 if learns else 0), failed[:3]
        server.stop()
        server.start()
        assert all_back(instance, READ, time.monotonic()) < BACK
        bouncer.stop()
        bouncer.start()
        assert all_back(instance, READ, time.monotonic()) < BACK
        reads.wait_answers(50)
        writes.wait_answers(50)
    for load in (reads, writes):
        judge(load, {200, 503, 504})
        assert load.answers[-1].status == 200
        assert {tuple(row) for answer in load.answers if answer.status == 200 for row in answer.json()} <= {("id", "name"), ("done",)}
    assert not failures_of_names(instance), failures_of_names(instance)[:2]
    assert (metric(instance, "vitals_database_prepared_total") > 0) == (prepare == "on")
    assert bool(instance.log.find("Prepared statements given up")) == learns


def test_limits_behind_pgbouncer(service: Make, server: Postgres, bouncer: PgBouncer) -> None:
    """Each statement has the server's limit, nobody else's session gets it, and what is late is cancelled."""
    instance = service(DATABASE_URL=bouncer.url, DB_QUERY_TIMEOUT="2s", WORKERS=2).start()
    limit = "select setting::int as ms from pg_settings where name = 'statement_timeout'"
    for _ in range(4):
        assert 2000 < ask(instance, sql(limit)).json()[0]["ms"] <= 2500
    for _ in range(4):
        assert bouncer.query("show statement_timeout").strip() == "0"
    instance.expect(ask(instance, sql("vacuum users")), 200)  # which runs in no transaction
    late = ask(instance, sql(SLEEP))
    instance.expect_problem(late, 504)
    assert late.seconds < 2.4
    wait_for(lambda: server.active(SLEEP) == 0, 0.4, "cancelled", every=0.02)
    instance.expect(ask(instance, "/live/users/1"), 200)


# ---- Figures ---------------------------------------------------------------------------------------------------------------

def test_figures_of_the_pool(service: Make, server: Postgres) -> None:
    instance = service(DATABASE_URL=server.url, WORKERS=2, WORKERS_MAX=4, DB_POOL_RECYCLE="300ms").start()
    assert metric(instance, 'vitals_database_pool_size{bound="usual"}') == 2
    assert metric(instance, 'vitals_database_pool_size{bound="most"}') == 4
    assert metric(instance, "vitals_database_in_use") == 0
    with instance.connect() as connection:
        connection.send(fcgi.request(fcgi.cgi(uri=sql("select pg_sleep(1)"))))
        wait_for(lambda: metric(instance, "vitals_database_in_use") == 1, 1, "in use")
        assert connection.read_answer().status == 200
    assert metric(instance, "vitals_database_in_use") == 0
    wait_for(lambda: [ask(instance, "/live/users/1") for _ in range(4)] and
             metric(instance, 'vitals_database_closed_total{reason="recycled"}') >= 2, 5, "recycled")
    assert metric(instance, "vitals_database_reconnects_total") >= 1
    pool = ask(instance, "/health/detailed").json()["checks"]["pool"]["database"]
    assert list(pool) == ["size", "max", "in_use", "overflow", "connected", "reconnects", "connect_failures", "moves", "recycled",
                          "ended_by_server", "timed_out", "prepared_again"]
    assert (pool["size"], pool["max"], pool["in_use"], pool["overflow"]) == (2, 4, 0, 0) and pool["recycled"] >= 2, pool
    assert pool["connected"] in (1, 2)


def test_overflow_of_the_pool(service: Make, server: Postgres) -> None:
    """More requests in the database than WORKERS: the pool grows, and says by how much."""
    instance = service(DATABASE_URL=server.url, WORKERS=1, WORKERS_MAX=3)
    instance.settings["ADMIN_LISTEN"] = f"unix:{instance.admin_socket}"
    instance.start()
    connections = [instance.connect() for _ in range(3)]
    for connection in connections:
        connection.send(fcgi.request(fcgi.cgi(uri=sql("select pg_sleep(3)"))))

    def pool() -> dict[str, int]:
        with fcgi.Connection(instance.admin_socket) as admin:
            return admin.ask(uri="/health/detailed").json()["checks"]["pool"]["database"]

    wait_for(lambda: pool()["overflow"] == 2 and pool()["in_use"] == 3, 5, "it has grown")
    for connection in connections:
        assert connection.read_answer().status == 200
        connection.close()
    assert pool()["in_use"] == 0
