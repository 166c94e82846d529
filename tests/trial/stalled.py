"""Peers that begin a request and do not go on: they hold nobody up."""
from __future__ import annotations

import time

from harness import fcgi
from harness.http import HttpClient
from harness.vitalsd import Vitalsd

from .figures import Report, percentile
from .plan import Plan
from .stage import Stage

WORKERS = 8
PEERS = 4 * WORKERS
SECONDS_A_BATCH = 5  # below ADMISSION_TIMEOUT, which would close them


def halves() -> list[bytes]:
    """
    The ways to stop in the middle of POST /echo. Not among them: a body above BODY_BUFFER_SIZE or MAX_REQUEST_SIZE,
    which a worker is spent on while it comes (doc/architecture.md, "Bytes arrive").
    """
    large = fcgi.pairs(fcgi.cgi("POST", "/echo", body=b"x" * (8 << 20), content_type="application/json"))
    params = fcgi.pairs(fcgi.cgi("POST", "/echo", body=b"x" * 1000, content_type="application/json"))
    head = fcgi.begin() + fcgi.stream(fcgi.PARAMS, params)
    return [
        b"",                                                        # connected, nothing more
        fcgi.begin()[:5],                                           # within the first header
        fcgi.begin(),                                               # no parameters
        fcgi.begin() + fcgi.record(fcgi.PARAMS, params)[:100],      # within a record of parameters
        fcgi.begin() + fcgi.stream(fcgi.PARAMS, params, end=False),  # the parameters' end is missing
        head,                                                       # the whole body is missing
        head + fcgi.record(fcgi.STDIN, b"x" * 500),                 # half of the body
        head + fcgi.stream(fcgi.STDIN, b"x" * 1000, end=False),     # the body's end is missing
        head + fcgi.record(fcgi.STDIN, b"x" * 1000)[:9],            # within a record of the body
        fcgi.begin() + fcgi.stream(fcgi.PARAMS, large) + fcgi.stream(fcgi.STDIN, b"x" * (5 << 20), end=False),
    ]


class Peers:
    """Four times the workers; every fourth goes on by a byte at a time."""

    def __init__(self, service: Vitalsd) -> None:
        kinds = halves()
        self.dripping = fcgi.request(fcgi.cgi("POST", "/echo", body=b"x" * 1000), b"x" * 1000)
        self.dripped = 0
        self.connections = [service.connect() for _ in range(PEERS)]
        for n, connection in enumerate(self.connections):
            if n % 4:
                connection.send(kinds[n % len(kinds)])

    def drip(self) -> None:
        """One more byte from each that drips, never the last."""
        if self.dripped < len(self.dripping) - 1:
            for connection in self.connections[::4]:
                connection.send(self.dripping[self.dripped:self.dripped + 1])
            self.dripped += 1

    def close(self) -> int:
        """How many the service had closed before."""
        closed = sum(connection.closed_within(0) for connection in self.connections)
        for connection in self.connections:
            connection.close()
        return closed


def run(stage: Stage, report: Report, plan: Plan) -> None:
    """Good requests, one at a time: on a new connection to the service, and through nginx."""
    service = stage.service(WORKERS).start()
    front = stage.front(service)
    direct: list[float] = []
    through: list[float] = []
    wrong = closed = 0
    for _ in range(plan.rounds(SECONDS_A_BATCH)):
        peers = Peers(service)
        end = time.monotonic() + min(plan.seconds, SECONDS_A_BATCH)
        with HttpClient(front.port) as client:
            while time.monotonic() < end:
                peers.drip()
                begun = time.monotonic()
                answer = service.ask("POST", "/echo", b'{"good":1}', content_type="application/json")
                direct.append((time.monotonic() - begun) * 1e3)
                wrong += answer.status != 200 or answer.body != b'{"good":1}'
                answer = client.get("/facts")
                through.append(answer.seconds * 1e3)
                wrong += answer.status != 200
        closed += peers.close()
    show(report, direct, through)
    report.add("good requests that failed", wrong, "requests", at_most=0, promise=True)
    report.add("stalled peers that were closed before their time", closed, "peers")


def show(report: Report, direct: list[float], through: list[float]) -> None:
    """Both distributions."""
    report.add("stalled peers at a time", PEERS, "peers")
    for name, times in (("new connection", direct), ("through nginx", through)):
        report.add(f"{name}: good requests", len(times), "requests")
        for percent in (50, 90, 99):
            report.add(f"{name}: p{percent}", percentile(times, percent), "ms")
        report.add(f"{name}: slowest", max(times), "ms", at_most=50)
