"""Syslog and the journal as sinks: what arrives, a receiver that is restarted, one that does not read; logrotate."""
from __future__ import annotations

import grp
import gzip
import os
import pwd
import signal
import subprocess
from pathlib import Path
from typing import Callable, Iterator

import pytest

from harness.logs import LogFile, parse_line
from harness.processes import PATH, children_of, send, wait_for
from harness.receivers import Journal, Journald, Receiver, Rsyslogd, Syslog
from harness.vitalsd import CHECKOUT, Vitalsd, program, run_once

Make = Callable[..., Vitalsd]


@pytest.fixture
def place(directory: Callable[[], Path]) -> Path:
    path = directory()
    path.mkdir(parents=True)
    path.chmod(0o755)
    return path


@pytest.fixture(params=["syslog", "journald"])
def receiver(request: pytest.FixtureRequest, place: Path) -> Iterator[Receiver]:
    made = (Syslog if request.param == "syslog" else Journal)(place / "s")
    made.setting = f"{request.param}:server=unix:{made.path}"
    yield made
    made.stop()


def logging_to(service: Make, log: object, **settings: object) -> Vitalsd:
    instance = service(**settings)
    instance.log = log
    return instance


def ask_many(instance: Vitalsd, count: int) -> list[str]:
    """Their correlation IDs."""
    sent = []
    with instance.connect() as connection:
        for _ in range(count):
            answer = connection.ask(uri="/facts")
            assert answer.status == 200
            sent.append(answer.sent_id)
    return sent


def of_requests(log: object, sent: list[str]) -> list[tuple[str, str]]:
    """The two records of each of these requests, as they came."""
    wanted = set(sent)
    return [(found["correlation_id"], found["message"]) for found in log.records() if found.get("correlation_id") in wanted]


def both_of_each(sent: list[str]) -> list[tuple[str, str]]:
    return [(one, message) for one in sent for message in ("Request started", "Request completed")]


def test_each_record_arrives_once(service: Make, receiver: Receiver) -> None:
    receiver.reads()
    instance = logging_to(service, receiver, LOG_FILE=receiver.setting).start()
    instance.expect(instance.ask(uri="/facts"), 200)
    instance.expect(instance.ask(uri="/nowhere"), 404)
    sent = ask_many(instance, 300)
    wait_for(lambda: len(of_requests(receiver, sent)) >= 600, 10, "all records")
    assert of_requests(receiver, sent) == both_of_each(sent)
    assert {found["procid"] for found in receiver.records()} == {instance.pid}
    assert instance.stop() == 0
    assert not receiver.find("Log records dropped")


def test_syslog_options(service: Make, place: Path) -> None:
    log = Syslog(place / "s", facility=19, app="my_service")
    log.reads()
    instance = logging_to(service, log, LOG_FILE=f"syslog:facility=local3,server=unix:{log.path}", SERVICE_NAME="my service").start()
    instance.expect(instance.ask(uri="/facts"), 200)
    assert instance.stop() == 0
    log.stop()


def test_bytes_of_clients_stay_in_their_field(service: Make, receiver: Receiver) -> None:
    """A user's name with newlines would be fields of its own; a long one makes long messages."""
    receiver.reads()
    instance = logging_to(service, receiver, LOG_FILE=receiver.setting).start()
    for name in ("a\nPRIORITY=0\nMESSAGE=x", "<0>1 - - - - - - {}", "\x00\x1b\xff", "x" * 4000):
        answer = instance.ask(uri="/facts?" + "q" * 6000, REMOTE_USER=name)
        instance.completed(answer)
    assert instance.stop() == 0


def test_a_restarted_receiver_misses_nothing(service: Make, receiver: Receiver) -> None:
    receiver.reads()
    instance = logging_to(service, receiver, LOG_FILE=receiver.setting).start()
    sent = ask_many(instance, 10)
    wait_for(lambda: len(of_requests(receiver, sent)) == 20, 5, "the first records")
    while_gone: list[str] = []
    receiver.restart(lambda: while_gone.extend(ask_many(instance, 10)))
    sent += while_gone + ask_many(instance, 10)
    wait_for(lambda: len(of_requests(receiver, sent)) >= 60, 10, "records of before, meanwhile and after")
    assert of_requests(receiver, sent) == both_of_each(sent)
    assert instance.stop() == 0
    assert not receiver.find("Log records dropped")


