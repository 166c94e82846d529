"""GET /status: who may see it, and the page in a real Chromium; its screenshots go to VITALS_SCREENSHOTS where that is set."""
from __future__ import annotations

import base64
import contextlib
import os
import re
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from harness import ctl, processes
from harness.browser import ENTER, TAB, Browser
from harness.http import HttpClient, new_id
from harness.nginx import Nginx
from harness.processes import wait_for
from harness.vitalsd import Vitalsd

Make = Callable[..., Vitalsd]
Front = Callable[[Vitalsd], Nginx]

EVIL = "/hold/" + "%3Cimg%20src%3Dx%20onerror%3Ddocument.title%3D1%3E" + "w" * 150
EVIL_SHOWN = "<img src=x onerror=document.title=1>"
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module")
def browser(directory: Callable[[], Path]) -> Iterator[Browser]:
    """One Chromium for all tests here; each opens its page anew."""
    made = Browser(directory()).start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def shots(directory: Callable[[], Path]) -> Path:
    """Where screenshots go."""
    return Path(os.environ.get("VITALS_SCREENSHOTS") or directory())


@pytest.fixture
def page(stack: Any, browser: Browser) -> Iterator[Browser]:
    """The page of the shared service, with its first answer shown; nothing may have been said to the console."""
    browser.prefer("light")
    browser.resize(1280, 900)
    show(browser, f"http://127.0.0.1:{stack.nginx.port}/status")
    yield browser
    assert browser.console() == []
    assert_own_requests_only(browser)


def show(browser: Browser, url: str) -> None:
    """Opens it and waits for the workers."""
    browser.console()
    browser.open(url)
    wait_for(lambda: browser.run("return document.querySelectorAll('#worker-rows tr').length") > 0, 10, "workers are shown", 0.05)


def assert_own_requests_only(browser: Browser) -> None:
    """Everything that was fetched came from where the page came from."""
    names = browser.run("return performance.getEntriesByType('resource').map((e) => e.name)")
    origin = browser.run("return location.origin + location.pathname")
    assert names and set(names) == {origin}


@contextlib.contextmanager
def held(port: int, path: str, ms: int = 60000) -> Iterator[str]:
    """A request that stays in its handler; its correlation ID. The client leaves at the end, and nobody waits for it."""
    client, identity = HttpClient(port), new_id()
    client.connection.connect()
    client.connection.request("GET", f"{path}?ms={ms}", headers={"X-Correlation-ID": identity})
    try:
        yield identity
    finally:
        client.close()


def rows(browser: Browser, body: str) -> list[list[str]]:
    """The texts of a table's cells."""
    return browser.run("return [...document.querySelectorAll(arguments[0] + ' tr')]"
                       ".map((tr) => [...tr.cells].map((td) => td.firstChild.textContent))", body)


def pairs(browser: Browser, selector: str) -> dict[str, str]:
    """Of a list of terms."""
    return dict(browser.run("return [...document.querySelectorAll(arguments[0] + ' > div')]"
                            ".map((d) => [d.firstChild.textContent, d.lastChild.textContent])", selector))


def colour(browser: Browser) -> str:
    """Of the ground."""
    return str(browser.run("return getComputedStyle(document.body).backgroundColor"))


# ---- Access ----


