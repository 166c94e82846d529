"""The log's sink takes nothing for a while: no request waits for it, and what is dropped is counted to the record."""
from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Optional

from harness.processes import Process, cpu_seconds, send, wait_for
from harness.vitalsd import Vitalsd

from .client import Answers, Client, p99_ms
from .clients import pause_until
from .figures import Report
from .ledger import Ledger
from .logs import read_standard_error
from .plan import Plan
from .stage import Stage
from .workers import log_writer, pool_workers

WORKERS = 8
RATE = 2000
SPOILED, MENDED, LAST = 0.2, 0.6, 0.9  # of the load's time
RECORDS_A_REQUEST = 2
BOUND_MS = 50
RETURN_MS = 1000
IDLE_SECONDS = 1.0
NEVER = float("inf")
KIB = 1024


class Sink:
    """One kind: a service that logs there, the sink's failure and its return."""

    name = ""

    def __init__(self, stage: Stage) -> None:
        self.service = stage.service(WORKERS)

    def start(self) -> None:
        """The service, with the sink in order."""
        self.service.start()

    def spoil(self) -> None:
        """From now on it takes nothing."""
        raise NotImplementedError

    def mend(self) -> None:
        """It takes records again, and the service is not told."""
        raise NotImplementedError

    def hold(self) -> Path:
        """Where the log will be when the service has ended; called while it lives."""
        return self.service.log.path

    def close(self) -> None:
        """After the service's end: all that was written has been read."""


