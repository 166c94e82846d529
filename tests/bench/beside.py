"""Scenarios in which something goes on beside the load: slow neighbours, idle connections, scrapes; each against nothing."""
from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator

from harness.postgres import program
from trial.clients import SlowClients
from trial.figures import percentile
from trial.idle import IDLE_CONNECTIONS, P99_OF_WITHOUT, open_idle
from trial.neighbours import FAST_CLIENTS, FAST_P99_MS, KINDS, LEAST_OF_UNBLOCKED, SLOW_MS, WAITING
from trial.scrapes import Scraper, admin_worker
from trial.workers import pool_workers, private_bytes, thread_times, used_ns

from .contenders import Contender, Libfcgi, LibfcgiKept, Vitals
from .measure import Turn
from .scenario import Beside, Extra, Goal, Scenario, row_of

SCRAPES_A_SECOND = 1
SCRAPED_OF_UNSCRAPED = 0.995


# ---- Slow neighbours ----

class VitalsSlow(Vitals):
    """The demo module's /slow, which may wait for PostgreSQL."""

    needs = (program("postgres"),)

    def settings(self) -> dict[str, Any]:
        """With a database."""
        return {**super().settings(), "DATABASE_URL": self.job.stores.database.url}


class LibfcgiSlow(Libfcgi):
    """The loop with a /slow that sleeps."""

    def command(self) -> list[str]:
        """It is told so."""
        return [*super().command(), "slow"]


class LibfcgiKeptSlow(LibfcgiSlow, LibfcgiKept):
    """The same, connections kept."""

    name, keeps = LibfcgiKept.name, LibfcgiKept.keeps


class Slow(Beside):
    """So many clients, each of which holds a worker for 200 ms, time after time; extra: the p99 of their own times."""

    def __init__(self, how: str) -> None:
        self.how, self.clients = how, KINDS[how]
        self.name = f"{self.clients} × {how}"

    def suits(self, contender: Contender) -> bool:
        """To a loop that blocks, waiting is waiting, so that it only sleeps."""
        return isinstance(contender, Vitals) or self.how == "sleep"

    @contextmanager
    def around(self, turn: Turn) -> Iterator[Extra]:
        """From the first answers on."""
        with SlowClients(turn.port, self.clients, self.how, SLOW_MS) as slow:
            slow.wait_begun()
            yield lambda: percentile(slow.times_ms, 99)
        assert not slow.failures, f"slow clients: {slow.failures[:3]}"


def beside_slow(how: str) -> str:
    """Vitals' row."""
    return row_of(Vitals.name, Slow(how))


NEIGHBOURS = Scenario(
    "neighbours", "GET /health by 16 clients, alone and beside others that hold a worker for 200 ms each",
    (VitalsSlow, LibfcgiSlow, LibfcgiKeptSlow), connections=(FAST_CLIENTS,), beside=(Beside(), *map(Slow, KINDS)),
    extra=("slow_p99_ms", "slow p99 ms"),
    goals=(*(Goal("requests_per_second", beside_slow(how), Vitals.name, at_least=LEAST_OF_UNBLOCKED) for how in WAITING),
           *(Goal("p99_ms", beside_slow(how), at_most=FAST_P99_MS) for how in KINDS)))


# ---- Idle connections ----

class Idle(Beside):
    """Connections past nginx, each of which has made one request; extra: what each costs in memory, in bytes."""

    name = f"{IDLE_CONNECTIONS:,} idle"

    @contextmanager
    def around(self, turn: Turn) -> Iterator[Extra]:
        """All are there before the load begins, and after it."""
        assert isinstance(turn.contender, Vitals)
        service = turn.contender.service
        workers = pool_workers(service)
        before = private_bytes(workers)
        idle = open_idle(service, IDLE_CONNECTIONS)
        grown = private_bytes(workers) - before
        try:
            yield lambda: grown / len(idle)
            lost = sum(connection.closed_within(0) for connection in idle)
            assert lost == 0, f"{lost} idle connections were closed"
        finally:
            for connection in idle:
                connection.close()


IDLE = Scenario(
    "idle", "GET /health by 16 clients, alone and beside 2,000 kept connections that do nothing",
    (Vitals,), connections=(FAST_CLIENTS,), beside=(Beside(), Idle()), extra=("bytes_a_connection", "bytes each"),
    goals=(Goal("p99_ms", row_of(Vitals.name, Idle()), Vitals.name, at_most=P99_OF_WITHOUT),))


# ---- Scrapes ----

class Scraped(Beside):
    """/metrics of the admin worker, once a second; extra: its processor time for each, in ms."""

    name = "a scrape a second"

    @contextmanager
    def around(self, turn: Turn) -> Iterator[Extra]:
        """The first is made at once."""
        assert isinstance(turn.contender, Vitals)
        service = turn.contender.service
        admin = [admin_worker(service)]
        before = thread_times(admin)
        with service.connect(service.admin_socket) as connection, \
                Scraper(lambda: connection.ask(uri="/metrics"), SCRAPES_A_SECOND) as scraper:
            yield lambda: used_ns(before, thread_times(admin)) / 1e6 / max(1, scraper.scrapes)


SCRAPE = Scenario(
    "scrape", "GET /health, alone and beside one scrape of /metrics a second on the admin listener",
    (Vitals,), beside=(Beside(), Scraped()), extra=("scrape_ms", "ms a scrape"),
    goals=(Goal("requests_per_second", row_of(Vitals.name, Scraped()), Vitals.name, at_least=SCRAPED_OF_UNSCRAPED),))