def test_strangers_find_nothing(service: Make, front: Front) -> None:
    """404, the same as where there is nothing; with the token everything; the log tells who was refused."""
    instance = service(WORKERS=1, ADMIN_ALLOW="192.0.2.1", ADMIN_TOKEN="let-me-see").start()
    with HttpClient(front_of(instance, front)) as client:
        refused, nothing = client.get("/status", HTML), client.get("/nothing-here", HTML)
        problem = instance.expect_problem(refused, 404, route="/status")
        assert {**problem, "correlation_id": ""} == {**nothing.json(), "correlation_id": ""}
        assert [name for name, _ in refused.headers] == [name for name, _ in nothing.headers]
        asked = client.get("/status?login")
        instance.expect_problem(asked, 401)
        assert asked.header("WWW-Authenticate").startswith("Basic ")
        for scheme in ("Bearer let-me-see", "Basic " + base64.b64encode(b"me:let-me-see").decode()):
            assert client.get("/status", {"Authorization": scheme}).json()["service"] == "vitals"
            assert client.get("/health/detailed", {"Authorization": scheme}).json()["checks"]
        wrong = "Basic " + base64.b64encode(b"me:let-me-sea").decode()
        assert client.get("/status", {"Authorization": wrong}).status == 404
        assert client.get("/status?login", {"Authorization": wrong}).status == 401
    assert "let-me-see" not in instance.log.path.read_text()


def front_of(instance: Vitalsd, front: Front) -> int:
    """The port of an nginx before a service without an admin worker."""
    instance.admin_socket = instance.socket
    return front(instance).port


def test_it_can_be_switched_off(service: Make) -> None:
    instance = service(WORKERS=1, ENABLE_STATUS="off").start()
    assert instance.ask(uri="/status").status == 404


def test_the_json_and_vitalsctl_say_the_same(stack: Any) -> None:
    with stack.client() as client:
        told = client.get("/status")
    said = ctl.status(stack.service)
    assert told.status == 200 and told.header("Content-Type") == "application/json" and told.header("Cache-Control") == "no-store"
    state = told.json()
    assert set(said) <= set(state)
    for name in ("status", "supervisor", "generation", "workers_min", "workers_max", "deaths", "errors", "reloads", "recycled"):
        assert state[name] == said[name]
    assert [(w["worker"], w["pid"], w["role"]) for w in state["workers"]] == [(w["worker"], w["pid"], w["role"]) for w in said["workers"]]
    assert set(state["workers"][0]) == set(said["workers"][0])
    checks = {check["name"]: check["status"] for check in state["health"]["checks"]}
    assert checks["database"] == checks["cache"] == "healthy"
    assert state["queue"]["capacity"] > 0 and state["health"]["ready"] is True
    asking = [w for w in state["workers"] if w["request"] and w["request"]["correlation_id"] == told.sent_id]
    assert len(asking) == 1 and asking[0]["role"] == "admin" and asking[0]["request"]["route"] == "/status"


# ---- The page ----


def test_what_it_shows_is_what_there_is(stack: Any, page: Browser, shots: Path) -> None:
    with held(stack.nginx.port, "/hold/here", 2500) as identity:
        row = wait_for(lambda: page.run("const td = [...document.querySelectorAll('#worker-rows td')].find((td) => td.textContent.includes("
                                        "arguments[0])); return td ? [...td.parentNode.cells].map((td) => td.textContent) : null", identity),
                       10, "the request is shown", 0.05)
        told = next(w for w in ctl.status(stack.service)["workers"] if w["request"] and w["request"]["correlation_id"] == identity)
        assert row[:3] == [str(told["worker"]), "busy", "handler"] and row[4] == f"GET /hold/here{identity}"
        assert row[5:7] == ["worker", str(told["pid"])]
        page.screenshot(shots / "status-light.png")
    said = ctl.status(stack.service)
    assert [r[0] for r in rows(page, "#worker-rows")] == [str(w["worker"]) for w in said["workers"]]
    facts, life = pairs(page, "#facts"), pairs(page, "#life")
    assert facts["Supervisor"] == str(said["supervisor"]["pid"]) and facts["Generation"] == str(said["generation"])
    assert facts["Workers"] == f"{said['pool']['workers']} of {said['workers_wanted']}"
    assert {f"Deaths: {cause}": str(n) for cause, n in said["deaths"].items()}.items() <= life.items()
    assert (page.text("#service"), page.text("#state"), page.text("#health")) == ("vitals", "serving", "healthy")
    assert [r[:2] for r in rows(page, "#check-rows")][:2] == [["database", "healthy"], ["cache", "healthy"]]
    with stack.client() as client:
        assert client.get("/never").status == 500
    listed = wait_for(lambda: [r for r in rows(page, "#error-rows") if r[2] == "Request completed 500"], 10, "the error is shown", 0.05)
    assert int(listed[0][0]) >= 1


