"""The cache: a thousand at once on a cold key, the end of a key under load, writers killed, and what a hit costs."""
from __future__ import annotations

import itertools
import selectors
import signal
import socket
import time
from collections import Counter
from pathlib import Path

from harness import modules
from harness.http import HttpClient
from harness.processes import send, wait_for
from harness.redis import Redis
from harness.vitalsd import Vitalsd

from .clients import pause_until
from .figures import Report, median, percentile
from .plan import Plan
from .stage import Front, Stage
from .workers import pool_workers
from .wrk import Wrk, load

WORKERS = 8
CLIENTS = 1000
SOURCE = Path(__file__).with_name("cachedroutes.c")
LATE_MS = 150       # a statement takes 200: who waited longer than this waited for one
KILL_EVERY_SECONDS = 0.1
WRONG = "500"         # what cachedroutes.c answers where the cache gave a value that was never put
TIERS = {"embedded": ("/kept/1", False), "Redis": ("/kept/1", True)}


def run(stage: Stage, report: Report, plan: Plan) -> None:
    """Each part with a service of its own."""
    stage.root.joinpath("cachedroutes").mkdir()
    module = modules.build_module(SOURCE, stage.root / "cachedroutes")
    database = stage.database()
    database.sql("create sequence if not exists made; grant all on sequence made to public")
    service = stage.service(WORKERS, DATABASE_URL=database.url, LISTEN_BACKLOG=4096)
    service.settings["MODULES"] = module
    front = stage.front(service.start())
    show_cold(report, front, database.sql, 3)
    for name in ("short", "stale"):
        show_end(stage, report, front, database.sql, name, 3 if plan.smoke else 12)
    front.stop()
    service.stop()
    show_killed(stage, report, module, 2 if plan.smoke else plan.seconds)
    show_hits(stage, report, module, plan)


class Crowd:
    """So many connections that are open before each sends its one request."""

    def __init__(self, port: int, path: str, clients: int) -> None:
        self.text = f"GET {path} HTTP/1.1\r\nHost: t\r\n\r\n".encode()
        self.sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(clients)]

    def ask(self) -> tuple[Counter[str], list[float]]:
        """Status lines, and how long each took in ms, counted from before the first was sent."""
        selector = selectors.DefaultSelector()
        statuses: Counter[str] = Counter()
        took: list[float] = []
        begun = time.monotonic()
        for sock in self.sockets:
            sock.sendall(self.text)
            selector.register(sock, selectors.EVENT_READ)
        while len(took) < len(self.sockets) and time.monotonic() < begun + 10:
            for key, _ in selector.select(0.1):
                status = key.fileobj.recv(65536).split(b"\r\n")[0].decode()  # type: ignore[union-attr]
                statuses[status[9:12]] += 1
                took.append((time.monotonic() - begun) * 1e3)
                selector.unregister(key.fileobj)
        for sock in self.sockets:
            sock.close()
        return statuses, took


def made(sql) -> int:  # type: ignore[no-untyped-def]
    """How many statements the database has seen."""
    return int(sql("select case when is_called then last_value else 0 end from made"))


def show_cold(report: Report, front: Front, sql, times: int) -> None:  # type: ignore[no-untyped-def]
    """One key after another that nobody has asked for."""
    slowest, seen = [], []
    for number in range(times):
        before = made(sql)
        statuses, took = Crowd(front.port, f"/cold/{number}", CLIENTS).ask()
        seen.append(made(sql) - before)
        slowest.append(max(took))
        report.add(f"cold key {number}: answered with 200", statuses["200"], "requests", at_least=CLIENTS, promise=True)
    report.add("cold key: statements, most", max(seen), "statements", at_most=2, promise=True)
    report.add("cold key: the slowest answer, median of the keys", median(slowest), "ms", at_most=500)


