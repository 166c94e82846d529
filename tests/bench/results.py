"""What the rounds brought: medians and spreads, ratios within rounds, the table and the JSON lines."""
from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field
from typing import Any, Optional

from .measure import Sample
from .scenario import Beside, Goal, Scenario, row_of

FIGURES = {"requests_per_second": "req/s", "p50_ms": "p50 ms", "p99_ms": "p99 ms", "p999_ms": "p99.9 ms", "cpu_us": "cpu us",
           "private_kib": "MiB", "extra": ""}
COMPARED = {"requests_per_second": "req/s", "p99_ms": "p99", "cpu_us": "cpu", "private_kib": "memory"}


@dataclass(frozen=True)
class Middle:
    """A median, and the rounds' lowest and highest."""

    median: float
    low: float
    high: float

    @property
    def spread(self) -> float:
        """Highest less lowest, of the median."""
        return (self.high - self.low) / self.median if self.median else 0.0


def middle(values: list[Optional[float]]) -> Optional[Middle]:
    """None where there is no value."""
    known = [value for value in values if value is not None]
    return Middle(statistics.median(known), min(known), max(known)) if known else None


def quotient(ours: Optional[float], theirs: Optional[float]) -> Optional[float]:
    """None where there is none."""
    return ours / theirs if ours and theirs else None


