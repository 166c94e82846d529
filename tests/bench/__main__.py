"""The command: which scenario, who takes part, how often and how long, and what becomes of the figures."""
from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Sequence, TypeVar

from harness import processes
from harness.vitalsd import CHECKOUT
from trial.stage import SetUpError, Stage

from . import charts, instructions, machine, tables
from .contenders import BuildError, Contender, Job
from .front import BenchFront
from .measure import Plan, Turn
from .results import Results
from .scenario import Scenario
from .scenarios import SCENARIOS
from .stores import Stores

T = TypeVar("T")

SHOWN = {"charts": charts.run, "tables": tables.run}


def number(low: int, high: int):  # type: ignore[no-untyped-def]
    """A whole number between."""
    def read(text: str) -> int:
        if not text.isdigit() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text} is not a number from {low} to {high}")
        return int(text)
    return read


def parse() -> argparse.Namespace:
    """The command line."""
    what = "\n".join([*(f"  {scenario.name:<13} {scenario.help}\n  {'':<13} ({', '.join(kind.name for kind in scenario.contenders)})"
                        for scenario in SCENARIOS),
                      f"  {'instructions':<13} instructions a request of one worker, under callgrind",
                      f"  {'all':<13} each of these",
                      f"  {'charts':<13} the bars of FILE…, as SVG", f"  {'tables':<13} the tables of FILE…, as Markdown"])
    parser = argparse.ArgumentParser(prog="scripts/bench", formatter_class=argparse.RawDescriptionHelpFormatter,
                                     description="Vitals side by side with what a user would take instead; "
                                     "tests/bench/README.md explains the figures.", epilog=f"WHAT is one of:\n{what}")
    parser.add_argument("what", nargs="?", metavar="WHAT", default="health", help="what is measured or drawn, see below (health)",
                        choices=[*(scenario.name for scenario in SCENARIOS), "instructions", "all", *SHOWN])
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="for charts and tables: what --json wrote")
    parser.add_argument("--only", metavar="NAME,…", help="these contenders; ratios need the one that is compared with")
    parser.add_argument("--rounds", type=number(1, 1000), metavar="N", help="how often each has its turn (5)")
    parser.add_argument("--seconds", type=number(1, 3600), metavar="N", help="of each load (5)")
    parser.add_argument("--workers", type=number(2, 256), default=8, metavar="N", help="processes of each pool (8)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures into FILE, one object a line")
    parser.add_argument("--into", type=Path, metavar="DIR", default=CHECKOUT / "doc" / "bench", help="for charts: where to (doc/bench)")
    parser.add_argument("--build", type=Path, metavar="DIR", help="the build to measure (build, or VITALS_BUILD)")
    parser.add_argument("--smoke", action="store_true", help="one round of one second: only whether the bench itself works")
    chosen = parser.parse_intermixed_args()
    if (chosen.what in SHOWN) != bool(chosen.files):
        parser.error("charts and tables, and nothing else, take files")
    if chosen.only is not None:
        known = [kind.name for scenario in SCENARIOS if scenario.name == chosen.what for kind in scenario.contenders]
        chosen.only = [name for name in chosen.only.split(",") if name]
        unknown = [name for name in chosen.only if name not in known]
        if unknown or not chosen.only:
            parser.error(f"{chosen.what} has no {', '.join(unknown) or 'such name'}; it has {', '.join(known) or 'none'}")
    return chosen


def gather(job: Job, scenario: Scenario, only: Sequence[str], results: Results) -> list[Contender]:
    """Those that take part, built. One that is not installed is named and left out; one that cannot be built, too."""
    taking_part: list[Contender] = []
    for kind in scenario.contenders:
        if only and kind.name not in only:
            continue
        lacking = kind.missing()
        if lacking:
            results.skipped[kind.name] = f"{', '.join(lacking)} not found; scripts/install-deps bench installs what it needs"
            continue
        print(f"building {kind.name}", flush=True)
        try:
            contender = kind(job)
            contender.build()
        except (BuildError, AssertionError) as error:
            print(f"BROKEN: {kind.name}: {error}", flush=True)
            results.broken.append(kind.name)
            continue
        taking_part.append(contender)
    return taking_part