def show_end(stage: Stage, report: Report, front: Front, sql, name: str, seconds: int) -> None:  # type: ignore[no-untyped-def]
    """A key of two seconds, asked for all the time: who waits when its time is over?"""
    with HttpClient(front.port) as client:
        assert client.get(f"/{name}/1").status == 200
    before = made(sql)
    result = Wrk(stage, front, seconds, connections=32, path=f"/{name}/1").wait()
    lives = seconds / 2
    report.add(f"{name}: requests while its time ends {lives:.0f} times", result.requests, "requests")
    report.add(f"{name}: failed", result.failed, "requests", at_most=0, promise=True)
    report.add(f"{name}: statements a life", (made(sql) - before) / lives, "statements", at_most=2)
    report.add(f"{name}: p99.9", result.p999_ms, "ms", at_most=LATE_MS)
    report.add(f"{name}: the slowest answer", result.max_ms, "ms", at_most=LATE_MS)


def kill_while(service: Vitalsd, wrk: Wrk) -> int:
    """The oldest worker, again and again."""
    begun = time.monotonic()
    for n in itertools.count(1):
        pause_until(begun + n * KILL_EVERY_SECONDS)
        if not wrk.running():
            return n - 1
        send(pool_workers(service)[:1], signal.SIGKILL)
    return 0


def show_killed(stage: Stage, report: Report, module: Path, seconds: int) -> None:
    """Values of three thousand keys in a cache that has not room for half of them, under kills."""
    service = stage.service(WORKERS, CACHE_MEMORY_BYTES="4MiB", DATABASE_URL=None)
    service.settings["MODULES"] = module
    front = stage.front(service.start())
    wrk = Wrk(stage, front, seconds, connections=32, checked=("sealed",))
    kills = kill_while(service, wrk)
    result = wrk.wait()
    wait_for(lambda: len(pool_workers(service)) == WORKERS, 10, f"{WORKERS} workers after the kills")
    report.add("killed writers: requests, each of which proves a value", result.requests, "requests")
    report.add("killed writers: workers killed", kills, "workers")
    wrong = sum(line.split()[1] == WRONG for line in front.access_log.read_text().splitlines())
    report.add("killed writers: values that were never put", wrong, "values", at_most=0, promise=True)
    report.add("killed writers: requests that failed, by kills", result.failed - wrong, "requests")
    if result.example:
        report.note(result.example)
    refused = 0
    with HttpClient(front.port) as client:
        for number in range(1000):  # each is missing, or written anew in the end: every shard's lock is needed
            refused += client.get(f"/sealed/after-{number}").status != 200
    report.add("killed writers: afterwards, keys that cannot be put", refused, "keys", at_most=0, promise=True)
    front.stop()
    service.stop()


def show_hits(stage: Stage, report: Report, module: Path, plan: Plan) -> None:
    """Throughput of a hit against /health, in turn; both through nginx, on the same workers."""
    redis = Redis(stage.directory()).start()
    try:
        for tier, (path, over_redis) in TIERS.items():
            more = {"REDIS_URL": redis.url, "CACHE_MEMORY_BYTES": 0} if over_redis else {}
            service = stage.service(WORKERS, **more)
            service.settings["MODULES"] = module
            front = stage.front(service.start(), health_to_pool=True)
            with HttpClient(front.port) as client:
                wait_for(lambda: client.get(path).header("X-Cache") == "HIT", 5, "a hit")
            ratios = [one_round(stage, front, path, plan, first) for first in
                      itertools.islice(itertools.cycle((True, False)), plan.rounds(8, 10))]
            report.add(f"{tier}: throughput of a hit, of that of /health", median(ratios), "",
                       at_least=0.6 if over_redis else 0.85)
            report.add(f"{tier}: the rounds' tenth percentile", percentile(ratios, 10), "")
            front.stop()
            service.stop()
    finally:
        redis.stop()


def one_round(stage: Stage, front: Front, path: str, plan: Plan, hit_first: bool) -> float:
    """Both, for two seconds each."""
    seconds = 1 if plan.smoke else 2
    rates = {asked: load(stage, front, seconds, connections=32, path=asked).rate
             for asked in ((path, "/health") if hit_first else ("/health", path))}
    return rates[path] / rates["/health"]
