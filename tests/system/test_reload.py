"""Reload, upgrade and recycling: new workers beside the old ones, and no request notices."""
from __future__ import annotations

import os
import shutil
import signal
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Callable

import pytest

from harness import ctl, fcgi
from harness.fcgi import cgi, request
from harness.http import new_id
from harness.nginx import Nginx
from harness.load import Load
from harness.processes import PATH, Process, send, wait_for
from harness.vitalsd import Vitalsd, build_directory, demo_module

Make = Callable[..., Vitalsd]
Front = Callable[[Vitalsd], Nginx]


def reload(instance: Vitalsd, number: int = signal.SIGHUP, **settings: object) -> None:
    """With other settings; returns when the new generation serves and the old one is gone."""
    instance.settings.update(settings)
    instance.write_settings()
    message = "Service reloaded" if number == signal.SIGHUP else "Service upgraded"
    before, old = len(instance.log.find(message)), instance.workers()
    send([instance.pid], number)
    wait_for(lambda: len(instance.log.find(message)) > before, 10, message)
    wait_for(lambda: not set(old) & set(instance.workers()), 5, "the old generation is gone")


def refused(instance: Vitalsd, number: int = signal.SIGHUP) -> str:
    """Why the reload was refused; proves that everything goes on as it was."""
    before, workers = len(instance.log.find("Renewal refused")), instance.workers()
    send([instance.pid], number)
    wait_for(lambda: len(instance.log.find("Renewal refused")) > before, 10, "refused")
    found = instance.log.find("Renewal refused")[-1]
    assert found["level"] == "ERROR" and found["logger"] == "vitals.supervisor"
    assert instance.workers() == workers and instance.ask(uri="/facts").status == 200
    return found["reason"]


def version(connection: fcgi.Connection) -> str:
    """Of the settings in force."""
    return connection.ask(uri="/health").json()["version"]


def test_settings_are_read_anew_on_a_kept_connection(service: Make) -> None:
    instance = service(WORKERS=2, SERVICE_VERSION="one").start()
    with instance.connect() as connection:
        assert version(connection) == "one"
        reload(instance, SERVICE_VERSION="two", WORKERS=3)
        assert version(connection) == "two"
    assert len(instance.workers()) == 3
    status = ctl.status(instance)
    assert (status["generation"], status["reloads"], status["pool"]["workers"]) == (2, 1, 3)
    assert {found["generation"] for found in instance.log.find("Worker started")} == {1, 2}
    assert not instance.log.find("Worker died")


def test_the_supervisor_stays_the_same_process(service: Make) -> None:
    instance = service(WORKERS=1).start()
    for _ in range(3):
        reload(instance)
    assert instance.process.running() and (instance.directory / "vitalsd.pid").read_text() == f"{instance.pid}\n"
    fds = len(os.listdir(f"/proc/{instance.pid}/fd"))
    for _ in range(5):
        reload(instance)
    assert len(os.listdir(f"/proc/{instance.pid}/fd")) == fds, "descriptors leak"
    assert ctl.status(instance)["generation"] == 9
    assert instance.stop() == 0 and not os.path.exists(instance.socket)


def test_counters_go_on(service: Make) -> None:
    instance = service(WORKERS=2).start()
    for round_number in range(4):
        for _ in range(10):
            assert instance.ask(uri="/facts").status == 200
        reload(instance)
        assert ctl.status(instance)["pool"]["requests"] >= 10 * (round_number + 1)


def test_more_workers_than_the_scoreboard_had_room_for(service: Make) -> None:
    instance = service(WORKERS=1).start()
    reload(instance, WORKERS=9, WORKERS_MAX=20)
    reload(instance, WORKERS=2, WORKERS_MAX=None)
    assert len(ctl.status(instance)["workers"]) == 2


