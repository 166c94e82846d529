"""What requests that cache notice of a Redis that is down, frozen, slow, full, read-only or empty, and of its return."""
from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Callable

from harness.delay import Delay
from harness.redis import Redis

from .client import Answers, Client, p99_ms
from .clients import pause_until
from .figures import Report, median
from .plan import Plan
from .stage import Stage

WORKERS = 8
RATE = 500
FIRST_MS = 100      # of the outage: one time-out is paid then, for all
ADDED_MS = 20
BACK_MS = 2000
CACHED = 200        # tests/system/modules/testmod.c: 203 is an answer without the cache's help
WARM, HURT, HEALED = 0.1, 0.3, 0.6  # of the load's time
ROUNDS = 5

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


@dataclass(frozen=True)
class Round:
    """What was found in one round; times in ms."""

    requests: int
    failed: int
    before: float
    first: float    # the slowest of the first FIRST_MS of the outage
    added: float    # p99 from then on, less that before
    slowest: float
    back: float     # from the return to the last answer without the cache
    cached: int     # answers with it after the return
    records: int    # of the breaker's changes


def run(stage: Stage, report: Report, plan: Plan) -> None:
    """One after another, round by round, each with a service and a Redis of its own."""
    for name in OUTAGES:
        seconds = plan.seconds / len(OUTAGES)
        count = 1 if plan.smoke else ROUNDS
        show(report, name, [one_round(stage, name, seconds / count) for _ in range(count)])


def one_round(stage: Stage, name: str, seconds: float) -> Round:
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
        changes = sum(len(service.log.find(f"Redis is {what}")) for what in ("not asked any more", "asked again"))
        front.stop()
        stage.kill(service)
    return judge(answers, (begun + WARM * seconds, began, ended, begun + seconds), changes)


def judge(answers: Answers, times: tuple[float, float, float, float], changes: int) -> Round:
    """times: of the first requests that count, the outage's begin and end, and the end of the load."""
    first, began, ended, last = times
    paid = began + FIRST_MS / 1e3
    before, hurt, after = p99_ms(answers.between(first, began)), answers.between(paid, last), answers.between(ended, last)
    without = [one.due for one in after if one.status != CACHED]
    return Round(requests=len(answers.all), failed=len(answers.failed), before=before,
                 first=max((one.ms for one in answers.between(began, paid)), default=0.0),
                 added=p99_ms(hurt) - before, slowest=max((one.ms for one in hurt), default=0.0),
                 back=(max(without, default=ended) - ended) * 1e3,
                 cached=sum(one.status == CACHED for one in after), records=changes)


def show(report: Report, name: str, rounds: list[Round]) -> None:
    """Medians, since one round on a machine with other work says little; what must never be, of all."""
    report.add(f"{name}: requests", sum(one.requests for one in rounds), "requests")
    report.add(f"{name}: failed", sum(one.failed for one in rounds), "requests", at_most=0, promise=True)
    report.add(f"{name}: p99 before", median([one.before for one in rounds]), "ms")
    report.add(f"{name}: slowest of the first {FIRST_MS} ms", median([one.first for one in rounds]), "ms")
    report.add(f"{name}: p99 from then on, added", median([one.added for one in rounds]), "ms", at_most=ADDED_MS)
    report.add(f"{name}: the same, worst round", max(one.added for one in rounds), "ms")
    report.add(f"{name}: slowest from then on", median([one.slowest for one in rounds]), "ms")
    report.add(f"{name}: from the return to the last without the cache", median([one.back for one in rounds]), "ms", at_most=BACK_MS)
    report.add(f"{name}: the same, worst round", max(one.back for one in rounds), "ms")
    report.add(f"{name}: cached after the return, fewest", min(one.cached for one in rounds), "requests", at_least=1, promise=True)
    report.add(f"{name}: breaker opened and closed", sum(one.records for one in rounds), "records")
