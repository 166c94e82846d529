"""Who takes part: how each is built, started and found again. README.md says what each stands for."""
from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Type

from harness.http import Answer
from harness.processes import PATH, Process, tree_of
from harness.vitalsd import CHECKOUT, Vitalsd, build_directory, demo_module

from .stores import Stores

PEERS = CHECKOUT / "tests" / "bench" / "peers"
GO_LIBRARIES = Path("/usr/share/gocode")
PACKAGES = Path("/usr/lib/python3/dist-packages")
MOMENT = "2024-01-01T00:00:00.000000Z"


class BuildError(Exception):
    """What a compiler said."""


@dataclass(frozen=True)
class Job:
    """What all have in common: the scenario's directory, how many workers, the version that is told, PostgreSQL and Redis."""

    root: Path
    workers: int
    version: str
    stores: Stores


def run(argv: list[str], directory: Path, **env: str) -> None:
    """A compiler."""
    done = subprocess.run(argv, cwd=directory, capture_output=True, text=True,
                          env={"PATH": os.environ.get("PATH", PATH), "LC_ALL": "C", **env})
    if done.returncode != 0:
        raise BuildError(f"{' '.join(argv)} failed: {(done.stdout + done.stderr)[-2000:]}")


class Contender:
    """One of them. protocol: fastcgi, http, none (nginx answers); keeps: nginx keeps its connections to it."""

    name = ""
    path = "/health"              # what is asked for
    protocol = "fastcgi"
    keeps = True
    needs: tuple[str, ...] = ()   # commands, or paths of files
    parameters = ""               # what nginx sends besides
    program: Optional[str] = None  # built by make

    def __init__(self, job: Job) -> None:
        self.job, self.directory = job, job.root / self.name
        self.directory.mkdir(mode=0o755, parents=True)
        self.socket = str(self.directory / "s.sock")
        self.process: Optional[Process] = None

    @classmethod
    def missing(cls) -> list[str]:
        """What of its needs is not installed."""
        return [need for need in cls.needs
                if not (Path(need).exists() if need.startswith("/") else shutil.which(need, path=PATH))]

    @property
    def body(self) -> str:
        """What shall be answered; a timestamp in it stands for any."""
        return '{"status":"healthy","timestamp":"%s","version":"%s"}' % (MOMENT, self.job.version)

    def ready(self, answer: Answer) -> bool:
        """Whether it answers as it will under load: the first answers may still be others."""
        return answer.status == 200

    def build(self) -> None:
        """Once, before the first round."""
        if self.program:
            run(["make", "-s", self.program], build_directory())

    def command(self) -> list[str]:
        """In the foreground."""
        return [str(build_directory() / str(self.program)), self.socket, str(self.job.workers), self.body]

    def environment(self) -> dict[str, str]:
        """All of it."""
        return {"PATH": PATH, "LC_ALL": "C"}

    def start(self) -> None:
        """Waits for nothing."""
        Path(self.socket).unlink(missing_ok=True)
        self.process = Process(self.command(), self.directory, self.name, env=self.environment())

    def pids(self) -> list[int]:
        """All its processes."""
        assert self.process is not None
        return tree_of(self.process.pid)

    def fault(self) -> str:
        """Why it cannot answer any more; empty while it runs."""
        return f"{self.name} ended: {self.process.said()[-2000:]}" if self.process and not self.process.running() else ""

    def stop(self) -> None:
        """Twice is harmless."""
        if self.process is not None:
            self.process.stop()
            self.process = None
            self.throw_logs_away()

    def throw_logs_away(self) -> None:
        """A turn's records can be gigabytes."""
        for path in self.directory.glob("*.log"):
            path.unlink()


class NginxItself(Contender):
    """return 200."""

    name, protocol = "nginx-return", "none"

    def start(self) -> None:
        """There is nothing to start."""

    def pids(self) -> list[int]:
        """It has no server of its own."""
        return []


class Floor(Contender):
    """floor.c, as many processes as Vitals has workers."""

    name, program = "floor", "tests/bench/peers/floor"


class FloorAlone(Floor):
    """floor.c in one process."""

    name = "floor-single"

    def command(self) -> list[str]:
        """One."""
        return [str(build_directory() / str(self.program)), self.socket, "1", self.body]


class Vitals(Contender):
    """Everything on: two INFO records a request into a file, metrics, correlation, the admin worker beside the pool."""

    name = "vitals"

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.service = Vitalsd(self.directory, ADMIN_LISTEN=f"unix:{self.directory}/a.sock", **self.settings())
        self.socket = self.service.socket

    def settings(self) -> dict[str, Any]:
        """Those of its vitals.env that are not paths."""
        return {"WORKERS": self.job.workers, "MODULES": demo_module()}

    def start(self) -> None:
        """Waits for nothing: not every level of the log tells that it has started."""
        self.process = self.service.spawn()

    def ready(self, answer: Answer) -> bool:
        """Every worker lives then."""
        return super().ready(answer) and len(self.service.workers()) >= self.service.processes_wanted()

    def stop(self) -> None:
        """Twice is harmless."""
        if self.process is not None:
            self.service.stop()
            self.process = None
            self.throw_logs_away()


