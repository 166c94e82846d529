"""Settings, listeners, arguments: what starts, what is refused and in which words."""
from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import Any, Callable

import pytest

from harness.processes import PATH, Process, wait_for
from harness.vitalsd import Vitalsd, program, run_once
from harness.web_server import free_port

Make = Callable[..., Vitalsd]


def refused(instance: Vitalsd, status: int = 2) -> str:
    """Does not start; what it said."""
    process = instance.spawn()
    assert process.wait(10) == status, f"{process.popen.returncode}: {process.said()}"
    return process.said()


def check(instance: Vitalsd) -> tuple[int, str]:
    """vitalsd --check over the same file."""
    instance.write_settings()
    done = run_once(instance.directory, "--check", "--env-file", str(instance.env_file))
    return done.returncode, done.stderr


WRONG: list[tuple[str, Any]] = [
    ("WORKERS", "many"), ("WORKERS", "-1"), ("WORKERS", "1000000"), ("WORKERS", "3 4"), ("WORKERS", "0x3"), ("WORKERS", "99999999999999999999"),
    ("LOG_LEVEL", "LOUD"), ("REQUEST_TIMEOUT", "5 parsecs"), ("REQUEST_TIMEOUT", "-1s"), ("REQUEST_TIMEOUT", "s"), ("MAX_REQUEST_SIZE", "16MM"),
    ("ENABLE_HEALTH_CHECKS", "perhaps"), ("LISTEN", "unix:relative.sock"), ("LISTEN", "unix:/" + "x" * 200), ("LISTEN", "tcp:127.0.0.1"),
    ("LISTEN", "tcp:127.0.0.1:70000"), ("LISTEN", "tcp:127.0.0.1:0x50"), ("LISTEN", "tcp:*:9000"), ("LISTEN", "tcp::9000"), ("LISTEN", "9000"),
    ("LISTEN", "http://localhost"), ("LISTEN", ""), ("LISTEN_MODE", "9999"), ("CRITICAL_CHECKS", "database,weather"),
    ("DATABASE_URL", "mysql://x"), ("DATABASE_URL", "postgresql://[bad"), ("REDIS_URL", "rediss://x"), ("REDIS_URL", "http://x"),
    ("ADMIN_ALLOW", "here"), ("MODULES", "relative.so"), ("MODULES", "/nonexistent/module.so"), ("RUN_USER", "no-such-user-here"),
    ("LOG_FORMAT", "xml"), ("DISK_MAX_PERCENT", "101"),
]


@pytest.mark.parametrize("name, value", WRONG, ids=lambda item: str(item)[:40])
def test_a_wrong_setting_is_named(service: Make, name: str, value: Any) -> None:
    instance = service(**{name: value})
    said = refused(instance)
    assert name in said, said
    assert re.search(r"vitals\.env:\d+|vitals\.env.*line \d+|line \d+.*vitals\.env", said) or name in ("RUN_USER", "MODULES"), said
    assert not os.path.exists(instance.socket) and not instance.log.find("Worker started")


def test_all_errors_are_listed_at_once(service: Make) -> None:
    instance = service(WORKERS="many", LOG_LEVEL="LOUD", REQUEST_TIMEOUT="soon", MAX_PARAMS="-5", WORKRES="3", DATABASE_ULR="x")
    for status, said in ((2, refused(instance)), check(instance)):
        assert status == 2
        for name in ("WORKERS", "LOG_LEVEL", "REQUEST_TIMEOUT", "MAX_PARAMS", "WORKRES", "DATABASE_ULR"):
            assert name in said, said
        assert said.count("\n") >= 6
    assert not os.path.exists(instance.socket) and not (instance.directory / "vitalsd.pid").exists()


@pytest.mark.parametrize("name, nearest", [("WORKRES", "WORKERS"), ("DATABASE_ULR", "DATABASE_URL"), ("LOGLEVEL", "LOG_LEVEL"),
                                           ("REDIS_URI", "REDIS_URL"), ("TEST_GREETINGS", "TEST_GREETING")])
def test_an_unknown_name_gets_the_nearest(service: Make, name: str, nearest: str) -> None:
    said = refused(service(**{name: "1"}))
    line = next(line for line in said.splitlines() if name in line)
    assert nearest in line.replace(name, ""), line


def test_check_of_a_good_file(service: Make) -> None:
    instance = service(WORKERS=3, TEST_GREETING="hi")
    status, said = check(instance)
    assert status == 0, said
    assert not os.path.exists(instance.socket)


def test_a_wrong_value_that_is_secret_is_not_shown(service: Make) -> None:
    instance = service(DATABASE_URL="mysql://u:topsecret@h/d", REDIS_URL="redis:/:topsecret@h", ADMIN_TOKEN="topsecret", WORKERS="x")
    assert "topsecret" not in refused(instance)


