"""Launchers: what they hand over is taken, and left to them at the end; mod_fcgid's processes; systemd's units."""
from __future__ import annotations

import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from harness import fcgid
from harness.fronts import MIB
from harness.http import Answer, HttpClient
from harness.launchers import Launched, Managed, SocketActivated, SpawnFcgi
from harness.processes import PATH, send, wait_for
from harness.vitalsd import CHECKOUT, demo_module, program

UNITS = CHECKOUT / "contrib" / "systemd"


# ---- Sockets of somebody else's ----

@pytest.fixture(params=[SpawnFcgi, SocketActivated])
def launched(request: pytest.FixtureRequest, built: None, directory: Callable[[], Path]) -> Iterator[Launched]:
    """Started by the launcher, with the admin worker."""
    service = request.param(directory(), MODULES=demo_module())
    service.settings["ADMIN_LISTEN"] = f"unix:{service.admin_socket}"
    yield service.start()
    service.stop()
    service.log.records()


def test_a_launchers_socket_is_not_removed(launched: Launched) -> None:
    launched.expect(launched.ask(uri="/health"), 200)
    assert launched.stop() == 0
    assert Path(launched.socket).is_socket()
    assert Path(launched.admin_socket).exists() == isinstance(launched, SocketActivated), "only what is our own is removed"
    launched.log.wait("Service stopped")


def test_the_admin_socket_is_the_admin_workers(launched: Launched) -> None:
    """By its name, where the launcher opened it."""
    with launched.connect(launched.admin_socket) as connection:
        launched.expect(connection.ask(uri="/health"), 200, route="/health")
        launched.expect_problem(connection.ask("POST", "/echo", b"{}"), 404)
    launched.expect(launched.ask("POST", "/echo", b"{}", content_type="application/json"), 200)


def test_a_reload_keeps_a_launchers_sockets(launched: Launched) -> None:
    before = launched.workers()
    send([launched.pid], signal.SIGHUP)
    wait_for(lambda: len(launched.workers()) == len(before) and not set(launched.workers()) & set(before), 15, "new workers")
    for path in (launched.socket, launched.admin_socket):
        with launched.connect(path) as connection:
            launched.expect(connection.ask(uri="/health"), 200)


def test_a_killed_worker_is_replaced(launched: Launched) -> None:
    before = launched.workers()
    send([before[0]], signal.SIGKILL)
    wait_for(lambda: len(launched.workers()) == len(before) and before[0] not in launched.workers(), 10, "a new worker")
    launched.expect(launched.ask(uri="/health"), 200)


# ---- A service manager that is told ----

@pytest.fixture
def managed(built: None, directory: Callable[[], Path]) -> Iterator[Managed]:
    """Started, with what it told until then not yet read."""
    service = Managed(directory(), MODULES=demo_module())
    yield service.start()
    service.stop()
    service.log.records()
    service.notifications.close()


class Told:
    """All that a service told, waited for by assignment; each must have been sent by the main process."""

    def __init__(self, service: Managed) -> None:
        self.service, self.main, self.seen = service, service.pid, []  # type: Managed, int, list[dict[str, str]]

    def wait(self, **wanted: str) -> dict[str, str]:
        """The first message with these; it and all before it are forgotten."""
        def found() -> list[int]:
            for sender, message in self.service.told():
                assert sender == self.main, f"{sender} sent {message}, not {self.main}"
                self.seen.append(message)
            return [i + 1 for i, message in enumerate(self.seen) if wanted.items() <= message.items()]
        end = wait_for(found, 10, f"{wanted} among {self.seen}")[0]
        message, self.seen = self.seen[end - 1], self.seen[end:]
        return message


def test_the_service_manager_is_told_when_it_serves(managed: Managed) -> None:
    """Once it is answered, not before."""
    told = Told(managed)
    told.wait(READY="1")
    managed.expect(managed.ask(uri="/health"), 200)


def test_the_watchdog_is_fed(managed: Managed) -> None:
    told = Told(managed)
    told.wait(READY="1")
    begun = time.monotonic()
    for _ in range(5):
        told.wait(WATCHDOG="1")
    assert time.monotonic() - begun < 6 * managed.watchdog_usec / 1e6


def test_a_reload_is_told_from_its_begin_to_its_end(managed: Managed) -> None:
    told, before = Told(managed), managed.workers()
    told.wait(READY="1")
    send([managed.pid], signal.SIGHUP)
    begun = told.wait(RELOADING="1")
    assert 0 <= time.clock_gettime(time.CLOCK_MONOTONIC) - int(begun["MONOTONIC_USEC"]) / 1e6 < 10
    told.wait(READY="1")
    wait_for(lambda: not set(managed.workers()) & set(before), 10, "the old workers are gone")
    told.wait(WATCHDOG="1")


def test_stopping_is_told(managed: Managed) -> None:
    told = Told(managed)
    told.wait(READY="1")
    assert managed.stop() == 0
    told.wait(STOPPING="1")


# ---- mod_fcgid ----

@pytest.fixture
def site(built: None, testmod: Path, directory: Callable[[], Path]) -> Iterator[fcgid.Fcgid]:
    """A whole site of a test's own."""
    place = directory()
    place.mkdir()
    place.chmod(0o755)
    service, configuration = fcgid.whole_site(place, MIB)
    service.settings["MODULES"] = service.module(demo_module())
    yield service.serve(configuration)
    service.stop()
    service.log.records()


