"""What the wrappers, with the two records of a request, cost: tests/bench/wrappers_cost.c, built and run."""
from __future__ import annotations

import os
import subprocess

from harness.processes import PATH
from harness.vitalsd import build_directory

from .figures import Report
from .plan import Plan
from .stage import SetUpError, Stage

PROGRAM = "tests/bench/wrappers_cost"
BOUND_US = 5
CLIENTS = {"given": "client's ID", "made": "ID made here"}


def build_program() -> str:
    """By the build's own rules, which also make its objects what the service's are."""
    done = subprocess.run(["make", "-s", PROGRAM], cwd=build_directory(), capture_output=True, text=True,
                          env={"PATH": os.environ.get("PATH", PATH), "LC_ALL": "C"})
    if done.returncode != 0:
        raise SetUpError(f"make {PROGRAM} failed: {done.stderr[-2000:]}")
    return str(build_directory() / PROGRAM)


def run(stage: Stage, report: Report, plan: Plan) -> None:
    """Once with a correlation ID from the client and once without."""
    directory = stage.directory()
    directory.mkdir()
    done = subprocess.run([build_program(), str(directory), str(plan.seconds)], capture_output=True, text=True,
                          timeout=plan.seconds + 60)
    assert done.returncode == 0, f"{PROGRAM}: {done.stderr[-2000:]}"
    for line in done.stdout.splitlines():
        show(report, *line.split("\t"))


def show(report: Report, client: str, what: str, name: str, first: str, second: str) -> None:
    """One line of the program; CPU and wall time in ns where it is a time."""
    about, cpu, wall = CLIENTS.get(client, ""), float(first) / 1e3, float(second) / 1e3
    if what == "total" and name == "none":
        report.add(f"{about}: a request without wrappers", cpu, "us")
    elif what == "wrapper":
        report.add(f"{about}: wrapper {name}", cpu, "us")
    elif what == "without records":
        report.add(f"{about}: all wrappers, the level above INFO", cpu, "us")
    elif what == "cost":
        report.add(f"{about}: all wrappers, processor time", cpu, "us", at_most=BOUND_US)
        report.add(f"{about}: all wrappers, wall time", wall, "us", at_most=BOUND_US)
    elif what == "dropped":
        report.add("records dropped, which would be cheap ones", int(first), "records", at_most=0, promise=True)
