"""The service under test: its settings file, its processes, its log."""
from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any, Optional

from . import fcgi
from .http import Answer, new_id
from .logs import LogFile, Record
from .processes import PATH, Process, alive, children_of, name_of, wait_for

CHECKOUT = Path(__file__).resolve().parents[3]
LOG_WRITER, HELPER, KEEPER = "vitalsd:log", "vitalsd:helper", "vitalsd:redis"


def build_directory() -> Path:
    """VITALS_BUILD, or the checkout's build/."""
    return Path(os.environ.get("VITALS_BUILD", CHECKOUT / "build")).resolve()


def program() -> Path:
    """vitalsd, as libtool's wrapper where there is one."""
    return build_directory() / "vitalsd"


def demo_module() -> Path:
    """examples/demo as a shared object."""
    return build_directory() / "examples" / "demo" / ".libs" / "demo.so"


def relay_module() -> Path:
    """examples/relay as a shared object."""
    return build_directory() / "examples" / "relay" / ".libs" / "relay.so"


def run_once(directory: Path, *arguments: str, seconds: float = 10.0,
             env: Optional[dict[str, str]] = None) -> subprocess.CompletedProcess[str]:
    """vitalsd with arguments that make it end by itself."""
    return subprocess.run([str(program()), *arguments], cwd=directory, env={"PATH": PATH, "LC_ALL": "C", **(env or {})},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)


class Vitalsd:
    """One instance in a directory of its own; settings are those of the file, in upper case, None leaves one out."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o755)
        self.directory = directory
        self.socket, self.admin_socket = str(directory / "v.sock"), str(directory / "a.sock")
        self.settings: dict[str, Any] = {
            "LISTEN": f"unix:{self.socket}", "WORKERS": 2, "LOG_FILE": directory / "vitals.log",
            "SCOREBOARD": directory / "scoreboard", "PID_FILE": directory / "vitalsd.pid", "DRAIN_SECONDS": 0,
        }
        self.settings.update(settings)
        self.env_file = directory / "vitals.env"
        self.log = LogFile(directory / "vitals.log")
        self.process: Optional[Process] = None
        self.before: list[str] = []         # a command that executes the one after it
        self.stderr: Optional[int] = None   # a descriptor; otherwise a file

    def write_settings(self) -> None:
        """vitals.env."""
        lines = [f"{name}={value}\n" for name, value in self.settings.items() if value is not None]
        self.env_file.write_text("".join(lines))

    def spawn(self, nofile: Optional[int] = None) -> Process:
        """Starts it and waits for nothing."""
        self.write_settings()
        self.process = Process([*self.before, str(program()), "--env-file", str(self.env_file)], self.directory, "vitalsd",
                               nofile=nofile, stderr=self.stderr)
        return self.process

    def start(self, nofile: Optional[int] = None) -> "Vitalsd":
        """Starts it and waits until every worker lives and one answers."""
        before = len(self.log.find("Service started"))
        self.spawn(nofile)

        def answers() -> bool:
            assert self.process.running(), f"vitalsd ended with {self.process.popen.returncode}: {self.process.said()}"
            return len(self.log.find("Service started")) > before and len(self.workers()) >= self.processes_wanted()

        try:
            wait_for(answers, 10, "vitalsd started")
            wait_for(self.reachable, 10, "vitalsd answers")
        except BaseException:
            self.stop()
            raise
        return self

    def processes_wanted(self) -> int:
        """How many children the supervisor shall have."""
        return int(self.settings["WORKERS"]) + (1 if self.settings.get("ADMIN_LISTEN") else 0)

    def reachable(self) -> bool:
        """One request is answered, whatever the answer."""
        try:
            with self.connect() as connection:
                return connection.ask(uri="/health", keep=False).status > 0
        except (OSError, fcgi.Closed):
            return False

    @property
    def pid(self) -> int:
        """The supervisor's."""
        assert self.process is not None
        return self.process.pid

    def workers(self) -> list[int]:
        """The pids of its living children, the admin worker among them."""
        return [pid for pid in children_of(self.pid) if name_of(pid) not in (LOG_WRITER, HELPER, KEEPER, name_of(self.pid))]

    def log_writers(self) -> list[int]:
        """The pids of the processes that write the log: one, but for a moment during a reload."""
        return [pid for pid in children_of(self.pid) if name_of(pid) == LOG_WRITER]

    def helpers(self) -> list[int]:
        """The pids of the helpers: at most one, but for a moment during a reload."""
        return [pid for pid in children_of(self.pid) if name_of(pid) == HELPER]

    def keepers(self) -> list[int]:
        """The pids of the processes that watch Redis: one where there is a REDIS_URL, but for a moment during a reload."""
        return [pid for pid in children_of(self.pid) if name_of(pid) == KEEPER]

    def connect(self, address: Optional[fcgi.Address] = None, seconds: float = 10.0) -> fcgi.Connection:
        """A raw FastCGI connection."""
        return fcgi.Connection(address or self.socket, seconds)

    def ask(self, method: str = "GET", uri: fcgi.Text = "/health", body: Optional[bytes] = None, **variables: Any) -> Answer:
        """One request on a connection of its own."""
        with self.connect() as connection:
            return connection.ask(method, uri, body, keep=False, **variables)

    def completed(self, answer: Answer, **fields: Any) -> Record:
        """The "Request completed" record of an answer, found by the correlation ID that the test sent."""
        return self.log.wait("Request completed", correlation_id=answer.sent_id, **fields)

    def expect(self, answer: Answer, status: int, **fields: Any) -> Answer:
        """Proves the answer: status, IDs, time, and its log record with these fields."""
        assert answer.status == status, f"{answer.status}, not {status}: {answer.body[:300]!r}"
        assert answer.header("X-Correlation-ID") == answer.sent_id
        assert 0 <= float(answer.header("X-Process-Time") or "-1") < 60
        found = self.completed(answer)
        wanted = {"status_code": status, "method": answer.method, **fields}
        assert {key: found.get(key) for key in wanted} == wanted, found
        assert isinstance(found["duration_seconds"], (int, float)) and found["duration_seconds"] >= 0
        if answer.method != "HEAD":
            assert found["bytes"] == len(answer.body), found
        return answer

    def expect_problem(self, answer: Answer, status: int, **fields: Any) -> dict[str, Any]:
        """As expect(), for an RFC 9457 document."""
        self.expect(answer, status, **fields)
        assert answer.header("Content-Type") == "application/problem+json", answer.headers
        problem = answer.json()
        assert problem["type"] == "about:blank" and problem["status"] == status, problem
        assert problem["title"] and problem["correlation_id"] == answer.sent_id, problem
        return problem

    def kill(self) -> None:
        """SIGKILL for the supervisor alone."""
        os.kill(self.pid, signal.SIGKILL)
        assert self.process is not None
        self.process.wait(5)

    def stop(self, number: int = signal.SIGTERM, seconds: float = 10.0) -> Optional[int]:
        """Its exit status; also proves that nothing of it is left."""
        if self.process is None:
            return None
        workers = self.workers()
        status = self.process.stop(number, seconds)
        wait_for(lambda: not any(alive(pid) for pid in workers), 5, "workers gone")
        return status


__all__ = ["CHECKOUT", "Vitalsd", "build_directory", "demo_module", "new_id", "program", "relay_module", "run_once"]
