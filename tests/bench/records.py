"""What --json wrote, read again: for charts and tables."""
from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterable, Optional

# How people call them, and in which scenarios they take part; none: in all.
NAMES = {"vitals": "Vitals", "nginx": "nginx", "wrk": "wrk", "libfcgi": "libfcgi", "postgresql": "PostgreSQL", "redis": "Redis",
         "php": "PHP", "go": "Go", "python": "Python", "fastapi": "FastAPI", "uvicorn": "uvicorn", "asyncpg": "asyncpg"}
IN = {"libfcgi": ("health", "neighbours"), "postgresql": ("data", "neighbours"), "redis": ("data",), "asyncpg": ("data",),
      "go": ("health",), **dict.fromkeys(("php", "python", "fastapi", "uvicorn"), ("health", "data"))}


@dataclass
class Record:
    """One run of a scenario, or of the instructions: what all its lines say, its rows in their order, its goals."""

    about: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)
    goals: list[dict[str, Any]] = field(default_factory=list)

    def at(self, connections: int) -> list[dict[str, Any]]:
        """The rows with so many."""
        return [row for row in self.rows if row.get("connections") == connections]

    def connections(self) -> list[int]:
        """Those that were tried."""
        return sorted({row["connections"] for row in self.rows if "connections" in row})

    def where(self) -> str:
        """The machine, the versions, the command and the day, for people."""
        machine, versions, what = self.about["machine"], self.about["versions"], self.about["what"]
        told = [f"{name} {versions[key]}" + (f" ({versions['commit']})" if key == "vitals" and versions.get("commit") else "")
                for key, name in NAMES.items() if versions.get(key) and what in IN.get(key, (what,))]
        rounds = max((len(row["rounds"]) for row in self.rows if "rounds" in row), default=0)
        how = f"median of {rounds} rounds, " if rounds else ""
        return (f"{machine['processors']} × {machine['processor']}, Linux {machine['kernel']}. {', '.join(told)}. "
                f"scripts/bench {what}, " + (f"{self.about['workers']} workers, " if what != "workers" else "")
                + ("a smoke run, which measures nothing, " if self.about["smoke"] else how)
                + time.strftime("%Y-%m-%d", time.gmtime(self.about["started"])))


def median_of(row: dict[str, Any], figure: str) -> Optional[float]:
    """None where the row has none."""
    found = row["figures"].get(figure)
    return found["median"] if found else None


def shown(value: Optional[float]) -> str:
    """Three digits that count, and thousands in full."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def read(files: Iterable[Path]) -> dict[str, Record]:
    """By scenario; the latest run of each."""
    found: dict[str, Record] = {}
    for path in files:
        for text in path.read_text().splitlines():
            line = json.loads(text)
            what, started = line["what"], line["started"]
            if what not in found or found[what].about["started"] < started:
                found[what] = Record({key: line[key] for key in ("started", "workers", "machine", "versions", "what", "smoke")})
            record = found[what]
            if record.about["started"] == started:
                record.goals += [line] if "met" in line else []
                record.rows += [line] if "contender" in line and "skipped" not in line else []
    return found
