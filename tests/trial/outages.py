"""What requests that cache notice of a Redis that is down, frozen, slow, full, read-only or empty, and of its return."""
from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from typing import Callable

from harness.delay import Delay
from harness.redis import Redis

from .client import Answers, Client, p99_ms
from .clients import pause_until
from .figures import Report
from .plan import Plan
from .stage import Stage

WORKERS = 8
RATE = 1000
FIRST_MS = 100      # of the outage: one time-out is paid then, for all
ADDED_MS = 20
BACK_MS = 2000
CACHED = 200        # tests/system/modules/testmod.c: 203 is an answer without the cache's help
HURT, HEALED = 0.2, 0.6  # of the load's time

Act = Callable[[Redis, Delay], object]
OUTAGES: dict[str, tuple[Act, Act]] = {
    "down": (lambda redis, delay: redis.stop(signal.SIGKILL), lambda redis, delay: redis.start()),
    "frozen": (lambda redis, delay: redis.freeze(), lambda redis, delay: redis.thaw()),
    "slow": (lambda redis, delay: setattr(delay, "seconds", 0.5), lambda redis, delay: setattr(delay, "seconds", 0.0)),
    "full": (lambda redis, delay: redis.command("CONFIG", "SET", "maxmemory", "1"),
             lambda redis, delay: redis.command("CONFIG", "SET", "maxmemory", "0")),
    "read-only": (lambda redis, delay: redis.command("REPLICAOF", "127.0.0.1", "1"),
                  lambda redis, delay: redis.command("REPLICAOF", "NO", "ONE")),
    "restarted empty": (lambda redis, delay: (redis.stop(), redis.start()), lambda redis, delay: None),
}


def run(stage: Stage, report: Report, plan: Plan) -> None:
    """One after another, each with a service and a Redis of its own."""
    for name in OUTAGES:
        run_outage(stage, report, name, plan.seconds / len(OUTAGES))


def run_outage(stage: Stage, report: Report, name: str, seconds: float) -> None:
    """In order, hurt, and healed under one load of which a quarter writes."""
    hurt, heal = OUTAGES[name]
    with ExitStack() as until_end:
        redis = Redis(stage.directory()).start()
        until_end.callback(redis.stop)
        delay = until_end.enter_context(Delay(stage.directory(), redis.socket))
        service = stage.service(WORKERS, CACHE_MEMORY_BYTES=0, REDIS_URL=delay.url if name == "slow" else redis.url).start()
        front = stage.front(service)
        begun = time.monotonic()
        client = Client(stage, front, seconds, kinds=("cached", "cached", "cached", "written"), rate=RATE, connections=64)
        pause_until(begun + seconds * HURT)
        began = time.monotonic()
        hurt(redis, delay)
        ended = time.monotonic()  # "restarted empty" is over then
        if name != "restarted empty":
            pause_until(begun + seconds * HEALED)
            ended = time.monotonic()
            heal(redis, delay)
        answers = client.wait()
        changes = [len(service.log.find(f"Redis is {what}")) for what in ("not asked any more", "asked again")]
        front.stop()
        stage.kill(service)
    show(report, name, answers, (begun + 0.1 * seconds, began, ended, begun + seconds))
    report.add(f"{name}: breaker opened and closed", sum(changes), "records")


def show(report: Report, name: str, answers: Answers, times: tuple[float, float, float, float]) -> None:
    """times: of the first requests that count, the outage's begin and end, and the end of the load."""
    first, began, ended, last = times
    before = p99_ms(answers.between(first, began))
    hurt = answers.between(began + FIRST_MS / 1e3, last)
    report.add(f"{name}: requests", len(answers.all), "requests")
    report.add(f"{name}: failed", len(answers.failed), "requests", at_most=0, promise=True)
    report.add(f"{name}: p99 before", before, "ms")
    report.add(f"{name}: slowest of the first {FIRST_MS} ms", max((one.ms for one in answers.between(began, began + FIRST_MS / 1e3)),
                                                                  default=0.0), "ms")
    report.add(f"{name}: p99 from then on, added", p99_ms(hurt) - before, "ms", at_most=ADDED_MS)
    report.add(f"{name}: slowest from then on", max((one.ms for one in hurt), default=0.0), "ms")
    report.add(f"{name}: slower than {ADDED_MS} ms from then on", sum(one.ms > ADDED_MS for one in hurt), "requests")
    without = [one.due for one in answers.between(ended, last) if one.status != CACHED]
    report.add(f"{name}: from the return to the last without the cache", (max(without, default=ended) - ended) * 1e3, "ms", at_most=BACK_MS)
    cached = [one for one in answers.between(ended, last) if one.status == CACHED]
    report.add(f"{name}: cached after the return", len(cached), "requests", at_least=1, promise=True)