def test_what_a_receiver_does_not_read_is_counted(service: Make, receiver: Receiver) -> None:
    instance = logging_to(service, receiver, LOG_FILE=receiver.setting, LOG_BUFFER_SIZE="32KiB", WORKERS=1)
    instance.spawn()
    wait_for(instance.reachable, 10, "vitalsd answers")
    sent = ask_many(instance, 2000)
    receiver.reads()
    receiver.wait("Log records dropped", 10)
    sent += ask_many(instance, 1)
    wait_for(lambda: (sent[-1], "Request completed") in of_requests(receiver, sent), 10, "the last record")
    arrived = of_requests(receiver, sent)
    assert len(arrived) == len(set(arrived))
    dropped = sum(found["count"] for found in receiver.find("Log records dropped"))
    assert dropped == 2 * len(sent) - len(arrived) and dropped > 0
    assert instance.stop() == 0


def test_a_killed_log_writer_loses_nothing(service: Make, receiver: Receiver) -> None:
    """
    Its successor goes on where it was: the one message that it was killed over may come twice, and no other. Since one
    that dies young again and again is started later each time, what comes meanwhile needs room.
    """
    receiver.reads()
    instance = logging_to(service, receiver, LOG_FILE=receiver.setting, LOG_BUFFER_SIZE="1MiB", WORKERS=1).start()
    sent: list[str] = []
    kills = 5
    for _ in range(kills):
        sent += ask_many(instance, 200)
        victims = wait_for(instance.log_writers, 5, "a log writer")
        send(victims, signal.SIGKILL)
        wait_for(lambda: instance.log_writers() not in ([], victims), 5, "another log writer")
    wait_for(lambda: set(of_requests(receiver, sent)) == set(both_of_each(sent)), 10, "all records")
    assert instance.stop() == 0
    arrived = of_requests(receiver, sent)
    assert len(arrived) - len(set(arrived)) <= kills
    assert list(dict.fromkeys(arrived)) == both_of_each(sent)
    assert not receiver.find("Log records dropped")


def test_a_log_writer_that_is_killed_while_it_waits_doubles_nothing(service: Make, receiver: Receiver) -> None:
    """It has sent a part of its batch when nobody reads any more."""
    instance = logging_to(service, receiver, LOG_FILE=receiver.setting, LOG_BUFFER_SIZE="1MiB", WORKERS=1)
    instance.spawn()
    wait_for(instance.reachable, 10, "vitalsd answers")
    sent = ask_many(instance, 800)
    victims = wait_for(instance.log_writers, 5, "a log writer")
    send(victims, signal.SIGKILL)
    wait_for(lambda: instance.log_writers() not in ([], victims), 5, "another log writer")
    receiver.reads()
    wait_for(lambda: len(of_requests(receiver, sent)) >= 1600, 10, "all records")
    assert instance.stop() == 0
    assert of_requests(receiver, sent) == both_of_each(sent)


def test_a_stop_drains(service: Make, receiver: Receiver) -> None:
    """What waits in the rings goes out when the receiver reads again, though the service is being stopped."""
    instance = logging_to(service, receiver, LOG_FILE=receiver.setting, LOG_BUFFER_SIZE="1MiB", WORKERS=1)
    instance.spawn()
    wait_for(instance.reachable, 10, "vitalsd answers")
    sent = ask_many(instance, 800)
    send([instance.pid], signal.SIGTERM)
    receiver.reads()
    assert instance.process.wait(10) == 0
    wait_for(lambda: len(of_requests(receiver, sent)) >= 1600, 5, "all records")
    assert of_requests(receiver, sent) == both_of_each(sent)


def test_a_stop_waits_for_no_receiver(service: Make, receiver: Receiver) -> None:
    instance = logging_to(service, receiver, LOG_FILE=receiver.setting, WORKERS=1)
    instance.spawn()
    wait_for(instance.reachable, 10, "vitalsd answers")
    ask_many(instance, 2000)
    assert instance.stop(seconds=5) == 0