def test_print_settings(service: Make) -> None:
    instance = service(WORKERS=3, DATABASE_URL="postgresql://u:topsecret@h/d", REDIS_URL="redis://:topsecret@h/0", ADMIN_TOKEN="topsecret",
                       REQUEST_TIMEOUT="12s")
    instance.write_settings()
    done = run_once(instance.directory, "--print-settings", "--env-file", str(instance.env_file), env={"LOG_LEVEL": "WARNING"})
    assert done.returncode == 0, done.stderr
    assert "topsecret" not in done.stdout + done.stderr
    lines = {line.split("=", 1)[0]: line for line in done.stdout.splitlines() if "=" in line}
    assert lines["WORKERS"].startswith("WORKERS=3") and "vitals.env" in done.stdout
    assert "WARNING" in lines["LOG_LEVEL"] and "environment" in done.stdout
    assert "default" in done.stdout and "HEALTH_CACHE_SECONDS" in lines
    assert not os.path.exists(instance.socket)


def test_the_environment_wins_over_the_file(service: Make) -> None:
    instance = service(WORKERS="many")
    instance.write_settings()
    assert run_once(instance.directory, "--check", "--env-file", str(instance.env_file), env={"WORKERS": "2"}).returncode in (0, 2)
    done = run_once(instance.directory, "--check", env={"WORKERS": "x"})
    assert done.returncode == 2 and "WORKERS" in done.stderr and "environment" in done.stderr


def test_a_dot_env_file_is_read(tmp_path: Path, built: None) -> None:
    (tmp_path / ".env").write_text("# a comment\n\nWORKERS=7\nexport LOG_LEVEL=debug\nSERVICE_NAME='my service'\n")
    done = run_once(tmp_path, "--print-settings")
    assert done.returncode == 0, done.stderr
    assert "WORKERS=7" in done.stdout and "my service" in done.stdout


def test_help_and_version(tmp_path: Path, built: None) -> None:
    done = run_once(tmp_path, "--help")
    assert done.returncode == 0
    for name in ("WORKERS", "LISTEN", "DATABASE_URL", "--check", "--print-settings", "--env-file", "--version"):
        assert name in done.stdout
    done = run_once(tmp_path, "--version")
    assert done.returncode == 0 and re.search(r"\d+\.\d+", done.stdout)


@pytest.mark.parametrize("arguments", [["--nonsense"], ["extra"], ["--env-file"], ["--env-file", "/nonexistent/file"]])
def test_wrong_arguments(tmp_path: Path, built: None, arguments: list[str]) -> None:
    done = run_once(tmp_path, *arguments)
    assert done.returncode == 2 and done.stderr.strip(), done


def test_an_env_file_with_odd_lines(service: Make) -> None:
    instance = service()
    instance.write_settings()
    for line in ("no equals sign", "=value", "1NAME=x", "WORKERS=2\0"):
        text = instance.env_file.read_text()
        instance.env_file.write_text(text + line + "\n")
        done = run_once(instance.directory, "--check", "--env-file", str(instance.env_file))
        assert done.returncode == 2 and "vitals.env" in done.stderr, (line, done)
        instance.env_file.write_text(text)


# ---- Modules ----

def test_a_module_that_others_may_write_is_refused(service: Make, testmod: Path, directory: Callable[[], Path]) -> None:
    place = directory()
    place.mkdir()
    copy = place / "open.so"
    copy.write_bytes(testmod.read_bytes())
    copy.chmod(0o777)
    assert "open.so" in refused(service(MODULES=copy))


def test_a_file_that_is_no_module_is_refused(service: Make, directory: Callable[[], Path]) -> None:
    place = directory()
    place.mkdir()
    (place / "text.so").write_text("not a shared object")
    assert "text.so" in refused(service(MODULES=place / "text.so"))


def test_a_module_may_refuse(service: Make) -> None:
    assert "told to refuse" in refused(service(TEST_GREETING="refuse"))


def test_a_module_twice_is_refused(service: Make, testmod: Path) -> None:
    """Its routes would be there twice."""
    assert refused(service(MODULES=f"{testmod},{testmod}"))


# ---- Listeners ----

def test_a_socket_that_another_serves_is_refused(service: Make) -> None:
    first = service().start()
    second = service(LISTEN=f"unix:{first.socket}")
    process = second.spawn()
    assert process.wait(10) in (1, 2)
    assert first.socket in process.said(), process.said()
    assert first.ask(uri="/facts").status == 200 and os.path.exists(first.socket)
    assert not second.log.find("Worker started")


def test_a_socket_of_a_stranger_is_refused(service: Make, directory: Callable[[], Path]) -> None:
    place = directory()
    place.mkdir()
    path = str(place / "x.sock")
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.bind(path)
        stranger.listen(1)
        process = service(LISTEN=f"unix:{path}").spawn()
        assert process.wait(10) in (1, 2) and path in process.said()
        assert os.path.exists(path)


def test_a_file_in_the_sockets_place_is_kept(service: Make, directory: Callable[[], Path]) -> None:
    place = directory()
    place.mkdir()
    path = place / "precious"
    path.write_text("precious")
    process = service(LISTEN=f"unix:{path}").spawn()
    assert process.wait(10) in (1, 2) and str(path) in process.said()
    assert path.read_text() == "precious"


def test_a_stale_socket_is_taken_over(service: Make) -> None:
    instance = service()
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(instance.socket)
    assert os.path.exists(instance.socket)
    instance.start()
    assert instance.ask(uri="/facts").status == 200


