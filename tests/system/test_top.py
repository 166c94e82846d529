"""vitalsctl top in a terminal: frames, rates, keys, and a terminal that is given back as it was."""
from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from typing import Callable, Iterator, Optional

import pytest

from harness import ctl
from harness.fcgi import cgi, request
from harness.http import new_id
from harness.processes import PATH, freeze_tree, stat_of, thaw_tree, wait_for
from harness.vitalsd import Vitalsd, build_directory

Make = Callable[..., Vitalsd]

ENTER, LEAVE = b"\x1b[?1049h\x1b[?25l\x1b[?7l", b"\x1b[?7h\x1b[?25h\x1b[?1049l"


class Terminal:
    """A pseudo-terminal with vitalsctl top in it."""

    def __init__(self, instance: Vitalsd, *arguments: str, columns: int = 120, lines: int = 30) -> None:
        self.master, slave = pty.openpty()
        self.resize(columns, lines)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.output = b""

        def make_controlling() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        argv = [str(build_directory() / "vitalsctl"), "--env-file", str(instance.env_file), "top", *arguments]
        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, preexec_fn=make_controlling,
                                        env={"PATH": PATH, "LC_ALL": "C.UTF-8", "TERM": "xterm"})

    def resize(self, columns: int, lines: int) -> None:
        """The kernel tells the foreground process."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self) -> None:
        """What has come."""
        while select.select([self.master], [], [], 0)[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            if not data:
                return
            self.output += data

    def frames(self) -> list[list[str]]:
        """The whole frames so far, by line."""
        self.read()
        frames = [frame.split(b"\x1b[J")[0] for frame in self.output.split(b"\x1b[H")[1:] if b"\x1b[J" in frame]
        return [frame.replace(b"\x1b[K", b"").decode().split("\r\n")[:-1] for frame in frames]

    def wait(self, met: Callable[[list[str]], object], what: str, since: int = 0) -> list[str]:
        """The first frame, from that number on, that is so."""
        return wait_for(lambda: next((frame for frame in self.frames()[since:] if met(frame)), None), 10, what)

    def press(self, keys: bytes) -> None:
        """As from the keyboard."""
        os.write(self.master, keys)

    def ended(self) -> Optional[int]:
        """Its exit status, and that the terminal is as before."""
        status = wait_for(lambda: (self.read(), self.process.poll())[1] is not None, 5, "it ended") and self.process.returncode
        self.read()
        assert self.output.startswith(ENTER) and self.output.endswith(LEAVE), self.output[-80:]
        assert termios.tcgetattr(self.slave) == self.before
        return status

    def close(self) -> None:
        """Whatever still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.slave)
        os.close(self.master)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Makes terminals, which are closed at the end."""
    made: list[Terminal] = []

    def make(instance: Vitalsd, *arguments: str, **size: int) -> Terminal:
        made.append(Terminal(instance, *arguments, **size))
        return made[-1]

    yield make
    for one in made:
        one.close()


def line(frame: list[str], start: str) -> str:
    """The line of a frame that begins so."""
    return next((text for text in frame if text.startswith(start)), "")


def test_frames_and_rates(service: Make, terminal: Callable[..., Terminal]) -> None:
    instance = service(WORKERS=3).start()
    screen = terminal(instance, "--interval", "200ms", columns=160)
    first = screen.wait(lambda frame: True, "a frame")
    assert re.fullmatch(r"\d\d:\d\d:\d\d  serving, up \d+s, supervisor %d, generation 1" % instance.pid, first[0])
    assert line(first, "requests: ").split(",")[1].startswith(" -/s"), "one look tells no rate"
    with instance.connect() as connection:
        for _ in range(50):
            connection.ask(uri="/facts")

        def counted(frame: list[str]) -> bool:
            connection.ask(uri="/facts")
            return float((re.search(r"requests: \d+, ([0-9.]+)/s", line(frame, "requests: ")) or ["", "0"])[1]) > 0
        screen.wait(counted, "a rate", since=1)
    with instance.connect() as connection:
        identity = new_id()
        connection.send(request(cgi(uri="/hold/x?ms=1500", correlation_id=identity)))
        held = screen.wait(lambda frame: f"GET /hold/x ({identity})" in "\n".join(frame), "the request")
        header = next(i for i, text in enumerate(held) if "WORKER" in text)
        assert identity in held[header + 1] and " busy " in held[header + 1], "the longest comes first"
        told = next(w for w in ctl.status(instance)["workers"] if w["request"])
        assert held[header + 1].split()[:2] == [str(told["worker"]), str(told["pid"])]
        assert connection.read_answer().status == 200
    instance.ask(uri="/never")
    screen.wait(lambda frame: any("Request completed 500 at /never (" in text for text in frame), "the error")
    screen.press(b"q")
    assert screen.ended() == 0


@pytest.mark.parametrize("how", ["ctrl-c", "SIGTERM", "SIGHUP", "q"])
def test_the_terminal_is_given_back(service: Make, terminal: Callable[..., Terminal], how: str) -> None:
    screen = terminal(service(WORKERS=1).start())
    screen.wait(lambda frame: True, "a frame")
    assert not termios.tcgetattr(screen.slave)[3] & (termios.ICANON | termios.ECHO)
    if how in ("ctrl-c", "q"):
        screen.press(b"\x03" if how == "ctrl-c" else b"xyq")
    else:
        os.kill(screen.process.pid, getattr(signal, how))
    assert screen.ended() == 0


def test_stopped_and_continued(service: Make, terminal: Callable[..., Terminal]) -> None:
    """Ctrl-Z gives the terminal back; continued, it draws again."""
    screen = terminal(service(WORKERS=1).start(), "--interval", "200ms")
    screen.wait(lambda frame: True, "a frame")
    screen.press(b"\x1a")
    wait_for(lambda: (stat_of(screen.process.pid) or ["?"])[0] == "T", 5, "it is stopped")
    screen.read()
    assert screen.output.endswith(LEAVE) and termios.tcgetattr(screen.slave) == screen.before
    seen = len(screen.frames())
    os.kill(screen.process.pid, signal.SIGCONT)
    screen.wait(lambda frame: True, "a frame", since=seen)
    screen.press(b"q")
    assert screen.ended() == 0


def test_a_service_that_hangs_and_one_that_was_replaced(service: Make, terminal: Callable[..., Terminal]) -> None:
    instance = service(WORKERS=2).start()
    screen = terminal(instance, "--interval", "100ms")
    freeze_tree(instance.pid)
    try:
        seen = len(screen.frames())
        screen.wait(lambda frame: " serving, " in frame[0], "it tells of a service that hangs", since=seen + 2)
    finally:
        thaw_tree(instance.pid)
    old = instance.pid
    instance.kill()
    screen.wait(lambda frame: f" stopped, " in frame[0] and f"{old} (dead)" in frame[0], "it is stopped")
    instance.start()
    screen.wait(lambda frame: f"supervisor {instance.pid}, " in frame[0], "the new one is found")
    screen.press(b"q")
    assert screen.ended() == 0


def test_every_size(service: Make, terminal: Callable[..., Terminal]) -> None:
    """Never a line too many or too wide, also while the size changes."""
    instance = service(WORKERS=6).start()
    screen = terminal(instance, "--interval", "1h", columns=80, lines=24)
    screen.wait(lambda frame: True, "a frame")
    for columns, lines in ((40, 10), (200, 50), (20, 5), (1, 1), (132, 12)):
        seen = len(screen.frames())
        screen.resize(columns, lines)
        frame = screen.wait(lambda frame: True, f"a frame of {columns} by {lines}", since=seen)
        assert len(frame) <= max(lines - 1, 1) and all(len(text) <= columns for text in frame), frame
    screen.press(b"q")
    assert screen.ended() == 0


def test_nothing_of_a_client_steers_the_terminal(service: Make, terminal: Callable[..., Terminal]) -> None:
    instance = service(WORKERS=1).start()
    screen = terminal(instance, "--interval", "100ms", columns=300)
    with instance.connect() as connection:
        connection.send(request(cgi(uri="/hold/%1B%5D0;x%07%C2%9B2J%0D%0Ay%FF?ms=1500", correlation_id=new_id())))
        frame = screen.wait(lambda frame: any("/hold/" in text for text in frame), "the request")
        assert any("GET /hold/?]0;x??2J??y? (" in text for text in frame), frame
        assert connection.read_answer().status == 200
    screen.press(b"q")
    assert screen.ended() == 0
    left = re.sub(rb"\x1b\[(?:[HJK]|\?\d+[hl])", b"", screen.output).replace(b"\r\n", b"")
    assert not re.search(rb"[\x00-\x1f\x7f]|\xc2[\x80-\x9f]", left)


def test_without_a_terminal_one_frame(service: Make, terminal: Callable[..., Terminal]) -> None:
    instance = service(WORKERS=2).start()
    for arguments in (["top"], ["top", "--once"]):
        done = ctl.ctl(instance, *arguments)
        assert done.returncode == 0 and "\x1b" not in done.stdout and done.stderr == ""
        assert done.stdout.count("WORKER ") == 1 and f"supervisor {instance.pid}" in done.stdout
    screen = terminal(instance, "--once")
    wait_for(lambda: (screen.read(), screen.process.poll())[1] is not None, 5, "it ended")
    screen.read()
    assert screen.process.returncode == 0 and b"\x1b" not in screen.output and screen.output.count(b"WORKER ") == 1


def test_nobody_reads_any_more(service: Make, terminal: Callable[..., Terminal]) -> None:
    """A terminal that is gone ends it, without turning in circles."""
    screen = terminal(service(WORKERS=1).start(), "--interval", "100ms")
    screen.wait(lambda frame: True, "a frame")
    os.close(screen.slave)
    os.close(screen.master)
    screen.master, screen.slave = os.pipe()
    end = time.monotonic() + 5
    while screen.process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    assert screen.process.poll() is not None


def test_wrong_arguments() -> None:
    for arguments, said in ((["--interval", "1ms"], '--interval is "1ms"'), (["--interval", "soon"], '--interval is "soon"'),
                            (["--json"], "status takes --json"), (["now"], '"now" is one too many'), (["--limit", "3"], "top takes no --limit")):
        done = ctl.run_ctl("--scoreboard", "/nowhere/at/all", "top", *arguments)
        assert done.returncode == 2 and said in done.stderr, done.stderr
    done = ctl.run_ctl("--scoreboard", "/nowhere/at/all", "status", "--once")
    assert done.returncode == 2 and "status takes no --once" in done.stderr
