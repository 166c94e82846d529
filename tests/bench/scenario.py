"""What a scenario is: who takes part, under which load, with what beside it, and what is hoped for."""
from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Optional, Type

from .contenders import Contender

if TYPE_CHECKING:
    from .measure import Turn

Extra = Callable[[], Optional[float]]


class Beside:
    """What goes on while a load runs; this one: nothing. A name makes rows of their own, "NAME beside …"."""

    name = ""

    def suits(self, contender: Contender) -> bool:
        """Whether it can be done to this one."""
        return True

    def around(self, turn: "Turn") -> AbstractContextManager[Extra]:
        """Goes on inside; what it gives is asked once for the scenario's own figure, when the load has ended."""
        return nullcontext(lambda: None)


def row_of(contender: str, beside: Beside) -> str:
    """What the results of this contender are called with that beside the load."""
    return f"{contender} beside {beside.name}" if beside.name else contender


@dataclass(frozen=True)
class Goal:
    """A figure of one row, or with against, its ratio to that of another one in the same round. It changes nothing."""

    figure: str
    of: str
    against: str = ""
    at_least: Optional[float] = None
    at_most: Optional[float] = None

    def met(self, found: float) -> bool:
        """Whether a median is good enough."""
        return ((self.at_least is None or found >= self.at_least) and (self.at_most is None or found <= self.at_most))

    @property
    def shown(self) -> str:
        """As it is printed."""
        return f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:g}"


@dataclass(frozen=True)
class Scenario:
    """base: the row that all are compared with; none: each contender with itself, nothing beside it. times_better: how many
    times better base is than a row; otherwise a row's figure, of base's. extra: the name and heading of a figure of its own."""

    name: str
    help: str
    contenders: tuple[Type[Contender], ...]
    connections: tuple[int, ...] = (32,)
    beside: tuple[Beside, ...] = (Beside(),)
    base: str = ""
    times_better: bool = False
    extra: tuple[str, str] = ("", "")
    goals: tuple[Goal, ...] = ()

    @property
    def comparison(self) -> str:
        """What stands above the ratios."""
        return f"{self.base}:" if self.times_better else f"of {self.base or 'alone'}:"

    @property
    def judged_at(self) -> int:
        """The connections that goals are about, and smoke runs try."""
        return 32 if 32 in self.connections else self.connections[0]
