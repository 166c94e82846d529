"""QUEUE_TIMEOUT: how long a request has waited, by the web server's time stamp, and what happens to one that waited too long."""
from __future__ import annotations

import threading
import time
from typing import Callable

import pytest

from harness import fcgi
from harness.http import Answer, HttpClient
from harness.nginx import Nginx
from harness.vitalsd import Vitalsd

LATE = "The request waited too long to be served."


def stamp(seconds_ago: float, form: str = "nginx") -> str:
    """What a web server writes."""
    then = time.time() - seconds_ago
    return {"nginx": f"{then:.3f}", "apache": f"t={then * 1e6:.0f}", "apache-ms": f"t={then:.3f}"}[form]


def refused(instance: Vitalsd, answer: Answer, **fields: object) -> None:
    """A problem document, when to come again, both records; the handler, which logs, has not run."""
    assert instance.expect_problem(answer, 503, **fields)["detail"] == LATE
    assert answer.header("Retry-After") == "1"
    assert instance.log.find("Request started", correlation_id=answer.sent_id)
    assert not instance.log.find("Test record", correlation_id=answer.sent_id)
    assert instance.completed(answer)["queue_seconds"] > 0.5


@pytest.mark.parametrize("form", ["nginx", "apache", "apache-ms"])
def test_what_waited_too_long_is_refused(service: Callable[..., Vitalsd], form: str) -> None:
    instance = service(QUEUE_TIMEOUT="500ms").start()
    refused(instance, instance.ask("POST", "/log", b"{}", content_type="application/json", REQUEST_START=stamp(2, form)), path="/log")
    served = instance.ask("POST", "/log", b"{}", content_type="application/json", REQUEST_START=stamp(0, form))
    assert served.status < 300 and instance.log.wait("Test record", correlation_id=served.sent_id)
    assert 0 <= instance.completed(served)["queue_seconds"] < 0.5


def test_the_connection_is_kept_and_the_body_is_not_taken_for_a_request(service: Callable[..., Vitalsd]) -> None:
    instance = service(QUEUE_TIMEOUT="500ms").start()
    with instance.connect() as connection:
        for _ in range(3):
            late = connection.ask("POST", "/log", fcgi.request(fcgi.cgi(uri="/smuggled")), REQUEST_START=stamp(2))
            refused(instance, late)
            assert connection.ask(uri="/facts", REQUEST_START=stamp(0)).status == 200
    assert not [found for found in instance.log.records() if found.get("path") == "/smuggled"]


@pytest.mark.parametrize("said", ["", "yesterday", "-1", "t=-5", "99999999999999999999.5", "1700000000", "0.000", "4102444800.000"])
def test_what_is_no_time_stamp_is_ignored(service: Callable[..., Vitalsd], said: str) -> None:
    instance = service(QUEUE_TIMEOUT="1ms").start()
    answer = instance.expect(instance.ask(uri="/facts", REQUEST_START=said), 200)
    assert "queue_seconds" not in instance.completed(answer)


def test_off_unless_set_and_logged_all_the_same(service: Callable[..., Vitalsd]) -> None:
    instance = service().start()
    answer = instance.expect(instance.ask(uri="/facts", REQUEST_START=stamp(60)), 200)
    assert 59.9 <= instance.completed(answer)["queue_seconds"] < 120
    assert "queue_seconds" not in instance.completed(instance.ask(uri="/facts"))


def test_probes_are_never_refused(service: Callable[..., Vitalsd]) -> None:
    instance = service(QUEUE_TIMEOUT="1ms").start()
    for path in ("/health", "/health/live", "/health/ready", "/health/startup", "/health/detailed"):
        assert instance.ask(uri=path, REQUEST_START=stamp(60)).status == 200
    refused(instance, instance.ask(uri="/there/is/nothing", REQUEST_START=stamp(60)))


def test_a_client_cannot_say_when_it_came(service: Callable[..., Vitalsd], front: Callable[[Vitalsd], Nginx]) -> None:
    instance = service(QUEUE_TIMEOUT="500ms").start()
    with HttpClient(front(instance).port) as client:
        for name in ("Request-Start", "REQUEST_START", "X-Request-Start"):
            answer = instance.expect(client.request("GET", "/facts", headers={name: stamp(60), "X-Correlation-ID": f"forged-{name}"}), 200)
            assert instance.completed(answer)["queue_seconds"] < 0.5


def test_nginx_and_a_worker_that_is_held(service: Callable[..., Vitalsd], front: Callable[[Vitalsd], Nginx]) -> None:
    """The one worker is in a handler for longer than QUEUE_TIMEOUT; what came meanwhile is refused, what comes then is served."""
    instance = service(WORKERS=1, QUEUE_TIMEOUT="500ms").start()
    nginx = front(instance)
    answers: list[Answer] = []

    def ask_late() -> None:
        with HttpClient(nginx.port) as client:
            answers.append(client.post("/log", b"{}", content_type="application/json"))

    with instance.connect() as connection:
        connection.send(fcgi.request(fcgi.cgi(uri="/slow?ms=1500&how=sleep", correlation_id="holds"), keep=False))
        instance.log.wait("Request started", correlation_id="holds")
        askers = [threading.Thread(target=ask_late) for _ in range(4)]
        for asker in askers:
            asker.start()
        assert connection.read_answer().status == 200
        for asker in askers:
            asker.join(10)
    assert len(answers) == 4
    for answer in answers:
        refused(instance, answer, path="/log")
    with HttpClient(nginx.port) as client:
        served = client.post("/log", b"{}", content_type="application/json")
    assert served.status < 300 and instance.log.wait("Test record", correlation_id=served.sent_id)