def in_the_background(site: fcgid.Fcgid, path: str) -> Callable[[], Answer]:
    """A GET that runs meanwhile; returns what gives its answer."""
    answers: list[Answer] = []

    def ask() -> None:
        assert site.apache is not None
        with HttpClient(site.apache.port) as client:
            answers.append(client.get(path))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()

    def answer() -> Answer:
        thread.join(20)
        return answers[0]
    return answer


def get(site: fcgid.Fcgid, path: str) -> Answer:
    """One GET."""
    assert site.apache is not None
    with HttpClient(site.apache.port) as client:
        return client.get(path)


def test_a_process_serves_by_itself(site: fcgid.Fcgid) -> None:
    """It forks nothing, and Apache is its parent."""
    site.expect(get(site, "/health"), 200)
    processes = site.workers()
    assert len(processes) == 1
    parent = int(Path(f"/proc/{processes[0]}/stat").read_text().rpartition(")")[2].split()[1])
    assert Path(f"/proc/{parent}/comm").read_text() == "apache2\n"


def test_apache_starts_as_many_as_it_needs(site: fcgid.Fcgid) -> None:
    waiting = [in_the_background(site, "/slow?ms=5000") for _ in range(3)]
    wait_for(lambda: len(site.workers()) >= 3, 10, "three processes")
    for answer in waiting:
        site.expect(answer(), 200, route="/slow")


def test_the_processes_share_one_scoreboard(site: fcgid.Fcgid) -> None:
    """Each sees all of them."""
    waiting = [in_the_background(site, "/slow?ms=1500") for _ in range(2)]
    wait_for(lambda: len(site.workers()) >= 2, 10, "two processes")

    def seen() -> Any:
        return get(site, "/health/detailed").json()["checks"]["pool"]
    wait_for(lambda: seen()["workers"] >= 2 and seen()["busy"] >= 1, 10, "the pool as a whole")
    for answer in waiting:
        site.expect(answer(), 200)


def test_sigterm_lets_a_request_finish(site: fcgid.Fcgid) -> None:
    waiting = in_the_background(site, "/slow?ms=1000")
    site.log.wait("Request started", 10, url="/slow?ms=1000")
    send(site.workers(), signal.SIGTERM)
    site.expect(waiting(), 200, route="/slow")
    wait_for(lambda: not site.workers(), 5, "the process is gone")
    site.expect(get(site, "/health"), 200)


def test_a_killed_process_is_replaced(site: fcgid.Fcgid) -> None:
    site.expect(get(site, "/health"), 200)
    before = site.workers()
    send(before, signal.SIGKILL)
    wait_for(lambda: not site.workers(), 5, "the process is gone")
    wait_for(lambda: get(site, "/health").status == 200, 10, "Apache started another")
    assert not set(site.workers()) & set(before)


def test_the_shared_host_keeps_its_files_to_itself(built: None, directory: Callable[[], Path]) -> None:
    """Files that are there are Apache's, the service's own are out of reach, and its settings pass --check."""
    place = directory()
    place.mkdir()
    place.chmod(0o755)
    service, configuration = fcgid.shared_host(place, 128 << 10)
    (place / "alice" / "public_html" / "page.txt").write_text("static")
    try:
        service.serve(configuration)
        checked = subprocess.run([str(place / "alice" / "vitals" / "sbin" / "vitalsd"), "--env-file", str(service.env_file), "--check"],
                                 capture_output=True, text=True, timeout=10, env={"PATH": PATH, "LC_ALL": "C"})
        assert checked.returncode == 0, checked.stderr
        assert get(service, "/page.txt").body == b"static"
        for path, status in (("/.htaccess", 403), ("/vitals.fcgi", 404), ("/../vitals/vitals.env", 400), ("/vitals.env", 404)):
            assert get(service, path).status == status, path
        service.expect(get(service, "/health"), 200)
    finally:
        service.stop()


# ---- systemd's units ----

@pytest.fixture
def units(built: None, directory: Callable[[], Path]) -> Path:
    """Copies of the units, whose program is there."""
    place = directory()
    shutil.copytree(UNITS, place)
    text = (UNITS / "vitals.service").read_text()
    assert text.count("=/usr/sbin/vitalsd") == 2
    (place / "vitals.service").write_text(text.replace("=/usr/sbin/vitalsd", f"={program()}"))
    return place


def analyze(place: Path, *arguments: str) -> str:
    """systemd-analyze on files alone; no systemd need run."""
    done = subprocess.run(["systemd-analyze", *arguments], cwd=place, capture_output=True, text=True, timeout=60,
                          env={"PATH": PATH, "LC_ALL": "C"})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_units_are_sound(units: Path) -> None:
    assert analyze(units, "verify", "--man=no", *(f"./{path.name}" for path in sorted(units.iterdir()))) == ""


def test_the_service_is_confined(units: Path) -> None:
    """systemd's own measure: 0 is perfect, 10 is a service without any confinement."""
    said = analyze(units, "security", "--offline=yes", "./vitals.service")
    level = re.search(r"Overall exposure level for vitals\.service: ([0-9.]+)", said)
    assert level and float(level[1]) <= 2.0, said


def test_the_units_know_the_protocol() -> None:
    """The name by which launcher.c knows the admin socket, and what service_manager.c sends."""
    assert "FileDescriptorName=admin\n" in (UNITS / "vitals-admin.socket").read_text()
    service = (UNITS / "vitals.service").read_text()
    for line in ("Type=notify", "NotifyAccess=main", "WatchdogSec=30", "ExecReload=/bin/kill -HUP $MAINPID"):
        assert f"{line}\n" in service
