"""The command: which trials, how long, and what becomes of their figures."""
from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from . import blocked, cache, coherence, counters, idle, kills, logs, neighbours, orphans, outages, reload, scrapes, signals, sinks, stalled, wrappers
from .figures import Report
from .plan import Plan
from .stage import SetUpError, Stage


@dataclass(frozen=True)
class Trial:
    """One of them; seconds: of measured load, where the command line does not say."""

    name: str
    run: Callable[[Stage, Report, Plan], None]
    seconds: int
    smoke_seconds: int
    help: str


TRIALS = (
    Trial("neighbours", neighbours.run, 40, 1, "fast requests beside slow ones"),
    Trial("reload", reload.run, 30, 3, "reloads, upgrades and recycling under load"),
    Trial("kills", kills.run, 30, 2, "a worker killed every 200 ms, under GET, then under POST (so long each)"),
    Trial("idle", idle.run, 24, 1, "2,000 idle connections"),
    Trial("blocked", blocked.run, 15, 1, "health while every worker is blocked"),
    Trial("stalled", stalled.run, 10, 1, "peers that stop in the middle of a request"),
    Trial("orphans", orphans.run, 1, 1, "the supervisor killed, and the next start (takes as long as it takes)"),
    Trial("signals", signals.run, 20, 2, "2,000 random signals under load"),
    Trial("logs", logs.run, 60, 1, "every record, while workers die and files are rotated (a pipe and a killed writer after it)"),
    Trial("sinks", sinks.run, 40, 1, "a full disk, and readers that sleep, leave or die"),
    Trial("cache", cache.run, 60, 2, "a cold key, a key that ends, killed writers, and what a hit costs"),
    Trial("coherence", coherence.run, 30, 2, "a PUT on one machine, and when a GET on another has it"),
    Trial("redis", outages.run, 180, 15, "Redis down, frozen, slow, full, read-only, restarted: what requests notice"),
    Trial("wrappers", wrappers.run, 20, 1, "what the wrappers and their two records cost a request"),
    Trial("counters", counters.run, 60, 4, "counters against nginx's log, through kills, recycling, reloads and upgrades"),
    Trial("metrics", scrapes.run, 60, 1, "what a scrape costs with 64 workers and 100 routes, and takes from requests"),
)


def parse() -> argparse.Namespace:
    """The command line."""
    names = "\n".join(f"  {trial.name:<12} {trial.help} ({trial.seconds} s)" for trial in TRIALS)
    parser = argparse.ArgumentParser(prog="scripts/trial", formatter_class=argparse.RawDescriptionHelpFormatter,
                                     description="The long runs that judge the pool and its log; tests/trial/README.md explains the figures.",
                                     epilog=f"trials:\n{names}")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which trials; all where none is named")
    parser.add_argument("--seconds", type=int, metavar="N", help="seconds of measured load for each trial")
    parser.add_argument("--build", type=Path, metavar="DIR", help="the build to try (build, or VITALS_BUILD)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write one JSON line a figure into FILE")
    parser.add_argument("--strict", action="store_true", help="exit 1 where a goal is missed")
    parser.add_argument("--smoke", action="store_true", help="each for a second or so: exit 1 where a request failed that must not")
    parser.add_argument("--seed", type=int, metavar="N", help="for what is left to chance (printed)")
    chosen = parser.parse_args()
    unknown = set(chosen.names) - {trial.name for trial in TRIALS}
    if unknown:
        parser.error(f"there is no trial {', '.join(sorted(unknown))}; there are {', '.join(trial.name for trial in TRIALS)}")
    if chosen.seconds is not None and not 1 <= chosen.seconds <= 3600:
        parser.error("--seconds takes a number from 1 to 3600")
    return chosen


def run_one(stage: Stage, report: Report, trial: Trial, plan: Plan) -> bool:
    """Runs it, prints its table; False where it could not be brought to its end."""
    begun = time.monotonic()
    report.begin(trial.name)
    failed = None
    try:
        trial.run(stage, report, plan)
    except Exception as error:  # whatever it is, the others are still tried
        failed = error
    report.notes += [f"this build does not know {name}: left out" for name in sorted(stage.left_out)]
    try:
        stage.clear(by_force=failed is not None)
    except AssertionError as error:
        failed = failed or error
    report.show(time.monotonic() - begun)
    if failed is not None:
        print(f"  COULD NOT BE FINISHED: {failed or type(failed).__name__}", flush=True)
        if not isinstance(failed, AssertionError):
            traceback.print_exception(failed)
    return failed is None


def run_all(stage: Stage, chosen: argparse.Namespace, seed: int) -> int:
    """The exit status: 0; 1 where a figure says so; 2 where a trial could not be finished."""
    report = Report({"version": stage.version, "started": int(time.time()), "smoke": chosen.smoke})
    broken = []
    for trial in TRIALS:
        if not chosen.names or trial.name in chosen.names:
            seconds = chosen.seconds or (trial.smoke_seconds if chosen.smoke else trial.seconds)
            if not run_one(stage, report, trial, Plan(seconds, chosen.smoke, seed)):
                broken.append(trial.name)
            if chosen.json:
                chosen.json.write_text(report.json_lines())
    missed = report.missed(promises_only=chosen.smoke)
    print()
    for figure in missed:
        print(f"MISSED: {figure.trial}: {figure.name}: {figure.shown} {figure.unit}, not {figure.goal}")
    for name in broken:
        print(f"BROKEN: {name}")
    return 2 if broken else int(bool(missed) and (chosen.strict or chosen.smoke))


def main() -> int:
    """Everything that was started is stopped on every way out."""
    chosen = parse()
    if chosen.build:
        os.environ["VITALS_BUILD"] = str(chosen.build.resolve())
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, _: sys.exit(128 + got))
    try:
        stage = Stage()
    except SetUpError as error:
        print(f"trial: {error}", file=sys.stderr)
        return 2
    try:
        stage.prepare()
        return run_all(stage, chosen, chosen.seed if chosen.seed is not None else random.randrange(1 << 32))
    except SetUpError as error:
        print(f"trial: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
        stage.close()


if __name__ == "__main__":
    sys.exit(main())
