"""What the rounds brought: medians and spreads, ratios to Vitals, the table and the JSON lines."""
from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field
from typing import Any, Optional

from .measure import Sample

VITALS = "vitals"
FIGURES = {"requests_per_second": "req/s", "p50_ms": "p50 ms", "p99_ms": "p99 ms", "p999_ms": "p99.9 ms", "cpu_us": "cpu us",
           "private_kib": "MiB"}
GOAL_CONNECTIONS = 32
# Against whom, which figure, how many times better Vitals shall be at 32 connections.
GOALS = {
    ("floor", "requests_per_second"): 0.92,
    ("libfcgi", "requests_per_second"): 2.0,
    ("libfcgi-keep", "p99_ms"): 100,
    ("go-http", "requests_per_second"): 1.8,
    ("go-fcgi", "requests_per_second"): 4,
    ("php-fpm", "requests_per_second"): 1.8,
    ("php-fpm-keep", "p99_ms"): 100,
    ("fastapi", "requests_per_second"): 13,
}


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


def advantage(figure: str, ours: Optional[float], theirs: Optional[float]) -> Optional[float]:
    """How many times better Vitals is: more requests, or less of anything else."""
    if not ours or not theirs:
        return None
    return ours / theirs if figure == "requests_per_second" else theirs / ours


@dataclass
class Results:
    """All samples of a run, by contender and round."""

    about: dict[str, Any]
    samples: dict[str, dict[int, list[Sample]]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def add(self, name: str, round_number: int, sample: Sample) -> None:
        """One load."""
        self.samples.setdefault(name, {}).setdefault(round_number, []).append(sample)

    def of(self, name: str, connections: int) -> dict[int, Sample]:
        """By round."""
        return {number: sample for number, samples in self.samples.get(name, {}).items() for sample in samples
                if sample.connections == connections}

    def connections(self) -> list[int]:
        """Those that were tried."""
        return sorted({sample.connections for rounds in self.samples.values() for samples in rounds.values() for sample in samples})

    def figure(self, name: str, connections: int, figure: str) -> Optional[Middle]:
        """Over the rounds."""
        return middle([getattr(sample, figure) for sample in self.of(name, connections).values()])

    def count(self, name: str, connections: int, what: str) -> int:
        """Errors, or starved connections, of all rounds together."""
        return sum(getattr(sample, what) for sample in self.of(name, connections).values())

    def ratio(self, name: str, connections: int, figure: str) -> Optional[Middle]:
        """Vitals against it, each round with its own."""
        ours = self.of(VITALS, connections)
        return middle([advantage(figure, getattr(ours[number], figure), getattr(theirs, figure))
                       for number, theirs in self.of(name, connections).items() if number in ours])

    def table(self) -> str:
        """For people."""
        out = []
        for connections in self.connections():
            out.append(f"\n{connections} connection{'s' if connections > 1 else ''}")
            out.append(f"  {'':<13}{'req/s':>9}{'spread':>8}{'p50 ms':>9}{'p99 ms':>9}{'p99.9 ms':>10}{'cpu us':>8}{'MiB':>8}"
                       f"{'errors':>8}{'starved':>9}   {'Vitals: req/s':>13}{'p99':>9}{'cpu':>8}{'memory':>8}")
            out += [self._row(name, connections) for name in self.samples if self.of(name, connections)]
        out += [f"\nskipped {name}: {why}" for name, why in self.skipped.items()]
        return "\n".join(out + self._goals())

    def _row(self, name: str, connections: int) -> str:
        middles = {figure: self.figure(name, connections, figure) for figure in FIGURES}
        rate, memory = middles["requests_per_second"], middles["private_kib"]
        assert rate is not None
        errors, starved = self.count(name, connections, "errors"), self.count(name, connections, "starved")
        row = (f"  {name:<13}{rate.median:>9,.0f}{rate.spread:>8.0%}{shown(middles['p50_ms']):>9}{shown(middles['p99_ms']):>9}"
               f"{shown(middles['p999_ms']):>10}{shown(middles['cpu_us']):>8}"
               f"{f'{memory.median / 1024:.1f}' if memory else '-':>8}{errors:>8}{starved:>9}")
        if name == VITALS or VITALS not in self.samples:
            return row
        ratios = [shown(self.ratio(name, connections, figure)) for figure in ("requests_per_second", "p99_ms", "cpu_us", "private_kib")]
        return row + f"   {ratios[0]:>13}{ratios[1]:>9}{ratios[2]:>8}{ratios[3]:>8}"

    def goals(self) -> list[tuple[str, str, float, Middle]]:
        """Against whom, the figure, the goal, what was found; those that this run can judge."""
        found = []
        for (name, figure), goal in GOALS.items():
            ratio = self.ratio(name, GOAL_CONNECTIONS, figure)
            if ratio is not None:
                found.append((name, figure, goal, ratio))
        return found

    def _goals(self) -> list[str]:
        found = self.goals()
        out = [f"\ngoals, at {GOAL_CONNECTIONS} connections, as many times better"] if found else []
        return out + [f"  {FIGURES[figure]:<8} against {name:<13} {ratio.median:>8.3g}   goal {goal:<5g} "
                      f"{'met' if ratio.median >= goal else 'MISSED'}" for name, figure, goal, ratio in found]

    def json_lines(self) -> str:
        """One object for each contender and number of connections, one for each goal, one for each that was left out."""
        lines: list[dict[str, Any]] = []
        for connections in self.connections():
            for name in self.samples:
                rounds = self.of(name, connections)
                if rounds:
                    lines.append({"contender": name, "connections": connections, "figures": self._record(name, connections),
                                  "errors": self.count(name, connections, "errors"), "starved": self.count(name, connections, "starved"),
                                  "rounds": {number: asdict(sample) for number, sample in rounds.items()}})
        lines += [{"goal": goal, "against": name, "figure": figure, "found": asdict(ratio), "met": ratio.median >= goal}
                  for name, figure, goal, ratio in self.goals()]
        lines += [{"contender": name, "skipped": why} for name, why in self.skipped.items()]
        return "".join(json.dumps({**self.about, **line}) + "\n" for line in lines)

    def _record(self, name: str, connections: int) -> dict[str, Any]:
        record = {}
        for figure in FIGURES:
            found = self.figure(name, connections, figure)
            ratio = self.ratio(name, connections, figure) if name != VITALS else None
            record[figure] = None if found is None else {**asdict(found), "vitals_better": asdict(ratio) if ratio else None}
        return record


def shown(found: Optional[Middle]) -> str:
    """Three digits that count."""
    if found is None:
        return "-"
    return f"{found.median:,.0f}" if found.median >= 100 else f"{found.median:.3g}"
