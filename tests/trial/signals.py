"""A storm of signals: the service goes on."""
from __future__ import annotations

import random
import signal
import time
from collections import Counter

from harness.processes import alive, send, wait_for
from harness.vitalsd import Vitalsd

from .clients import ByteCheckers, pause_until
from .figures import Report
from .plan import Plan
from .records import access_failures, front_errors, generations, named, supervisor_records
from .stage import Stage
from .workers import pool_workers
from .wrk import Wrk

WORKERS = 8
PER_SECOND = 100
TO_SUPERVISOR = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD, signal.SIGALRM, signal.SIGWINCH)
TO_WORKERS = (signal.SIGUSR1, signal.SIGCHLD, signal.SIGALRM, signal.SIGWINCH)
TO_A_WORKER = 0.2  # of all


def run(stage: Stage, report: Report, plan: Plan) -> None:
    """2,000 in 20 s, each of a kind and to a process that chance chooses, under load."""
    service = stage.service(WORKERS).start()
    front = stage.front(service)
    with ByteCheckers(front.port, 2, plan.seed, users=False) as checkers:
        wrk = Wrk(stage, front, plan.seconds, connections=16, checked=("facts", "echo"))
        counts = storm(service, plan)
        result = wrk.wait()
    promise = {"at_most": 0, "promise": True}
    report.add("signals", sum(counts.values()), "signals")
    report.note("sent: " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) + f"; seed {plan.seed}")
    report.add("requests", result.requests + checkers.answered, "requests")
    report.add("throughput", result.rate, "requests/s")
    report.add("longest request", result.max_ms, "ms")
    report.add("failed requests", result.failed + len(checkers.failures), "requests", **promise)
    report.add("failed in nginx's access log", len(access_failures(front)), "requests", **promise)
    report.add("records in nginx's error log", len(front_errors(front)), "records", **promise)
    for text in [result.example, *checkers.failures[:2], *front_errors(front)[:2]]:
        if text:
            report.note(text[:300])
    show_service(report, service)


def storm(service: Vitalsd, plan: Plan) -> Counter[str]:
    """Evenly spaced; how many of each kind."""
    chance, counts, begun = random.Random(plan.seed), Counter(), time.monotonic()  # type: ignore[var-annotated]
    total = PER_SECOND * plan.seconds
    for n in range(total):
        pause_until(begun + n / PER_SECOND)
        workers = service.workers() if chance.random() < TO_A_WORKER else []
        number = chance.choice(TO_WORKERS if workers else TO_SUPERVISOR)
        send([chance.choice(workers) if workers else service.pid], number)
        counts[signal.Signals(number).name + (" to a worker" if workers else "")] += 1
    return counts


def show_service(report: Report, service: Vitalsd) -> None:
    """What is there after the storm."""
    report.add("supervisor ended", int(not alive(service.pid)), "processes", at_most=0, promise=True)
    wait_for(lambda: len(pool_workers(service)) == WORKERS, 20, f"{WORKERS} workers after the storm")
    records = supervisor_records(service)
    report.add("workers that died", len(named(records, "Worker died", level="ERROR")), "workers", at_most=0, promise=True)
    report.add("generations of workers", len(generations(records)), "generations")
    report.add("workers started", len(named(records, "Worker started")), "workers")
    answer = service.ask(uri="/facts")
    report.add("answers after the storm that are not 200", int(answer.status != 200), "requests", at_most=0, promise=True)