def test_charts_are_drawn_from_two_looks_on(stack: Any, page: Browser) -> None:
    wait_for(lambda: page.text("#chart-requests") != "–", 10, "a rate", 0.05)
    with stack.client() as client:
        def asked() -> bool:
            for _ in range(20):
                client.get("/facts")
            return float(page.text("#chart-requests").replace(",", "")) > 1
        wait_for(asked, 15, "the rate rises", 0.05)
    charts = page.run("return [...document.querySelectorAll('.chart svg')].map((s) => [s.getAttribute('aria-label'),"
                      " [...s.querySelectorAll('path')].map((p) => p.getAttribute('d'))])")
    assert len(charts) == 9
    label, (area, line) = charts[0]
    assert label.startswith("Requests per second: ") and line.startswith("M") and "L" in line and area.endswith("Z")
    assert all("NaN" not in path for _, drawn in charts for path in drawn)
    assert page.text("#chart-busy").endswith(" of 2")


def test_latency_is_that_of_the_histogram(stack: Any, page: Browser) -> None:
    with stack.client() as client:
        def slow() -> bool:
            for n in range(10):
                client.get("/hold/some?ms=60" if n % 5 == 0 else "/facts")
            shown = re.fullmatch(r"([\d.]+) ms", page.text("#chart-p99"))
            return shown is not None and 50 <= float(shown[1]) <= 75
        wait_for(slow, 20, "the bucket of 60 ms", 0.05)
        before, text, after = client.get("/status").json(), client.get("/metrics").body.decode(), client.get("/status").json()
    assert re.fullmatch(r"(< )?[\d.]+ ms", page.text("#chart-median"))
    counts = [int(line.split()[-1]) for line in text.splitlines() if line.startswith("http_server_request_duration_seconds_count")]
    assert sum(before["latency"]["counts"]) < sum(counts) < sum(after["latency"]["counts"])
    assert len(before["latency"]["counts"]) == len(before["latency"]["bounds_seconds"]) + 1


def test_database_and_cache(stack: Any, page: Browser) -> None:
    """Tiles and charts say what /metrics does."""
    with stack.client() as client:
        client.request("PUT", "/cache/page", b"kept")

        def shown() -> bool:
            for _ in range(5):
                client.get("/live/users/1")
                client.get("/cache/page")
            return page.text("#chart-statements") not in ("–", "0.0") and page.text("#chart-statement-p99").endswith("ms")
        wait_for(shown, 20, "statements are shown", 0.05)
        text = client.get("/metrics").body.decode()
        told = client.get("/status").json()
    counts = [int(line.split()[-1]) for line in text.splitlines() if line.startswith("vitals_database_operation_duration_seconds_count")]
    assert sum(told["database"]["latency"]["counts"]) == sum(counts) > 0
    hits = [int(line.split()[-1]) for line in text.splitlines() if line.startswith("vitals_cache_operations_total") and 'result="hit"' in line]
    assert told["cache"]["hits"] == sum(hits)
    tiles = wait_for(lambda: pairs(page, "#stores") if pairs(page, "#stores").get("Cache: hits") == f"{sum(hits):,}" else None, 10, "the hits", 0.05)
    assert tiles["Database: connected"].split()[0] == str(told["database"]["workers_connected"]) != "0"
    assert tiles["Cache: errors"] == "0"


