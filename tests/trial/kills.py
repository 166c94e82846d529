"""Workers killed under load: no GET fails, a POST only where it was with the worker that was killed."""
from __future__ import annotations

import itertools
import signal
import time
from collections import Counter
from dataclasses import dataclass
from typing import Optional

from harness.processes import send, wait_for
from harness.vitalsd import Vitalsd

from .clients import pause_until
from .figures import Report, median
from .plan import Plan
from .records import Record, access_failures, named, real_time, supervisor_records, unfinished_requests
from .stage import Front, Stage
from .workers import pool_workers, requests_total, sockets_of
from .wrk import Wrk

WORKERS = 8
EVERY_SECONDS = 0.2
GETS = ("facts", "facts", "facts", "nap")  # naps, so that some are killed in a request
POSTS = ("echo",)
FRONT_CLOCK_SECONDS = EVERY_SECONDS / 2  # nginx reads its clock once a round, and may have to wait for a processor within one


@dataclass(frozen=True)
class Kill:
    """One worker; when (seconds since the epoch), how many connections it held, the counter just before."""

    pid: int
    at: float
    held: int
    counted: int


def run(stage: Stage, report: Report, plan: Plan) -> None:
    """GET, then POST, each with a service of its own."""
    for kinds in (GETS, POSTS):
        service = stage.service(WORKERS).start()
        front = stage.front(service)
        sockets = min(sockets_of(pid) for pid in pool_workers(service))
        wrk = Wrk(stage, front, plan.seconds, connections=64, checked=kinds)
        wait_for(lambda: requests_total(service) > 100, 10, "the load to begin")
        kills = kill_in_turn(service, wrk, sockets)
        result = wrk.wait()
        wait_for(lambda: len(pool_workers(service)) == WORKERS, 10, f"{WORKERS} workers after the kills")
        if kinds == GETS:
            report.add("GET: requests", result.requests, "requests")
            report.add("GET: workers killed", len(kills), "workers")
            report.add("GET: failed", result.failed, "requests", at_most=0, promise=True)
            report.add("GET: failed in nginx's access log", len(access_failures(front)), "requests", at_most=0, promise=True)
            if result.example:
                report.note(result.example)
            show_successors(report, service, kills)
            show_obituaries(report, service, kills)
            show_counter(report, kills, requests_total(service))
        else:
            show_posts(report, front, kills, result.requests, result.failed)
        front.stop()
        service.stop()


def kill_in_turn(service: Vitalsd, wrk: Wrk, sockets: int) -> list[Kill]:
    """
    One every 200 ms while wrk runs, always the oldest. Chance would also hit some that have just been started, and
    their seats' restarts are held back on purpose.
    """
    kills: list[Kill] = []
    begun = time.monotonic()
    for n in itertools.count(1):
        pause_until(begun + n * EVERY_SECONDS)
        if not wrk.running():
            return kills
        victim = pool_workers(service)[0]
        counted, held = requests_total(service), sockets_of(victim) - sockets
        kills.append(Kill(victim, time.time(), max(0, held), counted))
        send([victim], signal.SIGKILL)


def successor_ms(kill: Kill, died: list[Record], started: list[Record]) -> Optional[float]:
    """From the kill to the record of the next worker in its seat; None where there is none."""
    seats = [found["worker"] for found in died if found["pid"] == kill.pid]
    times = [real_time(found) for found in started if seats and found["worker"] == seats[0] and real_time(found) > kill.at]
    return (min(times) - kill.at) * 1e3 if times else None


def show_successors(report: Report, service: Vitalsd, kills: list[Kill]) -> None:
    """How soon there was another."""
    records = supervisor_records(service)
    died, started = named(records, "Worker died"), named(records, "Worker started")
    times = [successor_ms(kill, died, started) for kill in kills]
    found = [ms for ms in times if ms is not None]
    report.add("kills without a new worker", len(times) - len(found), "kills", at_most=0)
    if found:
        report.add("from the kill to the new worker, median", median(found), "ms")
        report.add("from the kill to the new worker, longest", max(found), "ms", at_most=100)


def show_obituaries(report: Report, service: Vitalsd, kills: list[Kill]) -> None:
    """One for each, and none of the requests that ran is missing in them."""
    died = named(supervisor_records(service), "Worker died")
    count = Counter(found["pid"] for found in died if found.get("signal") == "SIGKILL")
    mourned = [found["correlation_id"] for found in died if "correlation_id" in found]
    report.add("kills without just one obituary", sum(count[kill.pid] != 1 for kill in kills), "kills", at_most=0, promise=True)
    report.add("obituaries that name a request", len(mourned), "records")
    report.add("requests that ran and are in no obituary", len(unfinished_requests(service) - set(mourned)), "requests",
               at_most=0, promise=True)
    for found in [found for found in died if "correlation_id" in found and not found.get("route")][:1]:
        report.note(f"an obituary without a route: {found}")


def show_counter(report: Report, kills: list[Kill], last: int) -> None:
    """The pool's counter of requests, at each kill and at the end."""
    counts = [kill.counted for kill in kills] + [last]
    falls = sum(later < earlier for earlier, later in itertools.pairwise(counts))
    report.add("times that the counter of requests fell", falls, "times", at_most=0, promise=True)
    report.add("requests by the service's own counter", last, "requests")


def show_posts(report: Report, front: Front, kills: list[Kill], requests: int, failed: int) -> None:
    """nginx may not repeat a POST, so what the killed worker had on its connections is lost, and nothing else."""
    moments = [kill.at - FRONT_CLOCK_SECONDS for kill in kills]
    each = Counter(sum(moment <= when for moment in moments) for when in access_failures(front))
    held = sum(kill.held for kill in kills)
    report.add("POST: requests", requests, "requests")
    report.add("POST: workers killed", len(kills), "workers")
    report.add("POST: connections that they held", held, "connections")
    report.add("POST: failed", failed, "requests", at_most=held)
    report.add("POST: failed for each kill, on average", failed / max(1, len(kills)), "requests")
    report.add("POST: failed for one kill, most", max(each.values(), default=0), "requests", at_most=64, promise=True)
    report.add("POST: failed before the first kill", each[0], "requests", at_most=0, promise=True)
