"""Bars as SVG, of what --json wrote. One file a chart; no library, no script, readable in the light and in the dark."""
from __future__ import annotations

import argparse
import math
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from .records import Record, median_of, read, shown

WIDTH, PADDING, ROW, BAR = 800, 24, 26, 16
BARS_AT, BARS_WIDE = 250, 380
OURS = ("vitals", "workers-")
STYLE = """\
text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", Helvetica, Arial, sans-serif; fill: #1f2328 }
.title { font-size: 18px; font-weight: 600 } .small { font-size: 11px; fill: #59636e } .card { fill: #ffffff; stroke: #d1d9e0 }
.bar { fill: #afb8c1 } .ours { fill: #2f6f9f } .grid { stroke: #d1d9e0 }
.value { paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .small { fill: #9198a1 } .card { fill: #0d1117; stroke: #3d444d }
.bar { fill: #59636e } .ours { fill: #5aa2d6 } .grid { stroke: #3d444d } .value { stroke: #0d1117 }
}"""


@dataclass(frozen=True)
class Chart:
    """One figure of a scenario's rows. ranked: the best comes first; otherwise in the order of the run."""

    file: str
    what: str
    figure: str
    title: str
    unit: str
    connections: int = 32
    more_is_better: bool = True
    logarithmic: bool = False
    ranked: bool = True


CHARTS = (
    Chart("health-requests", "health", "requests_per_second", "GET /health: throughput", "requests a second"),
    Chart("health-p99", "health", "p99_ms", "GET /health: p99 latency", "ms, logarithmic", more_is_better=False, logarithmic=True),
    Chart("health-processor", "health", "cpu_us", "GET /health: processor time", "µs a request, of the server's own processes",
          more_is_better=False),
    Chart("data-requests", "data", "requests_per_second", "One user by primary key: throughput", "requests a second"),
    Chart("neighbours-p99", "neighbours", "p99_ms", "Fast requests beside slow ones: p99 latency", "ms, logarithmic", connections=16,
          more_is_better=False, logarithmic=True, ranked=False),
    Chart("workers-requests", "workers", "requests_per_second", "Pools of 8 to 256 workers: throughput", "requests a second", ranked=False),
)


@dataclass(frozen=True)
class Bar:
    """name: the row's; note: what the value does not say."""

    name: str
    value: float
    note: str

    @property
    def label(self) -> str:
        """At its end."""
        return shown(self.value) + (f" ({self.note})" if self.note else "")


def note_of(row: dict[str, Any]) -> str:
    """Why the figure of a row is not what it seems."""
    return ", ".join(f"{row[what]:,} {what}" for what in ("errors", "starved") if row[what])


def bars_of(chart: Chart, record: Record) -> list[Bar]:
    """Of the rows that have the figure."""
    bars = [Bar(row["contender"], value, note_of(row)) for row in record.at(chart.connections)
            if (value := median_of(row, chart.figure)) is not None and value > 0]
    return sorted(bars, key=lambda bar: bar.value, reverse=chart.more_is_better) if chart.ranked else bars


class Scale:
    """From values to pixels. A logarithmic one begins at a power of ten below half of the smallest."""

    def __init__(self, bars: list[Bar], logarithmic: bool) -> None:
        values = [bar.value for bar in bars]
        self.logarithmic, self.most = logarithmic, max(values)
        self.first = math.floor(math.log10(min(values) / 2))

    def width(self, value: float) -> float:
        """Of a bar."""
        if not self.logarithmic:
            return BARS_WIDE * value / self.most
        return BARS_WIDE * (math.log10(value) - self.first) / (math.log10(self.most) - self.first)

    def marks(self) -> list[float]:
        """The powers of ten, where they are needed to read the bars."""
        return [10.0**power for power in range(self.first, math.floor(math.log10(self.most)) + 1)] if self.logarithmic else []


def text(x: float, y: float, said: str, more: str = "") -> str:
    """One line."""
    return f'<text x="{x:g}" y="{y:g}"{more}>{escape(said)}</text>'


def draw(chart: Chart, record: Record) -> str:
    """The whole file."""
    bars = bars_of(chart, record)
    scale, top = Scale(bars, chart.logarithmic), 80
    bottom = top + ROW * len(bars)
    out = [text(PADDING, 38, chart.title, ' class="title"'),
           text(PADDING, 60, f"{chart.unit}, {chart.connections} connections; {'more' if chart.more_is_better else 'less'} is better")]
    for mark in scale.marks():
        x = BARS_AT + scale.width(mark)
        out += [f'<path class="grid" d="M{x:.1f} {top}V{bottom}"/>',
                text(x, bottom + 15, f"{mark:g}", ' class="small" text-anchor="middle"')]
    for number, bar in enumerate(bars):
        y, width = top + ROW * number, scale.width(bar.value)
        kind = "ours" if bar.name.startswith(OURS) else "bar"
        out += [text(BARS_AT - 10, y + 17, bar.name, ' text-anchor="end"'),
                f'<rect class="{kind}" x="{BARS_AT}" y="{y + (ROW - BAR) // 2}" width="{width:.1f}" height="{BAR}" rx="2"/>',
                text(BARS_AT + width + 8, y + 17, bar.label, ' class="value"')]
    foot = textwrap.wrap(record.where(), 130)
    y = bottom + (40 if chart.logarithmic else 24)
    out += [text(PADDING, y + 16 * number, line, ' class="small"') for number, line in enumerate(foot)]
    height = y + 16 * len(foot) + 4
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">\n'
            f"<title>{escape(chart.title)}</title>\n<style>\n{STYLE}\n</style>\n"
            f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>\n' + "\n".join(out) + "\n</svg>\n")


def run(chosen: argparse.Namespace) -> int:
    """Draws what the files have; 2 where that is nothing."""
    records, drawn = read(chosen.files), 0
    chosen.into.mkdir(parents=True, exist_ok=True)
    for chart in CHARTS:
        if chart.what in records and bars_of(chart, records[chart.what]):
            path: Path = chosen.into / f"{chart.file}.svg"
            drawing = draw(chart, records[chart.what])
            ElementTree.fromstring(drawing)  # what is not well-formed is not written
            path.write_text(drawing)
            print(path)
            drawn += 1
    if not drawn:
        print("bench: there is nothing to draw in these files", file=sys.stderr)
    return 0 if drawn else 2