def test_what_a_client_sent_is_text(stack: Any, page: Browser, shots: Path) -> None:
    """A path that is HTML, and long: shown as it is, on a phone too, and run by nobody."""
    with held(stack.nginx.port, EVIL, 4500):
        shown = wait_for(lambda: [r for r in rows(page, "#worker-rows") if EVIL_SHOWN in r[4]], 10, "the path is shown", 0.05)
        assert shown[0][4].startswith("GET /hold/" + EVIL_SHOWN)
        assert page.run("return document.images.length") == 0 and page.run("return document.title") != "1"
        page.resize(390, 844, mobile=True)
        assert page.run("return [document.documentElement.scrollWidth, document.body.scrollWidth, innerWidth]") == [390, 390, 390]
        page.screenshot(shots / "status-phone-hostile.png")


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1280, 1920])
def test_no_width_scrolls_sideways(page: Browser, shots: Path, width: int) -> None:
    page.resize(width, 900, mobile=width < 768)
    assert page.run("return document.documentElement.scrollWidth") == width
    over = page.run("return [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1)"
                    ".map((e) => e.outerHTML.slice(0, 80))")
    assert over == []
    page.screenshot(shots / f"status-{width}.png")


def test_light_and_dark(page: Browser, shots: Path) -> None:
    light = colour(page)
    page.prefer("dark")
    wait_for(lambda: colour(page) != light, 5, "it is dark")
    page.screenshot(shots / "status-dark.png")
    page.run("document.querySelector('#theme').click()")
    assert colour(page) == light, "what was chosen goes before what is preferred"
    page.prefer("light")
    assert colour(page) == light


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out(page: Browser, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 to 1 against what is behind it."""
    page.prefer(scheme)
    poor = page.run("""
        const lum = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
            return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const rgb = (s) => s.match(/[\\d.]+/g).map(Number);
        const ground = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
            if (c.length === 3 || c[3] === 1) return c.slice(0, 3); } return [255, 255, 255]; };
        return [...document.querySelectorAll('body *')].filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) &&
            e.getClientRects().length && !["SCRIPT", "STYLE", "NOSCRIPT"].includes(e.tagName)).map((e) => {
            const [a, b] = [lum(rgb(getComputedStyle(e).color).slice(0, 3)), lum(ground(e))];
            return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.outerHTML.slice(0, 100)]; }).filter(([ratio]) => ratio < 4.5)""")
    assert poor == []


def test_by_keyboard(page: Browser) -> None:
    """Every control in its order, with a ring around it; keys do what a click does."""
    seen = []
    for _ in range(4):
        page.press(TAB)
        seen.append(page.run("const e = document.activeElement, s = getComputedStyle(e); return [e.id || e.textContent, s.outlineStyle, s.outlineWidth]"))
    assert [name for name, *_ in seen] == ["Skip to the workers", "pause", "theme", "JSON"]
    assert all(style == "solid" and width == "2px" for _, style, width in seen), seen
    light = colour(page)
    page.run("document.querySelector('#theme').focus()")
    page.press(ENTER)
    assert colour(page) != light and page.run("return document.activeElement.id") == "theme"


def test_a_screen_readers_view(page: Browser) -> None:
    """Landmarks, a heading for each section, a caption for each table; two live regions and no more."""
    facts = page.run("""return {
        lang: document.documentElement.lang, main: document.querySelectorAll('main').length, h1: document.querySelectorAll('h1').length,
        unnamed: [...document.querySelectorAll('section')].filter((s) => !s.ariaLabel && !document.getElementById(s.getAttribute('aria-labelledby'))).length,
        captions: [...document.querySelectorAll('table')].every((t) => t.caption.textContent), scopes: [...document.querySelectorAll('th')].every((t) => t.scope),
        live: [...document.querySelectorAll('[role=status], [role=alert], [aria-live]')].map((e) => e.id)}""")
    assert facts == {"lang": "en", "main": 1, "h1": 1, "unnamed": 0, "captions": True, "scopes": True, "live": ["verdict", "stale"]}


def test_pause(stack: Any, page: Browser) -> None:
    page.run("document.querySelector('#pause').click()")
    assert page.run("return document.querySelector('#pause').getAttribute('aria-pressed')") == "true"
    wait_for(lambda: page.run("return performance.getEntriesByType('resource').every((e) => e.responseEnd > 0)"), 5, "nothing is on its way")
    asked = page.run("return performance.getEntriesByType('resource').length")
    page.run("document.querySelector('#pause').click()")
    wait_for(lambda: page.run("return performance.getEntriesByType('resource').length") > asked, 5, "it asks again at once", 0.02)


def test_no_other_script_runs(stack: Any, browser: Browser) -> None:
    """The policy holds: what is put into the page is not run, and nothing is fetched from elsewhere."""
    show(browser, f"http://127.0.0.1:{stack.nginx.port}/status")
    browser.run("const s = document.createElement('script'); s.textContent = 'document.title = \"run\"'; document.body.append(s);"
                "const i = document.createElement('img'); i.src = 'http://127.0.0.2:1/x.png'; document.body.append(i);"
                "document.body.insertAdjacentHTML('beforeend', '<p id=styled style=\"color: red\">x</p>')")
    said = wait_for(lambda: [line for line in browser.console() if "Content Security Policy" in line], 5, "violations")
    assert browser.run("return document.title") != "run"
    assert browser.run("return document.querySelector('#styled').style.color") == ""
    assert any("script-src" in line for line in said)


def test_it_says_when_nobody_answers(service: Make, front: Front, browser: Browser, shots: Path) -> None:
    """Frozen: what is shown is marked as old; back again: it goes on. Access that is gone is said too."""
    instance = service(WORKERS=1)
    port_of = instance.start() and front_of(instance, front)
    browser.resize(1280, 900)
    show(browser, f"http://127.0.0.1:{port_of}/status")
    hidden = "return document.querySelector('#stale').hidden"
    assert browser.run(hidden) is True
    processes.freeze_tree(instance.pid)
    try:
        wait_for(lambda: not browser.run(hidden), 20, "it says so", 0.1)
        assert browser.text("#stale").startswith("The service does not answer. What is shown is from ")
        assert browser.text("#state") == "unreachable"
        browser.screenshot(shots / "status-unreachable.png")
    finally:
        processes.thaw_tree(instance.pid)
    wait_for(lambda: browser.run(hidden), 20, "it is back", 0.1)
    assert browser.text("#state") == "serving"
    instance.stop()
    wait_for(lambda: not browser.run(hidden), 20, "it says so again", 0.1)
    assert browser.text("#stale").startswith("The service answers 502.")


def test_a_browser_with_the_token(service: Make, front: Front, browser: Browser) -> None:
    """Asked once for it, as a password; then the page's own requests carry it."""
    instance = service(WORKERS=1, ADMIN_ALLOW="192.0.2.1", ADMIN_TOKEN="let-me-see").start()
    show(browser, f"http://any:let-me-see@127.0.0.1:{front_of(instance, front)}/status?login")
    assert browser.text("#state") == "serving" and browser.console() == []


def test_below_a_prefix(service: Make, browser: Browser, directory: Callable[[], Path]) -> None:
    """Mounted at /api, as nginx-conf says how."""
    instance = service(WORKERS=1).start()
    nginx = Nginx(directory(), instance.socket, instance.socket)
    conf = nginx.directory / "vitals.conf"
    text = conf.read_text().replace("location / {", "location /api/ {").replace("location = /", "location = /api/")
    text = text.replace("location ^~ /health/", "location ^~ /api/health/").replace('SCRIPT_NAME        ""', 'SCRIPT_NAME        "/api"')
    conf.write_text(text)
    try:
        nginx.start()
        show(browser, f"http://127.0.0.1:{nginx.port}/api/status")
        assert_own_requests_only(browser)
        assert browser.text("#state") == "serving" and browser.console() == []
    finally:
        nginx.stop()