def test_a_reload_changes_the_sink(service: Make, receiver: Receiver) -> None:
    receiver.reads()
    instance = service().start()
    file = instance.log
    instance.settings["LOG_FILE"] = "syslog:server=unix:/nowhere/log"
    instance.write_settings()
    send([instance.pid], signal.SIGHUP)
    refused = file.wait("Renewal refused", 10)
    assert "LOG_FILE" in str(refused) and "/nowhere/log" in str(refused)
    instance.settings["LOG_FILE"] = receiver.setting
    instance.write_settings()
    send([instance.pid], signal.SIGHUP)
    wait_for(receiver.records, 10, "the first record")
    instance.log = receiver
    sent = []

    def arrives() -> bool:
        """The last of the old generation's workers may still serve one."""
        sent.extend(ask_many(instance, 1))
        return len(of_requests(receiver, sent[-1:])) == 2

    wait_for(arrives, 10, "records of a request")
    assert instance.stop() == 0


@pytest.mark.parametrize("kind", ["syslog", "journald"])
def test_no_socket_is_refused(service: Make, place: Path, kind: str) -> None:
    process = service(LOG_FILE=f"{kind}:server=unix:{place}/none").spawn()
    assert process.wait(10) != 0
    assert f"LOG_FILE: there is no socket {place}/none" in process.said()
    (place / "file").touch()
    done = run_once(place, "--check", env={"LOG_FILE": f"{kind}:server=unix:{place}/file"})
    assert done.returncode != 0 and f"{place}/file is no socket" in done.stderr, done


def test_alone(service: Make, receiver: Receiver) -> None:
    """WORKERS=0: the log writer is a thread."""
    receiver.reads()
    instance = logging_to(service, receiver, LOG_FILE=receiver.setting, WORKERS=0)
    instance.spawn()
    wait_for(instance.reachable, 10, "vitalsd answers")
    sent = ask_many(instance, 50)
    wait_for(lambda: len(of_requests(receiver, sent)) >= 100, 5, "all records")
    assert of_requests(receiver, sent) == both_of_each(sent)
    assert {found["procid"] for found in receiver.records()} == {instance.pid}
    instance.process.stop()


# ---- The real ones ---------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["rfc5424", "rfc3164"])
def test_rsyslogd(service: Make, place: Path, form: str) -> None:
    """The records come out as they went in, also over a restart, the long ones as JSON too."""
    log = Rsyslogd(place / "rsyslog", rfc3164=form == "rfc3164", max_bytes=2048).start()
    try:
        instance = logging_to(service, log, LOG_FILE=f"syslog:server=unix:{log.socket},format={form},facility=local0,size=2048").start()
        sent = ask_many(instance, 50)
        long = instance.ask(uri="/facts?" + "q" * 6000)
        # What rsyslogd has been given and not yet read when it ends is gone with it.
        wait_for(lambda: len(of_requests(log, sent)) >= 100 and log.find("Request completed", correlation_id=long.sent_id), 10,
                 "the first records")
        log.stop()
        sent += ask_many(instance, 20)
        log.start()
        sent += ask_many(instance, 20)
        wait_for(lambda: len(of_requests(log, sent)) >= 180, 10, "all records")
        assert of_requests(log, sent) == both_of_each(sent)
        assert "truncated" not in instance.completed(long)
        assert log.find("Request started", correlation_id=long.sent_id, truncated=True)
        assert {header.split(" ", 1)[1] for header in log.headers()} == {f"{os.uname().nodename} vitals {instance.pid}"}
        assert {header.split()[0] for header in log.headers()} <= {str(16 * 8 + severity) for severity in range(8)}
        assert instance.stop() == 0
    finally:
        log.stop()


@pytest.fixture
def journald(place: Path) -> Iterator[Journald]:
    server = Journald(place / "journald")
    try:
        yield server.start()
    finally:
        server.stop()


