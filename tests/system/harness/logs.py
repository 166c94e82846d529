"""The service's log file as records; reading it proves each line."""
from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from .processes import wait_for

Record = dict[str, Any]
ECS_FIRST_KEYS = ["@timestamp", "log.level", "message", "ecs.version"]
FIRST_KEYS = ["timestamp", "level", "logger", "message", "module", "function", "line"]
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|\+00:00)")
LEVELS = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}


RAW = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")


def _no_constant(word: str) -> None:
    """Python reads NaN and Infinity, which JSON does not have."""
    raise ValueError(f"{word} is not JSON")


def parse_line(line: bytes) -> Record:
    """One record; an AssertionError where the line is not valid UTF-8, JSON or lacks what each record has."""
    try:
        text = line.decode("utf-8")
        pairs = json.loads(text, object_pairs_hook=list, parse_constant=_no_constant)
        assert not RAW.search(text), f"a character that a terminal would act on in {line[:400]!r}"
    except ValueError as error:
        raise AssertionError(f"not a log record ({error}): {line[:400]!r}") from error
    assert isinstance(pairs, list)
    keys = [key for key, _ in pairs]
    ecs = keys[:4] == ECS_FIRST_KEYS
    assert ecs or keys[:7] == FIRST_KEYS, f"keys of {line[:400]!r}"
    assert len(keys) == len(set(keys)), f"a key twice in {line[:400]!r}"
    found: Record = json.loads(line)
    timestamp, level, number = ("@timestamp", "log.level", "log.origin.file.line") if ecs else ("timestamp", "level", "line")
    assert TIMESTAMP.fullmatch(found[timestamp]) and found[level] in LEVELS, f"{line[:400]!r}"
    assert isinstance(found[number], int) and isinstance(found["message"], str)
    return found


class LogFile:
    """Reads on where it stopped; keeps all records."""

    def __init__(self, path: Path) -> None:
        self.path, self.offset, self.kept = path, 0, []  # type: Path, int, list[Record]

    def records(self) -> list[Record]:
        """All complete lines so far."""
        try:
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                data = file.read()
        except FileNotFoundError:
            return self.kept
        whole = data[:data.rfind(b"\n") + 1]
        self.offset += len(whole)
        for line in whole.split(b"\n")[:-1]:
            self.kept.append(parse_line(line))
        return self.kept

    def find(self, message: str, **fields: Any) -> list[Record]:
        """The records of that message whose fields have these values."""
        return [found for found in self.records()
                if found["message"] == message and all(found.get(key) == value for key, value in fields.items())]

    def wait(self, message: str, seconds: float = 5.0, **fields: Any) -> Record:
        """The first such record, waited for."""
        return wait_for(lambda: self.find(message, **fields), seconds, f"log record {message!r} {fields} in {self.path}")[0]
