"""What /metrics costs with 64 workers and a hundred routes: its own processor time, and what it takes from requests."""
from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional

from harness import modules
from harness.http import Answer, HttpClient
from harness.vitalsd import Vitalsd

from .figures import Report, median, percentile
from .plan import Plan
from .stage import Front, Stage
from .workers import name_of, thread_times, used_ns
from .wrk import Wrk, load

WORKERS = 64
ROUTES_SOURCE = Path(__file__).with_name("manyroutes.c")
ONE_EACH = ("many",)
FULL = ("many", "many_posted", "many_missing", "many_failed")
SCRAPES_A_SECOND = 10  # one a second is too little to be seen beside the noise: the effect is that of so many, divided
ROUND_SECONDS = 2
ACCEPT = {"": "text", "application/openmetrics-text;version=1.0.0": "OpenMetrics"}


def run(stage: Stage, report: Report, plan: Plan) -> None:
    """Each route's GET first, then every series that there may be."""
    service = stage.service(WORKERS)
    service.settings["TRACE_FILE"] = service.directory / "spans.json"  # sampled, so that there are exemplars
    stage.root.joinpath("many").mkdir()
    service.settings["MODULES"] = f"{modules.build_module(ROUTES_SOURCE, stage.root / 'many')}"
    front = stage.front(service.start())
    fill_seconds = 1 if plan.smoke else 8
    for kinds, what in ((ONE_EACH, "each route's GET"), (FULL, "full")):
        Wrk(stage, front, fill_seconds, connections=256, checked=kinds).wait()
        show_cost(report, service, front, what, scrapes=5 if plan.smoke else 200)
    effect = Effect()
    for _ in range(plan.rounds(2 * ROUND_SECONDS)):
        effect.one_round(stage, front, 1 if plan.smoke else ROUND_SECONDS)
    effect.show(report)


def admin_worker(service: Vitalsd) -> int:
    """The one that answers /metrics."""
    return next(pid for pid in service.workers() if name_of(pid).endswith(":admin"))


def show_cost(report: Report, service: Vitalsd, front: Front, what: str, scrapes: int) -> None:
    """The admin worker's processor time, by scrape; with requests between them, so that no cell stays in its cache."""
    pid = admin_worker(service)
    with HttpClient(front.port) as client:
        for accept, form in ACCEPT.items():
            times = []
            for _ in range(scrapes):
                before = thread_times([pid])
                answer = client.request("GET", "/metrics", headers={"Accept": accept} if accept else {})
                times.append(used_ns(before, thread_times([pid])) / 1e6)
                assert answer.status == 200, answer.body
                for number in range(20):
                    client.get(f"/many/{number}")
            lines = [line for line in answer.body.splitlines() if not line.startswith(b"#")]
            report.add(f"{what}, {form}: samples", len(lines), "samples")
            report.add(f"{what}, {form}: size", len(answer.body) / 1e6, "MB")
            report.add(f"{what}, {form}: processor time, median", median(times), "ms", at_most=5)
            report.add(f"{what}, {form}: processor time, p90", percentile(times, 90), "ms")


class Scraper:
    """with Scraper(scrape, a_second): so many scrapes, evenly, whose answers are read and thrown away."""

    def __init__(self, scrape: Callable[[], Answer], a_second: int) -> None:
        self.scrape, self.a_second, self.scrapes = scrape, a_second, 0
        self.stopping = threading.Event()
        self.failure: Optional[str] = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        begun = time.monotonic()
        while not self.stopping.wait(max(0.0, begun + self.scrapes / self.a_second - time.monotonic())):
            answer = self.scrape()
            self.scrapes += 1
            if answer.status != 200:
                self.failure = f"{answer.status} {answer.body[:200]!r}"

    def __enter__(self) -> "Scraper":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.thread.join(15)
        assert self.failure is None, self.failure


@dataclass
class Effect:
    """Throughput with and without, round by round, each time in the other order."""

    ratios: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    def one_round(self, stage: Stage, front: Front, seconds: int) -> None:
        """Both sides."""
        rates = {}
        for scraped in ((False, True) if len(self.ratios) % 2 else (True, False)):
            if scraped:
                with HttpClient(front.port) as client, Scraper(lambda: client.get("/metrics"), SCRAPES_A_SECOND):
                    rates[scraped] = load(stage, front, seconds, connections=64, path="/many/7").rate
            else:
                rates[scraped] = load(stage, front, seconds, connections=64, path="/many/7").rate
        self.ratios.append(rates[True] / rates[False])
        self.rates.append(rates[False])

    def show(self, report: Report) -> None:
        """In percent of the throughput, for one scrape a second."""
        each = [(1 - ratio) * 100 / SCRAPES_A_SECOND for ratio in self.ratios]
        report.add("throughput without a scrape", median(self.rates), "requests/s")
        report.add(f"throughput with {SCRAPES_A_SECOND} scrapes a second, of that", median(self.ratios), "ratio")
        report.add("taken by one scrape a second, median of the rounds", median(each), "percent", at_most=0.5)
        report.add("the same, lowest round", min(each), "percent")
        report.add("the same, highest round", max(each), "percent")
