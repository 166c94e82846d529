"""/metrics: both forms by the strictest readers there are, who may see it, and counts that agree with the web server's log."""
from __future__ import annotations

import os
import re
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as text_families

from conftest import Stack
from harness import fcgi
from harness.load import Load
from harness.nginx import Nginx
from harness.processes import wait_for
from harness.vitalsd import Vitalsd

DURATION = "http_server_request_duration_seconds"
OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


def promtool(text: str) -> None:
    """promtool check metrics, which is to say nothing."""
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and done.stdout + done.stderr == "", f"{done.stdout}{done.stderr}\n{text[:3000]}"


def scrape(instance: Vitalsd, accept: str = "", check: bool = True) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by name and labels, proved by the parser of the form that was asked for."""
    headers = [("HTTP_ACCEPT", accept)] if accept else []
    with fcgi.Connection(str(instance.settings["ADMIN_LISTEN"]).removeprefix("unix:")) as connection:
        answer = connection.ask("GET", "/metrics", None, keep=False, headers=headers)
    assert answer.status == 200, answer.body
    text = answer.body.decode()
    if check and not accept:
        promtool(text)
    families = text_string_to_metric_families(text) if accept else text_families(text)
    return {(sample.name, frozenset(sample.labels.items())): sample.value for family in families for sample in family.samples}


def total(samples: dict[tuple[str, frozenset[tuple[str, str]]], float], name: str, **labels: str) -> float:
    """The sum of the samples of that name that have these labels."""
    return sum(value for (found, has), value in samples.items() if found == name and set(labels.items()) <= has)


@pytest.fixture
def instance(service: Callable[..., Vitalsd]) -> Iterator[Callable[..., Vitalsd]]:
    """Instances with an admin worker."""
    def make(**settings: Any) -> Vitalsd:
        made = service(**settings)
        made.settings["ADMIN_LISTEN"] = f"unix:{made.admin_socket}"
        return made.start()
    yield make


@pytest.fixture
def site(instance: Callable[..., Vitalsd], directory: Callable[[], Path]) -> Iterator[Callable[..., Stack]]:
    """The same behind nginx."""
    fronts: list[Nginx] = []

    def make(**settings: Any) -> Stack:
        made = instance(**settings)
        fronts.append(Nginx(directory(), made.socket, made.admin_socket))
        fronts[-1].start()
        return Stack(made, fronts[-1])
    yield make
    for front in fronts:
        front.stop()


def access_log(nginx: Nginx) -> Counter[tuple[str, str]]:
    """Requests of the API in nginx's own log, by method and status."""
    found = re.findall(r'"([A-Z]+) (\S+) HTTP/1.1" (\d{3})', (nginx.directory / "nginx-access.log").read_text())
    return Counter((method, status) for method, path, status in found if not path.startswith(("/health", "/metrics")))


def counted(samples: dict[tuple[str, frozenset[tuple[str, str]]], float]) -> Counter[tuple[str, str]]:
    """The same by our counters."""
    result: Counter[tuple[str, str]] = Counter()
    for (name, labels), value in samples.items():
        has = dict(labels)
        if name == f"{DURATION}_count" and not has["route"].startswith(("/health", "/metrics")):
            result[has["method"], has["status_code"]] += int(value)
    return result


