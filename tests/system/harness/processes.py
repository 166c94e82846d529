"""Child processes of the tests: started in sessions of their own, stopped by pid, never by name."""
from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Callable, Iterable, Optional, TypeVar

T = TypeVar("T")

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def wait_for(condition: Callable[[], T], seconds: float = 5.0, what: str = "", every: float = 0.01) -> T:
    """The first true value of condition; an AssertionError that names what when seconds have passed."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"not within {seconds} s: {what or condition}")
        time.sleep(every)


def stat_of(pid: int) -> Optional[list[str]]:
    """Fields of /proc/PID/stat from the third (the state) on; None where there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2:].split()


def alive(pid: int) -> bool:
    """A zombie is dead."""
    fields = stat_of(pid)
    return fields is not None and fields[0] not in "ZX"


def cpu_seconds(pid: int) -> float:
    """User and system time that the process has used."""
    fields = stat_of(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def name_of(pid: int) -> str:
    """As the process calls itself, "" where there is none."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
    except OSError:
        return ""


def families() -> dict[int, list[int]]:
    """The living children of every process that has some, in the order of their pids."""
    found: dict[int, list[int]] = {}
    for pid in sorted(int(entry) for entry in os.listdir("/proc") if entry.isdigit()):
        fields = stat_of(pid)
        if fields and fields[0] not in "ZX":
            found.setdefault(int(fields[1]), []).append(pid)
    return found


def children_of(pid: int) -> list[int]:
    """Living children, in the order of their pids."""
    return families().get(pid, [])


def tree_of(pid: int) -> list[int]:
    """The process and all its descendants, parents first; by one look at /proc, since a pool may have hundreds."""
    children, found = families(), [pid]
    for parent in found:
        found += children.get(parent, [])
    return found


def send(pids: Iterable[int], number: int) -> None:
    """A signal to each that is still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def freeze_tree(pid: int) -> None:
    """SIGSTOP to the process and all below it, the parent first so that it forks no more."""
    send([pid], signal.SIGSTOP)
    send(tree_of(pid)[1:], signal.SIGSTOP)


def thaw_tree(pid: int) -> None:
    """SIGCONT, the children first."""
    send(reversed(tree_of(pid)), signal.SIGCONT)


class Process:
    """One server: started in the foreground in its own session, ended with us even if we are killed."""

    started: list["Process"] = []

    def __init__(self, argv: list[str], directory: Path, name: str, *, user: Optional[str] = None,
                 death_signal: str = "TERM", nofile: Optional[int] = None, env: Optional[dict[str, str]] = None,
                 stdin: int = subprocess.DEVNULL, stderr: Optional[int] = None) -> None:
        self.name, self.directory = name, directory
        self.output = directory / f"{name}.out"
        command = ["setpriv", "--pdeathsig", death_signal]
        if user is not None:
            command += ["--reuid", user, "--regid", user, "--clear-groups"]
        if nofile is not None:
            command = ["prlimit", f"--nofile={nofile}:{nofile}"] + command
        with open(self.output, "ab") as output:
            self.popen = subprocess.Popen(command + ["--"] + argv, cwd=directory, env=env or {"PATH": PATH, "LC_ALL": "C"},
                                          stdin=stdin, stdout=output, stderr=output if stderr is None else stderr,
                                          start_new_session=True)
        self.pid = self.popen.pid
        Process.started.append(self)

    def running(self) -> bool:
        """False once it has ended; reaps it."""
        return self.popen.poll() is None

    def wait(self, seconds: float) -> int:
        """Its exit status (negative: the signal that killed it)."""
        return self.popen.wait(seconds)

    def stop(self, number: int = signal.SIGTERM, seconds: float = 10.0) -> Optional[int]:
        """Asks, waits, then kills whatever is left of its process group. Twice is harmless."""
        if self.running():
            thaw_tree(self.pid)
            send([self.pid], number)
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                send(reversed(tree_of(self.pid)), signal.SIGKILL)
                self.popen.wait(seconds)
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        if self in Process.started:
            Process.started.remove(self)
        return self.popen.returncode

    def said(self) -> str:
        """What it wrote to standard output and error."""
        return self.output.read_text(errors="replace")


def stop_everything() -> None:
    """The last resort at the end of a run; each fixture stops its own first."""
    for process in list(reversed(Process.started)):
        process.stop(signal.SIGKILL, 5)
