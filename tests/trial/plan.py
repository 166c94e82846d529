"""How long a trial may take, and how hard it tries."""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """seconds: of the measured load altogether. smoke: only to see that the trial works."""

    seconds: int
    smoke: bool
    seed: int

    def rounds(self, round_seconds: int, most: int = 100) -> int:
        """How many rounds of so many seconds there is time for; at least one."""
        return 1 if self.smoke else max(1, min(most, self.seconds // round_seconds))
