"""The trials' judge of the log: one record too few, too many or torn is seen, whatever else there is."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Optional

import pytest

from trial.ledger import Ledger, parse_strictly

REQUESTS = 5
PID = 4711


def record(message: str, number: Optional[int] = None, **fields: Any) -> bytes:
    """One line, like no other: it carries its own number."""
    record.count += 1  # type: ignore[attr-defined]
    found = {"timestamp": f"{record.count}", "level": "INFO", "message": message}  # type: ignore[attr-defined]
    if number is not None:
        found["correlation_id"] = f"run-{number}"
    return json.dumps({**found, **fields}).encode() + b"\n"


record.count = 0  # type: ignore[attr-defined]


def good_lines() -> list[bytes]:
    """Five requests in their order: of request n, 2n - 2 is the start and 2n - 1 the completion."""
    lines = []
    for n in range(1, REQUESTS + 1):
        lines += [record("Request started", n), record("Request completed", n)]
    return lines


def verdict(lines: list[bytes], killed: tuple[int, ...] = ()) -> dict[str, int]:
    """What is wrong, without what is not; all five have been answered."""
    ledger, answered = Ledger("run"), set(range(1, REQUESTS + 1))
    for line in lines:
        ledger.take(line)
    found = {
        "not completed": len(ledger.not_completed(answered)), "not started": len(ledger.not_started(answered)),
        "vanished": len(ledger.vanished()), "completed twice": len(ledger.doubled_completions()), "twice": ledger.doubled,
        "torn": ledger.torn, "obituaries": len(ledger.kills_without_one_obituary(killed)), "dropped": ledger.dropped,
        "again": len(ledger.run_again()), "more than one": len(ledger.completed_again(answered)),
        "unanswered": len(ledger.without_an_answer(answered)),
    }
    return {what: count for what, count in found.items() if count}


def test_a_whole_log_is_whole() -> None:
    assert verdict(good_lines() + [record("Service started"), record("Request started", 99), record("Request completed", 99)]) \
        == {"unanswered": 1}


def without(lines: list[bytes], index: int) -> list[bytes]:
    return lines[:index] + lines[index + 1:]


def torn_at(lines: list[bytes], index: int, line: bytes) -> list[bytes]:
    return lines[:index] + [line] + lines[index + 1:]


@pytest.mark.parametrize("spoil,wanted", [
    (lambda lines: without(lines, 3), {"not completed": 1, "vanished": 1}),
    (lambda lines: without(lines, 4), {"not started": 1}),
    (lambda lines: lines + [lines[2]], {"twice": 1, "vanished": 1}),
    (lambda lines: lines + [lines[3]], {"twice": 1, "completed twice": 1, "more than one": 1, "not started": 1}),
    (lambda lines: lines + [record("Request completed", 2)], {"completed twice": 1, "more than one": 1, "not started": 1}),
    (lambda lines: lines + [record("Request started", 2), record("Request completed", 2)],
     {"completed twice": 1, "more than one": 1}),
    (lambda lines: lines + [record("Request started", 6)], {"vanished": 1}),
    (lambda lines: torn_at(lines, 9, lines[9][:-20]), {"torn": 1, "not completed": 1, "vanished": 1}),
    (lambda lines: torn_at(lines, 9, lines[9][:-1]), {"torn": 1, "not completed": 1, "vanished": 1}),
    (lambda lines: torn_at(lines, 9, lines[9][:-1] + b"x"), {"torn": 1, "not completed": 1, "vanished": 1}),
    (lambda lines: torn_at(lines, 2, lines[2][:-1] + lines[3]), {"torn": 1, "not started": 1}),
    (lambda lines: torn_at(lines, 2, b"\n"), {"torn": 1, "not started": 1}),
], ids=["completion lost", "start lost", "start doubled", "completion doubled", "completed again", "run again without a death",
        "neither completed nor mourned", "torn", "no newline", "another byte for it", "two in a line", "empty line"])
def test_one_line_is_seen(spoil: Callable[[list[bytes]], list[bytes]], wanted: dict[str, int]) -> None:
    assert verdict(spoil(good_lines())) == wanted


@pytest.mark.parametrize("line", [
    b'{"a":NaN}', b'{"a":1} {"b":2}', b'{"a":1,"a":2}', b' {"a":1}', b'{"a":1} ', b'{"a":"\x01"}', b'{"a":"\0"}', b'{"a":"\xff"}',
    b'{"a":1}\0', b'{"a":"\\u12"}', b"[1]", b"1", b"", b'{"a":01}', b'{"a":1,}', b'{"a":-Infinity}'])
def test_the_parser_is_strict(line: bytes) -> None:
    with pytest.raises(ValueError):
        parse_strictly(line)
    assert verdict(good_lines() + [line + b"\n"]) == {"torn": 1}


def obituary(**fields: Any) -> bytes:
    return record("Worker died", pid=PID, signal="SIGKILL", **fields)


def test_a_kill_has_one_obituary() -> None:
    assert verdict(good_lines() + [obituary()], (PID,)) == {}
    assert verdict(good_lines(), (PID,)) == {"obituaries": 1}
    assert verdict(good_lines() + [obituary(), obituary()], (PID,)) == {"obituaries": 1}
    assert verdict(good_lines() + [record("Worker died", pid=PID, signal="SIGSEGV")], (PID,)) == {"obituaries": 1}


def test_an_obituary_accounts_for_one_run() -> None:
    """The web server repeats a request whose worker was killed: before its completion was written, or after that."""
    before = [record("Request started", 2), obituary(correlation_id="run-2")]
    after = [record("Request started", 2), record("Request completed", 2), obituary(correlation_id="run-2")]
    assert verdict(good_lines() + before) == {}
    assert verdict(good_lines() + after) == {"again": 1, "more than one": 1}
    assert "completed twice" in verdict(good_lines() + after + [record("Request started", 2), record("Request completed", 2)])


def test_dropped_records_are_summed() -> None:
    announced = [record("Log records dropped", count=3), record("Log records dropped", count=4, what="log records"),
                 record("Log records dropped", count=5, what="spans")]
    assert verdict(good_lines() + announced) == {"dropped": 7}


def test_another_runs_ids_do_not_count() -> None:
    assert verdict(good_lines() + [record("Request started", correlation_id="other-1"),
                                   record("Request started", correlation_id="run-x")]) == {}


def test_all_files_are_one_log(tmp_path: Path) -> None:
    lines, ledger = good_lines(), Ledger("run")
    (tmp_path / "one").write_bytes(b"".join(lines[:5]))
    (tmp_path / "two").write_bytes(b"".join(lines[4:]))
    ledger.read(tmp_path / "one").read(tmp_path / "two")
    assert ledger.lines == len(lines) + 1 and ledger.doubled == 1 and ledger.bytes == sum(map(len, lines)) + len(lines[4])
    assert ledger.examples