@dataclass
class Results:
    """All samples of a scenario, by row and round. A row is a contender, or a contender beside something."""

    scenario: Scenario
    about: dict[str, Any]
    samples: dict[str, dict[int, list[Sample]]] = field(default_factory=dict)
    bases: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def add(self, contender: str, beside: Beside, round_number: int, sample: Sample) -> None:
        """One load."""
        row = row_of(contender, beside)
        self.bases[row] = self.scenario.base or contender
        self.samples.setdefault(row, {}).setdefault(round_number, []).append(sample)

    def of(self, row: str, connections: int) -> dict[int, Sample]:
        """By round."""
        return {number: sample for number, samples in self.samples.get(row, {}).items() for sample in samples
                if sample.connections == connections}

    def rows(self, connections: int) -> list[str]:
        """Those that were tried with so many."""
        return [row for row in self.samples if self.of(row, connections)]

    def connections(self) -> list[int]:
        """Those that were tried."""
        return sorted({sample.connections for rounds in self.samples.values() for samples in rounds.values()
                       for sample in samples})

    def figure(self, row: str, connections: int, figure: str) -> Optional[Middle]:
        """Over the rounds."""
        return middle([getattr(sample, figure) for sample in self.of(row, connections).values()])

    def count(self, row: str, connections: int, what: str) -> int:
        """Errors, or starved connections, of all rounds together."""
        return sum(getattr(sample, what) for sample in self.of(row, connections).values())

    def ratio(self, row: str, against: str, connections: int, figure: str) -> Optional[Middle]:
        """A row's figure of another's, each round with its own."""
        others = self.of(against, connections)
        return middle([quotient(getattr(sample, figure), getattr(others[number], figure))
                       for number, sample in self.of(row, connections).items() if number in others])

    def compared(self, row: str, connections: int, figure: str) -> Optional[Middle]:
        """With its base, as the scenario wants it; None for the base itself."""
        base = self.bases[row]
        if row == base:
            return None
        if self.scenario.times_better and figure == "requests_per_second":
            return self.ratio(base, row, connections, figure)
        return self.ratio(row, base, connections, figure)

    def table(self) -> str:
        """For people."""
        out = []
        for connections in self.connections():
            rows = self.rows(connections)
            width = max(map(len, rows)) + 1
            out.append(f"\n{connections} connection{'s' if connections > 1 else ''}")
            out.append(f"  {'':<{width}}{self._heading()}")
            out += [f"  {row:<{width}}{self._row(row, connections)}" for row in rows]
        out += [f"\nskipped {name}: {why}" for name, why in self.skipped.items()]
        return "\n".join(out + self._goals())

    def _heading(self) -> str:
        first, *others = COMPARED.values()
        return (f"{'req/s':>9}{'spread':>8}{'p50 ms':>9}{'p99 ms':>9}{'p99.9 ms':>10}{'cpu us':>8}{'MiB':>8}"
                f"{'errors':>8}{'starved':>9}" + (f"{self.scenario.extra[1]:>16}" if self.scenario.extra[1] else "")
                + f"{f'{self.scenario.comparison} {first}':>20}" + "".join(f"{other:>8}" for other in others))

    def _row(self, row: str, connections: int) -> str:
        middles = {figure: self.figure(row, connections, figure) for figure in FIGURES}
        rate, memory = middles["requests_per_second"], middles["private_kib"]
        assert rate is not None
        errors, starved = self.count(row, connections, "errors"), self.count(row, connections, "starved")
        ratios = [self.compared(row, connections, figure) for figure in COMPARED]
        return (f"{rate.median:>9,.0f}{rate.spread:>8.0%}{shown(middles['p50_ms']):>9}{shown(middles['p99_ms']):>9}"
                f"{shown(middles['p999_ms']):>10}{shown(middles['cpu_us']):>8}"
                f"{f'{memory.median / 1024:.1f}' if memory else '-':>8}{errors:>8}{starved:>9}"
                + (f"{shown(middles['extra']):>16}" if self.scenario.extra[1] else "")
                + (f"{shown(ratios[0]):>20}" + "".join(f"{shown(ratio):>8}" for ratio in ratios[1:]) if any(ratios) else ""))

    def goals(self) -> list[tuple[Goal, Middle]]:
        """Those that this run can judge, and what was found."""
        found = []
        for goal in self.scenario.goals:
            at = self.scenario.judged_at
            value = self.ratio(goal.of, goal.against, at, goal.figure) if goal.against else self.figure(goal.of, at, goal.figure)
            if value is not None:
                found.append((goal, value))
        return found

    def _goals(self) -> list[str]:
        found = self.goals()
        out = [f"\ngoals, at {self.scenario.judged_at} connections"] if found else []
        for goal, value in found:
            figure = FIGURES[goal.figure] or self.scenario.extra[1]
            what = f"{figure}, {goal.of}" + (f" of {goal.against}" if goal.against else "")
            verdict = "" if self.about["smoke"] else "met" if goal.met(value.median) else "MISSED"
            out.append(f"  {what:<56} {value.median:>8.3g}   goal {goal.shown:<8} {verdict}".rstrip())
        return out

    def json_lines(self) -> str:
        """One object for each row and number of connections, one for each goal, one for each that was left out."""
        lines: list[dict[str, Any]] = []
        for connections in self.connections():
            lines += [{"contender": row, "connections": connections, "figures": self._record(row, connections), "base": self.bases[row],
                       "errors": self.count(row, connections, "errors"), "starved": self.count(row, connections, "starved"),
                       "rounds": {number: asdict(sample) for number, sample in self.of(row, connections).items()}}
                      for row in self.rows(connections)]
        lines += [{**{key: value for key, value in asdict(goal).items() if value}, "figure": self._name_of(goal.figure),
                   "connections": self.scenario.judged_at, "found": asdict(value), "met": goal.met(value.median)}
                  for goal, value in self.goals()]
        lines += [{"contender": name, "skipped": why} for name, why in self.skipped.items()]
        return "".join(json.dumps({**self.about, **line}) + "\n" for line in lines)

    def _name_of(self, figure: str) -> str:
        """In JSON; empty where this scenario has no such figure."""
        return self.scenario.extra[0] if figure == "extra" else figure

    def _record(self, row: str, connections: int) -> dict[str, Any]:
        record = {}
        for figure in FIGURES:
            found, compared = self.figure(row, connections, figure), self.compared(row, connections, figure)
            name = self._name_of(figure)
            if name:
                record[name] = None if found is None else {**asdict(found), "compared": asdict(compared) if compared else None}
        return record


def shown(found: Optional[Middle]) -> str:
    """Three digits that count."""
    if found is None:
        return "-"
    return f"{found.median:,.0f}" if found.median >= 100 else f"{found.median:.3g}"
