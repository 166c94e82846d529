"""The process that writes the log: killed, stopped, taken over, held up; each record stands there once."""
from __future__ import annotations

import fcntl
import os
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Callable, Iterable, Iterator

import pytest

from harness.http import Answer
from harness.load import Load
from harness.logs import LogFile, Record, parse_line
from harness.nginx import Nginx
from harness.processes import alive, cpu_seconds, name_of, send, wait_for
from harness.vitalsd import LOG_WRITER, Vitalsd

Make = Callable[..., Vitalsd]
Front = Callable[[Vitalsd], Nginx]

PIPE_BYTES = 4096
# Room for what comes while a writer that was killed young waits for its restart.
ROOM = "2MiB"


def the_writer(instance: Vitalsd) -> int:
    """Its pid; there is one, for good."""
    return wait_for(lambda: instance.log_writers() if len(instance.log_writers()) == 1 else [], 5, "one log writer")[0]


def of_message(records: Iterable[Record], message: str) -> Counter[str]:
    """How often each correlation ID has such a record."""
    return Counter(found["correlation_id"] for found in records if found["message"] == message)


def each_once(records: list[Record], answers: list[Answer]) -> None:
    """Both records of every answer, and no record of any request twice."""
    for message in ("Request started", "Request completed"):
        counted = of_message(records, message)
        doubled = {identity: times for identity, times in counted.items() if times > 1}
        missing = [answer.sent_id for answer in answers if answer.sent_id not in counted]
        assert not doubled and not missing, f"{message}: twice {doubled}, missing {missing[:5]} of {len(answers)}"


def all_there(log: LogFile, answers: list[Answer]) -> None:
    """Waits until the last record is there, then proves all of them."""
    wanted = {answer.sent_id for answer in answers}
    with suppress(AssertionError):
        wait_for(lambda: wanted <= set(of_message(log.records(), "Request completed")), 10, "all records")
    each_once(log.records(), answers)


# ---- The process ------------------------------------------------------------------------------------------