class FullDisk(Sink):
    """A file system of the service's own, whose size is changed."""

    name = "full disk"

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.place = self.service.directory / "disk"
        self.place.mkdir()
        self.service.settings["LOG_FILE"] = self.place / "vitals.log"
        self.service.before = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                               'mount -t tmpfs -o size=1g,mode=755 vitals-trial "$0" && exec "$@"', str(self.place)]
        self.file: Optional[int] = None
        spawn = self.service.spawn

        def spawn_and_look(nofile: Optional[int] = None) -> Process:
            process = spawn(nofile)
            self.service.log.path = self.seen_from_outside() / "vitals.log"
            return process

        self.service.spawn = spawn_and_look  # type: ignore[method-assign]

    def seen_from_outside(self) -> Path:
        """The directory in the service's mount namespace."""
        return Path(f"/proc/{self.service.pid}/root{self.place}")

    def resize(self, kib: int) -> bool:
        """False where more than that is in use."""
        done = subprocess.run(["nsenter", "--mount", f"--target={self.service.pid}", "mount", "-o", f"remount,size={kib}k",
                               str(self.place)], capture_output=True, text=True, timeout=10)
        return done.returncode == 0

    def spoil(self) -> None:
        def full_soon() -> bool:
            found = os.statvfs(self.seen_from_outside())
            return self.resize((found.f_blocks - found.f_bfree) * found.f_frsize // KIB + 64)

        wait_for(full_soon, 5, "a file system without space", every=0)

    def mend(self) -> None:
        assert self.resize(KIB * KIB), "the file system cannot be made larger"

    def hold(self) -> Path:
        self.file = os.open(self.service.log.path, os.O_RDONLY)
        return Path(f"/dev/fd/{self.file}")

    def close(self) -> None:
        pass  # the descriptor is what keeps the file; the ledger reads it afterwards


class SleepingReader(Sink):
    """Standard error is a pipe, and its reader is stopped."""

    name = "sleeping reader"

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.reader = read_standard_error(self.service)

    def spoil(self) -> None:
        send([self.reader.pid], signal.SIGSTOP)

    def mend(self) -> None:
        send([self.reader.pid], signal.SIGCONT)

    def close(self) -> None:
        self.reader.wait(10)


class FifoReader(threading.Thread):
    """Copies what comes into a file; leaves in order, with all that it took written, or at the end with all that came."""

    def __init__(self, fifo: Path, out: Path) -> None:
        super().__init__(daemon=True)
        self.fd = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.out, self.leaving, self.last = out, threading.Event(), threading.Event()
        self.start()

    def run(self) -> None:
        """Until told to leave; that nobody has it open for writing may be for a moment only."""
        with open(self.out, "ab", buffering=0) as file:
            while True:
                data = os.read(self.fd, 1 << 20) if select.select([self.fd], [], [], 0.05)[0] else b""
                if data:
                    file.write(data)
                if self.leaving.is_set() or (not data and self.last.wait(0.005)):
                    break
        os.close(self.fd)

    def leave(self) -> None:
        """Closes its end, whatever comes."""
        self.leaving.set()
        self.join()

    def finish(self) -> None:
        """Reads what is left; nobody writes any more."""
        self.last.set()
        self.join()


class Fifo(Sink):
    """LOG_FILE names a FIFO; its reader leaves, and another comes."""

    name = "FIFO"

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.path = self.service.directory / "fifo"
        os.mkfifo(self.path)
        self.service.settings["LOG_FILE"] = self.path
        self.reader = FifoReader(self.path, self.service.log.path)

    def spoil(self) -> None:
        self.reader.leave()

    def mend(self) -> None:
        self.reader = FifoReader(self.path, self.service.log.path)

    def close(self) -> None:
        self.reader.finish()


def run(stage: Stage, report: Report, plan: Plan) -> None:
    """One after another, each with a service of its own."""
    seconds = max(1.0, plan.seconds / 4)
    if os.geteuid() == 0:
        run_sink(stage, report, FullDisk(stage), seconds)
    else:
        report.note("full disk: left out, since only root can mount a file system for it")
    run_sink(stage, report, SleepingReader(stage), seconds)
    run_sink(stage, report, Fifo(stage), seconds)
    run_dead_reader(stage, report, seconds)


def run_sink(stage: Stage, report: Report, sink: Sink, seconds: float) -> None:
    """In order, spoiled, and in order again under one load."""
    sink.start()
    front = stage.front(sink.service)
    workers = pool_workers(sink.service)
    begun = time.monotonic()
    client = Client(stage, front, seconds, kinds=("facts",), rate=RATE, connections=32)
    pause_until(begun + seconds * SPOILED)
    sink.spoil()
    spoiled = time.monotonic()
    pause_until(begun + seconds * MENDED)
    mended = time.monotonic()
    sink.mend()
    answers = client.wait()
    same = pool_workers(sink.service) == workers
    front.stop()
    path = sink.hold()
    status = sink.service.stop()
    sink.close()
    ledger = Ledger(answers.prefix).read(path)
    show_service(report, sink.name, answers, spoiled, mended)
    show_count(report, sink.name, answers, ledger)
    show_return(report, sink.name, answers, ledger, mended, begun + seconds * LAST)
    report.add(f"{sink.name}: workers that are not the same any more", int(not same), "pools", at_most=0, promise=True)
    report.add(f"{sink.name}: exit status", -1 if status is None else status, "", at_most=0, promise=True)
    for text in ledger.examples:
        report.note(f"{sink.name}: {text}")


def show_service(report: Report, name: str, answers: Answers, spoiled: float, mended: float) -> None:
    """What the clients noticed."""
    report.add(f"{name}: requests", len(answers.all), "requests")
    report.add(f"{name}: failed", len(answers.failed), "requests", at_most=0, promise=True)
    report.add(f"{name}: p99 before", p99_ms(answers.between(0, spoiled)), "ms")
    report.add(f"{name}: p99 while nothing is taken", p99_ms(answers.between(spoiled, mended)), "ms", at_most=BOUND_MS)
    if mended < NEVER:
        report.add(f"{name}: p99 afterwards", p99_ms(answers.between(mended, NEVER)), "ms", at_most=BOUND_MS)


def show_count(report: Report, name: str, answers: Answers, ledger: Ledger) -> None:
    """Made: two records for each request, and those of nobody else are dropped meanwhile."""
    good = answers.good
    made, written = RECORDS_A_REQUEST * len(good), sum(ledger.lines_of[n] for n in good)
    none = {"at_most": 0, "promise": True}
    report.add(f"{name}: records made", made, "records")
    report.add(f"{name}: records in the log", written, "records")
    report.add(f"{name}: records dropped, as announced", ledger.dropped, "records")
    report.add(f"{name}: announcements", ledger.announcements, "records")
    report.add(f"{name}: missing and not announced", max(0, made - written - ledger.dropped), "records", **none)
    report.add(f"{name}: announced and not missing", max(0, written + ledger.dropped - made), "records", **none)
    report.add(f"{name}: lines that are not one JSON object", ledger.torn, "lines", **none)
    report.add(f"{name}: lines that are there twice", ledger.doubled, "lines", **none)


def show_return(report: Report, name: str, answers: Answers, ledger: Ledger, mended: float, last: float) -> None:
    """How soon records come again. No promise: the smoke run is over before a service that looks once a second has looked."""
    logged = [one.due for one in answers.all if one.due > mended and ledger.lines_of[one.number] == RECORDS_A_REQUEST]
    missing = sum(ledger.lines_of[one.number] < RECORDS_A_REQUEST for one in answers.all if one.good and one.due > last)
    if logged:
        report.add(f"{name}: from its return to a request with its records", (min(logged) - mended) * 1e3, "ms", at_most=RETURN_MS)
    report.add(f"{name}: requests of the load's end not in the log", missing, "requests", at_most=0)


def run_dead_reader(stage: Stage, report: Report, seconds: float) -> None:
    """
    Standard error is a pipe whose reader is killed, and nobody can read it any more: there is no log to count in. The
    service goes on, and neither the supervisor nor a log writer spends its time on trying.
    """
    name = "dead reader"
    service = stage.service(WORKERS)
    reader = read_standard_error(service)
    service.start()
    front = stage.front(service)
    workers = pool_workers(service)
    begun = time.monotonic()
    client = Client(stage, front, seconds, kinds=("facts",), rate=RATE, connections=32)
    pause_until(begun + seconds * SPOILED)
    reader.stop(signal.SIGKILL)
    killed = time.monotonic()
    answers = client.wait()
    show_service(report, name, answers, killed, NEVER)
    report.add(f"{name}: processor time afterwards, without load", idle_percent(service), "%", at_most=20)
    report.add(f"{name}: workers that are not the same any more", int(pool_workers(service) != workers), "pools", at_most=0,
               promise=True)
    front.stop()
    status = service.stop()
    report.add(f"{name}: exit status", -1 if status is None else status, "", at_most=0, promise=True)


def idle_percent(service: Vitalsd) -> float:
    """Of one processor, by the supervisor and the log writer."""
    pids = [pid for pid in (service.pid, log_writer(service)) if pid is not None]
    before, begun = sum(map(cpu_seconds, pids)), time.monotonic()
    time.sleep(IDLE_SECONDS)
    return (sum(map(cpu_seconds, pids)) - before) / (time.monotonic() - begun) * 100
