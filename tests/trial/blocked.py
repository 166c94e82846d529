"""Health while every worker of the pool is blocked: the admin worker answers as if nothing were."""
from __future__ import annotations

import http.client
import threading
import time
from typing import Optional

from harness.http import HttpClient
from harness.processes import wait_for

from .figures import Report, percentile
from .plan import Plan
from .stage import Stage

WORKERS = 8
BLOCK_MS = 5000
ROUTES = ("/health/live", "/health/ready", "/metrics")


class Blockers:
    """As many clients as workers, each with one long request; the connections are closed when the answers no longer matter."""

    def __init__(self, port: int) -> None:
        self.clients = [HttpClient(port, 30) for _ in range(WORKERS)]
        self.threads = [threading.Thread(target=self._block, args=(client,), daemon=True) for client in self.clients]
        self.failures: list[str] = []
        for thread in self.threads:
            thread.start()

    def _block(self, client: HttpClient) -> None:
        try:
            answer = client.get(f"/slow?ms={BLOCK_MS}&how=sleep")
            if answer.status != 200:
                self.failures.append(f"{answer.status} {answer.body[:200]!r}")
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(repr(error))

    def all_blocked(self) -> bool:
        """None has its answer yet."""
        return all(thread.is_alive() for thread in self.threads)

    def wait(self) -> None:
        """For the answers."""
        for thread in self.threads:
            thread.join(BLOCK_MS / 1000 + 10)
        for client in self.clients:
            client.close()


def run(stage: Stage, report: Report, plan: Plan) -> None:
    """Rounds of five seconds; the requests of a round are those that came while all workers were blocked."""
    service = stage.service(WORKERS).start()
    front = stage.front(service)
    times: dict[str, list[float]] = {route: [] for route in ROUTES}
    statuses: dict[str, set[int]] = {route: set() for route in ROUTES}
    not_saturated, failures = 0, []
    for _ in range(plan.rounds(BLOCK_MS // 1000)):
        blockers = Blockers(front.port)
        with HttpClient(front.port) as client:
            wait_for(lambda: reason(client) == "saturated" or not blockers.all_blocked(), 10, "the pool to be blocked")
            end = time.monotonic() + (1 if plan.smoke else 3)
            while time.monotonic() < end and blockers.all_blocked():
                for route in ROUTES:
                    answer = client.get(route)
                    times[route].append(answer.seconds * 1e3)
                    statuses[route].add(answer.status)
                    if route == "/health/ready" and blockers.all_blocked():
                        not_saturated += answer.status != 503 or answer.json().get("reason") != "saturated"
        if plan.smoke:
            break
        blockers.wait()
        failures += blockers.failures
    show(report, times, statuses)
    report.add("/health/ready that did not say saturated", not_saturated, "requests", at_most=0, promise=True)
    report.add("failed long requests", len(failures), "requests", at_most=0, promise=True)
    front.stop()
    stage.kill(service)


def reason(client: HttpClient) -> Optional[str]:
    """Why the service says it is not ready."""
    answer = client.get("/health/ready")
    return answer.json().get("reason") if answer.status == 503 else None


def show(report: Report, times: dict[str, list[float]], statuses: dict[str, set[int]]) -> None:
    """A route that is not there yet is left out."""
    wanted = {"/health/live": {200}, "/health/ready": {503}, "/metrics": {200}}
    for route in ROUTES:
        if statuses[route] == {404}:
            report.note(f"{route} is answered with 404: left out")
            continue
        report.add(f"{route}: requests", len(times[route]), "requests")
        report.add(f"{route}: p50", percentile(times[route], 50), "ms")
        report.add(f"{route}: p99", percentile(times[route], 99), "ms", at_most=10)
        report.add(f"{route}: slowest", max(times[route]), "ms")
        report.add(f"{route}: wrong statuses", len(statuses[route] - wanted[route]), "statuses", at_most=0, promise=True)
