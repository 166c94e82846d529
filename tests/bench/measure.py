"""One turn of one contender: started, looked at, loaded, stopped."""
from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Optional

from harness.http import Answer, HttpClient
from harness.processes import wait_for
from trial.stage import Stage
from trial.workers import private_bytes, thread_times, used_ns
from trial.wrk import load

from .contenders import MOMENT, Contender
from .front import BenchFront
from .scenario import Beside

START_SECONDS = 60
REST_SECONDS = 0.2
REST_SHARE = 0.05  # of a processor: what an idle pool may use
TIMESTAMP = re.compile(rb'(?<="timestamp":")\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z(?=")')


@dataclass(frozen=True)
class Plan:
    """How often, how long, and how hard."""

    rounds: int
    seconds: int
    warm_up_seconds: int
    connections: tuple[int, ...]


@dataclass(frozen=True)
class Sample:
    """One load. cpu_us and private_kib: of the contender's own processes, None where it has none. starved: connections that
    had waited for half of the load or longer when it ended, in vain. extra: the scenario's own figure."""

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
    extra: Optional[float] = None


def lifted(found_ms: float, share: float, starved: int, load: tuple[int, int]) -> float:
    """A percentile, where share of the connections and more wait longer than it says. load: connections and seconds.

    wrk makes up for the requests that a connection could not send while it waited, but only once an answer comes. One
    that got none for half of the load or longer stands for the same share of the requests as of the connections.
    """
    connections, seconds = load
    return max(found_ms, seconds * 500.0) if starved > connections * share else found_ms


class Turn:
    """with Turn(stage, front, contender, plan) as turn: … its processes run inside."""

    def __init__(self, stage: Stage, front: BenchFront, contender: Contender, plan: Plan) -> None:
        self.stage, self.front, self.contender, self.plan = stage, front, contender, plan

    def __enter__(self) -> "Turn":
        try:
            self.contender.start()
            wait_for(self._ready, START_SECONDS, f"{self.contender.name} answers", every=0.05)
            wait_for(self._rests, START_SECONDS, f"{self.contender.name} has started all of itself")
            self._check()
            self.warm_up()
        except BaseException:
            self.contender.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.contender.stop()

    @property
    def port(self) -> int:
        """Where nginx serves it."""
        return self.front.at(self.contender).port

    def _get(self) -> Answer:
        with HttpClient(self.port) as client:
            return client.get(self.contender.path)

    def _ready(self) -> bool:
        assert not self.contender.fault(), self.contender.fault()
        try:
            return self.contender.ready(self._get())
        except OSError:
            return False

    def _rests(self) -> bool:
        """Other workers may still be starting when one answers: then their processes compute."""
        before = thread_times(self.contender.pids())
        time.sleep(REST_SECONDS)
        return used_ns(before, thread_times(self.contender.pids())) < REST_SECONDS * REST_SHARE * 1e9

    def _check(self) -> None:
        """The same document from everybody, byte for byte; but for the time in it."""
        answer, wanted = self._get(), self.contender.body.encode()
        assert answer.status == 200 and answer.header("Content-Type") == "application/json", f"{answer.status} {answer.headers}"
        assert TIMESTAMP.sub(MOMENT.encode(), answer.body) == wanted, f"{answer.body!r} is not {wanted!r}"

    def warm_up(self) -> None:
        """Not counted."""
        if self.plan.warm_up_seconds:
            load(self.stage, self.front.at(self.contender), self.plan.warm_up_seconds, connections=32, path=self.contender.path)

    def load(self, connections: int, beside: Beside) -> Sample:
        """One run of wrk with that beside it, and what the contender used meanwhile."""
        with beside.around(self) as extra:
            pids, left_from, seconds = self.contender.pids(), self.front.left_bytes(), self.plan.seconds
            before = thread_times(pids)
            result = load(self.stage, self.front.at(self.contender), seconds, connections=connections, path=self.contender.path)
            used = used_ns(before, thread_times(self.contender.pids()))
            assert not self.contender.fault(), self.contender.fault()
            starved, size = self.front.left_waiting(self.contender, left_from, seconds / 2), (connections, seconds)
            return Sample(
                connections, result.rate, lifted(result.p50_ms, 0.5, starved, size), lifted(result.p99_ms, 0.01, starved, size),
                lifted(result.p999_ms, 0.001, starved, size),
                used / 1e3 / result.requests if pids and result.requests else None,
                private_bytes(self.contender.pids()) / 1024 if pids else None, result.failed, starved,
                result.requests, extra())
