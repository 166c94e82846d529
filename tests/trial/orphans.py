"""The supervisor killed: its workers go, and the next start does not wait for anything."""
from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Optional

from harness import fcgi
from harness.http import new_id
from harness.vitalsd import Vitalsd

from .figures import Report, median
from .plan import Plan
from .stage import Stage
from .workers import all_gone

GONE_SECONDS = 2
GIVE_UP_SECONDS = 10
AT_ONCE_MS = 2500  # it waits for the old workers, which have two seconds


@dataclass(frozen=True)
class Situation:
    """What the workers do when the supervisor is killed, and when the next start comes."""

    name: str
    request: Optional[str] = None
    at_once: bool = False


SITUATIONS = (
    Situation("idle"),
    Situation("idle, next start at once", at_once=True),
    Situation("asleep in a request", "/slow?ms=20000&how=sleep"),
    Situation("computing, next start at once", "/slow?ms=20000&how=spin", at_once=True),
)


def run(stage: Stage, report: Report, plan: Plan) -> None:
    """Each situation some times; the start after it is compared with a start in a clean directory."""
    clean = [clean_start(stage) for _ in range(1 if plan.smoke else 3)]
    report.add("a start in a clean directory, median", median(clean), "ms")
    for situation in SITUATIONS:
        found = [one(stage, situation) for _ in range(1 if plan.smoke else 3)]
        starts = [start_ms for _, start_ms in found]
        report.add(f"{situation.name}: workers gone, longest", max(gone_s for gone_s, _ in found), "s", at_most=GONE_SECONDS)
        goal = {"at_most": AT_ONCE_MS} if situation.at_once else {}
        report.add(f"{situation.name}: next start answers, median", median(starts), "ms", **goal)
        if not situation.at_once:
            report.add(f"{situation.name}: next start, of a clean one", median(starts) / median(clean), "ratio", at_most=2)


def clean_start(stage: Stage) -> float:
    """Until it answers, in ms."""
    begun = time.monotonic()
    service = stage.service(4).start()
    started_ms = (time.monotonic() - begun) * 1e3
    service.stop()
    return started_ms


class Leaving(threading.Thread):
    """Watches processes go; seconds: how long that took, or GIVE_UP_SECONDS."""

    def __init__(self, pids: list[int]) -> None:
        super().__init__(daemon=True)
        self.pids, self.begun, self.seconds = pids, time.monotonic(), float(GIVE_UP_SECONDS)
        self.start()

    def run(self) -> None:
        while time.monotonic() - self.begun < GIVE_UP_SECONDS:
            if all_gone(self.pids):
                self.seconds = time.monotonic() - self.begun
                return
            time.sleep(0.002)


def one(stage: Stage, situation: Situation) -> tuple[float, float]:
    """How long the workers were there after the kill (s), and how long the next start took (ms)."""
    service = stage.service(4).start()
    held = [occupy(service, situation.request)] if situation.request else []
    old = service.workers()
    leaving = Leaving(old)
    service.kill()
    if not situation.at_once:
        leaving.join()
    start_ms = start_again(service)
    leaving.join()
    for connection in held:
        connection.close()
    assert service.ask(uri="/facts").status == 200, "not 200 after the next start"
    stage.kill(service)
    return leaving.seconds, start_ms


def occupy(service: Vitalsd, uri: str) -> fcgi.Connection:
    """A request that runs."""
    connection, identity = service.connect(), new_id()
    connection.send(fcgi.request(fcgi.cgi(uri=uri, correlation_id=identity)))
    service.log.wait("Request started", correlation_id=identity)
    return connection


def start_again(service: Vitalsd) -> float:
    """Until it answers, in ms."""
    begun = time.monotonic()
    service.start()
    return (time.monotonic() - begun) * 1e3
