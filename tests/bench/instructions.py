"""Instructions of one worker for each request, counted by callgrind: the same on a busy machine as on an idle one.

One process, one connection, raw FastCGI, one request after the other with the variables that nginx sends. The count of a long
run less that of a short one, by the requests between: starting, ending and the first requests' warming up cancel out.
"""
from __future__ import annotations

import argparse
import json
import re
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

from harness import fcgi
from harness.processes import PATH, Process, children_of, wait_for
from harness.vitalsd import Vitalsd, build_directory, demo_module
from trial.stage import SetUpError, Stage

from . import machine
from .contenders import run as run_compiler

SHORT, LONG = 1000, 4000
SMOKE_SHORT, SMOKE_LONG = 50, 150
GOAL = 1.6
PEERS = ("floor", "libfcgi_loop")


@dataclass(frozen=True)
class Count:
    """Instructions a request, and what the runs that it comes from had altogether."""

    name: str
    per_request: float
    short: int
    long: int


def under_callgrind(argv: list[str], directory: Path) -> list[str]:
    """libtool's wrapper, where there is one, is looked through."""
    return ["/bin/sh", str(build_directory() / "libtool"), "--mode=execute", "valgrind", "--tool=callgrind",
            f"--callgrind-out-file={directory}/callgrind.%p", "--quiet", *argv]


def ask(socket: str, requests: int) -> None:
    """One after the other, on one connection."""
    message = fcgi.request(fcgi.cgi(REQUEST_ID="0123456789abcdef0123456789abcdef", HTTP_USER_AGENT="bench", HTTP_ACCEPT="*/*"))
    with fcgi.Connection(socket, 60) as connection:
        for _ in range(requests):
            answer = connection.send(message).read_answer()
            assert answer.status == 200, f"{answer.status} {answer.body!r}"


def accepts(process: Process, socket: str) -> bool:
    """A request is answered; callgrind takes its time to start."""
    assert process.running(), f"{process.name} ended: {process.said()[-2000:]}"
    try:
        ask(socket, 1)
        return True
    except (OSError, fcgi.Closed):
        return False


def total(directory: Path, pid: int) -> int:
    """What callgrind wrote when the process ended."""
    path = directory / f"callgrind.{pid}"
    assert path.exists(), f"callgrind wrote no {path.name}"
    found = re.findall(r"^(?:totals|summary): (\d+)", path.read_text(errors="replace"), re.MULTILINE)
    assert found, f"{path.name} has no total"
    return int(found[-1])


def count_peer(stage: Stage, name: str, requests: int) -> int:
    """A peer in one process."""
    directory = stage.directory()
    directory.mkdir()
    socket = str(directory / "s.sock")
    process = Process(under_callgrind([str(build_directory() / "tests/bench/peers" / name), socket, "1", '{"status":"healthy"}'],
                                      directory), directory, name)
    try:
        wait_for(lambda: accepts(process, socket), 30, f"{name} answers")
        ask(socket, requests)
    finally:
        process.stop(signal.SIGTERM, 30)
    return total(directory, process.pid)


def count_vitals(stage: Stage, requests: int) -> int:
    """The only worker of a pool; callgrind follows the supervisor's forks and counts each process by itself."""
    service = Vitalsd(stage.directory(), WORKERS=1, MODULES=demo_module())
    service.write_settings()
    process = service.process = Process(
        under_callgrind([str(build_directory() / "vitalsd"), "--env-file", str(service.env_file)], service.directory),
        service.directory, "vitalsd")
    try:
        wait_for(lambda: accepts(process, service.socket), 60, "vitalsd answers")
        (worker,) = [pid for pid in children_of(process.pid) if pid not in service.log_writers()]
        ask(service.socket, requests)
    finally:
        process.stop(signal.SIGTERM, 60)
    return total(service.directory, worker)


def count(stage: Stage, name: str, short: int, long: int) -> Count:
    """Two runs."""
    counted = [count_vitals(stage, n) if name == "vitals" else count_peer(stage, name, n) for n in (short, long)]
    return Count(name, (counted[1] - counted[0]) / (long - short), *counted)


def run(stage: Stage, chosen: argparse.Namespace) -> int:
    """Prints the table; 0."""
    if shutil.which("valgrind", path=PATH) is None:
        raise SetUpError("valgrind is missing; scripts/install-deps bench installs it.")
    for name in PEERS:
        run_compiler(["make", "-s", f"tests/bench/peers/{name}"], build_directory())
    about = {**machine.about(1), "what": "instructions", "smoke": chosen.smoke}
    print(machine.headline(about))
    short, long = (SMOKE_SHORT, SMOKE_LONG) if chosen.smoke else (SHORT, LONG)
    counts = {name: count(stage, name, short, long) for name in (*PEERS, "vitals")}
    ratio = counts["vitals"].per_request / counts["libfcgi_loop"].per_request
    print(f"\ninstructions a request ({long} requests less {short})")
    for found in counts.values():
        print(f"  {found.name:<13} {found.per_request:>10,.0f}")
    print(f"  vitals of libfcgi_loop {ratio:.2f}   goal {GOAL} at most: {'met' if ratio <= GOAL else 'MISSED'}", flush=True)
    if chosen.json:
        lines = [{"contender": found.name, "instructions_per_request": found.per_request, "short": found.short, "long": found.long}
                 for found in counts.values()]
        lines.append({"goal": GOAL, "against": "libfcgi_loop", "figure": "instructions_per_request", "found": ratio, "met": ratio <= GOAL})
        chosen.json.write_text("".join(json.dumps({**about, **line}) + "\n" for line in lines))
    return 0
