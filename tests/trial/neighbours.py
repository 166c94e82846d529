"""Fast requests beside slow ones: what a handler that takes 200 ms costs everybody else."""
from __future__ import annotations

from dataclasses import dataclass, field

from .clients import SlowClients
from .figures import Report, median, percentile
from .plan import Plan
from .stage import Front, Stage
from .wrk import Result, load

SLOW_MS = 200
FAST_CLIENTS = 16
KINDS = {"sleep": 4, "spin": 2, "database": 4}  # how they are slow, and how many clients
WAITING = ("sleep", "database")                 # those that leave the processors to others
LEAST_OF_UNBLOCKED, FAST_P99_MS = 0.8, 10


@dataclass
class Beside:
    """One kind of slow neighbours, and what the rounds beside them brought."""

    how: str
    clients: int
    ratios: list[float] = field(default_factory=list)
    fast: list[Result] = field(default_factory=list)
    slow_ms: list[float] = field(default_factory=list)


def run(stage: Stage, report: Report, plan: Plan) -> None:
    """Rounds of: unblocked, then beside each kind; each compared with the unblocked run of its own round."""
    service = stage.service(8, DATABASE_URL=stage.database().url, LOG_PROBES="off").start()
    front = stage.front(service, health_to_pool=True)
    kinds = [Beside(how, clients) for how, clients in KINDS.items()]
    phase_seconds = 1 if plan.smoke else 2
    unblocked = []
    for _ in range(plan.rounds((1 + len(kinds)) * phase_seconds)):
        unblocked.append(load(stage, front, phase_seconds, connections=FAST_CLIENTS, path="/health"))
        for kind in kinds:
            one_round(stage, front, kind, phase_seconds)
            kind.ratios.append(kind.fast[-1].rate / unblocked[-1].rate)
    show(report, unblocked, kinds)


def one_round(stage: Stage, front: Front, kind: Beside, seconds: int) -> None:
    """The fast clients beside one kind."""
    with SlowClients(front.port, kind.clients, kind.how, SLOW_MS) as slow:
        slow.wait_begun()
        kind.fast.append(load(stage, front, seconds, connections=FAST_CLIENTS, path="/health"))
        kind.slow_ms += slow.times_ms
    assert not slow.failures, f"slow clients: {slow.failures[:3]}"


def show(report: Report, unblocked: list[Result], kinds: list[Beside]) -> None:
    """The figures; medians over the rounds."""
    report.add("fast throughput, unblocked", median([r.rate for r in unblocked]), "requests/s")
    report.add("fast p99, unblocked", median([r.p99_ms for r in unblocked]), "ms")
    for kind in kinds:
        beside = f"beside {kind.clients} × {kind.how}"
        goal = {"at_least": LEAST_OF_UNBLOCKED} if kind.how in WAITING else {}
        report.add(f"fast throughput {beside}", median([r.rate for r in kind.fast]), "requests/s")
        report.add(f"fast throughput {beside}, of unblocked", median(kind.ratios), "ratio", **goal)
        report.add(f"fast p99 {beside}", median([r.p99_ms for r in kind.fast]), "ms", at_most=FAST_P99_MS)
        report.add(f"slow {kind.how} p99, {SLOW_MS} ms wanted", percentile(kind.slow_ms, 99), "ms", at_most=220)
    failed = sum(r.failed for r in unblocked) + sum(r.failed for kind in kinds for r in kind.fast)
    report.add("failed fast requests", failed, "requests", at_most=0, promise=True)
