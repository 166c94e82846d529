"""wrk in the background, and what it counted."""
from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Protocol

from harness.processes import Process

from .stage import Stage

SCRIPT = Path(__file__).with_name("trial.lua")
REQUEST_SECONDS = 10
SLACK_SECONDS = 20


class Served(Protocol):
    """What is asked: a port of 127.0.0.1."""

    port: int


@dataclass(frozen=True)
class Result:
    """One run of wrk. Its percentiles make up for the requests that a waiting client could not send."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    status_errors: int
    socket_errors: int
    wrong: int
    example: str

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds

    @property
    def failed(self) -> int:
        """Statuses that are not 2xx, sockets, time-outs, wrong bodies."""
        return self.status_errors + self.socket_errors + self.wrong


class Wrk:
    """One run; started by the constructor (in the main thread: it ends with the thread that started it)."""

    def __init__(self, stage: Stage, front: Served, seconds: int, *, connections: int, path: str = "/",
                 checked: tuple[str, ...] = ()) -> None:
        directory = stage.directory()
        directory.mkdir()
        self.seconds = seconds
        self.result: Optional[Result] = None
        mode = ["checked", *checked] if checked else ["get"]
        self.process = Process(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", f"{REQUEST_SECONDS}s", "--latency",
                                "-s", str(SCRIPT), f"http://127.0.0.1:{front.port}{path}", "--", *mode], directory, "wrk")

    def running(self) -> bool:
        """It has not ended by itself."""
        return self.process.running()

    def wait(self) -> Result:
        """Its end, within a bound, and what it counted."""
        status = self.process.wait(self.seconds + SLACK_SECONDS)
        self.process.stop()
        said = self.process.said()
        found = re.search(r"^TRIAL (\{.*\})$", said, re.MULTILINE)
        assert status == 0 and found, f"wrk ended with {status}: {said[-2000:]}"
        counted = json.loads(found[1])
        self.result = Result(
            requests=counted["requests"], seconds=counted["microseconds"] / 1e6, p50_ms=counted["p50_us"] / 1e3,
            p99_ms=counted["p99_us"] / 1e3, p999_ms=counted["p999_us"] / 1e3, max_ms=counted["max_us"] / 1e3,
            status_errors=max(counted["status"], counted["not_2xx"]),
            socket_errors=counted["connect"] + counted["read"] + counted["write"] + counted["timeout"],
            wrong=counted["wrong"], example=counted["example"])
        return self.result


def load(stage: Stage, front: Served, seconds: int, *, connections: int, path: str = "/") -> Result:
    """A run from its start to its end."""
    return Wrk(stage, front, seconds, connections=connections, path=path).wait()
