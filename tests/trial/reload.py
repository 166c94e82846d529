"""Reload, upgrade and recycling under full load: not one failed request."""
from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field

from harness.processes import send, wait_for
from harness.vitalsd import Vitalsd

from .clients import ByteCheckers, pause_until
from .figures import Report
from .plan import Plan
from .records import access_failures, access_statuses, front_errors, generations, named, supervisor_records
from .stage import Front, Stage
from .workers import image_of, pool_workers
from .wrk import Result, Wrk

WORKERS = 8
RELOADS, UPGRADES = 10, 3
UPGRADE_SECONDS = 5


@dataclass
class Sent:
    """Signals sent, and upgrades that were seen to happen."""

    reloads: int = 0
    upgrades: int = 0
    images: int = 0
    not_in_time: list[str] = field(default_factory=list)


def run(stage: Stage, report: Report, plan: Plan) -> None:
    """64 connections of wrk and 4 that check bytes, while the signals come evenly spaced."""
    service = stage.service(WORKERS, DATABASE_URL=stage.database().url, MAX_REQUESTS=500, LOG_PROBES="off").start()
    front = stage.front(service, health_to_pool=True)
    with ByteCheckers(front.port, 4, plan.seed, users=True) as checkers:
        wrk = Wrk(stage, front, max(2, plan.seconds), connections=64, checked=("health", "facts", "echo", "users", "echo"))
        sent = disturb(service, max(2, plan.seconds), plan.smoke)
        result = wrk.wait()
    show_failures(report, front, result, checkers)
    show_changes(report, service, sent)


def disturb(service: Vitalsd, seconds: int, smoke: bool) -> Sent:
    """Ten reloads with three upgrades between them; in the smoke run one of each."""
    signals = [signal.SIGHUP, signal.SIGUSR2] if smoke else (
        [signal.SIGHUP] * 3 + [signal.SIGUSR2] + [signal.SIGHUP] * 3 + [signal.SIGUSR2] + [signal.SIGHUP] * 3
        + [signal.SIGUSR2, signal.SIGHUP])
    sent, begun = Sent(), time.monotonic()
    for n, number in enumerate(signals, 1):
        pause_until(begun + n * seconds / (len(signals) + 1))
        image = image_of(service.pid)
        send([service.pid], number)
        sent.reloads += number == signal.SIGHUP
        if number == signal.SIGUSR2:
            sent.upgrades += 1
            sent.images += executed_anew(service, image, min(UPGRADE_SECONDS, seconds / (len(signals) + 1)))
    return sent


def executed_anew(service: Vitalsd, image: object, seconds: float) -> bool:
    """Whether the supervisor is seen to execute itself again in time."""
    try:
        return wait_for(lambda: image_of(service.pid) not in (image, None), seconds)
    except AssertionError:
        return False


def show_failures(report: Report, front: Front, result: Result, checkers: ByteCheckers) -> None:
    """By the clients' count and by nginx's two logs."""
    promise = {"at_most": 0, "promise": True}
    report.add("requests", result.requests, "requests")
    report.add("requests, checked byte by byte", checkers.answered, "requests")
    report.add("throughput", result.rate, "requests/s")
    report.add("longest request", result.max_ms, "ms")
    report.add("failed: status not 2xx", result.status_errors, "requests", **promise)
    report.add("failed: socket errors", result.socket_errors, "requests", **promise)
    report.add("failed: wrong bodies", result.wrong, "requests", **promise)
    report.add("failed: of those checked byte by byte", len(checkers.failures), "requests", **promise)
    report.add("failed: in nginx's access log", len(access_failures(front)), "requests", **promise)
    errors = front_errors(front)
    report.add("records in nginx's error log", len(errors), "records", **promise)
    for text in [result.example, *checkers.failures[:2], *errors[:2]]:
        if text:
            report.note(text[:300])
    if access_failures(front):
        report.note(f"nginx answered {dict(access_statuses(front))}")


def show_changes(report: Report, service: Vitalsd, sent: Sent) -> None:
    """Whether what should have happened did; otherwise no failures say nothing."""
    wait_for(lambda: len(pool_workers(service)) == WORKERS, 10, f"{WORKERS} workers after the load")
    records = supervisor_records(service)
    started, seen = named(records, "Worker started"), generations(records)
    here = set(pool_workers(service))
    newest = {found["pid"] for found in started if found.get("generation") == max(seen, default=None)}
    report.add("SIGHUP sent", sent.reloads, "signals")
    report.add("SIGUSR2 sent", sent.upgrades, "signals")
    report.add("supervisor seen to execute itself again", sent.images, "times", at_least=sent.upgrades)
    report.add("generations of workers", len(seen), "generations", at_least=1 + sent.reloads)
    report.add("workers started", len(started), "workers", at_least=(WORKERS + 1) * (1 + sent.reloads))
    report.add("workers that ended in order", len(named(records, "Worker ended")), "workers")
    report.add("workers that died", len(named(records, "Worker died", level="ERROR")), "workers", at_most=0)
    report.add("workers of an old generation, after the load", len(here - newest) if seen else 0, "workers", at_most=0)
