"""What a module does wrong, by mistake, does not break what the pool promises: answers, log, counters, workers that serve."""
from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Callable, Iterator

import pytest

from conftest import Stack
from harness import ctl, modules, processes
from harness.nginx import Nginx
from harness.processes import wait_for
from harness.vitalsd import Vitalsd, run_once

Make = Callable[..., Vitalsd]
Front = Callable[[Vitalsd], Nginx]


@pytest.fixture(scope="module")
def misuser(root: Path) -> Path:
    return modules.build_module(Path(__file__).parent / "modules" / "misuser.c", root)


@pytest.fixture
def one(service: Make, misuser: Path, front: Front) -> Iterator[Stack]:
    """One worker, which every request meets, behind nginx."""
    instance = service(WORKERS=1, MODULES=misuser).start()
    yield Stack(instance, front(instance))
    assert instance.ask(uri="/ok").json() == {"fine": True}


def metric(instance: Vitalsd, name: str) -> float:
    """The value of a series without labels."""
    text = instance.ask(uri="/metrics").body.decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.split(" ")[0] == name)


# ---- Answers ----

@pytest.mark.parametrize("how, message, exception", [
    ("nothing", "Request not answered", "The handler returned VT_OK without an answer."),
    ("split", "Response misused", "A header's value holds a control character."),
    ("split-name", "Response misused", "A header's name is not a token."),
    ("split-type", "Response misused", "A response was answered with a content type that cannot be sent."),
    ("nowhere", "Response misused", "A response was answered with bytes that are nowhere."),
    ("reserved", "Response misused", "A header was set that the service answers for."),
    ("fail-ok", "Response misused", "vt_fail() was called with VT_OK."),
    ("twice", "Response misused", "A response was answered twice."),
    ("late-status", "Response misused", "A status was set after the answer."),
    ("late-header", "Response misused", "A header was set after the answer."),
])
def test_a_wrong_answer_is_a_500_and_a_record(one: Stack, how: str, message: str, exception: str) -> None:
    with one.client() as client:
        answer = client.get(f"/answers/{how}")
        one.service.expect_problem(answer, 500, route="/answers/{how}")
        found = one.service.log.wait(message, correlation_id=answer.sent_id)
        assert (found["level"], found["exception"], found["route"]) == ("ERROR", exception, "/answers/{how}")
        for name in ("X-Injected", "X-Split", "X-Late"):
            assert answer.header(name) is None
        assert client.get("/ok").json() == {"fine": True}
    assert not one.service.log.find("Worker died")


def test_an_answer_counts_more_than_what_is_returned(one: Stack) -> None:
    """The handler has answered; a result that is none changes nothing."""
    one.service.expect(one.service.ask(uri="/answers/late-result"), 200)


def test_unbalanced_calls(one: Stack) -> None:
    answer = one.service.expect(one.service.ask(uri="/unbalanced"), 200)
    reasons = [found["reason"] for found in one.service.log.find("Metric misused", correlation_id=answer.sent_id)]
    assert reasons == ["it was not declared", "it was not declared", "it is of another type"]
    assert metric(one.service, "misuser_total") == 0


def test_declaring_in_a_handler(one: Stack) -> None:
    one.service.expect(one.service.ask(uri="/declare"), 200)
    functions = [found["function"] if "vt_" in found["function"] else found for found in one.service.log.find("Declared after setup")]
    assert len(functions) == 4
    one.service.expect_problem(one.service.ask(uri="/new"), 404)


# ---- After the end ----

def test_a_request_that_was_kept_is_inert(one: Stack) -> None:
    """In the next request of the same worker, which is another client's."""
    one.service.expect(one.service.ask(uri="/keep", HTTP_X_SECRET="theirs"), 200)
    answer = one.service.expect(one.service.ask(uri="/late?q=1", HTTP_X_SECRET="mine"), 200)
    assert answer.json() == {"fine": True} and answer.header("X-Stolen") is None
    told = one.service.log.wait("Request used after its end")
    assert told["level"] == "ERROR" and told["count"] == 7
    assert not one.service.log.find("Stolen") and metric(one.service, "misuser_total") == 0


def test_a_thread_that_answers_too_late(one: Stack) -> None:
    one.service.expect(one.service.ask(uri="/keep-in-thread"), 200)
    one.service.expect(one.service.ask(uri="/let-go"), 200)

    def told() -> bool:
        answer = one.service.expect(one.service.ask(uri="/ok"), 200)
        assert answer.json() == {"fine": True} and answer.header("X-Stolen") is None
        return bool(one.service.log.find("Request used after its end"))

    wait_for(told, 5, "the late use is told")
    assert not one.service.log.find("Stolen") and not one.service.log.find("Worker died")


# ---- The process ----

