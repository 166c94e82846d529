"""The servers of a run: private directories, everything stopped at the end however it comes."""
from __future__ import annotations

import itertools
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Optional

from harness import modules, postgres, processes
from harness.nginx import Nginx
from harness.vitalsd import Vitalsd, demo_module, program, run_once

LOG_FORMAT = "log_format trial '$msec $status $request_method $request_uri';\n"


class SetUpError(Exception):
    """What is missing, as a sentence for the operator."""


class Front(Nginx):
    """nginx as shipped, with an access log that the trials read, and /health sent to the pool where asked for."""

    def __init__(self, directory: Path, service: Vitalsd, health_to_pool: bool) -> None:
        super().__init__(directory, service.socket, service.admin_socket)
        self.access_log, self.error_log = directory / "trial.log", directory / "nginx-error.log"
        upstream, routes = directory / "vitals-upstream.conf", directory / "vitals.conf"
        upstream.write_text(LOG_FORMAT + upstream.read_text())
        text = routes.read_text()
        if health_to_pool:
            text, changed = re.subn(r"fastcgi_pass vitals_admin;", "fastcgi_pass vitals;", text)
            assert changed, "nginx-conf/vitals.conf no longer sends /health to vitals_admin"
        routes.write_text(f"access_log {self.access_log} trial;\n{text}")


class Stage:
    """Makes services and their nginx; clear() between trials, close() at the end."""

    def __init__(self, prefix: str = "vt-trial-") -> None:
        for name in ("wrk", "nginx", "setpriv"):
            if shutil.which(name, path=processes.PATH) is None:
                raise SetUpError(f"{name} is missing; scripts/install-deps installs it.")
        for path in (program(), demo_module()):
            if not path.exists():
                raise SetUpError(f"{path} is missing: build first, or name the build with --build.")
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8192)) if hard >= 0 else 8192, hard))
        self.root = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
        self.root.chmod(0o755)
        self.numbers = itertools.count(1)
        self.services: list[Vitalsd] = []
        self.fronts: list[Front] = []
        self._database: Optional[postgres.Postgres] = None
        self.known: set[str] = set()
        self.left_out: set[str] = set()
        self.version, self.testmod = "", self.root / "testmod.so"

    def prepare(self) -> None:
        """Asks the build what it is and compiles the test module; SetUpError with what was said."""
        try:
            said = run_once(self.root, "--help").stdout
            self.known = set(re.findall(r"^ +([A-Z][A-Z_]+)(?= \()", said, re.MULTILINE))
            self.version = run_once(self.root, "--version").stdout.strip()
            self.testmod = modules.build_test_module(self.root)
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            raise SetUpError(f"the set-up failed: {error}") from error
        if "LISTEN" not in self.known:
            raise SetUpError(f"{program()} --help names no settings: {said[:500]!r}")

    def directory(self) -> Path:
        """A new one."""
        return self.root / str(next(self.numbers))

    def service(self, workers: int = 8, **settings: Any) -> Vitalsd:
        """An instance with both modules and an admin worker, not started. A setting that this build does not know is left out."""
        wanted = {"DRAIN_SECONDS": 0, **settings}
        self.left_out |= {name for name in settings if name not in self.known}
        service = Vitalsd(self.directory(), WORKERS=workers, MODULES=f"{demo_module()},{self.testmod}",
                          **{name: value for name, value in wanted.items() if name in self.known})
        service.settings["ADMIN_LISTEN"] = f"unix:{service.admin_socket}"
        self.services.append(service)
        return service

    def front(self, service: Vitalsd, health_to_pool: bool = False) -> Front:
        """A started nginx before it."""
        front = Front(self.directory(), service, health_to_pool)
        self.fronts.append(front)
        front.start()
        return front

    def database(self, more: str = "") -> postgres.Postgres:
        """PostgreSQL, made at the first call, for the whole run; more: lines of its configuration, of that call."""
        if self._database is None:
            template = postgres.Template(self.directory())
            self._database = postgres.Postgres(self.directory(), template, more)
            self._database.start()
        return self._database

    def clear(self, by_force: bool) -> None:
        """Stops what a trial started, but the database; its files go too. AssertionError where something does not end."""
        for front in self.fronts:
            front.stop()
        for service in self.services:
            service.stop(signal.SIGKILL if by_force else signal.SIGTERM)
            self._throw_away(service.directory)
        for front in self.fronts:
            self._throw_away(front.directory)
        self.services, self.fronts, self.left_out = [], [], set()

    def close(self) -> None:
        """Everything, by force where it does not end."""
        try:
            processes.stop_everything()
        finally:
            if "VITALS_KEEP" in os.environ:
                print(f"kept: {self.root}")
            else:
                shutil.rmtree(self.root, ignore_errors=True)

    @staticmethod
    def _throw_away(directory: Path) -> None:
        if "VITALS_KEEP" not in os.environ:
            shutil.rmtree(directory, ignore_errors=True)

    @staticmethod
    def kill(service: Vitalsd) -> None:
        """An end that waits for no request, where the end is not what is tried."""
        service.stop(signal.SIGKILL)
