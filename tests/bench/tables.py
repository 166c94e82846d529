"""Tables as Markdown, of what --json wrote: those of doc/performance.md."""
from __future__ import annotations

import argparse
from typing import Any

from .records import Record, median_of, read, shown
from .scenario import Scenario
from .scenarios import SCENARIOS

FIGURES = {"requests_per_second": "requests/s", "p50_ms": "p50 ms", "p99_ms": "p99 ms", "p999_ms": "p99.9 ms", "cpu_us": "cpu µs",
           "private_kib": "MiB"}
HEADS = {**FIGURES, **dict(scenario.extra for scenario in SCENARIOS), "instructions_per_request": "instructions a request"}


def lines(heads: list[str], rows: list[list[str]]) -> list[str]:
    """One table; all but the first column to the right."""
    return ["", *(f"| {' | '.join(cells)} |" for cells in (heads, ["---"] + ["---:"] * (len(heads) - 1), *rows))]


def cells_of(row: dict[str, Any], figures: list[str]) -> list[str]:
    """A row's figures, its ratio to what it is compared with, and what went wrong."""
    values = {figure: median_of(row, figure) for figure in figures}
    if values["private_kib"] is not None:
        values["private_kib"] /= 1024
    compared = (row["figures"]["requests_per_second"] or {}).get("compared")
    return [row["contender"], *map(shown, values.values()), shown(compared["median"]) if compared else "",
            str(row["errors"]), str(row["starved"])]


def table(scenario: Scenario, record: Record, connections: int) -> list[str]:
    """Of all rows with so many connections."""
    figures = [*FIGURES, *filter(None, scenario.extra[:1])]
    heads = ["", *(HEADS[figure] for figure in figures), f"{scenario.comparison} requests/s", "errors", "starved"]
    return ["", f"`{scenario.name}`, {connections} connection{'s' if connections > 1 else ''}:",
            *lines(heads, [cells_of(row, figures) for row in record.at(connections)])]


def goal_cells(goal: dict[str, Any]) -> list[str]:
    """What was to be, and what was found."""
    found = goal["found"]["median"] if isinstance(goal["found"], dict) else goal["found"]
    what = f"{HEADS[goal['figure']]}, {goal['of']}" + (f" of {goal['against']}" if goal.get("against") else "")
    wanted = f"≥ {goal['at_least']:g}" if "at_least" in goal else f"≤ {goal['at_most']:g}"
    return [what, shown(found), wanted, "met" if goal["met"] else "missed"]


def run(chosen: argparse.Namespace) -> int:
    """Prints them, in the order of the scenarios."""
    records = read(chosen.files)
    out = []
    for scenario in SCENARIOS:
        if scenario.name in records:
            record = records[scenario.name]
            for connections in record.connections():
                out += table(scenario, record, connections)
            if record.goals:
                out += lines(["goal", "found", "wanted", ""], [goal_cells(goal) for goal in record.goals])
            out += ["", record.where()]
    if "instructions" in records:
        record = records["instructions"]
        out += lines(["", HEADS["instructions_per_request"]],
                     [[row["contender"], shown(row["instructions_per_request"])] for row in record.rows])
        out += [*lines(["goal", "found", "wanted", ""], [goal_cells(goal) for goal in record.goals]), "", record.where()]
    print("\n".join(out[1:]))
    return 0
