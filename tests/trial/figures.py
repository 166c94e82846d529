"""What a trial found: figures, their goals, the table and the JSON lines."""
from __future__ import annotations

import json
import math
import statistics
from dataclasses import dataclass, field
from typing import Any, Optional, Sequence, Union

Number = Union[int, float]


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)]


def median(values: Sequence[float]) -> float:
    """statistics.median(), for symmetry."""
    return statistics.median(values)


@dataclass(frozen=True)
class Figure:
    """One number. A promise holds on any machine at any speed, so that the smoke run demands it too."""

    trial: str
    name: str
    value: Number
    unit: str
    at_least: Optional[Number] = None
    at_most: Optional[Number] = None
    promise: bool = False

    @property
    def goal(self) -> str:
        """As it is printed; empty where the figure only informs."""
        if self.at_least is not None:
            return f">= {self.at_least:g}"
        return f"<= {self.at_most:g}" if self.at_most is not None else ""

    @property
    def met(self) -> Optional[bool]:
        """None where there is no goal."""
        if self.at_least is not None:
            return self.value >= self.at_least
        return self.value <= self.at_most if self.at_most is not None else None

    @property
    def shown(self) -> str:
        """The value for people."""
        if isinstance(self.value, int):
            return f"{self.value:,}"
        return f"{self.value:,.0f}" if abs(self.value) >= 1000 else f"{self.value:.3g}"

    def line(self) -> str:
        """A row of the table."""
        verdict = {None: "", True: "met", False: "MISSED"}[self.met]
        return f"  {self.name:<58} {self.shown:>10} {self.unit:<11} {self.goal:<9} {verdict}".rstrip()

    def record(self) -> dict[str, Any]:
        """For machines."""
        return {"trial": self.trial, "figure": self.name, "value": self.value, "unit": self.unit, "goal": self.goal or None,
                "met": self.met}


@dataclass
class Report:
    """The figures of one run; prints each trial's table when it is through."""

    about: dict[str, Any]
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    trial: str = ""

    def begin(self, trial: str) -> None:
        """What is added from now on belongs to this trial."""
        self.trial, self.notes = trial, []

    def add(self, name: str, value: Number, unit: str, **goal: Any) -> None:
        """A figure; goal: at_least or at_most, and promise."""
        self.figures.append(Figure(self.trial, name, value, unit, **goal))

    def note(self, text: str) -> None:
        """A sentence that stands under the table."""
        self.notes.append(text)

    def show(self, seconds: float) -> None:
        """The table of the trial that is through."""
        print(f"\n{self.trial} ({seconds:.0f} s)")
        for figure in self.figures:
            if figure.trial == self.trial:
                print(figure.line())
        for text in self.notes:
            print(f"  note: {text}")
        print(end="", flush=True)

    def missed(self, promises_only: bool) -> list[Figure]:
        """The figures whose goal was not met."""
        return [figure for figure in self.figures if figure.met is False and (figure.promise or not promises_only)]

    def json_lines(self) -> str:
        """One object a figure."""
        return "".join(json.dumps({**self.about, **figure.record()}) + "\n" for figure in self.figures)
