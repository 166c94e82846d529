"""The run's own PostgreSQL and Redis: started when the first contender that needs one is built, and left alone between turns."""
from __future__ import annotations

from typing import Optional

from harness.postgres import Postgres
from harness.redis import Redis
from trial.stage import Stage

SESSIONS_A_WORKER = 12  # asyncpg's pool takes ten


class Stores:
    """For all scenarios of a run; the stage stops them."""

    def __init__(self, stage: Stage, workers: int) -> None:
        self.stage, self.workers = stage, workers
        self._redis: Optional[Redis] = None

    @property
    def database(self) -> Postgres:
        """The table users of the tests, with a thousand of them."""
        return self.stage.database(f"max_connections = {20 + SESSIONS_A_WORKER * self.workers}\n")

    @property
    def redis(self) -> Redis:
        """On a Unix socket; it saves nothing."""
        if self._redis is None:
            self._redis = Redis(self.stage.directory()).start()
        return self._redis