def test_both_forms_through_nginx(stack: Stack) -> None:
    with stack.client() as client:
        client.get("/live/users/1", {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
        plain, modern = client.get("/metrics"), client.get("/metrics", {"Accept": OPENMETRICS})
    stack.service.expect(plain, 200, route="/metrics")
    assert plain.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
    assert modern.header("Content-Type") == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert plain.header("Cache-Control") == "no-store" and plain.header("Vary") == "Accept"
    promtool(plain.body.decode())
    families = list(text_string_to_metric_families(modern.body.decode()))
    assert b"_created" not in modern.body and modern.body.endswith(b"# EOF\n")
    exemplars = [sample.exemplar for family in families for sample in family.samples if sample.exemplar]
    assert "4bf92f3577b34da6a3ce929d0e0e4736" in [exemplar.labels["trace_id"] for exemplar in exemplars]
    names = {family.name for family in families}
    assert {"vitals_workers", "vitals_database_operation_duration_seconds", "process_cpu_seconds", "vitals_ready"} <= names


@pytest.mark.parametrize("accept, form", [
    ("application/openmetrics-text", "application/openmetrics-text"), ("text/plain", "text/plain"), ("*/*", "text/plain"),
    ("application/openmetrics-text;version=1.0.0;q=0.3,text/plain;q=0.2", "application/openmetrics-text"),
    ("application/openmetrics-text;q=0.2,text/plain;q=0.3", "text/plain"), ("image/png", "text/plain"), ("%%", "text/plain"),
    ("application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", "application/openmetrics-text"),
])
def test_negotiation(instance: Callable[..., Vitalsd], accept: str, form: str) -> None:
    answer = instance().ask("GET", "/metrics", headers=[("HTTP_ACCEPT", accept)])
    assert answer.status == 200 and (answer.header("Content-Type") or "").startswith(form), answer.headers


def test_access(instance: Callable[..., Vitalsd]) -> None:
    made = instance(ADMIN_TOKEN="let-me-see")
    missing = made.ask("GET", "/metrics", remote="192.0.2.7")
    assert missing.status == 404 and b"vitals_" not in missing.body
    opened = made.ask("GET", "/metrics", remote="192.0.2.7", headers=[("HTTP_AUTHORIZATION", "Bearer let-me-see")])
    assert opened.status == 200 and b"vitals_workers" in opened.body


def test_off(instance: Callable[..., Vitalsd]) -> None:
    made = instance(ENABLE_METRICS="off")
    assert made.ask("GET", "/metrics").status == 404
    assert made.ask("GET", "/health").status == 200
    # What was made without has no room for it until the next start.
    made.settings["ENABLE_METRICS"] = "on"
    made.write_settings()
    os.kill(made.pid, signal.SIGHUP)
    refused = made.log.wait("Renewal refused")
    assert "ENABLE_METRICS" in str(refused), refused
    assert made.ask("GET", "/metrics").status == 404


def test_turned_off_by_a_reload_and_on_again(instance: Callable[..., Vitalsd]) -> None:
    made = instance()
    made.ask("GET", "/none")
    for value, status in (("off", 404), ("on", 200)):
        made.settings["ENABLE_METRICS"] = value
        made.write_settings()
        os.kill(made.pid, signal.SIGHUP)
        wait_for(lambda: made.ask("GET", "/metrics").status == status, 15, f"/metrics is {value}")
    wait_for(lambda: len(made.log.find("Service reloaded")) == 2 and len(made.workers()) == made.processes_wanted(), 15, "the old ones are gone")
    assert total(scrape(made), f"{DURATION}_count", route="_none", status_code="404") >= 1


def test_equal_to_the_web_servers_log(site: Callable[..., Stack]) -> None:
    """Recycling and reloads lose nothing, to the last request, and no total falls between scrapes."""
    stack = site(MAX_REQUESTS=50)
    before: dict[Any, float] = {}
    with Load(stack.nginx.port, "/facts/a", threads=3) as load, Load(stack.nginx.port, "/none", threads=1) as missing:
        for _ in range(3):
            load.wait_answers(100)
            reloads = stack.service.log.find("Service reloaded")
            os.kill(stack.service.pid, signal.SIGHUP)
            wait_for(lambda: len(stack.service.log.find("Service reloaded")) > len(reloads), 15, "reloaded")
            now = scrape(stack.service, check=False)
            falling = {key for key, value in before.items() if key[0].endswith(("_total", "_count", "_bucket")) and now.get(key, 0) < value}
            assert not {key for key in falling if not key[0].startswith("process_")}
            before = now
    assert not load.errors + missing.errors
    wait_for(lambda: counted(scrape(stack.service, check=False)) == access_log(stack.nginx), 5, "the counts agree")
    samples = scrape(stack.service)
    assert total(samples, "vitals_workers_recycled_total") > 0 and total(samples, "vitals_reloads_total", result="done") == 3


def test_kills(site: Callable[..., Stack]) -> None:
    """Nothing is counted twice and nothing is missing, also of the request that a dead worker had just answered."""
    stack = site(WORKERS=3)
    killed: set[int] = set()
    with Load(stack.nginx.port, "/facts/a", threads=4) as load:
        for _ in range(12):
            load.wait_answers(30)
            workers = stack.service.workers()
            admin = [pid for pid in workers if b"admin" in Path(f"/proc/{pid}/cmdline").read_bytes()]
            victims = [pid for pid in workers if pid not in admin]
            if victims:
                os.kill(victims[0], signal.SIGKILL)
                killed.add(victims[0])
    kills = len(killed)
    assert kills and not load.errors
    # nginx writes its line when the client has its answer already.
    wait_for(lambda: access_log(stack.nginx)["GET", "200"] == len(load.answers), 5, "the last line of nginx's log")
    logged = access_log(stack.nginx)
    assert set(logged) == {("GET", "200")}
    wait_for(lambda: stack.service.workers(), 10, "workers")
    wait_for(lambda: counted(scrape(stack.service, check=False))["GET", "200"] == logged["GET", "200"], 5, f"the counts agree after {kills} kills")
    wait_for(lambda: total(scrape(stack.service), "vitals_worker_deaths_total", cause="signal") == kills, 10, "every death counted")


def test_hostile_requests(instance: Callable[..., Vitalsd]) -> None:
    made = instance(METRICS_SERIES_MAX=100)
    ask = [("GET", f"/{n}/\"\\{{}}") for n in range(4000)] + [(f"M{n}", "/facts/a") for n in range(3000)]
    ask += [("GET", b"/\xff\xfe%0a"), ("GET", "/facts/" + "x" * 3000), ("BAD METHOD", "/x"), ("OPTIONS", "*")]
    with made.connect() as connection:
        for method, uri in ask:
            connection.ask(method, uri, None, keep=True)
    samples = scrape(made)
    scrape(made, OPENMETRICS)
    assert {dict(labels)["method"] for name, labels in samples if name == f"{DURATION}_count"} <= {"GET", "OPTIONS", "_OTHER"}
    assert total(samples, "vitals_metrics_series") < 60 and total(samples, "vitals_metrics_overflow_total") == 0
    assert total(samples, f"{DURATION}_count", method="_OTHER") >= 3000


def test_stores(stack: Stack) -> None:
    before = scrape(stack.service)
    with stack.client() as client:
        for _ in range(5):
            assert client.get("/live/users/1").status == 200
    after = scrape(stack.service)
    name = "vitals_database_operation_duration_seconds_count"
    assert total(after, name, outcome="ok") >= total(before, name, outcome="ok") + 1
    assert total(after, "vitals_database_connections", state="connected") >= 1


def test_gauges(instance: Callable[..., Vitalsd]) -> None:
    made = instance(WORKERS=3)
    samples = scrape(made)
    assert total(samples, "vitals_workers", role="worker") == 3
    assert total(samples, "vitals_workers", role="admin", state="busy") == 1
    assert total(samples, "http_server_active_requests") == 1
    assert total(samples, "vitals_listen_queue_capacity", listener=f"unix:{made.socket}") > 0
    assert total(samples, "process_resident_memory_bytes") > 1 << 20 and total(samples, "process_open_fds") > 10
    made.ask("GET", "/health/detailed")
    assert total(scrape(made), "vitals_check_up", check="disk") == 1


def test_metrics_of_a_module(instance: Callable[..., Vitalsd]) -> None:
    made = instance(WORKERS=3)
    for number in range(6):
        assert made.ask("GET", f"/counted?kind=a%22b%0A%5C&depth={number}").status == 204
    assert made.ask("GET", "/counted?kind=%FF%01&depth=-1.5&misuse=1").status == 204
    made.log.wait("Metric misused", reason="it is of another type")
    made.log.wait("Metric misused", reason="the value is negative or not finite")
    for accept in ("", OPENMETRICS):
        samples = scrape(made, accept)
        assert total(samples, "test_counted_total", kind='a"b\n\\') == 12
        assert total(samples, "test_counted_total", kind="??") == 2
        assert total(samples, "test_depth") == -1.5
        assert total(samples, "test_price_sum", kind='a"b\n\\', sign="+") == 15
        assert total(samples, "test_price_bucket", kind='a"b\n\\', sign="+", le="1.0") == 2
    # Kills and a reload take nothing away.
    os.kill(made.workers()[0], signal.SIGKILL)
    os.kill(made.pid, signal.SIGHUP)
    made.log.wait("Service reloaded")
    assert total(scrape(made), "test_counted_total") == 14


def test_a_client_chooses_label_values(instance: Callable[..., Vitalsd]) -> None:
    made = instance(WORKERS=3)
    with made.connect() as connection:
        for number in range(3000):
            connection.ask("GET", f"/counted?kind={number}%22%5C%0A%FF%7D", None, keep=True)
    samples = scrape(made)
    scrape(made, OPENMETRICS)
    kinds = {dict(labels)["kind"] for name, labels in samples if name == "test_counted_total"}
    assert len(kinds) == 101 and "_overflow" in kinds
    assert total(samples, "test_counted_total") == 6000 and total(samples, "test_counted_total", kind="_overflow") == 5800
    assert total(samples, "vitals_metrics_overflow_total") == 5800


def test_a_wrong_metric_refuses_the_start(service: Callable[..., Vitalsd]) -> None:
    made = service(TEST_GREETING="bad metric")
    process = made.spawn()
    assert process.wait(10) == 2
    assert 'the metric name "2-bad" is none' in process.said()
