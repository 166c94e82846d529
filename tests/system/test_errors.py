"""vitalsctl errors: what went wrong, by kind, with counts, times and the last correlation ID."""
from __future__ import annotations

import json
from typing import Any, Callable

from harness import ctl, postgres
from harness.http import HttpClient, new_id
from harness.nginx import Nginx
from harness.processes import wait_for
from harness.vitalsd import Vitalsd

Make = Callable[..., Vitalsd]
Front = Callable[[Vitalsd], Nginx]


def errors(instance: Vitalsd, *arguments: str) -> dict[str, Any]:
    """vitalsctl --json errors."""
    done = ctl.ctl(instance, "--json", "errors", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def of(instance: Vitalsd, **fields: Any) -> list[dict[str, Any]]:
    """Those with these values."""
    return [one for one in errors(instance)["errors"] if all(one[key] == value for key, value in fields.items())]


def test_a_database_outage(service: Make, front: Front, template: postgres.Template, directory: Callable[[], Any]) -> None:
    """Every refused request counts, of all workers; a reload loses nothing."""
    database = postgres.Postgres(directory(), template).start()
    try:
        instance = service(WORKERS=3, DATABASE_URL=database.url).start()
        nginx = front(instance)
        with HttpClient(nginx.port) as client:
            assert client.get("/live/users/42").status == 200
            assert errors(instance) == {"total": 0, "kinds": 0, "replaced": 0, "unlisted": 0, "errors": []}
            assert ctl.ctl(instance, "errors").stdout == "No errors.\n"
            database.stop()
            answers = [client.get("/live/users/42") for _ in range(7)]
            assert all(answer.status == 503 for answer in answers)
            found = [instance.completed(answer) for answer in answers]
            listed = of(instance, message="Request completed", code="503", route="/live/users/{id}")
            assert len(listed) == 1 and listed[0]["count"] == 7
            assert listed[0]["last_correlation_id"] == answers[-1].sent_id
            assert listed[0]["place"] == "wrap_log:record_completed" and listed[0]["level"] == "ERROR"
            assert {record["fingerprint"] for record in found} == {listed[0]["fingerprint"]}
            assert found[0]["timestamp"][:16] <= listed[0]["first_seen"] <= listed[0]["last_seen"]
            assert ctl.ctl(instance, "reload").returncode == 0
            assert of(instance, code="503") == listed
            last = client.get("/live/users/43")
            instance.completed(last)
            again = of(instance, code="503")[0]
            assert (again["count"], again["last_correlation_id"]) == (8, last.sent_id)
            assert again["first_seen"] == listed[0]["first_seen"] and again["fingerprint"] == listed[0]["fingerprint"]
    finally:
        database.stop()


def test_a_crash(service: Make, front: Front) -> None:
    """The obituary counts, by signal and route, with the ID of the request that it ended."""
    instance = service(WORKERS=2, DEMO_CRASH=1).start()
    nginx = front(instance)
    identities = [new_id() for _ in range(2)]
    for number, identity in enumerate(identities):
        with HttpClient(nginx.port) as client:
            answer = client.request("POST", "/crash", b"{}", {"X-Correlation-ID": identity})
            assert answer.status == 502
        died = instance.log.wait("Worker died", correlation_id=identity)
        listed = of(instance, message="Worker died", code="SIGABRT", route="/crash")
        assert len(listed) == 1 and listed[0]["count"] == number + 1
        assert listed[0]["last_correlation_id"] == identity and listed[0]["fingerprint"] == died["fingerprint"]
        wait_for(lambda: len(instance.workers()) == 2, 5, "a new worker")
    status = ctl.status(instance)
    assert status["errors"]["kinds"] == errors(instance)["kinds"] and status["errors"]["total"] >= 2
    assert f"errors: {status['errors']['total']} of {status['errors']['kinds']} kinds" in ctl.ctl(instance, "status").stdout


def test_kinds_are_told_apart_and_nothing_of_a_clients_makes_one(service: Make) -> None:
    instance = service(WORKERS=2).start()
    for number in range(5):
        assert instance.ask(uri=f"/never?{number}").status == 500
        assert instance.ask(uri="/outcome?result=9", HTTP_USER_AGENT=f"agent {number}").status == 504
        assert instance.ask(uri=f"/nothing/{number}").status == 404
    told = instance.ask(uri="/outcome?result=8")
    instance.expect_problem(told, 503)
    listed = errors(instance)
    kinds = {(one["message"], one["code"], one["route"]): one["count"] for one in listed["errors"]}
    assert kinds == {("Request completed", "500", "/never"): 5, ("Request not answered", "", "/never"): 5,
                     ("Request completed", "504", "/outcome"): 5, ("Request completed", "503", "/outcome"): 1}
    assert listed["total"] == 16 and listed["kinds"] == 4
    assert len({one["fingerprint"] for one in listed["errors"]}) == 4
    counts = [one["count"] for one in listed["errors"]]
    assert counts == sorted(counts, reverse=True)
    assert errors(instance, "--recent", "--limit", "1")["errors"][0]["last_correlation_id"] == told.sent_id


def test_the_text_fits_a_terminal(service: Make) -> None:
    instance = service(WORKERS=1).start()
    for identity in ("x" * 128, new_id()):
        instance.ask(uri="/never", HTTP_X_CORRELATION_ID=identity)
    done = ctl.ctl(instance, "errors")
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and lines[0] == "4 errors of 2 kinds"
    assert all(len(line) <= 100 for line in lines), done.stdout
    assert any("Request completed 500 at /never (wrap_log:record_completed)" in line for line in lines)
    assert len(ctl.ctl(instance, "errors", "--limit", "1").stdout.splitlines()) == 5


def test_a_new_service_begins_with_none(service: Make) -> None:
    instance = service(WORKERS=1).start()
    instance.ask(uri="/never")
    assert errors(instance)["total"] == 2
    instance.stop()
    instance.start()
    assert errors(instance)["total"] == 0


def test_wrong_arguments() -> None:
    for arguments, said in ((["--limit", "0"], '--limit is "0"; allowed is a whole number from 1 to 64'),
                            (["--limit", "many"], '--limit is "many"'), (["all"], '"all" is one too many'),
                            (["--for", "5m"], "errors takes no --for")):
        done = ctl.run_ctl("--scoreboard", "/nowhere/at/all", "errors", *arguments)
        assert done.returncode == 2 and said in done.stderr, done.stderr
