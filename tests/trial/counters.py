"""The counters of /metrics against nginx's access log, to the last request, whatever befalls the workers."""
from __future__ import annotations

import itertools
import random
import re
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Optional

from harness.http import HttpClient
from harness.processes import send, wait_for
from harness.vitalsd import Vitalsd

from .client import Client
from .clients import pause_until
from .figures import Report
from .plan import Plan
from .records import generations, named, supervisor_records
from .stage import Front, Stage
from .workers import image_of, pool_workers

WORKERS = 8
KILL_SECONDS, SCRAPE_SECONDS, CHANGE_SECONDS = 0.2, 0.1, 3.0
GETS = ("facts", "users", "facts", "nap")
DURATION = "http_server_request_duration_seconds"
SAMPLE = re.compile(r'^([a-z_]+)(?:\{(.*)\})? (\S+)$')
OTHERS = ("/metrics", "/health")  # the scrapes, and the harness's look whether nginx answers
RISING = ("_total", "_count", "_bucket")  # of what never falls


@dataclass
class Watch:
    """Scrapes, each compared with the one before."""

    port: int
    scrapes: int = 0
    fallen: list[str] = field(default_factory=list)
    last: dict[str, float] = field(default_factory=dict)

    def look(self) -> None:
        """One scrape. The processor time of processes is the kernel's, not ours."""
        now = scrape(self.port)
        for name, value in self.last.items():
            base = name.split("{")[0]
            if base.endswith(RISING) and not base.startswith("process_") and now.get(name, 0) < value:
                self.fallen.append(f"{name} from {value:.0f} to {now.get(name, 0):.0f}")
        self.last = now
        self.scrapes += 1


def scrape(port: int) -> dict[str, float]:
    """Every sample by its name with labels."""
    with HttpClient(port) as client:
        answer = client.get("/metrics")
    assert answer.status == 200, answer.body
    samples = {}
    for line in answer.body.decode().splitlines():
        found = SAMPLE.match(line)
        if found:
            samples[line[:line.rindex(" ")]] = float(found[3])
    return samples


def counted(samples: dict[str, float]) -> Counter[tuple[str, str]]:
    """Requests by method and status, but those that no client of the trial's made."""
    found: Counter[tuple[str, str]] = Counter()
    for name, value in samples.items():
        labels = dict(re.findall(r'([a-z_]+)="([^"]*)"', name))
        if name.startswith(f"{DURATION}_count{{") and labels["route"] not in OTHERS:
            found[labels["method"], labels["status_code"]] += int(value)
    return found


def logged(front: Front) -> Counter[tuple[str, str]]:
    """The same by nginx."""
    found: Counter[tuple[str, str]] = Counter()
    for line in front.access_log.read_text().splitlines():
        _, status, method, uri = line.split(" ", 3)
        if uri != "/metrics":
            found[method, status] += 1
    return found


def run(stage: Stage, report: Report, plan: Plan) -> None:
    """Kills every 200 ms, a reload or an upgrade every three seconds, each worker recycled, scrapes ten times a second."""
    service = stage.service(WORKERS, DATABASE_URL=stage.database().url, MAX_REQUESTS=500).start()
    front = stage.front(service)
    watch, kills, images = Watch(front.port), set(), 0
    client = Client(stage, front, max(4, plan.seconds), kinds=GETS)  # waits for its last answers, as wrk does not
    chance, begun = random.Random(plan.seed), time.monotonic()
    changes = itertools.cycle([signal.SIGHUP, signal.SIGHUP, signal.SIGUSR2])
    change_due = begun + (1.0 if plan.smoke else CHANGE_SECONDS)
    before: Optional[str] = None
    for number in itertools.count(1):
        pause_until(begun + number * SCRAPE_SECONDS)
        if not client.running():
            break
        watch.look()
        if number % round(KILL_SECONDS / SCRAPE_SECONDS) == 0:
            victim = chance.choice(pool_workers(service) or [0])
            if victim:
                send([victim], signal.SIGKILL)
                kills.add(victim)
        if time.monotonic() >= change_due:
            images += before is not None and image_of(service.pid) not in (before, None)
            before, change_due = image_of(service.pid), change_due + CHANGE_SECONDS
            send([service.pid], next(changes))
    answers = client.wait()
    wait_for(lambda: len(pool_workers(service)) == WORKERS, 10, f"{WORKERS} workers after the load")
    time.sleep(2.5)  # what is kept of the dead is counted after a second, at a look that comes each second
    watch.look()
    show(report, service, front, watch, len(kills))
    report.add("failed, as the clients saw it", len(answers.failed), "requests", at_most=0, promise=True)
    report.add("supervisor seen to execute itself again", images, "times")


def show(report: Report, service: Vitalsd, front: Front, watch: Watch, kills: int) -> None:
    """The difference, in both directions."""
    ours, theirs = counted(watch.last), logged(front)
    records = supervisor_records(service)
    died = [found for found in named(records, "Worker died") if found.get("signal") == "SIGKILL"]
    report.add("workers killed", kills, "workers")
    report.add("obituaries of these", len(died), "records")
    report.add("workers recycled", int(watch.last.get("vitals_workers_recycled_total", 0)), "workers")
    report.add("generations of workers", len(generations(records)), "generations")
    report.add("scrapes", watch.scrapes, "scrapes")
    report.add("requests in nginx's log", sum(theirs.values()), "requests")
    report.add("requests counted", sum(ours.values()), "requests")
    report.add("in the log and not counted", sum((theirs - ours).values()), "requests", at_most=0)
    report.add("counted and not in the log", sum((ours - theirs).values()), "requests", at_most=0)
    report.add("times that a counter fell between scrapes", len(watch.fallen), "times", at_most=0, promise=True)
    for text in [*watch.fallen[:3], *(f"{name}: {ours[name]} counted, {theirs[name]} in the log" for name in ours | theirs
                                      if ours[name] != theirs[name])]:
        report.note(text)
