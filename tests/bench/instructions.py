"""Instructions of one worker for each request, counted by callgrind: the same on a busy machine as on an idle one.

One process, one connection, raw FastCGI, one request after the other with the variables that nginx sends. The count of a long
run less that of a short one, by the requests between: starting, ending and the first requests' warming up cancel out.
"""
from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import fcgi
from harness.processes import PATH, Process, children_of, wait_for
from harness.vitalsd import CHECKOUT, Vitalsd, build_directory, demo_module
from trial.stage import SetUpError, Stage

from .contenders import run as run_compiler

FUNCTIONS = 20
SHORT, LONG = 1000, 4000
SMOKE_SHORT, SMOKE_LONG = 50, 150
GOAL = 1.6
PEERS = ("floor", "libfcgi_loop")
# None: if_not_empty, and empty.
VARIABLES = {
    "REQUEST_METHOD": "GET", "REQUEST_URI": "/health", "SCRIPT_NAME": "", "QUERY_STRING": None, "SERVER_PROTOCOL": "HTTP/1.1",
    "REQUEST_SCHEME": "http", "CONTENT_TYPE": None, "CONTENT_LENGTH": None, "REMOTE_ADDR": "127.0.0.1", "REMOTE_USER": None,
    "HTTP_HOST": "127.0.0.1:8080", "REQUEST_ID": "0123456789abcdef0123456789abcdef", "REQUEST_START": "", "HTTP_PROXY": None,
}


@dataclass(frozen=True)
class Count:
    """Instructions a request, and what the runs that it comes from had altogether. functions: instructions of each a request,
    without what it calls."""

    name: str
    per_request: float
    short: int
    long: int
    functions: dict[str, float]


def under_callgrind(argv: list[str], directory: Path) -> list[str]:
    """libtool's wrapper, where there is one, is looked through."""
    return ["/bin/sh", str(build_directory() / "libtool"), "--mode=execute", "valgrind", "--tool=callgrind",
            f"--callgrind-out-file={directory}/callgrind.%p", "--quiet", *argv]


def as_nginx() -> list[tuple[str, str]]:
    """What nginx sends for wrk's request, by the shipped file; HTTP_HOST is in there, and wrk sends no other header."""
    text = (CHECKOUT / "nginx-conf" / "vitals.conf").read_text()
    names = re.findall(r"^fastcgi_param (\w+) .*;$", text, re.MULTILINE)
    unknown = [name for name in names if name not in VARIABLES]
    assert names and not unknown, f"nginx-conf/vitals.conf sends {unknown}: what is a value for it?"
    values = {**VARIABLES, "REQUEST_START": f"{time.time():.3f}"}
    return [(name, value) for name in names if (value := values[name]) is not None]


def ask(socket: str, requests: int) -> None:
    """One after the other, on one connection."""
    message = fcgi.request(as_nginx())
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


def written(directory: Path, pid: int) -> Path:
    """What callgrind wrote when the process ended."""
    path = directory / f"callgrind.{pid}"
    assert path.exists(), f"callgrind wrote no {path.name}"
    return path


def total(path: Path) -> int:
    """Instructions from the start to the end."""
    found = re.findall(r"^(?:totals|summary): (\d+)", path.read_text(errors="replace"), re.MULTILINE)
    assert found, f"{path.name} has no total"
    return int(found[-1])


def by_function(path: Path) -> dict[str, int]:
    """Instructions of each function; one that stands in several files because parts of others are inlined in it is one."""
    done = subprocess.run(["callgrind_annotate", "--threshold=100", "--auto=no", str(path)], capture_output=True, text=True,
                          errors="replace", env={"PATH": PATH, "LC_ALL": "C"}, timeout=60)
    assert done.returncode == 0, f"callgrind_annotate: {done.stderr[-500:]}"
    found: dict[str, int] = {}
    for number, name in re.findall(r"^ *([\d,]+) \([ \d.]+%\)  \S*?:(\S+)(?: \[.*\])?$", done.stdout, re.MULTILINE):
        found[name] = found.get(name, 0) + int(number.replace(",", ""))
    return found


def count_peer(stage: Stage, name: str, requests: int) -> Path:
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
    return written(directory, process.pid)


def count_vitals(stage: Stage, requests: int) -> Path:
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
    return written(service.directory, worker)


def count(stage: Stage, name: str, short: int, long: int) -> Count:
    """Two runs."""
    paths = [count_vitals(stage, n) if name == "vitals" else count_peer(stage, name, n) for n in (short, long)]
    totals, functions = [total(path) for path in paths], [by_function(path) for path in paths]
    each = {function: (n - functions[0].get(function, 0)) / (long - short) for function, n in functions[1].items()}
    return Count(name, (totals[1] - totals[0]) / (long - short), *totals, functions=each)


def show_functions(found: Count) -> None:
    """Those with the most."""
    print(f"\n{found.name}: the {FUNCTIONS} functions with the most, without what they call")
    for name, each in sorted(found.functions.items(), key=lambda item: -item[1])[:FUNCTIONS]:
        print(f"  {each:>8,.0f} {each / found.per_request:>6.1%}  {name}")


def run(stage: Stage, about: dict[str, Any]) -> str:
    """Prints the table; the JSON lines."""
    if shutil.which("valgrind", path=PATH) is None:
        raise SetUpError("valgrind is missing; scripts/install-deps bench installs it.")
    for name in PEERS:
        run_compiler(["make", "-s", f"tests/bench/peers/{name}"], build_directory())
    about = {**about, "workers": 1, "what": "instructions"}
    print("\ninstructions: of one worker, under callgrind", flush=True)
    short, long = (SMOKE_SHORT, SMOKE_LONG) if about["smoke"] else (SHORT, LONG)
    counts = {name: count(stage, name, short, long) for name in (*PEERS, "vitals")}
    ratio = counts["vitals"].per_request / counts["libfcgi_loop"].per_request
    print(f"\ninstructions a request ({long} requests less {short})")
    for found in counts.values():
        print(f"  {found.name:<13} {found.per_request:>10,.0f}")
    show_functions(counts["vitals"])
    print(f"\nvitals of libfcgi_loop {ratio:.2f}   goal <= {GOAL}: {'met' if ratio <= GOAL else 'MISSED'}", flush=True)
    lines = [{"contender": found.name, "instructions_per_request": found.per_request, "short": found.short, "long": found.long,
              "functions": {name: each for name, each in found.functions.items() if each >= 1}}
             for found in counts.values()]
    lines.append({"figure": "instructions_per_request", "of": "vitals", "against": "libfcgi_loop", "at_most": GOAL, "found": ratio,
                  "met": ratio <= GOAL})
    return "".join(json.dumps({**about, **line}) + "\n" for line in lines)
