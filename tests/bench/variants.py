"""Scenarios in which Vitals is compared with itself, set otherwise: the size of the pool, the log."""
from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator, Type

from harness.ctl import status
from trial.figures import median
from trial.workers import private_bytes

from .contenders import Vitals
from .measure import Turn
from .scenario import Beside, Extra, Goal, Scenario

POOLS = (8, 16, 32, 64, 128, 256)
SERVED = 10  # requests, from which on a worker has touched what it needs


# ---- The size of the pool ----

def pool(workers: int) -> Type[Vitals]:
    """Vitals with so many, whatever --workers says."""
    class Pool(Vitals):
        """One size."""

        name = f"workers-{workers}"

        def settings(self) -> dict[str, Any]:
            """With its number."""
            return {**super().settings(), "WORKERS": workers}

    return Pool


class Memory(Beside):
    """Nothing beside the load; extra: what a worker that has served requests has for itself when it is idle again, in MiB."""

    @contextmanager
    def around(self, turn: Turn) -> Iterator[Extra]:
        """Asked when the load has ended."""
        assert isinstance(turn.contender, Vitals)
        service = turn.contender.service

        def of_a_worker() -> float:
            pids = [row["pid"] for row in status(service)["workers"] if row["role"] == "worker" and row["requests"] >= SERVED]
            return median([private_bytes([pid], "Dirty|Clean") for pid in pids]) / (1 << 20)

        yield of_a_worker


WORKERS = Scenario(
    "workers", "GET /health with more workers than processors, up to 256",
    tuple(map(pool, POOLS)), beside=(Memory(),), base="workers-8", extra=("worker_mib", "MiB a worker"),
    goals=(Goal("requests_per_second", "workers-64", "workers-8", at_least=0.9), Goal("extra", "workers-64", at_most=1.5)))


# ---- The log ----

class LogWarning(Vitals):
    """No record for a request that goes well."""

    name = "log-warning"

    def settings(self) -> dict[str, Any]:
        """The level."""
        return {**super().settings(), "LOG_LEVEL": "WARNING"}


class LogEcs(Vitals):
    """The two records with the fields of the Elastic Common Schema."""

    name = "log-ecs"

    def settings(self) -> dict[str, Any]:
        """The format."""
        return {**super().settings(), "LOG_FORMAT": "ecs"}


LOG = Scenario("log", "GET /health with two INFO records a request in a file, with none, and with ECS records",
               (Vitals, LogWarning, LogEcs), base=Vitals.name)
