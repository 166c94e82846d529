"""client.c in the background, and what it wrote down of every request."""
from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterable

from harness.processes import Process

from .figures import percentile
from .stage import Front, SetUpError, Stage

SOURCE = Path(__file__).with_name("client.c")
SLACK_SECONDS = 30
NO_ANSWER, OTHER_ID = 0, 1


@dataclass(frozen=True)
class Asked:
    """One request: its number, what came of it, when it was due (monotonic) and how long it took from then on."""

    number: int
    status: int
    due: float
    ms: float

    @property
    def good(self) -> bool:
        """A 2xx with the ID that was sent."""
        return 200 <= self.status < 300


@dataclass
class Answers:
    """Of one run, in the order in which they came."""

    prefix: str
    seconds: float
    all: list[Asked] = field(default_factory=list)

    @property
    def good(self) -> set[int]:
        """The numbers of the requests that a client has an answer to."""
        return {asked.number for asked in self.all if asked.good}

    @property
    def failed(self) -> list[Asked]:
        """The others."""
        return [asked for asked in self.all if not asked.good]

    def between(self, begin: float, end: float) -> list[Asked]:
        """Those that were due then."""
        return [asked for asked in self.all if begin <= asked.due < end]


def p99_ms(asked: Iterable[Asked]) -> float:
    """0 where there are none."""
    times = [one.ms for one in asked]
    return percentile(times, 99) if times else 0.0


def build_client(stage: Stage) -> Path:
    """Once a run."""
    program = stage.root / "client"
    if not program.exists():
        done = subprocess.run(["gcc", "-D_GNU_SOURCE", "-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-o", str(program),
                               str(SOURCE)], capture_output=True, text=True)
        if done.returncode != 0:
            raise SetUpError(f"client.c does not compile: {done.stderr}")
    return program


class Client:
    """One run; started by the constructor (in the main thread: it ends with the thread that started it)."""

    def __init__(self, stage: Stage, front: Front, seconds: float, *, kinds: tuple[str, ...], rate: int = 0,
                 connections: int = 64) -> None:
        directory = stage.directory()
        directory.mkdir()
        self.output = directory / "answers"
        self.answers = Answers(f"trial-{directory.name}", seconds)
        self.process = Process([str(build_client(stage)), str(front.port), str(seconds), str(connections), str(rate),
                                self.answers.prefix, str(self.output), *kinds], directory, "client")

    def running(self) -> bool:
        """It has not ended by itself."""
        return self.process.running()

    def wait(self) -> Answers:
        """Its end, within a bound, and every request that it made."""
        status = self.process.wait(self.answers.seconds + SLACK_SECONDS)
        self.process.stop()
        assert status == 0, f"client ended with {status}: {self.process.said()[-2000:]}"
        for line in self.output.read_text().splitlines():
            number, status, due_us, us = map(int, line.split())
            self.answers.all.append(Asked(number, status, due_us / 1e6, us / 1e3))
        return self.answers