def test_one_process_writes(service: Make) -> None:
    """By its name; it has no listener open, and nobody else has the log file open but the supervisor."""
    instance = service(WORKERS=2).start()
    writer = the_writer(instance)
    assert name_of(writer) == LOG_WRITER

    def opened(pid: int) -> list[str]:
        return [os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")]

    assert str(instance.log.path) in opened(writer)
    assert not [target for target in opened(writer) if target.startswith("socket:")]
    for worker in instance.workers():
        assert str(instance.log.path) not in opened(worker)


def waits(pid: int) -> int:
    """How often the process has gone to sleep."""
    lines = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    return int(lines["voluntary_ctxt_switches"])


def test_sleeps_when_there_is_nothing_to_do(service: Make) -> None:
    """About once a second it looks round: three times take more than two seconds, however busy the machine is."""
    instance = service(WORKERS=1).start()
    writer = the_writer(instance)
    instance.completed(instance.ask(uri="/facts"))
    before = waits(writer)
    wait_for(lambda: waits(writer) > before, 5, "it has come to rest")
    before, begun, used = waits(writer), time.monotonic(), cpu_seconds(writer)
    wait_for(lambda: waits(writer) >= before + 4, 20, "four looks round")
    assert time.monotonic() - begun > 2
    assert cpu_seconds(writer) - used < 0.2


def test_a_sink_that_is_ready_and_takes_nothing_is_not_tried_without_a_pause(service: Make) -> None:
    instance = service(LOG_FILE="/dev/full", WORKERS=1)
    instance.spawn()
    wait_for(instance.reachable, 5, "vitalsd answers")
    writer = the_writer(instance)
    before, begun, used = waits(writer), time.monotonic(), cpu_seconds(writer)
    wait_for(lambda: waits(writer) >= before + 20, 20, "it waits between two tries")
    assert cpu_seconds(writer) - used < 0.5 * (time.monotonic() - begun)
    assert instance.stop() == 0


# ---- Killed -----------------------------------------------------------------------------------------------


def test_killed_under_load(service: Make, front: Front) -> None:
    instance = service(WORKERS=3, LOG_BUFFER_SIZE=ROOM).start()
    with Load(front(instance).port, "/facts?" + "x" * 500, threads=6) as load:
        for _ in range(2):
            load.wait_answers(300)
            victim = the_writer(instance)
            send([victim], signal.SIGKILL)
            died = instance.log.wait("Log writer died", 10, pid=victim)
            assert died["level"] == "ERROR" and died["signal"] == "SIGKILL" and died["logger"] == "vitals.supervisor"
            assert died["restart_delay_seconds"] < 1
            assert the_writer(instance) != victim
        load.wait_answers(300)
    assert not load.errors
    all_there(instance.log, load.answers)
    assert not instance.log.find("Log records dropped")


def test_killed_again_and_again_under_load(service: Make, front: Front) -> None:
    """
    Together with workers: nothing twice, nothing in pieces, and at most one record for each pair that was killed is
    missing, the one of a response that was on its way (doc/decisions/0007).
    """
    kills = 4
    instance = service(WORKERS=4, WORKERS_MAX=4, LOG_BUFFER_SIZE=ROOM).start()
    with Load(front(instance).port, "/facts", threads=6) as load:
        for _ in range(kills):
            load.wait_answers(100, 20)
            send(instance.workers()[:1] + instance.log_writers(), signal.SIGKILL)
    wanted = {answer.sent_id for answer in load.answers if answer.status == 200}
    wait_for(lambda: len(wanted - set(of_message(instance.log.records(), "Request completed"))) <= kills, 10, "all records")
    # A request whose worker was killed began twice; it was completed once.
    assert set(of_message(instance.log.records(), "Request completed").values()) == {1}


def test_a_supervisor_killed_under_load(service: Make, front: Front) -> None:
    """The writer outlives the workers: what a client got is in the file."""
    instance = service(WORKERS=3).start()
    writer, workers = the_writer(instance), instance.workers()
    with Load(front(instance).port, "/facts", threads=6, timeout=5) as load:
        load.wait_answers(500)
        instance.kill()
        wait_for(lambda: not any(alive(pid) for pid in workers + [writer]), 10, "all gone")
    each_once(instance.log.records(), [answer for answer in load.answers if answer.status == 200])


# ---- Stopped and taken over -------------------------------------------------------------------------------


def test_all_is_written_at_the_stop(service: Make, front: Front) -> None:
    instance = service(WORKERS=3).start()
    with Load(front(instance).port, "/facts", threads=6) as load:
        load.wait_answers(500)
        writer = the_writer(instance)
        assert instance.stop() == 0
    assert not alive(writer)
    each_once(instance.log.records(), [answer for answer in load.answers if answer.status == 200])
    assert instance.log.records()[-1]["message"] == "Service stopped"
    assert not instance.log.find("Log writer died")


def test_told_to_end_together_with_all_others(service: Make) -> None:
    """As some service managers do it: the signal goes to every process at once."""
    instance = service(WORKERS=2).start()
    answers = [instance.ask(uri="/facts") for _ in range(20)]
    send(instance.log_writers() + instance.workers() + [instance.pid], signal.SIGTERM)
    assert instance.process.wait(10) == 0
    each_once(instance.log.records(), answers)
    assert instance.log.find("Service stopped") and not instance.log.find("Log writer died")


@pytest.mark.parametrize("number, message", [(signal.SIGHUP, "Service reloaded"), (signal.SIGUSR2, "Service upgraded")])
def test_taken_over_under_load(service: Make, front: Front, number: int, message: str) -> None:
    instance = service(WORKERS=3).start()
    with Load(front(instance).port, "/facts?" + "x" * 500, threads=6) as load:
        for round_ in range(1, 3):
            before = the_writer(instance)
            load.wait_answers(100)
            send([instance.pid], number)
            wait_for(lambda: len(instance.log.find(message)) == round_, 15, message)
            wait_for(lambda: not alive(before), 5, "the former writer is gone")
            the_writer(instance)
        load.wait_answers(100)
    assert not load.errors
    all_there(instance.log, load.answers)
    assert not instance.log.find("Log writer died") and not instance.log.find("Log records dropped")
    assert instance.stop() == 0 and instance.log.records()[-1]["message"] == "Service stopped"


def test_rotated_under_load(service: Make, front: Front) -> None:
    instance = service(WORKERS=3).start()
    old = LogFile(instance.directory / "vitals.log.1")
    with Load(front(instance).port, "/facts", threads=6) as load:
        load.wait_answers(200)
        os.rename(instance.log.path, old.path)
        send([instance.pid], signal.SIGUSR1)
        fresh = instance.log = LogFile(instance.log.path)
        wait_for(lambda: fresh.find("Request completed"), 5, "the new file is in use")
        load.wait_answers(200)
    wanted = {answer.sent_id for answer in load.answers}
    both = lambda: old.records() + fresh.records()  # noqa: E731
    wait_for(lambda: wanted <= set(of_message(both(), "Request completed")), 5, "all records")
    each_once(both(), load.answers)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give privileges up")
def test_rotated_as_another_user(service: Make) -> None:
    """The writer runs as RUN_USER, and so does the file that it opens belong to it."""
    instance = service(RUN_USER="nobody")
    folder = instance.directory / "log"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    instance.settings["LOG_FILE"] = folder / "vitals.log"
    instance.log = LogFile(folder / "vitals.log")
    instance.start()
    status = Path(f"/proc/{the_writer(instance)}/status").read_text()
    assert "Uid:\t65534\t65534\t65534\t65534\n" in status
    instance.completed(instance.ask(uri="/facts"))
    os.rename(instance.log.path, folder / "vitals.log.1")
    send([instance.pid], signal.SIGUSR1)
    instance.log = LogFile(folder / "vitals.log")
    wait_for(instance.log.path.exists, 5, "a new file")
    instance.completed(instance.ask(uri="/facts"))
    for path in (instance.log.path, folder / "vitals.log.1"):
        found = os.stat(path)
        assert found.st_uid == 65534 and found.st_mode & 0o777 & ~0o640 == 0, path


def test_nothing_is_gathered(service: Make, front: Front) -> None:
    instance = service(WORKERS=2, LOG_FLUSH_INTERVAL="0ms").start()
    with Load(front(instance).port, "/facts", threads=4) as load:
        load.wait_answers(200)
    all_there(instance.log, load.answers)


# ---- A pipe that nobody reads -----------------------------------------------------------------------------


class Fifo:
    """A log file that is a pipe of one page, and its reader."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(self.fd, 1031, PIPE_BYTES)  # F_SETPIPE_SZ
        self.data = b""

    def records(self) -> list[Record]:
        """Reads what there is; all whole lines so far."""
        with suppress(BlockingIOError):
            while piece := os.read(self.fd, 65536):
                self.data += piece
        return [parse_line(line) for line in self.data.split(b"\n")[:-1]]

    def close(self) -> None:
        """The last reader goes."""
        os.close(self.fd)


@pytest.fixture
def fifo(directory: Callable[[], Path]) -> Iterator[Fifo]:
    """Of one test."""
    folder = directory()
    folder.mkdir()
    made = Fifo(folder / "log.fifo")
    yield made
    made.close()


def start_with(fifo: Fifo, instance: Vitalsd) -> None:
    """Until it answers; the pipe is read meanwhile."""
    instance.settings["LOG_FILE"] = fifo.path
    instance.spawn()
    wait_for(lambda: fifo.records() is not None and instance.reachable(), 5, "vitalsd answers")


def test_what_finds_no_room_is_counted_to_the_record(service: Make, fifo: Fifo) -> None:
    instance = service(WORKERS=1, LOG_BUFFER_SIZE="32KiB")
    start_with(fifo, instance)
    wait_for(lambda: [found for found in fifo.records() if found["message"] == "Service started"], 5, "started")
    with instance.connect() as connection:
        answers = [connection.ask(uri="/facts") for _ in range(600)]
        sent = {answer.sent_id for answer in answers}

        def settled() -> bool:
            """What is there and what is told to be missing is all."""
            records = fifo.records()
            there = [found for found in records if found.get("correlation_id") in sent]
            dropped = sum(found["count"] for found in records if found["message"] == "Log records dropped")
            assert len(there) + dropped <= 2 * len(answers)
            return dropped > 0 and len(there) + dropped == 2 * len(answers)

        wait_for(settled, 10, "every record is there or counted")
    assert instance.stop() == 0


def test_a_stuck_pipe_holds_up_no_stop(service: Make, fifo: Fifo) -> None:
    instance = service(WORKERS=2, LOG_BUFFER_SIZE="32KiB")
    start_with(fifo, instance)
    with instance.connect() as connection:
        for _ in range(300):
            assert connection.ask(uri="/facts").status == 200
    assert instance.stop() == 0


def completed(records: list[Record], answers: list[Answer]) -> bool:
    """Of each answer."""
    return {answer.sent_id for answer in answers} <= set(of_message(records, "Request completed"))


def killed_with_unread_records(service: Make, fifo: Fifo) -> tuple[Vitalsd, list[Answer]]:
    """A process without a supervisor, killed while most of its records have found no room in the pipe."""
    first = service(WORKERS=0)
    start_with(fifo, first)
    with first.connect() as connection:
        answers = [connection.ask(uri="/facts") for _ in range(60)]
    return first, answers


def test_a_neighbour_writes_what_a_killed_process_left(service: Make, fifo: Fifo) -> None:
    second = service(WORKERS=0)
    start_with(fifo, second)
    first = service(WORKERS=0, SCOREBOARD=second.settings["SCOREBOARD"])
    start_with(fifo, first)
    with first.connect() as connection:
        answers = [connection.ask(uri="/facts") for _ in range(60)]
    first.kill()
    assert fifo.data.count(b"Request completed") < 30, "they found room in the pipe"
    wait_for(lambda: completed(fifo.records(), answers), 10, "the neighbour writes them")
    wait_for(lambda: [found for found in fifo.records() if found["message"] == "Process died"], 10, "and tells of its death")
    assert second.ask(uri="/facts").status == 200 and second.stop() == 0


def test_whoever_takes_the_slot_writes_what_a_killed_process_left(service: Make, fifo: Fifo) -> None:
    first, answers = killed_with_unread_records(service, fifo)
    first.kill()
    third = service(WORKERS=0, SCOREBOARD=first.settings["SCOREBOARD"])
    start_with(fifo, third)
    wait_for(lambda: completed(fifo.records(), answers), 10, "the next owner writes them")
    wait_for(lambda: [found for found in fifo.records() if found["message"] == "Process died"], 10, "and tells of its death")
    assert third.stop() == 0


def test_what_a_process_left_that_ended_in_order_is_written_too(service: Make, fifo: Fifo) -> None:
    """It waited for the pipe, but not for ever."""
    second = service(WORKERS=0)
    start_with(fifo, second)
    first = service(WORKERS=0, SCOREBOARD=second.settings["SCOREBOARD"])
    start_with(fifo, first)
    with first.connect() as connection:
        answers = [connection.ask(uri="/facts") for _ in range(60)]
    assert first.stop() == 0
    wait_for(lambda: completed(fifo.records(), answers), 10, "the neighbour writes them")
    assert second.stop() == 0