class Libfcgi(Contender):
    """libfcgi_loop.c; nginx opens a connection for each request."""

    name, program, keeps = "libfcgi", "tests/bench/peers/libfcgi_loop", False


class LibfcgiKept(Libfcgi):
    """libfcgi_loop.c; nginx keeps connections, and each holds a process."""

    name, keeps = "libfcgi-keep", True


class Php(Contender):
    """php-fpm with a static pool, as Debian configures PHP, opcache included; a connection for each request."""

    name, keeps, needs = "php-fpm", False, ("php-fpm8.2",)
    script = "index.php"

    @property
    def parameters(self) -> str:  # type: ignore[override]
        """Which script."""
        return f"fastcgi_param SCRIPT_FILENAME {self.directory}/{self.script};"

    def build(self) -> None:
        """The script and the pool's configuration."""
        shutil.copy(PEERS / self.script, self.directory)
        user = "user = www-data\n" if os.geteuid() == 0 else ""
        (self.directory / "fpm.conf").write_text(
            f"[global]\nerror_log = {self.directory}/fpm.log\ndaemonize = no\n"
            f"[www]\n{user}listen = {self.socket}\nlisten.mode = 0666\nlisten.backlog = 4096\npm = static\n"
            f"pm.max_children = {self.job.workers}\n"
            + "".join(f"env[{name}] = \"{value}\"\n" for name, value in self.told().items()))

    def told(self) -> dict[str, str]:
        """What the script finds in $_SERVER."""
        return {"BENCH_VERSION": self.job.version}

    def command(self) -> list[str]:
        """In the foreground."""
        return ["php-fpm8.2", "--nodaemonize", "--fpm-config", str(self.directory / "fpm.conf")]


class PhpKept(Php):
    """The same with connections kept, each of which holds a process."""

    name, keeps = "php-fpm-keep", True


class FastApi(Contender):
    """app.py under uvicorn with uvloop and httptools, as many workers as Vitals has."""

    name, protocol, module = "fastapi", "http", "app"
    needs: tuple[str, ...] = tuple(str(PACKAGES / module / "__init__.py") for module in ("fastapi", "uvicorn", "uvloop", "httptools"))

    def build(self) -> None:
        """Nothing is compiled."""
        for module in {"app", self.module}:
            shutil.copy(PEERS / f"{module}.py", self.directory)

    def environment(self) -> dict[str, str]:
        """What app.py wants."""
        return {**super().environment(), "BENCH_VERSION": self.job.version, "BENCH_LOG": str(self.directory / "app.log"),
                "PYTHONDONTWRITEBYTECODE": "1"}

    def command(self) -> list[str]:
        """Without uvicorn's own access log: app.py writes one."""
        return ["/usr/bin/python3", "-m", "uvicorn", f"{self.module}:app", "--uds", self.socket, "--workers", str(self.job.workers),
                "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]


class GoHttp(Contender):
    """main.go behind net/http."""

    name, protocol, mode = "go-http", "http", "http"
    needs = ("go", str(GO_LIBRARIES / "src/github.com/google/uuid/uuid.go"),
             str(GO_LIBRARIES / "src/github.com/prometheus/client_golang/prometheus/registry.go"))

    def build(self) -> None:
        """With Debian's libraries; what was compiled once stays in the build's directory."""
        source = self.directory / "src" / "peer"
        source.mkdir(parents=True)
        shutil.copy(PEERS / "main.go", source)
        cache = build_directory() / "tests" / "bench" / "go-cache"
        run(["go", "build", "-o", str(self.directory / "peer"), "peer"], source, GO111MODULE="off", CGO_ENABLED="0",
            GOPATH=f"{self.directory}:{GO_LIBRARIES}", GOCACHE=str(cache), GOFLAGS="", GOTOOLCHAIN="local")

    def command(self) -> list[str]:
        """It takes all processors."""
        return [str(self.directory / "peer"), self.mode, self.socket, self.job.version, str(self.directory / "app.log")]


class GoFastcgi(GoHttp):
    """main.go behind net/http/fcgi."""

    name, protocol, mode = "go-fcgi", "fastcgi", "fcgi"


HEALTH: tuple[Type[Contender], ...] = (NginxItself, Floor, FloorAlone, Vitals, Libfcgi, LibfcgiKept, Php, PhpKept, FastApi, GoHttp,
                                      GoFastcgi)