def in_turn(things: Sequence[T], round_number: int) -> list[T]:
    """Another one begins each round, so that none always follows the same."""
    start = round_number % len(things)
    return [*things[start:], *things[:start]]


def take_turn(turn: Turn, round_number: int, results: Results) -> None:
    """All loads of one contender."""
    for beside in in_turn(results.scenario.beside, round_number):
        if beside.suits(turn.contender):
            for connections in turn.plan.connections:
                results.add(turn.contender.name, beside, round_number, turn.load(connections, beside))


def measure(stage: Stage, front: BenchFront, contenders: Sequence[Contender], plan: Plan, results: Results) -> None:
    """All rounds. One that fails is left out of those to come."""
    for round_number in range(plan.rounds):
        for contender in in_turn(contenders, round_number):
            if contender.name in results.broken:
                continue
            print(f"round {round_number + 1} of {plan.rounds}: {contender.name}", flush=True)
            try:
                with Turn(stage, front, contender, plan) as turn:
                    take_turn(turn, round_number, results)
            except Exception as error:  # whatever it is, the others are still measured
                print(f"BROKEN: {contender.name}: {error}", flush=True)
                if not isinstance(error, AssertionError):
                    traceback.print_exception(error)
                results.broken.append(contender.name)


def plan_of(scenario: Scenario, chosen: argparse.Namespace) -> Plan:
    """As the command line says, and otherwise by what the run is for."""
    if chosen.smoke:
        return Plan(chosen.rounds or 1, chosen.seconds or 1, 0, (scenario.judged_at,))
    return Plan(chosen.rounds or 5, chosen.seconds or 5, 1, scenario.connections)


def run_scenario(stage: Stage, stores: Stores, results: Results, chosen: argparse.Namespace) -> int:
    """The exit status, 2 where one could not be measured."""
    scenario = results.scenario
    print(f"\n{scenario.name}: {scenario.help}", flush=True)
    job = Job(stage.root / scenario.name, chosen.workers, results.about["versions"]["vitals"], stores)
    contenders = gather(job, scenario, chosen.only or (), results)
    if contenders:
        front = BenchFront(stage.directory(), contenders)
        try:
            front.start()
            measure(stage, front, contenders, plan_of(scenario, chosen), results)
        finally:
            front.stop()
    print(results.table(), flush=True)
    for name in results.broken:
        print(f"BROKEN: {name}")
    return 2 if results.broken or not contenders else 0


def run(stage: Stage, chosen: argparse.Namespace) -> int:
    """What is asked for; the worst exit status."""
    about = {**machine.about(chosen.workers), "smoke": chosen.smoke}
    print(machine.headline(about), flush=True)
    worst, lines, stores = 0, "", Stores(stage, chosen.workers)
    for scenario in SCENARIOS:
        if chosen.what in (scenario.name, "all"):
            results = Results(scenario, {**about, "what": scenario.name})
            worst = max(worst, run_scenario(stage, stores, results, chosen))
            lines += results.json_lines()
            if chosen.json:
                chosen.json.write_text(lines)  # what there is, should a later one be interrupted
    if chosen.what in ("instructions", "all"):
        lines += instructions.run(stage, about)
    if chosen.json:
        chosen.json.write_text(lines)
    return worst


def main() -> int:
    """Everything that was started is stopped on every way out."""
    chosen = parse()
    if chosen.what in SHOWN:
        return SHOWN[chosen.what](chosen)
    if chosen.build:
        os.environ["VITALS_BUILD"] = str(chosen.build.resolve())
    for signal_number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, lambda got, _: sys.exit(128 + got))
    stage = None
    try:
        stage = Stage("vt-bench-")
        return run(stage, chosen)
    except (SetUpError, BuildError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
        if stage is not None:
            stage.close()
        else:
            processes.stop_everything()


if __name__ == "__main__":
    sys.exit(main())
