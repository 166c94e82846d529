"""The scenarios, in the order in which "all" runs them."""
from __future__ import annotations

from .beside import IDLE, NEIGHBOURS, SCRAPE
from .contenders import HEALTH
from .data import DATA
from .scenario import Goal, Scenario
from .variants import LOG, WORKERS

SCENARIOS = (
    Scenario(
        "health", "GET /health, side by side with everything a user would take instead", HEALTH,
        connections=(1, 32, 256), base="vitals", times_better=True,
        goals=(
            Goal("requests_per_second", "vitals", "floor", at_least=0.92),
            Goal("requests_per_second", "vitals", "libfcgi", at_least=2),
            Goal("p99_ms", "libfcgi-keep", "vitals", at_least=100),
            Goal("requests_per_second", "vitals", "go-http", at_least=1.8),
            Goal("requests_per_second", "vitals", "go-fcgi", at_least=4),
            Goal("requests_per_second", "vitals", "php-fpm", at_least=1.8),
            Goal("p99_ms", "php-fpm-keep", "vitals", at_least=100),
            Goal("requests_per_second", "vitals", "fastapi", at_least=13),
        )),
    DATA,
    NEIGHBOURS,
    IDLE,
    WORKERS,
    SCRAPE,
    LOG,
)
