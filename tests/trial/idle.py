"""What thousands of connections that do nothing cost those that do something."""
from __future__ import annotations

from harness import fcgi
from harness.vitalsd import Vitalsd

from .figures import Report, median
from .plan import Plan
from .stage import Stage
from .workers import pool_workers, private_bytes, sockets_of
from .wrk import Result, load

FAST_CLIENTS, IDLE_CONNECTIONS = 16, 2000
P99_OF_WITHOUT = 1.5


def run(stage: Stage, report: Report, plan: Plan) -> None:
    """Rounds of: without, with; the connections go past nginx, straight to the service, and are opened anew each time."""
    count, seconds = (200, 1) if plan.smoke else (IDLE_CONNECTIONS, 3)
    service = stage.service(8, LOG_PROBES="off").start()
    front = stage.front(service, health_to_pool=True)
    workers = pool_workers(service)
    load(stage, front, 1, connections=FAST_CLIENTS, path="/health")  # to be warm
    without: list[Result] = []
    beside: list[Result] = []
    memory: list[float] = []
    for _ in range(plan.rounds(2 * seconds)):
        without.append(load(stage, front, seconds, connections=FAST_CLIENTS, path="/health"))
        before = private_bytes(workers)
        idle = open_idle(service, count)
        try:
            beside.append(load(stage, front, seconds, connections=FAST_CLIENTS, path="/health"))
            memory.append(private_bytes(workers) - before)
            held = [sockets_of(pid) for pid in workers]
            lost = sum(connection.closed_within(0) for connection in idle)
        finally:
            for connection in idle:
                connection.close()
    ratios = [with_them.p99_ms / alone.p99_ms for with_them, alone in zip(beside, without)]
    report.add("p99 without idle connections", median([r.p99_ms for r in without]), "ms")
    report.add(f"p99 with {count} idle connections", median([r.p99_ms for r in beside]), "ms")
    report.add(f"p99 with {count} idle connections, of without", median(ratios), "ratio", at_most=P99_OF_WITHOUT)
    report.add(f"throughput with {count} idle connections, of without",
               median([a.rate / b.rate for a, b in zip(beside, without)]), "ratio")
    report.add("workers' own memory before, together", before / 1024, "KiB")
    report.add("memory for each idle connection, first round", memory[0] / count, "bytes")
    report.add("fewest sockets of a worker", min(held), "sockets")
    report.add("most sockets of a worker", max(held), "sockets")
    report.add("idle connections that the service closed", lost, "connections", at_most=0, promise=True)
    report.add("failed requests", sum(r.failed for r in without + beside), "requests", at_most=0, promise=True)


def open_idle(service: Vitalsd, count: int) -> list[fcgi.Connection]:
    """Each has made one request."""
    idle: list[fcgi.Connection] = []
    try:
        for _ in range(count):
            idle.append(service.connect())
            answer = idle[-1].ask(uri="/health")
            assert answer.status == 200, f"the first request of an idle connection: {answer.status}"
    except BaseException:
        for connection in idle:
            connection.close()
        raise
    return idle
