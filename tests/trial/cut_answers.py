"""
Workers killed while they send an answer, and right after it. "Request completed" is made before the answer is sent, so
this is where a log says too much of a request that is run again, or too little of one that is not. Chance hits it
rarely: an answer through nginx is sent in microseconds. Here an answer is asked for that no socket holds at once, straight
from the service, and read on only when the worker is known.
"""
from __future__ import annotations

import itertools
import os
import signal
import socket
import time
from typing import Optional

from harness import fcgi
from harness.ctl import status
from harness.http import Answer
from harness.processes import send, wait_for
from harness.vitalsd import Vitalsd

from .client import NO_ANSWER, Answers, Asked
from .figures import Report
from .plan import Plan
from .stage import Stage
from .verdict import Evidence, judge
from .workers import GROWN_SECONDS, age_seconds, pool_workers

WORKERS = 12
LARGE = 2_000_000
REPEATED, GIVEN_UP, ANSWERED = range(3)  # killed before the end, and asked again or not; killed right after it


class Rounds:
    """One request at a time, with the worker that runs it killed; how goes round the three."""

    def __init__(self, service: Vitalsd) -> None:
        self.service = service
        self.begun = time.monotonic()
        self.answers = Answers(f"cut-{os.getpid()}", 0.0)
        self.killed: list[int] = []
        self.kinds = [0, 0, 0]

    def run(self, seconds: float) -> None:
        """For that long; at least one of each."""
        for number in itertools.count(1):
            self.answers.seconds = time.monotonic() - self.begun
            if self.answers.seconds > seconds and all(self.kinds):
                return
            kind = len(self.killed) % 3
            begun, answer = time.monotonic(), self.one(number, kind)
            good = answer is not None and answer.status == 200 and len(answer.body) == LARGE
            self.answers.all.append(Asked(number, 200 if good else NO_ANSWER, begun, (time.monotonic() - begun) * 1e3))

    def one(self, number: int, kind: int) -> Optional[Answer]:
        """What the client has in the end."""
        request = fcgi.request(fcgi.cgi("GET", f"/large?bytes={LARGE}", correlation_id=f"{self.answers.prefix}-{number}",
                                        REQUEST_ID=f"{number:032x}"))
        with self.service.connect() as connection:
            connection.send(request)
            connection.sock.recv(1, socket.MSG_PEEK)
            pid = self.runner_of(number)
            if age_seconds(pid) < GROWN_SECONDS:
                return connection.read_answer()
            self.kinds[kind] += 1
            self.killed.append(pid)
            answer = connection.read_answer() if kind == ANSWERED else None
            send([pid], signal.SIGKILL)
        if kind == REPEATED:
            with self.service.connect() as connection:
                answer = connection.send(request).read_answer()
        return answer

    def runner_of(self, number: int) -> int:
        """The pid of the worker that has the request in flight."""
        def found() -> Optional[int]:
            pids = [row["pid"] for row in status(self.service)["workers"]
                    if row["request"] and row["request"]["correlation_id"] == f"{self.answers.prefix}-{number}"]
            return pids[0] if pids else None

        return wait_for(found, 5, "the worker of a request that it cannot have answered") or 0


def run(stage: Stage, report: Report, plan: Plan) -> None:
    """For a third of the time."""
    service = stage.service(WORKERS).start()
    wait_for(lambda: all(age_seconds(pid) > GROWN_SECONDS for pid in pool_workers(service)), 10, "workers of some age")
    rounds = Rounds(service)
    rounds.run(plan.seconds / 3)
    wait_for(lambda: len(pool_workers(service)) == WORKERS, 20, f"{WORKERS} workers after the kills")
    service.stop()
    judge(report, "cut", Evidence(rounds.answers, [service.log.path], rounds.killed))
    report.add("cut: killed while sending, asked again", rounds.kinds[REPEATED], "requests")
    report.add("cut: killed while sending, given up", rounds.kinds[GIVEN_UP], "requests")
    report.add("cut: killed when the answer had come", rounds.kinds[ANSWERED], "requests")
