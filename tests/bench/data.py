"""One user, as JSON: from the cache, from Redis, from PostgreSQL, and as others read PostgreSQL."""
from __future__ import annotations

from typing import Any

from harness.http import Answer
from harness.postgres import program

from .contenders import PACKAGES, FastApi, Php, Vitals
from .scenario import Goal, Scenario

POSTGRES = program("postgres")
USER = 42
BODY = f'{{"id":{USER},"name":"User {USER}","email":"user{USER}@example.org"}}'


class VitalsHealth(Vitals):
    """/health of the service that has a database: what the hits are compared with."""

    name, needs = "vitals-health", (POSTGRES,)

    def settings(self) -> dict[str, Any]:
        """All that read the table."""
        return {**super().settings(), "DATABASE_URL": self.job.stores.database.url}


class VitalsLive(VitalsHealth):
    """Past the cache: each request is a statement, by the session of its worker, and one record more."""

    name, path, body = "vitals-live", f"/live/users/{USER}", BODY


class VitalsHit(VitalsLive):
    """From the memory that all workers share."""

    name, path = "vitals-hit", f"/users/{USER}"

    def ready(self, answer: Answer) -> bool:
        """Not before it is cached."""
        return super().ready(answer) and answer.header("X-Cache") == "HIT"


class VitalsRedis(VitalsHit):
    """From Redis each time: there is no embedded cache before it."""

    name, needs = "vitals-redis", (POSTGRES, "redis-server")

    def settings(self) -> dict[str, Any]:
        """What makes it so."""
        return {**super().settings(), "CACHE_MEMORY_BYTES": 0, "REDIS_URL": self.job.stores.redis.url}


class FastApiUsers(FastApi):
    """users.py: asyncpg, inside the wrapper of app.py."""

    name, path, body, module = "fastapi", f"/users/{USER}", BODY, "users"
    needs = (*FastApi.needs, str(PACKAGES / "asyncpg" / "__init__.py"), POSTGRES)

    def environment(self) -> dict[str, str]:
        """What users.py wants."""
        return {**super().environment(), "BENCH_DATABASE": self.job.stores.database.url}


class PhpUsers(Php):
    """users.php: PDO, a session that is kept by each process, and a prepared statement."""

    name, path, body, script, prepare = "php-fpm", f"/users/{USER}", BODY, "users.php", "on"
    needs = (*Php.needs, "/usr/share/php8.2-pgsql/pgsql/pdo_pgsql.ini", POSTGRES)

    def told(self) -> dict[str, str]:
        """What users.php wants."""
        return {"BENCH_DATABASE": f"pgsql:host={self.job.stores.database.directory};dbname=vitals", "BENCH_PREPARE": self.prepare}


class PhpUsersAtOnce(PhpUsers):
    """The same with one message to PostgreSQL for each request instead of three."""

    name, prepare = "php-fpm-once", "off"


DATA = Scenario(
    "data", "one user by its primary key: cached, in Redis, in PostgreSQL, and as FastAPI and PHP read it",
    (VitalsHealth, VitalsHit, VitalsRedis, VitalsLive, FastApiUsers, PhpUsers, PhpUsersAtOnce),
    connections=(1, 32, 256), base=VitalsLive.name, times_better=True,
    goals=(
        Goal("requests_per_second", VitalsLive.name, FastApiUsers.name, at_least=4),
        Goal("requests_per_second", VitalsLive.name, PhpUsers.name, at_least=1.5),
        Goal("requests_per_second", VitalsHit.name, VitalsHealth.name, at_least=0.85),
        Goal("requests_per_second", VitalsRedis.name, VitalsHealth.name, at_least=0.6),
    ))
