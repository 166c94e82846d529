"""Fixtures: the servers, shared where a test does not hurt them, private where it does."""
from __future__ import annotations

import itertools
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

sys.dont_write_bytecode = True

import pytest  # noqa: E402

from harness import modules, postgres, processes, redis  # noqa: E402
from harness.http import HttpClient  # noqa: E402
from harness.nginx import Nginx  # noqa: E402
from harness.vitalsd import Vitalsd, demo_module, program  # noqa: E402


@pytest.fixture(scope="session")
def root() -> Iterator[Path]:
    """A private directory with a short name; kept where VITALS_KEEP is set."""
    path = Path(tempfile.mkdtemp(prefix="vt-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    processes.stop_everything()
    if "VITALS_KEEP" in os.environ:
        print(f"kept: {path}")
    else:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def directory(root: Path) -> Callable[[], Path]:
    """Makes new names for directories."""
    numbers = itertools.count(1)
    return lambda: root / str(next(numbers))


@pytest.fixture(scope="session")
def built() -> None:
    """Without a build there is nothing to test."""
    assert program().exists(), f"{program()} is missing: build first, or set VITALS_BUILD"


@pytest.fixture(scope="session")
def testmod(root: Path) -> Path:
    """The test module's shared object."""
    return modules.build_test_module(root)


@pytest.fixture(scope="session")
def template(root: Path) -> postgres.Template:
    """A PostgreSQL data directory to copy."""
    return postgres.Template(root / "template")


@pytest.fixture(scope="session")
def database(template: postgres.Template, directory: Callable[[], Path]) -> Iterator[postgres.Postgres]:
    """PostgreSQL for all tests that leave it alone."""
    server = postgres.Postgres(directory(), template).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def cache(directory: Callable[[], Path]) -> Iterator[redis.Redis]:
    """Redis for all tests that leave it alone."""
    server = redis.Redis(directory()).start()
    yield server
    server.stop()


@dataclass
class Stack:
    """nginx, the service and its stores."""

    service: Vitalsd
    nginx: Nginx
    database: Optional[postgres.Postgres] = None
    cache: Optional[redis.Redis] = None

    def client(self, timeout: float = 10.0) -> HttpClient:
        """A keep-alive client of nginx."""
        return HttpClient(self.nginx.port, timeout)


def modules_setting(testmod: Path) -> str:
    """Both modules."""
    return f"{demo_module()},{testmod}"


@pytest.fixture(scope="session")
def stack(built: None, database: postgres.Postgres, cache: redis.Redis, testmod: Path,
          directory: Callable[[], Path]) -> Iterator[Stack]:
    """Two workers and the admin worker, everything healthy, nginx before them; for tests that only ask."""
    service = Vitalsd(directory(), MODULES=modules_setting(testmod), DATABASE_URL=database.url, REDIS_URL=cache.url,
                      MAX_REQUEST_SIZE="1MiB", ADMISSION_TIMEOUT="1s", REQUEST_TIMEOUT="5s", ADMIN_TOKEN="let-me-see")
    service.settings["ADMIN_LISTEN"] = f"unix:{service.admin_socket}"
    nginx = Nginx(directory(), service.socket, service.admin_socket)
    try:
        service.start()
        nginx.start()
        yield Stack(service, nginx, database, cache)
    finally:
        nginx.stop()
        service.stop()
    service.log.records()


@pytest.fixture(scope="module")
def fragile(built: None, template: postgres.Template, testmod: Path, directory: Callable[[], Path]) -> Iterator[Stack]:
    """As stack, with stores that a module's tests may stop, freeze and break; healed by mended()."""
    database = postgres.Postgres(directory(), template).start()
    cache = redis.Redis(directory()).start()
    # Without tracking, so that PINGs are the checks' own; test_cache_tracking.py has services of its own.
    service = Vitalsd(directory(), WORKERS=4, MODULES=modules_setting(testmod), DATABASE_URL=database.url, REDIS_URL=cache.url,
                      CACHE_TRACKING="off")
    service.settings["ADMIN_LISTEN"] = f"unix:{service.admin_socket}"
    nginx = Nginx(directory(), service.socket, service.admin_socket)
    try:
        service.start()
        nginx.start()
        yield Stack(service, nginx, database, cache)
    finally:
        nginx.stop()
        service.stop()
        cache.stop()
        database.stop()
    service.log.records()


@pytest.fixture
def service(built: None, testmod: Path, directory: Callable[[], Path]) -> Iterator[Callable[..., Vitalsd]]:
    """Makes instances of a test's own, not started, without stores; stopped when the test ends."""
    made: list[Vitalsd] = []

    def make(**settings: Any) -> Vitalsd:
        made.append(Vitalsd(directory(), **{"MODULES": modules_setting(testmod), **settings}))
        return made[-1]

    yield make
    for instance in made:
        instance.stop()
    for instance in made:
        instance.log.records()


@pytest.fixture
def front(directory: Callable[[], Path]) -> Iterator[Callable[[Vitalsd], Nginx]]:
    """Starts an nginx before an instance of a test's own."""
    made: list[Nginx] = []

    def make(instance: Vitalsd) -> Nginx:
        made.append(Nginx(directory(), instance.socket, instance.admin_socket))
        return made[-1].start()

    yield make
    for nginx in made:
        nginx.stop()
