"""contrib/prometheus and contrib/grafana: valid, tested to the last alert, and about metrics that exist."""
from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
import yaml

from conftest import Stack
from harness.http import HttpClient
from harness.nginx import Nginx
from harness.processes import wait_for
from harness.prometheus import DASHBOARD, RULES, Exposition, Prometheus, dashboard_queries, promtool, selections
from harness.vitalsd import CHECKOUT, Vitalsd

TOKEN = "let-me-see"
TEST_FILES = ["vitals.rules.test.yml", "vitals.objectives.test.yml"]

# What Prometheus makes by itself.
OF_PROMETHEUS = {"up", "ALERTS"}
# Labels that come with the scrape.
OF_SCRAPE = {"job", "instance"}


def alerts() -> dict[str, dict[str, Any]]:
    """The alerting rules of the file, by name."""
    groups = yaml.safe_load((RULES / "vitals.rules.yml").read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def expectations(test: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Time, the text that names alerts, and whether they fire, of one unit test."""
    for entry in test.get("promql_expr_test", []):
        yield entry["eval_time"], entry["expr"] + str(entry["exp_samples"]), bool(entry["exp_samples"])
    for entry in test.get("alert_rule_test", []):
        yield entry["eval_time"], f'"{entry["alertname"]}"', bool(entry["exp_alerts"])


def minutes(time: str) -> int:
    """Of a time like 7h5m."""
    return sum(int(number) * {"h": 60, "m": 1}[unit] for number, unit in re.findall(r"(\d+)([hm])", time))


def story(test: dict[str, Any], alert: str) -> str:
    """What a test says of an alert in the order of time: "-" silent, "+" firing."""
    signs: list[tuple[int, str]] = []
    for time, text, fires in expectations(test):
        named = re.search(rf"\b{alert}\b", text) is not None
        everything = "ALERTS" in text and 'alertname="' not in text and "alertname=~" not in text
        if named or (everything and not fires):
            signs.append((minutes(time), "+" if fires else "-"))
    return "".join(sign for _, sign in sorted(signs))


# ---- The files -------------------------------------------------------------------------------------

def test_the_rules_are_valid() -> None:
    checked = promtool("check", "rules", "vitals.rules.yml")
    assert checked.returncode == 0 and "SUCCESS" in checked.stdout, checked.stdout


@pytest.mark.parametrize("name", TEST_FILES)
def test_every_alert_fires_and_ends(name: str) -> None:
    tested = promtool("test", "rules", name)
    assert tested.returncode == 0 and "SUCCESS" in tested.stdout, tested.stdout


@pytest.mark.parametrize("alert", sorted(alerts()))
def test_an_alert_has_a_unit_test(alert: str) -> None:
    """Silent, firing, silent again, in one test."""
    tests = [test for name in TEST_FILES for test in yaml.safe_load((RULES / name).read_text())["tests"]]
    stories = [story(test, alert) for test in tests]
    assert any(re.search(r"-\+.*-", found) for found in stories), stories


@pytest.mark.parametrize("alert", sorted(alerts()))
def test_an_alert_tells_what_to_do(alert: str) -> None:
    rule, page = alerts()[alert], (CHECKOUT / "doc" / "alerts.md").read_text()
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"] and "Look first" in rule["annotations"]["description"]
    assert rule["annotations"]["runbook"] == f"doc/alerts.md#{alert.lower()}"
    section = re.search(rf"^#+ {alert}\n(.*?)(?=^#|\Z)", page, re.M | re.S)
    assert section is not None, f"doc/alerts.md has no section {alert}"
    for word in ("**Means**", "**First**", "**Silence**"):
        assert word in section[1], f"{alert}: {word}"


def test_the_page_is_about_alerts_that_exist() -> None:
    page = (CHECKOUT / "doc" / "alerts.md").read_text()
    assert set(re.findall(r"^#+ (Vitals[A-Z]\w+)$", page, re.M)) == set(alerts())


def test_the_example_configuration_is_valid(directory: Callable[[], Path]) -> None:
    place = directory()
    place.mkdir()
    for name in ("prometheus.yml", "vitals.rules.yml"):
        shutil.copy(RULES / name, place)
    (place / "admin-token").write_text("x")
    checked = promtool("check", "config", "prometheus.yml", directory=place)
    assert checked.returncode == 0 and "1 rule files found" in checked.stdout, checked.stdout


def test_the_dashboard_is_what_its_description_makes() -> None:
    made = subprocess.run([str(DASHBOARD.parent / "make-dashboard")], capture_output=True, text=True, check=True, timeout=60)
    assert made.stdout == DASHBOARD.read_text(), "run contrib/grafana/make-dashboard > contrib/grafana/vitals.json"


# ---- Prometheus ------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def idle(directory: Callable[[], Path]) -> Iterator[Prometheus]:
    """A Prometheus with the rules and nothing to scrape."""
    server = Prometheus(directory())
    try:
        yield server.start()
    finally:
        server.stop()


def test_prometheus_understands_every_query_of_the_dashboard(idle: Prometheus) -> None:
    queries = dashboard_queries()
    assert len(queries) > 40
    for _, query in queries:
        idle.query(query)


def test_prometheus_evaluates_every_rule(idle: Prometheus) -> None:
    wait_for(lambda: all(rule["health"] == "ok" for rule in idle.rules()), 30, "every rule evaluated")
    assert {rule["name"] for rule in idle.rules() if rule["type"] == "alerting"} == set(alerts())


# ---- With the service ------------------------------------------------------------------------------

def exposition(client: HttpClient) -> Exposition:
    """What /metrics shows; skips where the build has none."""
    answer = client.get("/metrics", {"Authorization": f"Bearer {TOKEN}"})
    if answer.status == 404:
        pytest.skip("this build has no /metrics")
    assert answer.status == 200, answer.body
    return Exposition(answer.body.decode())


@pytest.fixture(scope="module")
def watched(built: None, database: Any, cache: Any, testmod: Path, directory: Callable[[], Path]) -> Iterator[Stack]:
    """A service that shows its metrics for the token alone, and has had every kind of request."""
    from conftest import modules_setting

    place = directory()
    service = Vitalsd(place, MODULES=modules_setting(testmod), DATABASE_URL=database.url, REDIS_URL=cache.url,
                      ADMIN_TOKEN=TOKEN, ADMIN_ALLOW="192.0.2.1", TRACE_FILE=place / "spans")
    service.settings["ADMIN_LISTEN"] = f"unix:{service.admin_socket}"
    nginx = Nginx(directory(), service.socket, service.admin_socket)
    try:
        service.start()
        nginx.start()
        stack = Stack(service, nginx, database, cache)
        with stack.client() as client:
            exposition(client)
            make_requests(client)
        yield stack
    finally:
        nginx.stop()
        service.stop()


def make_requests(client: HttpClient) -> None:
    """Something of everything that the dashboard shows."""
    for path in ("/live/users/1", "/cache/one", "/outcome?result=13", "/bad-header", "/no/such/route", "/health/detailed"):
        client.get(path)
    client.request("PUT", "/cache/one", b"value")
    client.get("/cache/one")
    client.post("/echo", b'{"a":1}')


@pytest.fixture(scope="module")
def scraping(watched: Stack, directory: Callable[[], Path]) -> Iterator[Prometheus]:
    """A Prometheus that scrapes it through nginx, with the token, every second."""
    server = Prometheus(directory(), watched.nginx.port, TOKEN)
    try:
        yield server.start()
    finally:
        server.stop()


def test_rules_and_dashboard_ask_for_metrics_that_exist(watched: Stack) -> None:
    recorded = set(re.findall(r"record: (\S+)", (RULES / "vitals.rules.yml").read_text()))
    groups = yaml.safe_load((RULES / "vitals.rules.yml").read_text())["groups"]
    asked = [(rule.get("alert", rule.get("record")), rule["expr"]) for group in groups for rule in group["rules"]]
    with watched.client() as client:
        shown = exposition(client).labels
    wrong = []
    for where, query in asked + dashboard_queries():
        for name, labels in selections(query):
            if name in recorded | OF_PROMETHEUS:
                continue
            if name not in shown:
                wrong.append(f"{where}: there is no metric {name}")
            elif shown[name] and not labels - OF_SCRAPE <= shown[name]:
                wrong.append(f"{where}: {name} has no label {labels - OF_SCRAPE - shown[name]}")
    assert not wrong, "\n".join(wrong)


def test_the_dashboard_shows_a_running_service(watched: Stack, scraping: Prometheus) -> None:
    """Every query has an answer once there is traffic; alerts, which a service that is well has none of, apart."""
    queries = [(title, query) for title, query in dashboard_queries() if title != "annotations"]

    def empty() -> list[tuple[str, str]]:
        with watched.client() as client:
            make_requests(client)
        return [(title, query) for title, query in queries if not scraping.query(query)]

    try:
        wait_for(lambda: not empty(), 60, "every panel has data", every=1)
    except AssertionError as error:
        raise AssertionError(f"no data: {empty()}") from error


def test_prometheus_has_scraped_with_the_token(watched: Stack, scraping: Prometheus) -> None:
    wait_for(lambda: scraping.query('up{job="vitals"} == 1'), 30, "a scrape", every=0.2)
    with watched.client() as client:
        assert client.get("/metrics").status != 200, "neither loopback nor without the token"
    assert scraping.query("vitals_ready == 1")
    firing = scraping.query('ALERTS{alertstate="firing", alertname!~"Vitals(Error|Latency)Budget.*"}')
    assert not firing, "but for the requests that were made to fail, all is well"


def test_prometheus_keeps_the_exemplars(watched: Stack, scraping: Prometheus) -> None:
    """From a bucket to a trace: the ID is one that the log has."""
    def exemplars() -> list[dict[str, Any]]:
        with watched.client() as client:
            make_requests(client)
        found = scraping.api("query_exemplars", query='http_server_request_duration_seconds_bucket{job="vitals"}',
                             start="0", end="9999999999")
        return [exemplar for series in found for exemplar in series["exemplars"]]

    found = wait_for(exemplars, 30, "an exemplar", every=0.5)
    for exemplar in found:
        watched.service.log.wait("Request completed", trace_id=exemplar["labels"]["trace_id"])
