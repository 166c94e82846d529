"""One turn of one contender: started, looked at, loaded, stopped."""
from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from harness.http import HttpClient
from harness.processes import wait_for
from trial.stage import Stage
from trial.workers import private_bytes
from trial.wrk import Wrk

from .contenders import Contender
from .front import BenchFront

PATH = "/health"
START_SECONDS = 60
REST_SECONDS = 0.2
REST_SHARE = 0.05  # of a processor: what an idle pool may use


@dataclass(frozen=True)
class Plan:
    """How often and how long."""

    rounds: int
    seconds: int
    warm_up_seconds: int
    connections: tuple[int, ...]


@dataclass(frozen=True)
class Sample:
    """One load. cpu_us and private_kib: of the contender's own processes, None where it has none. starved: connections that
    had waited for half of the load or longer when it ended, in vain."""

    connections: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    cpu_us: Optional[float]
    private_kib: Optional[float]
    errors: int
    starved: int
    requests: int


def thread_times(pids: list[int]) -> dict[str, int]:
    """Nanoseconds on a processor of every thread of these, from schedstat: /proc/PID/stat counts in hundredths of a second."""
    found = {}
    for pid in pids:
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                found[f"{pid}/{thread}"] = int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0])
        except OSError:
            pass  # it has ended
    return found


def used_ns(before: dict[str, int], after: dict[str, int]) -> int:
    """Threads that were started between count from their start."""
    return sum(now - before.get(thread, 0) for thread, now in after.items())


def lifted(found_ms: float, share: float, starved: int, load: tuple[int, int]) -> float:
    """A percentile, where share of the connections and more wait longer than it says. load: connections and seconds.

    wrk makes up for the requests that a connection could not send while it waited, but only once an answer comes. One
    that got none for half of the load or longer stands for the same share of the requests as of the connections.
    """
    connections, seconds = load
    return max(found_ms, seconds * 500.0) if starved > connections * share else found_ms


class Turn:
    """with Turn(stage, front, contender) as turn: … its processes run inside."""

    def __init__(self, stage: Stage, front: BenchFront, contender: Contender) -> None:
        self.stage, self.front, self.contender = stage, front, contender

    def __enter__(self) -> "Turn":
        try:
            self.contender.start()
            wait_for(self._answers, START_SECONDS, f"{self.contender.name} answers", every=0.05)
            wait_for(self._rests, START_SECONDS, f"{self.contender.name} has started all of itself")
            self._check()
        except BaseException:
            self.contender.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.contender.stop()

    def _get(self):  # type: ignore[no-untyped-def]
        with HttpClient(self.front.at(self.contender).port) as client:
            return client.get(PATH)

    def _answers(self) -> bool:
        assert not self.contender.fault(), self.contender.fault()
        try:
            return self._get().status == 200
        except OSError:
            return False

    def _rests(self) -> bool:
        """Other workers may still be starting when one answers: then their processes compute."""
        before = thread_times(self.contender.pids())
        time.sleep(REST_SECONDS)
        return used_ns(before, thread_times(self.contender.pids())) < REST_SECONDS * REST_SHARE * 1e9

    def _check(self) -> None:
        """The same document from everybody."""
        answer = self._get()
        assert answer.status == 200 and answer.header("Content-Type") == "application/json", f"{answer.status} {answer.headers}"
        assert len(answer.body) == len(self.contender.job.body), f"{answer.body!r} is not as long as {self.contender.job.body!r}"
        document = json.loads(answer.body)
        assert list(document) == ["status", "timestamp", "version"] and document["status"] == "healthy", f"{answer.body!r}"

    def warm_up(self, seconds: int) -> None:
        """Not counted."""
        if seconds:
            Wrk(self.stage, self.front.at(self.contender), seconds, connections=32, path=PATH).wait()

    def load(self, connections: int, seconds: int) -> Sample:
        """One run of wrk, and what the contender used meanwhile."""
        pids, left_from = self.contender.pids(), self.front.left_bytes()
        before = thread_times(pids)
        result = Wrk(self.stage, self.front.at(self.contender), seconds, connections=connections, path=PATH).wait()
        used = used_ns(before, thread_times(self.contender.pids()))
        assert not self.contender.fault(), self.contender.fault()
        starved, size = self.front.left_waiting(self.contender, left_from, seconds / 2), (connections, seconds)
        return Sample(
            connections, result.rate, lifted(result.p50_ms, 0.5, starved, size), lifted(result.p99_ms, 0.01, starved, size),
            lifted(result.p999_ms, 0.001, starved, size),
            used / 1e3 / result.requests if pids and result.requests else None,
            private_bytes(self.contender.pids()) / 1024 if pids else None, result.failed, starved,
            result.requests)
