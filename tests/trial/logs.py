"""The log under load while workers die, files are rotated and levels changed: judged to the record."""
from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import dataclass, field
from typing import Callable

from harness.ctl import ctl, run_ctl
from harness.processes import Process, cpu_seconds, send, wait_for
from harness.vitalsd import Vitalsd

from . import cut_answers
from .client import Answers, Client
from .clients import pause_until
from .figures import Report
from .plan import Plan
from .stage import Front, Stage
from .verdict import Evidence, judge
from .workers import GROWN_SECONDS, age_seconds, log_writer, pool_workers, requests_total

WORKERS = 12
RATE = 6000
KINDS = ("facts", "facts", "facts", "nap", "facts", "facts", "facts", "echo")  # naps, so that some are killed in a request
KILL_SECONDS, ROTATE_SECONDS, LEVEL_SECONDS, WRITER_SECONDS = 0.2, 5.0, 2.0, 7.0
SMOKE_SECONDS = 0.4  # between rotations, and so on, in the smoke run


@dataclass
class Disturbance:
    """What is done to a service, and how often it was."""

    service: Vitalsd
    chance: random.Random
    killed: list[int] = field(default_factory=list)
    rotations: int = 0
    levels: int = 0
    levels_refused: int = 0
    writers_killed: int = 0
    writer_cpu: float = 0.0

    def kill_worker(self) -> None:
        """A random one of those that are grown, or else the oldest."""
        workers = pool_workers(self.service)
        grown = [pid for pid in workers if age_seconds(pid) > GROWN_SECONDS]
        victim = self.chance.choice(grown or workers[:1])
        self.killed.append(victim)
        send([victim], signal.SIGKILL)

    def rotate(self) -> None:
        """As logrotate does."""
        self.rotations += 1
        path = self.service.directory / "vitals.log"
        if path.exists():  # it may not have been opened again since the last one
            os.rename(path, path.with_name(f"vitals.log.{self.rotations}"))
        send([self.service.pid], signal.SIGUSR1)

    def change_level(self) -> None:
        """DEBUG for a while that ends by itself before the next, and INFO by word in between."""
        self.levels += 1
        words = ("debug", "--for", "1s") if self.levels % 2 else ("info",)
        self.levels_refused += ctl(self.service, "log-level", *words).returncode != 0

    def kill_writer(self) -> None:
        """The log writer, where there is one."""
        writer = log_writer(self.service)
        if writer is not None:
            self.writers_killed += 1
            send([writer], signal.SIGKILL)


def run(stage: Stage, report: Report, plan: Plan) -> None:
    """A file; standard error that is a pipe; answers that are cut short; a file whose writer is killed."""
    report.note(f"seed {plan.seed}")
    run_file(stage, report, plan)
    run_pipe(stage, report, plan)
    cut_answers.run(stage, report, plan)
    run_writer_kills(stage, report, plan)


def repeat(client: Client, acts: list[tuple[float, Callable[[], None]]]) -> None:
    """Each act every so many seconds while the load runs."""
    due = {n: time.monotonic() + every for n, (every, _) in enumerate(acts)}
    while client.running():
        n = min(due, key=due.__getitem__)
        pause_until(min(due[n], time.monotonic() + 0.1))
        if client.running() and time.monotonic() >= due[n]:
            acts[n][1]()
            due[n] += acts[n][0]


def knows_levels() -> bool:
    """Whether this build's vitalsctl changes levels."""
    try:
        return "log-level" in run_ctl("--help").stdout
    except OSError:
        return False


def start(stage: Stage, service: Vitalsd, seconds: float, plan: Plan) -> tuple[Front, Client, Disturbance]:
    """Service, nginx and load, with the first answers given."""
    service.start()
    front = stage.front(service)
    client = Client(stage, front, seconds, kinds=KINDS, rate=RATE)
    wait_for(lambda: requests_total(service) > 100, 10, "the load to begin")
    return front, client, Disturbance(service, random.Random(plan.seed))


def finish(service: Vitalsd, front: Front, client: Client, what: Disturbance) -> Answers:
    """The load's end and the service's, whose log is whole afterwards."""
    answers = client.wait()
    wait_for(lambda: len(pool_workers(service)) == WORKERS, 20, f"{WORKERS} workers after the load")
    writer = log_writer(service)
    what.writer_cpu = cpu_seconds(writer) if writer is not None else 0.0
    front.stop()
    service.stop()
    return answers


def run_file(stage: Stage, report: Report, plan: Plan) -> None:
    """What the log is judged by."""
    service = stage.service(WORKERS)
    front, client, what = start(stage, service, plan.seconds, plan)
    acts = [(KILL_SECONDS, what.kill_worker), (SMOKE_SECONDS if plan.smoke else ROTATE_SECONDS, what.rotate)]
    if knows_levels():
        acts.append((SMOKE_SECONDS if plan.smoke else LEVEL_SECONDS, what.change_level))
    else:
        report.note("this build's vitalsctl has no log-level: levels are not changed")
    repeat(client, acts)
    answers = finish(service, front, client, what)
    files = sorted(service.directory.glob("vitals.log*"))
    report.add("file: rotations", what.rotations, "times")
    report.add("file: levels changed", what.levels, "times")
    report.add("file: changes of level refused", what.levels_refused, "times", at_most=0)
    ledger = judge(report, "file", Evidence(answers, files, what.killed))
    if what.writer_cpu:
        report.add("file: log writer's processor time for a record", what.writer_cpu / ledger.lines * 1e6, "us")


def run_pipe(stage: Stage, report: Report, plan: Plan) -> None:
    """Standard error is a pipe with a reader that keeps up."""
    service = stage.service(WORKERS)
    reader = read_standard_error(service)
    front, client, what = start(stage, service, max(1, plan.seconds // 3), plan)
    repeat(client, [(KILL_SECONDS, what.kill_worker)])
    answers = finish(service, front, client, what)
    reader.wait(10)
    judge(report, "pipe", Evidence(answers, [service.log.path], what.killed))


def read_standard_error(service: Vitalsd) -> Process:
    """LOG_FILE is left out, and a process writes what comes into the file that service.log then is."""
    reading, writing = os.pipe()
    del service.settings["LOG_FILE"]
    reader = Process(["cat"], service.directory, "reader", stdin=reading)
    service.log.path = reader.output
    service.stderr = writing
    start_service = service.spawn

    def spawn(nofile: "int | None" = None) -> Process:
        process = start_service(nofile)
        os.close(reading)
        os.close(writing)
        return process

    service.spawn = spawn  # type: ignore[method-assign]
    return reader


def run_writer_kills(stage: Stage, report: Report, plan: Plan) -> None:
    """The log writer is killed besides. What it had written and not noted may come twice; nothing may be lost."""
    service = stage.service(WORKERS)
    seconds = max(1, plan.seconds // 2)
    front, client, what = start(stage, service, seconds, plan)
    if log_writer(service) is None:
        report.note("this build has no log writer to be killed")
        finish(service, front, client, what)
        return
    repeat(client, [(KILL_SECONDS, what.kill_worker), (SMOKE_SECONDS if plan.smoke else WRITER_SECONDS, what.kill_writer)])
    answers = finish(service, front, client, what)
    report.add("writer killed: times", what.writers_killed, "times")
    judge(report, "writer killed", Evidence(answers, [service.log.path], what.killed, writer_killed=True))
