"""
The log against the clients' own record: what is missing, doubled or torn, to the record.

Every line goes through a strict parser, so this is the judge and knows nothing of how the log is written. A request may
be run twice: nginx repeats a GET whose worker was killed. Such a request stands in the obituary of the worker, so the
obituaries of an ID say how many "Request started" may have no "Request completed", and tell a completion that is there
twice from one of a run whose answer was never sent.
"""
from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any, Iterable, NoReturn, Optional

STARTED, COMPLETED, OBITUARY, DROPPED = "Request started", "Request completed", "Worker died", "Log records dropped"
EXAMPLES = 3


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def parse_strictly(line: bytes) -> dict[str, Any]:
    """One object and nothing else, by RFC 8259; ValueError otherwise. Python's parser takes NaN and white space, this does not."""
    if line[:1] != b"{" or line[-1:] != b"}":
        raise ValueError("not one JSON object")
    found: dict[str, Any] = _DECODER.decode(line.decode("utf-8"))
    return found


class Ledger:
    """All records of a run, from however many files; "n" of an ID is the client's number of the request."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix + "-"
        self.started: Counter[int] = Counter()
        self.completed: Counter[int] = Counter()
        self.mourned: Counter[int] = Counter()    # obituaries that name the request
        self.lines_of: Counter[int] = Counter()   # records of whatever kind with its ID
        self.obituaries: list[dict[str, Any]] = []
        self.lines = self.bytes = self.torn = self.doubled = self.announcements = self.dropped = 0
        self.examples: list[str] = []
        self._seen: set[bytes] = set()

    def read(self, path: Path) -> "Ledger":
        """One file more, to its end."""
        with open(path, "rb") as file:
            for line in file:
                self.take(line)
        return self

    def take(self, line: bytes) -> None:
        """One line with its newline."""
        self.lines += 1
        self.bytes += len(line)
        try:
            if line[-1:] != b"\n":
                raise ValueError("no newline at the end")
            found = parse_strictly(line[:-1])
        except ValueError as error:
            self.torn += 1
            self._example(f"torn: {error}: {line[:200]!r}")
            return
        digest = hashlib.blake2b(line, digest_size=16).digest()
        if digest in self._seen:
            self.doubled += 1
            self._example(f"twice: {line[:200]!r}")
        self._seen.add(digest)
        self._count(found)

    def _example(self, text: str) -> None:
        if len(self.examples) < EXAMPLES:
            self.examples.append(text)

    def _count(self, found: dict[str, Any]) -> None:
        message, number = found.get("message"), self.number_of(found.get("correlation_id"))
        if message == OBITUARY:
            self.obituaries.append(found)
            if number is not None:
                self.mourned[number] += 1
            return
        if message == DROPPED and found.get("what") in (None, "log records"):  # not spans, which are elsewhere
            self.announcements += 1
            self.dropped += found.get("count", 0)
        if number is not None:
            self.lines_of[number] += 1
            self.started[number] += message == STARTED
            self.completed[number] += message == COMPLETED

    def number_of(self, correlation_id: Any) -> Optional[int]:
        """N of PREFIX-N; None for another's ID."""
        if not isinstance(correlation_id, str) or not correlation_id.startswith(self.prefix):
            return None
        rest = correlation_id[len(self.prefix):]
        return int(rest) if rest.isdecimal() else None

    # ---- The questions ----

    def not_completed(self, answered: Iterable[int]) -> set[int]:
        """Requests whose answer a client has, and whose completion is not in the log."""
        return {n for n in answered if self.completed[n] == 0}

    def not_started(self, answered: Iterable[int]) -> set[int]:
        """Requests with more completions than starts, or an answer and no start."""
        wanted = {n: 1 for n in answered} | {n: count for n, count in self.completed.items() if count > 0}
        return {n for n, count in wanted.items() if self.started[n] < count}

    def completed_again(self, answered: Iterable[int]) -> set[int]:
        """Requests with an answer and more than one completion, for whatever reason."""
        return {n for n in answered if self.completed[n] > 1}

    def doubled_completions(self) -> set[int]:
        """More completions of one ID than there were runs of it: one, and one more for each worker that died with it."""
        return {n for n, count in self.completed.items() if count > 1 + self.mourned[n]}

    def run_again(self) -> set[int]:
        """Completed twice, and killed with the first answer not sent, which the web server then repeated."""
        return {n for n, count in self.completed.items() if 1 < count <= 1 + self.mourned[n]}

    def vanished(self) -> set[int]:
        """More starts than completions and obituaries together: a record of how it ended is lost."""
        return {n for n, count in self.started.items() if count > self.completed[n] + self.mourned[n]}

    def without_an_answer(self, answered: set[int]) -> set[int]:
        """Completed, and no client got the answer: killed before it was sent; allowed."""
        return {n for n, count in self.completed.items() if count > 0 and n not in answered}

    def kills_without_one_obituary(self, pids: Iterable[int]) -> list[int]:
        """Workers killed by SIGKILL that have none, or several."""
        count = Counter(found.get("pid") for found in self.obituaries if found.get("signal") == "SIGKILL")
        return [pid for pid in pids if count[pid] != 1]
