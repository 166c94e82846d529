"""doc/writing-a-module.md, followed as it is written: a newcomer, a new installation, a private home directory."""
from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import Callable, Iterator

import pytest

from harness.installed import Installed, give_away
from harness.postgres import Postgres, Template
from harness.processes import PATH, Process, send, tree_of, wait_for
from harness.vitalsd import CHECKOUT
from harness.web_server import free_port

TUTORIAL = CHECKOUT / "doc" / "writing-a-module.md"
EXAMPLE = CHECKOUT / "examples" / "counter" / "counter.c"
BLOCK = re.compile(r"^```(sh|c|text|console)\n(.*?)^```$", re.M | re.S)
# What the fixture has done already, in a copy of the build under test, with this very prefix.
INSTALL = './configure --prefix="$HOME/vitals"\nmake\nmake install\n'
MARK = "--- block {number} ---"
USER = "www-data"


def blocks() -> list[tuple[str, str]]:
    """Kind and text of each block of the tutorial, in its order."""
    found = BLOCK.findall(TUTORIAL.read_text())
    assert TUTORIAL.read_text().count("```") == 2 * len(found), "a block of a kind that this test does not know"
    return found


def script(text: list[tuple[str, str]]) -> str:
    """All commands as one shell session that ends at the first failure, with a mark before each block."""
    lines = ["set -euo pipefail"]
    for number, (kind, content) in enumerate(text):
        if kind == "sh" and content != INSTALL:
            lines += [f"echo '{MARK.format(number=number)}'", content]
        elif kind == "c":
            lines += [f"cat >counter.c <<'END_OF_SOURCE'\n{content}END_OF_SOURCE"]
    return "\n".join(lines) + f"\necho '{MARK.format(number='end')}'\n"


def printed(said: str, number: int) -> str:
    """What the block of that number printed."""
    return said.partition(MARK.format(number=number) + "\n")[2].partition("--- block ")[0]


def matches(wanted: str, said: str) -> bool:
    """Whether wanted describes what was said, where "…" stands for anything; alone on its line, for any lines or none."""
    pattern = re.escape(wanted)
    pattern = re.sub(r"(?m)^…\\\n", "(?:.*\\\\n)*", pattern).replace("…", ".*")
    return re.fullmatch(pattern, said.replace("\r\n", "\n").rstrip("\n") + "\n") is not None


@pytest.fixture(scope="module")
def home(directory: Callable[[], Path]) -> Path:
    """A newcomer's home directory with Vitals installed in it."""
    path = directory()
    (path / "home").mkdir(parents=True)
    Installed(path, path / "home" / "vitals")
    give_away(path / "home", USER)
    return path / "home"


@pytest.fixture
def newcomers_database(template: Template, directory: Callable[[], Path]) -> Iterator[Postgres]:
    """PostgreSQL in which the newcomer may make a database."""
    server = Postgres(directory(), template).start()
    server.sql("alter role vitals createdb")
    (server.directory / "pg_hba.conf").write_text("local all all trust\n")
    server.sql("select pg_reload_conf()")
    yield server
    server.stop()


def test_the_code_is_the_example() -> None:
    code = [content for kind, content in blocks() if kind == "c"]
    assert code == [EXAMPLE.read_text()]
    assert len(EXAMPLE.read_text().splitlines()) < 60


def test_the_installation_is_the_tutorials() -> None:
    """What the test does not run is what the fixture does."""
    assert blocks()[0] == ("sh", INSTALL)


@pytest.mark.parametrize("wanted, said, good", [
    ("a\n", "a\n", True), ("a\n", "b\n", False), ("a…c\n", "abc\n", True), ("…\nc\n", "a\nb\nc\n", True), ("…\nc\n", "c\n", True),
    ("…\nc\n", "c\nd\n", False), ("a\n", "a\nb\n", False), ("a…\n…\nd\n", "ab\r\nc\r\nd\n", True), ("a…c\n", "ab\nc\n", False),
])
def test_comparing(wanted: str, said: str, good: bool) -> None:
    assert matches(wanted, said) is good


def test_it_runs_as_written(home: Path, newcomers_database: Postgres) -> None:
    text = blocks()
    shell = Process(["bash", "-c", script(text).replace("127.0.0.1:8080", f"127.0.0.1:{free_port()}")], home.parent, "newcomer",
                    user=USER if os.geteuid() == 0 else None,
                    env={"PATH": PATH, "LC_ALL": "C.UTF-8", "HOME": str(home), "PGHOST": str(newcomers_database.directory), "PGUSER": "vitals"})
    try:
        wait_for(lambda: not shell.running(), 60, f"the tutorial's end; so far: {shell.said()}")
    finally:
        send(reversed(tree_of(shell.pid)[1:]), signal.SIGKILL)
        shell.stop()
    said = shell.said()
    assert shell.popen.returncode == 0, said
    for number, (kind, content) in enumerate(text):
        if kind == "text":
            assert matches(content, printed(said, number - 1)), f"wanted\n{content}\nof\n{text[number - 1][1]}\nand got\n{said}"
    log = (home / "counter" / "run" / "vitals.log").read_text()
    assert log.count('"message":"Counter stepped"') == 3 and '"counter":"visits","step":"10"' in log
    assert "Worker died" not in log and "Service stopped" in log