@pytest.mark.parametrize("mode", ["0660", "0600", "0666"])
def test_the_sockets_mode(service: Make, mode: str) -> None:
    instance = service(LISTEN_MODE=mode).start()
    assert os.stat(instance.socket).st_mode & 0o777 == int(mode, 8)


def test_a_port_that_is_taken_is_refused(service: Make) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        port = other.getsockname()[1]
        process = service(LISTEN=f"tcp:127.0.0.1:{port}").spawn()
        assert process.wait(10) in (1, 2) and str(port) in process.said()


def tcp(instance: Vitalsd, port: int) -> int:
    """The status of a request over TCP."""
    with instance.connect(("127.0.0.1", port)) as connection:
        return connection.ask(uri="/facts").status


def test_tcp(service: Make) -> None:
    port = free_port()
    instance = service(LISTEN=f"tcp:127.0.0.1:{port}")
    instance.spawn()
    instance.log.wait("Service started")
    assert tcp(instance, port) == 200
    before = instance.workers()
    with instance.connect(("127.0.0.1", port)) as connection:
        for _ in range(20):
            assert connection.ask("POST", "/count", b"x" * 100_000).json()["bytes"] == 100_000
        connection.send(b"\0" * 8)
        assert connection.closed_within(2)
    assert instance.workers() == before
    instance.kill()
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in before), 5)
    instance.spawn()
    wait_for(lambda: len(instance.log.find("Service started")) == 2, 5, "again on the same port")
    assert tcp(instance, port) == 200


def test_several_listeners(service: Make) -> None:
    port = free_port()
    instance = service()
    second = str(instance.directory / "w.sock")
    instance.settings["LISTEN"] = f"unix:{instance.socket}, unix:{second} ,tcp:127.0.0.1:{port}"
    instance.start()
    assert tcp(instance, port) == 200
    for path in (instance.socket, second):
        with instance.connect(path) as connection:
            assert connection.ask(uri="/facts").status == 200
    assert instance.stop() == 0
    assert not os.path.exists(second) and not os.path.exists(instance.socket)


def test_a_wildcard_in_so_many_words(service: Make) -> None:
    port = free_port()
    instance = service(LISTEN=f"tcp:0.0.0.0:{port}")
    instance.spawn()
    instance.log.wait("Service started")
    assert tcp(instance, port) == 200


def test_two_instances_side_by_side(service: Make) -> None:
    first, second = service(SERVICE_NAME="one").start(), service(SERVICE_NAME="two").start()
    for instance in (first, second, first):
        instance.expect(instance.ask(uri="/facts"), 200)
    assert first.stop() == 0
    second.expect(second.ask(uri="/facts"), 200)


def test_a_scoreboard_that_another_holds_is_refused(service: Make) -> None:
    first = service().start()
    second = service(SCOREBOARD=first.settings["SCOREBOARD"])
    process = second.spawn()
    assert process.wait(10) in (1, 2) and str(first.settings["SCOREBOARD"]) in process.said(), process.said()
    assert first.ask(uri="/facts").status == 200


def test_the_log_may_be_standard_error(service: Make) -> None:
    instance = service(LOG_FILE=None)
    instance.spawn()
    instance.log.path = instance.process.output
    instance.log.wait("Service started")
    wait_for(instance.reachable, 5)
    assert instance.stop() == 0
    instance.log.records()


def test_a_log_file_that_cannot_be_opened_is_refused(service: Make) -> None:
    process = service(LOG_FILE="/nonexistent/directory/vitals.log").spawn()
    assert process.wait(10) in (1, 2)
    assert "/nonexistent/directory/vitals.log" in process.said() and "LOG_FILE" in process.said()


def test_levels(service: Make) -> None:
    instance = service(LOG_LEVEL="WARNING")
    instance.spawn()
    wait_for(instance.reachable, 5)
    instance.ask(uri="/never")
    wait_for(lambda: any(found["level"] == "ERROR" for found in instance.log.records()), 3, "an error is logged")
    assert not [found for found in instance.log.records() if found["level"] in ("INFO", "DEBUG")]


def test_probes_may_be_left_out_of_the_log(service: Make) -> None:
    instance = service(LOG_PROBES="off").start()
    quiet, loud = instance.ask(uri="/health/live"), instance.ask(uri="/facts")
    instance.completed(loud)
    assert not instance.log.find("Request completed", correlation_id=quiet.sent_id)


def test_standard_descriptors_may_be_closed(service: Make) -> None:
    """A launcher that closes 0, 1 and 2: no socket may take their place."""
    instance = service()
    instance.write_settings()
    command = f"exec {program()} --env-file {instance.env_file} <&- >&- 2>&-"
    instance.process = Process(["sh", "-c", command], instance.directory, "vitalsd", env={"PATH": PATH})
    instance.log.wait("Service started")
    wait_for(instance.reachable, 5)
    for pid in instance.workers():
        for number in (0, 1, 2):
            link = f"/proc/{pid}/fd/{number}"
            assert not os.path.lexists(link) or not os.readlink(link).startswith(("socket", "anon")), os.readlink(link)
