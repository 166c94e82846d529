"""ALERT_COMMAND, and the commands of CHECKS: what the helper runs."""
from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any, Callable

import pytest

from harness import postgres
from harness.processes import alive, wait_for
from harness.vitalsd import Vitalsd, run_once

Service = Callable[..., Vitalsd]


def script(path: Path, text: str) -> Path:
    """An executable of its own."""
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def alerts(path: Path) -> list[dict[str, Any]]:
    """What the command was given, a document a line."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def flag(directory: Callable[[], Path]) -> Path:
    """A file; while it is there the service is healthy."""
    path = directory()
    path.mkdir()
    (path / "flag").touch()
    return path / "flag"


def watched(flag: Path, **settings: Any) -> dict[str, Any]:
    """Settings with a critical check of the flag."""
    return {"CHECKS": f"flag=file:{flag};fail=999d", "CRITICAL_CHECKS": "flag", "HEALTH_CACHE_SECONDS": "50ms", "ALERT_AFTER": "300ms",
            "ALERT_INTERVAL": 0, **settings}


def test_the_database_goes_and_comes(service: Service, template: postgres.Template, directory: Callable[[], Path]) -> None:
    """Nobody asks for health, and there is no admin worker."""
    database = postgres.Postgres(directory(), template).start()
    place = directory()
    told = place / "told"
    command = script(place / "tell", f'printf "%s " "$1" "$2" >> {place}/words\ncat >> {told}\nenv > {place}/env\n')
    instance = service(DATABASE_URL=database.url, ALERT_COMMAND=f"'{command} \"one word\" two'", ALERT_AFTER="500ms", ALERT_INTERVAL=0,
                       HEALTH_CACHE_SECONDS="100ms", SERVICE_NAME="shop").start()
    try:
        wait_for(lambda: len(instance.helpers()) == 1, 5, "the helper")
        database.stop()
        wait_for(lambda: len(alerts(told)) == 1, 15, "the alert")
        database.start()
        wait_for(lambda: len(alerts(told)) == 2, 15, "the end of the alert")
    finally:
        database.stop()
        instance.stop()
    down, up = alerts(told)
    assert (down["service"], down["from"], down["to"]) == ("shop", "healthy", "degraded")
    assert down["checks"] == [{"name": "database", "critical": True, "result": down["checks"][0]["result"]}]
    assert down["checks"][0]["result"].startswith("unhealthy: ")
    assert down["version"] and down["host"] == os.uname().nodename and down["since"] < down["time"]
    assert (up["from"], up["to"], up["checks"]) == ("degraded", "healthy", [])
    assert (place / "words").read_text() == "one word two one word two "
    assert "DATABASE_URL" not in (place / "env").read_text()
    assert [record["to"] for record in instance.log.find("Alert delivered")] == ["degraded", "healthy"]


def test_flapping_is_no_storm(service: Service, flag: Path, directory: Callable[[], Path]) -> None:
    place = directory()
    told = place / "told"
    instance = service(**watched(flag, ALERT_COMMAND=script(place / "tell", f"cat >> {told}\n"), ALERT_AFTER="2s")).start()
    for _ in range(6):
        flag.unlink()
        instance_says(instance, "degraded")
        flag.touch()
        instance_says(instance, "healthy")
    assert len(instance.log.find("Check failed", check="flag")) >= 6
    flag.unlink()
    wait_for(lambda: alerts(told), 15, "a change that lasts")
    assert [alert["to"] for alert in alerts(told)] == ["degraded"]


def instance_says(instance: Vitalsd, status: str) -> None:
    wait_for(lambda: instance.ask(uri="/health/detailed").json()["status"] == status, 10, status)


def test_the_interval(service: Service, flag: Path, directory: Callable[[], Path]) -> None:
    place = directory()
    told = place / "told"
    instance = service(**watched(flag, ALERT_COMMAND=script(place / "tell", f"cat >> {told}\n"), ALERT_AFTER="100ms", ALERT_INTERVAL="4s")).start()
    flag.unlink()
    wait_for(lambda: len(alerts(told)) == 1, 10, "the first")
    flag.touch()
    instance.log.wait("Check recovered", check="flag")
    wait_for(lambda: len(alerts(told)) == 2, 15, "the second")
    first, second = alerts(told)
    assert second["to"] == "healthy"
    seconds = [time.mktime(time.strptime(alert["time"][:19], "%Y-%m-%dT%H:%M:%S")) for alert in (first, second)]
    assert seconds[1] - seconds[0] >= 3


def test_a_failing_command_is_tried_again(service: Service, flag: Path, directory: Callable[[], Path]) -> None:
    place = directory()
    told = place / "told"
    command = script(place / "tell", f"cat >> {told}\n[ $(wc -l < {told}) -ge 2 ] || exit 7\n")
    instance = service(**watched(flag, ALERT_COMMAND=command)).start()
    flag.unlink()
    failed = instance.log.wait("Alert failed", exit_code=7)
    assert failed["attempt"] == 1 and failed["level"] == "WARNING"
    instance.log.wait("Alert delivered", to="degraded")
    assert len(alerts(told)) == 2


def test_a_command_that_hangs_is_killed_and_given_up(service: Service, flag: Path, directory: Callable[[], Path]) -> None:
    place = directory()
    pids = place / "pids"
    command = script(place / "tell", f"echo $$ >> {pids}\nsleep 1000 &\necho $! >> {pids}\nwait\n")
    instance = service(**watched(flag, ALERT_COMMAND=command, ALERT_TIMEOUT="300ms", ALERT_RETRIES=1)).start()
    flag.unlink()
    failed = instance.log.wait("Alert failed", attempt=1)
    assert failed["reason"] == "it did not end within ALERT_TIMEOUT"
    given_up = instance.log.wait("Alert given up", attempt=2)
    assert given_up["level"] == "ERROR"
    wait_for(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()), 5, "the group is killed")
    assert len(pids.read_text().split()) == 4
    assert instance.ask(uri="/health").status == 200


def test_a_reload_and_the_helpers_death_tell_nothing_twice(service: Service, flag: Path, directory: Callable[[], Path]) -> None:
    place = directory()
    told = place / "told"
    instance = service(**watched(flag, ALERT_COMMAND=script(place / "tell", f"cat >> {told}\n"))).start()
    flag.unlink()
    wait_for(lambda: len(alerts(told)) == 1, 15, "the alert")
    instance.log.wait("Alert delivered")
    before = instance.helpers()
    os.kill(instance.pid, signal.SIGHUP)
    between = wait_for(lambda: [pid for pid in instance.helpers() if pid not in before], 20, "another helper")
    assert len(between) == 1
    os.kill(between[0], signal.SIGKILL)
    instance.log.wait("Helper died", signal="SIGKILL")
    wait_for(lambda: set(instance.helpers()) - set(between), 10, "the next helper")
    flag.touch()
    wait_for(lambda: len(alerts(told)) == 2, 15, "the end of the alert")
    assert [alert["to"] for alert in alerts(told)] == ["degraded", "healthy"]


def test_a_reload_waits_for_the_alert_under_way(service: Service, flag: Path, directory: Callable[[], Path]) -> None:
    place = directory()
    told = place / "told"
    command = script(place / "tell", f"touch {place}/begun\nwhile ! [ -e {place}/go ]; do sleep 0.05; done\ncat >> {told}\n")
    instance = service(**watched(flag, ALERT_COMMAND=command)).start()
    flag.unlink()
    wait_for((place / "begun").exists, 15, "the command runs")
    before = instance.helpers()
    os.kill(instance.pid, signal.SIGHUP)
    instance.log.wait("Service reloaded")
    assert instance.helpers() == before
    (place / "go").touch()
    wait_for(lambda: instance.helpers() and instance.helpers() != before, 10, "the next helper")
    flag.touch()
    wait_for(lambda: len(alerts(told)) == 2, 15, "both")
    assert [alert["to"] for alert in alerts(told)] == ["degraded", "healthy"]


PLUGINS = {"well": ("echo 'OK - fine|load=1'; exit 0", "healthy"), "warns": ("echo 'WARNING - a bit | load=5'; exit 1", "warning: WARNING - a bit"),
           "fails": ("printf 'CRITICAL - much\\nmore\\n'; exit 2", "unhealthy: CRITICAL - much"),
           "unknown": ("echo huh; exit 3", "unhealthy: unknown (exit code 3): huh"), "mute": ("exit 2", "unhealthy: the command said nothing"),
           "dies": ("kill -9 $$", "unhealthy: the command died of signal 9"),
           "hangs": ("sleep 1000", "unhealthy: the command did not end within 500 ms"),
           "loud": ("head -c 300000 /dev/zero | tr '\\0' x; exit 0", "healthy")}


def test_plugins(service: Service, directory: Callable[[], Path]) -> None:
    place = directory()
    checks = [f"{name}=command:{script(place / name, text)} an-argument;timeout=500ms;every=1s" for name, (text, _) in PLUGINS.items()]
    instance = service(CHECKS=",".join(checks), HEALTH_CACHE_SECONDS="100ms").start()

    def told() -> dict[str, Any]:
        return instance.ask(uri="/health/detailed").json()

    wait_for(lambda: "not yet been run" not in json.dumps(told()), 15, "every command has been run")
    found = told()
    assert {name: found["checks"][name] for name in PLUGINS} == {name: expected for name, (_, expected) in PLUGINS.items()}
    assert "The check warns gives a warning: WARNING - a bit." in found["warnings"] and found["status"] == "healthy"
    script(place / "fails", "echo fine again")
    wait_for(lambda: told()["checks"]["fails"] == "healthy", 15, "the plugin is run again")
    (helper,) = instance.helpers()
    os.kill(instance.pid, signal.SIGTERM)
    wait_for(lambda: not alive(helper), 10, "the helper ends with the service")


def test_what_is_wrong_is_said(directory: Callable[[], Path]) -> None:
    place = directory()
    place.mkdir()
    (place / "plain").touch()
    for name, value, sentence in (("ALERT_COMMAND", "tell", "allowed is an absolute path"), ("ALERT_COMMAND", "/bin/echo 'x", "quote"),
                                  ("ALERT_COMMAND", "/nowhere/tell", "cannot be executed"), ("ALERT_COMMAND", f"{place}/plain", "cannot be executed"),
                                  ("CHECKS", "x=command:/nowhere/check", "x: /nowhere/check cannot be executed"),
                                  ("CHECKS", "x=command:check", "x: the target is"), ("ALERT_AFTER", "1ms", "ALERT_AFTER is")):
        done = run_once(place, "--check", env={name: value, "LISTEN": f"unix:{place}/s"})
        assert done.returncode != 0 and name in done.stderr and sentence in done.stderr, (name, value, done.stderr)
    done = run_once(place, "--check", env={"ALERT_COMMAND": "/bin/true", "WORKERS": "0", "LISTEN": f"unix:{place}/s"})
    assert "with WORKERS=0 nobody runs it" in done.stderr