@pytest.mark.parametrize("child", ["return", "log"])
def test_a_child_that_returns_is_ended(one: Stack, child: str) -> None:
    before = one.service.workers()
    with one.client() as client:
        answer = one.service.expect(client.get(f"/fork?child={child}"), 200)
        assert client.get("/ok").json() == {"fine": True}
    told = one.service.log.wait("Handler forked and returned in the child")
    assert (told["level"], told["count"]) == ("ERROR", 1)
    assert one.service.workers() == before and processes.children_of(before[0]) == []
    assert len(one.service.log.find("Request completed", correlation_id=answer.sent_id)) == 1
    assert not one.service.log.find("Child")


@pytest.mark.parametrize("child", ["exit", "_exit"])
def test_a_child_that_ends_by_itself(one: Stack, child: str) -> None:
    before = one.service.workers()
    answer = one.service.expect(one.service.ask(uri=f"/fork?child={child}"), 200)
    assert len(one.service.log.find("Request completed", correlation_id=answer.sent_id)) == 1
    assert one.service.workers() == before and not one.service.log.find("Handler forked and returned in the child")


@pytest.mark.parametrize("which", ["all", "epoll", "listener"])
def test_a_worker_without_its_descriptors_makes_room(one: Stack, which: str) -> None:
    """It would serve nobody, or take all time there is, and look idle."""
    before = one.service.workers()
    with one.service.connect() as connection:
        try:
            connection.ask(uri=f"/close?which={which}")
        except Exception:  # its own connection is among them
            assert which == "all"
        told = one.service.log.wait("A module changed the process")
        assert (told["level"], told["what"], told["restored"]) == ("ERROR", "descriptors", False)
        died = one.service.log.wait("Worker died", pid=before[0])
        assert (died["cause"], died["exit_code"]) == ("exit", 1)
    wait_for(lambda: one.service.reachable(), 5, "the next worker serves")
    assert ctl.status(one.service)["deaths"]["exit"] == 1


def test_the_working_directory_is_restored(one: Stack) -> None:
    before = one.service.ask(uri="/cwd").body
    one.service.expect(one.service.ask(uri="/chdir"), 200)
    told = one.service.log.wait("A module changed the process")
    assert (told["what"], told["restored"]) == ("working directory", True)
    assert one.service.ask(uri="/cwd").body == before != b"/proc"


def test_signals_are_restored(one: Stack) -> None:
    """Within a second; then the worker finishes its request at the end of the service, as ever."""
    one.service.expect(one.service.ask(uri="/signals"), 200)
    one.service.log.wait("A module changed the process", what="blocked signals", restored=True)
    one.service.log.wait("A module changed the process", what="SIGPIPE", restored=True)
    status = Path(f"/proc/{one.service.workers()[0]}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    heeded = int(fields["SigIgn"], 16) | int(fields["SigCgt"], 16)
    assert int(fields["SigBlk"], 16) >> 14 & 1 and heeded >> 12 & 1


def test_a_well_behaved_module_is_not_accused(one: Stack) -> None:
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        one.service.ask(uri="/ok")
    assert not one.service.log.find("A module changed the process")


def test_a_locale_changes_no_number(service: Make, misuser: Path, directory: Callable[[], Path]) -> None:
    place = directory()
    place.mkdir()
    subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", str(place / "de_DE.UTF-8")], check=True, capture_output=True)
    instance = service(WORKERS=1, MODULES=misuser)
    instance.before = ["env", f"LOCPATH={place}"]
    instance.start()
    answer = instance.expect(instance.ask(uri="/locale"), 200)
    assert instance.log.wait("Fine", correlation_id=answer.sent_id)["third"] == pytest.approx(1 / 3)
    assert ",3333" not in instance.log.path.read_text()


# ---- Setup ----

@pytest.mark.parametrize("how, sentence", [
    ("chdir", "its setup changed the working directory"), ("umask", "its setup changed the umask"),
    ("thread", "its setup started a thread"), ("silent", "its setup failed and gave no reason"),
    ("exit", "A module has ended the process in its setup, with status 0"),
])
def test_a_setup_that_breaks_the_service_is_refused(built: None, misuser: Path, directory: Callable[[], Path], how: str, sentence: str) -> None:
    place = directory()
    place.mkdir()
    done = run_once(place, "--check", env={"MODULES": str(misuser), "MISUSER_SETUP": how})
    assert done.returncode == 2 and sentence in done.stderr, done
    assert "right" not in done.stdout


def test_a_setup_that_forks_makes_one_service(built: None, misuser: Path, directory: Callable[[], Path]) -> None:
    place = directory()
    place.mkdir()
    done = run_once(place, "--check", env={"MODULES": str(misuser), "MISUSER_SETUP": "fork"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "The settings are right.\n", "")


def test_a_reload_with_a_setup_that_exits_is_refused(one: Stack) -> None:
    before = one.service.workers()
    one.service.settings["MISUSER_SETUP"] = "exit"
    one.service.write_settings()
    done = ctl.ctl(one.service, "reload")
    assert done.returncode == 1 and "ended the process in its setup" in done.stderr, done
    assert one.service.workers() == before
