"""Two machines: how long after a PUT on one, a GET on the other still gives what was before."""
from __future__ import annotations

import json
import time

from harness.http import HttpClient
from harness.processes import wait_for
from harness.redis import Redis

from .figures import Report, percentile
from .plan import Plan
from .stage import Front, Stage
from .wrk import Wrk

WORKERS = 4
TOLD = "Changes in Redis are told"
GIVEN_UP = "Redis is not asked any more"
SEEN_MS = 100
GIVE_UP_SECONDS = 5.0
LOAD_CONNECTIONS = 8


def run(stage: Stage, report: Report, plan: Plan) -> None:
    """One Redis and one database, two services with a scoreboard and an nginx each; both are asked all the time."""
    database = stage.database()
    redis = Redis(stage.directory()).start()
    try:
        here, there = (machine(stage, DATABASE_URL=database.url, REDIS_URL=redis.url, CACHE_UNTRACKED_TTL="1h") for _ in range(2))
        loads = [Wrk(stage, front, plan.seconds + 1, connections=LOAD_CONNECTIONS, path="/users/7") for front in (here, there)]
        waits, old_again = changes(here, there, plan.seconds)
        failed = sum(load.wait().failed for load in loads)
        given_up = sum(service.log.path.read_text().count(GIVEN_UP) for service in stage.services)
    finally:
        redis.stop()
    report.add("changes here, each awaited there", len(waits), "changes")
    report.add("from the answer to PUT until a GET there has it: median", percentile(waits, 50), "ms")
    report.add("p99", percentile(waits, 99), "ms", at_most=SEEN_MS)
    report.add("the slowest", max(waits), "ms", at_most=SEEN_MS)
    report.add("times that a machine did without Redis meanwhile", given_up, "times")
    report.add("answers that went back to what was before", old_again, "answers", at_most=0, promise=True)
    report.add("failed requests of the load beside it", failed, "requests", at_most=0, promise=True)


def machine(stage: Stage, **settings: object) -> Front:
    """A service of its own, once it is told of changes."""
    service = stage.service(WORKERS, **settings).start()
    service.log.wait(TOLD)
    return stage.front(service)


def changes(here: Front, there: Front, seconds: float) -> tuple[list[float], int]:
    """One after the other: milliseconds until each was seen, and how often an answer was older than one before it."""
    waits: list[float] = []
    old_again = 0
    end = time.monotonic() + seconds
    with HttpClient(here.port) as writer, HttpClient(there.port) as reader:
        while time.monotonic() < end or not waits:
            wait_for(lambda: reader.get("/users/7").header("X-Cache") == "HIT", GIVE_UP_SECONDS, "a hit there", every=0.001)
            name = f"Number {len(waits)}"
            put = writer.request("PUT", "/users/7", json.dumps({"name": name, "email": "seven@example.org"}).encode(),
                                 {"Content-Type": "application/json"})
            answered = time.monotonic()
            assert put.status < 300, f"PUT: {put.status} {put.body!r}"
            wait_for(lambda: shown(reader) == name, GIVE_UP_SECONDS, f"{name} is seen there", every=0)
            waits.append((time.monotonic() - answered) * 1e3)
            old_again += sum(shown(reader) != name for _ in range(5))
    return waits, old_again


def shown(reader: HttpClient) -> str:
    """The name that GET has."""
    answer = reader.get("/users/7")
    assert answer.status == 200, f"GET: {answer.status} {answer.body!r}"
    return str(answer.json()["name"])