def test_a_half_sent_request_outlives_its_worker(service: Make) -> None:
    instance = service(WORKERS=2).start()
    body = b'{"n":1}'
    whole = request(cgi("POST", "/echo", body=body, content_type="application/json"), body)
    with ExitStack() as stack:
        halves = [stack.enter_context(instance.connect()) for _ in range(len(whole) // 40)]
        for n, connection in enumerate(halves):
            connection.send(whole[:40 * n])
        wait_for(lambda: ctl.status(instance)["pool"]["connections"] == len(halves), 5, "all connected")
        reload(instance)
        for n, connection in enumerate(halves):
            assert connection.send(whole[40 * n:]).read_answer().body == body
            assert connection.ask(uri="/facts").status == 200


def test_a_running_request_is_finished_by_the_old_generation(service: Make) -> None:
    instance = service(WORKERS=1, SERVICE_VERSION="one").start()
    with instance.connect() as slow, instance.connect() as other:
        assert other.ask(uri="/facts").status == 200
        identity = new_id()
        slow.send(request(cgi(uri="/slow?ms=1500&how=sleep", correlation_id=identity)))
        instance.log.wait("Request started", correlation_id=identity)
        old = instance.workers()
        instance.settings["SERVICE_VERSION"] = "two"
        instance.write_settings()
        send([instance.pid], signal.SIGHUP)
        instance.log.wait("Service reloaded")
        assert version(other) == "two", "the connection was given to the new generation while the old one is busy"
        assert set(old) <= set(instance.workers())
        assert slow.read_answer().status == 200
        wait_for(lambda: version(slow) == "two", 5, "given away too")
        wait_for(lambda: not set(old) & set(instance.workers()), 5, "the old worker is gone")


def test_modules_are_read_anew(service: Make, testmod: Path) -> None:
    instance = service(WORKERS=1).start()
    assert instance.ask(uri="/facts").status == 200
    reload(instance, MODULES=demo_module())
    assert instance.ask(uri="/facts").status == 404
    reload(instance, MODULES=f"{demo_module()},{testmod}")
    assert instance.ask(uri="/facts").status == 200


@pytest.mark.parametrize("settings, why", [
    ({"WORKERS": "many"}, 'WORKERS is "many"'), ({"WORKRES": 2}, "did you mean WORKERS?"), ({"TEST_GREETING": "refuse"}, "told to refuse"),
    ({"MODULES": "/nowhere/module.so"}, "/nowhere/module.so"), ({"LOG_FILE": "/nowhere/vitals.log"}, "/nowhere/vitals.log"),
    ({"SCOREBOARD": "/nowhere/board"}, "SCOREBOARD is /nowhere/board"), ({"WORKERS": 0}, "WORKERS is 0"), ({"LISTEN": "unix:/nowhere/v.sock"}, "/nowhere/v.sock"),
])
def test_bad_settings_are_refused_and_the_old_ones_go_on(service: Make, settings: dict[str, object], why: str) -> None:
    instance = service(WORKERS=2, SERVICE_VERSION="one").start()
    good = dict(instance.settings)
    instance.settings.update(settings)
    instance.write_settings()
    assert why in refused(instance)
    instance.settings = good
    instance.write_settings()
    status = ctl.status(instance)
    assert why in status["last_refusal"] and status["reloads_refused"] == 1 and status["generation"] == 1
    reload(instance, SERVICE_VERSION="two")
    assert instance.ask(uri="/health").json()["version"] == "two" and ctl.status(instance)["last_refusal"] == ""


def test_an_address_that_is_taken_is_refused(service: Make, directory: Callable[[], Path]) -> None:
    instance = service(WORKERS=1).start()
    place = directory()
    place.mkdir()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(place / "taken.sock"))
        other.listen(1)
        instance.settings["LISTEN"] = f"unix:{instance.socket},unix:{place}/taken.sock"
        instance.write_settings()
        assert "another process serves" in refused(instance)


def test_addresses_come_and_go(service: Make) -> None:
    instance = service(WORKERS=2).start()
    second = str(instance.directory / "second.sock")
    reload(instance, LISTEN=f"unix:{instance.socket},unix:{second}")
    with instance.connect(second) as connection:
        assert connection.ask(uri="/facts").status == 200
        reload(instance, LISTEN=f"unix:{instance.socket}")
        wait_for(lambda: not os.path.exists(second), 5, "its file is gone")
        assert connection.ask(uri="/facts").status == 200, "a connection outlives its listener"
    with pytest.raises(OSError):
        instance.connect(second)
    assert instance.ask(uri="/facts").status == 200


def test_access_to_a_socket_is_read_anew(service: Make) -> None:
    instance = service(WORKERS=1, LISTEN_MODE="0600").start()
    inode = os.stat(instance.socket).st_ino
    reload(instance, LISTEN_MODE="0666", LISTEN_BACKLOG=7)
    assert os.stat(instance.socket).st_mode & 0o777 == 0o666 and os.stat(instance.socket).st_ino == inode
    detailed = instance.ask(uri="/health/detailed").json()["checks"]["pool"]
    assert detailed["queue"]["capacity"] == 7


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give privileges up")
@pytest.mark.parametrize("owner", [{}, {"LISTEN_OWNER": "www-data:www-data"}], ids=["root's socket", "www-data's socket"])
def test_reload_after_privileges_were_given_up(service: Make, owner: dict[str, str]) -> None:
    """The supervisor is RUN_USER by then: access that is as it shall be needs none, another one is told and left."""
    instance = service(RUN_USER="nobody", LISTEN_MODE="0660", **owner).start()
    before = os.stat(instance.socket)
    reload(instance)
    assert not instance.log.find("A listener stays as it was")
    reload(instance, LISTEN_MODE="0666")
    [told] = instance.log.find("A listener stays as it was")
    assert told["level"] == "WARNING" and told["reason"].startswith("LISTEN_MODE: "), told
    after = os.stat(instance.socket)
    assert (after.st_ino, after.st_uid, after.st_mode) == (before.st_ino, before.st_uid, before.st_mode)
    assert instance.ask(uri="/facts").status == 200


def of_another_layout(scoreboard: Path) -> None:
    """As a program of another version would find it: the fingerprint in the header (doc/shm-layout.md) is not its own."""
    with scoreboard.open("r+b") as file:
        file.seek(16)
        file.write(b"\0" * 8)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give privileges up")
def test_a_scoreboard_that_cannot_be_replaced_refuses_the_reload(service: Make) -> None:
    """The supervisor is RUN_USER, whose place the directory is not."""
    instance = service(RUN_USER="nobody")
    instance.directory.chmod(0o755)
    instance.start()
    of_another_layout(instance.directory / "scoreboard")
    assert "a restart can" in refused(instance)
    instance.directory.chmod(0o777)
    reload(instance)
    assert instance.log.find("Counters begin anew") and instance.ask(uri="/facts").status == 200


def test_many_signals_are_few_reloads(service: Make) -> None:
    instance = service(WORKERS=2).start()
    for _ in range(50):
        send([instance.pid], signal.SIGHUP)
    wait_for(lambda: ctl.status(instance)["status"] == "serving" and instance.log.find("Service reloaded"), 10)
    assert instance.ask(uri="/facts").status == 200
    assert ctl.status(instance)["generation"] < 50


def test_a_file_that_is_no_program_is_refused(service: Make) -> None:
    """The upgrade takes the file that is there now, a reload the program that runs."""
    instance = service(WORKERS=1)
    own = instance.directory / "vitalsd"
    real = build_directory() / ".libs" / "vitalsd"
    shutil.copy2(real, own)
    instance.write_settings()
    env = {"PATH": PATH, "LC_ALL": "C", "LD_LIBRARY_PATH": str(real.parent)}
    instance.process = Process([str(own), "--env-file", str(instance.env_file)], instance.directory, "vitalsd", env=env)
    instance.log.wait("Service started")
    inode = os.stat(f"/proc/{instance.pid}/exe").st_ino
    new = instance.directory / "new"
    new.write_text("#!/bin/sh\necho this is no service\nexit 3\n")
    new.chmod(0o755)
    new.replace(own)
    assert "this is no service" in refused(instance, signal.SIGUSR2)
    reload(instance)
    assert os.stat(f"/proc/{instance.pid}/exe").st_ino == inode
    shutil.copy2(real, new)
    new.replace(own)
    reload(instance, signal.SIGUSR2)
    assert os.stat(f"/proc/{instance.pid}/exe").st_ino == os.stat(own).st_ino != inode
    assert instance.ask(uri="/facts").status == 200 and ctl.status(instance)["generation"] == 3


def test_a_check_that_does_not_end_is_given_up(service: Make) -> None:
    instance = service(WORKERS=1, RELOAD_TIMEOUT="500ms")
    own = instance.directory / "vitalsd"
    real = build_directory() / ".libs" / "vitalsd"
    shutil.copy2(real, own)
    instance.write_settings()
    env = {"PATH": PATH, "LC_ALL": "C", "LD_LIBRARY_PATH": str(real.parent)}
    instance.process = Process([str(own), "--env-file", str(instance.env_file)], instance.directory, "vitalsd", env=env)
    instance.log.wait("Service started")
    new = instance.directory / "new"
    new.write_text("#!/bin/sh\nexec sleep 60\n")
    new.chmod(0o755)
    new.replace(own)
    assert "did not end in time" in refused(instance, signal.SIGUSR2)


def test_recycled_workers_lose_nothing(service: Make) -> None:
    instance = service(WORKERS=2, MAX_REQUESTS=20).start()
    with ExitStack() as stack:
        connections = [stack.enter_context(instance.connect()) for _ in range(8)]
        for _ in range(40):
            for connection in connections:
                assert connection.ask(uri="/facts").status == 200
    status = ctl.status(instance)
    assert status["recycled"] >= 10 and status["pool"]["requests"] >= 320
    assert not any(status["deaths"].values()) and not instance.log.find("Worker died")
    wait_for(lambda: len(instance.log.find("Worker ended")) == ctl.status(instance)["recycled"], 5, "each is told")


def test_all_of_it_under_load(service: Make, front: Front) -> None:
    instance = service(WORKERS=4, MAX_REQUESTS=100).start()
    nginx = front(instance)
    with Load(nginx.port, "/facts", threads=6) as load:
        for number in (signal.SIGHUP, signal.SIGUSR2, signal.SIGHUP, signal.SIGUSR2):
            load.wait_answers(100)
            reload(instance, number)
        load.wait_answers(100)
    assert not load.errors, load.errors[:3]
    assert {answer.status for answer in load.answers} == {200}
    assert ctl.status(instance)["generation"] == 5
