"""The command: who takes part, how often and how long, and what becomes of the figures."""
from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Sequence

from harness import processes
from trial.stage import SetUpError, Stage

from . import instructions, machine
from .contenders import CONTENDERS, BuildError, Contender, Job
from .front import BenchFront
from .measure import Plan, Turn
from .results import Results

CONNECTIONS = (1, 32, 256)


def names(text: str) -> list[str]:
    """--only's value."""
    known = [contender.name for contender in CONTENDERS]
    chosen = [name for name in text.split(",") if name]
    unknown = [name for name in chosen if name not in known]
    if unknown or not chosen:
        raise argparse.ArgumentTypeError(f"there is no {', '.join(unknown) or 'name'}; there are {', '.join(known)}")
    return chosen


def number(low: int, high: int):  # type: ignore[no-untyped-def]
    """A whole number between."""
    def read(text: str) -> int:
        if not text.isdigit() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text} is not a number from {low} to {high}")
        return int(text)
    return read


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Vitals side by side with what a user would take instead; "
                                     "tests/bench/README.md explains the figures.",
                                     epilog="contenders: " + ", ".join(contender.name for contender in CONTENDERS))
    parser.add_argument("what", nargs="?", choices=("health", "instructions"), default="health",
                        help="health: the side by side (default); instructions: of one worker under callgrind")
    parser.add_argument("--only", type=names, metavar="NAME,…", help="these contenders; ratios need vitals among them")
    parser.add_argument("--rounds", type=number(1, 1000), metavar="N", help="how often each has its turn (5)")
    parser.add_argument("--seconds", type=number(1, 3600), metavar="N", help="of each load (5)")
    parser.add_argument("--workers", type=number(2, 256), default=8, metavar="N", help="processes of each pool (8)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures into FILE, one object a line")
    parser.add_argument("--build", type=Path, metavar="DIR", help="the build to measure (build, or VITALS_BUILD)")
    parser.add_argument("--smoke", action="store_true", help="one round of one second: only whether the bench itself works")
    return parser.parse_args()


def gather(job: Job, chosen: argparse.Namespace, results: Results) -> list[Contender]:
    """Those that take part, built. One that is not installed is named and left out; one that cannot be built, too."""
    taking_part: list[Contender] = []
    for kind in CONTENDERS:
        if chosen.only and kind.name not in chosen.only:
            continue
        lacking = kind.missing()
        if lacking:
            results.skipped[kind.name] = f"{', '.join(lacking)} not found; scripts/install-deps bench installs what it needs"
            continue
        contender = kind(job)
        print(f"building {kind.name}", flush=True)
        try:
            contender.build()
        except BuildError as error:
            print(f"BROKEN: {kind.name}: {error}", flush=True)
            results.broken.append(kind.name)
            continue
        taking_part.append(contender)
    return taking_part


def in_turn(contenders: Sequence[Contender], round_number: int) -> list[Contender]:
    """Another one begins each round, so that none always follows the same."""
    start = round_number % len(contenders)
    return [*contenders[start:], *contenders[:start]]


def measure(stage: Stage, front: BenchFront, contenders: Sequence[Contender], plan: Plan, results: Results) -> None:
    """All rounds. One that fails is left out of those to come."""
    for round_number in range(plan.rounds):
        for contender in in_turn(contenders, round_number):
            if contender.name in results.broken:
                continue
            print(f"round {round_number + 1} of {plan.rounds}: {contender.name}", flush=True)
            try:
                with Turn(stage, front, contender) as turn:
                    turn.warm_up(plan.warm_up_seconds)
                    for connections in plan.connections:
                        results.add(contender.name, round_number, turn.load(connections, plan.seconds))
            except Exception as error:  # whatever it is, the others are still measured
                print(f"BROKEN: {contender.name}: {error}", flush=True)
                if not isinstance(error, AssertionError):
                    traceback.print_exception(error)
                results.broken.append(contender.name)


def health(stage: Stage, chosen: argparse.Namespace) -> int:
    """The exit status: 2 where one could not be measured."""
    results = Results({**machine.about(chosen.workers), "what": "health", "smoke": chosen.smoke})
    print(machine.headline(results.about), flush=True)
    plan = Plan(chosen.rounds or (1 if chosen.smoke else 5), chosen.seconds or (1 if chosen.smoke else 5),
                0 if chosen.smoke else 1, CONNECTIONS)
    contenders = gather(Job(stage.root, chosen.workers, results.about["versions"]["vitals"]), chosen, results)
    if contenders:
        front = BenchFront(stage.directory(), contenders)
        try:
            front.start()
            measure(stage, front, contenders, plan, results)
        finally:
            front.stop()
    print(results.table(), flush=True)
    if chosen.json:
        chosen.json.write_text(results.json_lines())
    for name in results.broken:
        print(f"BROKEN: {name}")
    return 2 if results.broken or not contenders else 0


def main() -> int:
    """Everything that was started is stopped on every way out."""
    chosen = parse()
    if chosen.build:
        os.environ["VITALS_BUILD"] = str(chosen.build.resolve())
    for signal_number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, lambda got, _: sys.exit(128 + got))
    stage = None
    try:
        stage = Stage("vt-bench-")
        return health(stage, chosen) if chosen.what == "health" else instructions.run(stage, chosen)
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