def test_journald(service: Make, journald: Journald) -> None:
    instance = service(LOG_FILE=f"journald:server=unix:{journald.sockets}/socket")
    instance.spawn()
    wait_for(instance.reachable, 10, "vitalsd answers")
    answer = instance.ask(uri="/facts?" + "q" * 3000, REMOTE_USER="a\nPRIORITY=0")
    assert answer.status == 200
    match = f"VITALS_CORRELATION_ID={answer.sent_id}"
    found = wait_for(lambda: len(journald.entries(match)) == 2 and journald.entries(match), 10, "both entries")
    completed = [entry for entry in found if entry["MESSAGE"] == "Request completed"][0]
    assert completed["PRIORITY"] == "6" and completed["SYSLOG_IDENTIFIER"] == "vitals" and completed["CODE_FUNC"]
    assert completed["VITALS_STATUS_CODE"] == "200" and completed["VITALS_ROUTE"] == "/facts"
    assert completed["_TRANSPORT"] == "journal" and completed["SYSLOG_PID"] == str(instance.pid)
    assert answer.sent_id in completed["VITALS_RECORD"]
    assert instance.stop() == 0


def test_standard_error_that_is_the_journals(service: Make, journald: Journald) -> None:
    """As systemd starts a service: the lines are JSON, and have their priorities."""
    instance = service(LOG_FILE=None)
    instance.write_settings()
    with journald.stream("vitals-stream") as stream:
        status = os.fstat(stream.fileno())
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", str(program()), "--env-file", str(instance.env_file)],
                                   cwd=instance.directory, stderr=stream, start_new_session=True,
                                   env={"PATH": PATH, "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
    try:
        wait_for(instance.reachable, 10, "vitalsd answers")
        send([child for child in children_of(process.pid)][:1], signal.SIGKILL)

        def entries() -> list:
            return journald.entries("SYSLOG_IDENTIFIER=vitals-stream")

        found = wait_for(lambda: {entry["PRIORITY"] for entry in entries()} >= {"3", "6"} and entries(), 10, "priorities")
        assert all(entry["MESSAGE"].startswith("{") for entry in found)
        levels = {"3": '"level":"ERROR"', "4": '"level":"WARNING"', "6": '"level":"INFO"', "2": '"level":"CRITICAL"'}
        assert all(levels[entry["PRIORITY"]] in entry["MESSAGE"] for entry in found)
    finally:
        send([process.pid], signal.SIGTERM)
        try:
            assert process.wait(10) == 0
        finally:
            send([process.pid], signal.SIGKILL)
            process.wait(5)


# ---- Files -----------------------------------------------------------------------------------------


def test_logrotate(service: Make, place: Path) -> None:
    """contrib/logrotate, forced again and again under load: no record is lost, doubled or torn, none waits in an old file."""
    instance = service(WORKERS=2).start()
    logs = instance.directory
    text = (CHECKOUT / "contrib" / "logrotate" / "vitals").read_text()
    for old, new in (("/var/log/vitals/*.log", f"{logs}/vitals.log"), ("/run/vitals/vitals.pid", f"{logs}/vitalsd.pid"),
                     ("su vitals vitals", f"su {pwd.getpwuid(os.geteuid()).pw_name} {grp.getgrgid(os.getegid()).gr_name}")):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (place / "conf").write_text(text)
    (place / "conf").chmod(0o644)
    sent: list[str] = []

    def new_file_is_used() -> bool:
        sent.extend(ask_many(instance, 10))
        return bool(LogFile(logs / "vitals.log").find("Request completed"))

    for _ in range(4):
        sent += ask_many(instance, 100)
        done = subprocess.run(["logrotate", "--force", "--state", str(place / "state"), str(place / "conf")],
                              env={"PATH": PATH}, capture_output=True, text=True, timeout=20)
        assert done.returncode == 0 and not done.stderr, done.stderr
        wait_for(new_file_is_used, 5, "the new file is written")
    assert instance.stop() == 0
    instance.log = LogFile(logs / "vitals.log")
    lines = b"".join(gzip.decompress(path.read_bytes()) for path in sorted(logs.glob("vitals.log.*.gz"), reverse=True))
    lines += (logs / "vitals.log.1").read_bytes() + (logs / "vitals.log").read_bytes()
    found = [parse_line(line) for line in lines.splitlines()]
    wanted = set(sent)
    records = [(one["correlation_id"], one["message"]) for one in found if one.get("correlation_id") in wanted]
    assert records == both_of_each(sent)
    assert len(list(logs.glob("vitals.log.*.gz"))) == 3
