"""The figures of a log, each of which is wrong by one where one record is."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .client import OTHER_ID, Answers
from .figures import Report
from .ledger import Ledger


@dataclass(frozen=True)
class Evidence:
    """What the clients have, what the log has, and who was killed. writer_killed: a record may be there twice."""

    answers: Answers
    files: list[Path]
    killed: list[int]
    writer_killed: bool = False


def judge(report: Report, name: str, evidence: Evidence) -> Ledger:
    """All of them, below a name."""
    answers, ledger, good = evidence.answers, Ledger(evidence.answers.prefix), evidence.answers.good
    for path in evidence.files:
        ledger.read(path)
    none = {"at_most": 0, "promise": True}
    # A machine that stands still for half a second drops what finds no room: announced, and missed by as many at most.
    announced = {"at_most": ledger.dropped, "promise": True}
    doubles = {"at_most": 0} if evidence.writer_killed else none
    kills = ledger.kills_without_one_obituary(evidence.killed)
    report.add(f"{name}: workers killed", len(evidence.killed), "workers")
    report.add(f"{name}: requests", len(answers.all), "requests")
    report.add(f"{name}: requests with another's ID", sum(one.status == OTHER_ID for one in answers.all), "requests", **none)
    report.add(f"{name}: requests that failed", len(answers.failed), "requests")
    report.add(f"{name}: records", ledger.lines, "records")
    report.add(f"{name}: records written", ledger.lines / answers.seconds, "records/s")
    report.add(f"{name}: answers without \"Request completed\"", len(ledger.not_completed(good)), "requests", **announced)
    report.add(f"{name}: answers with more than one", len(ledger.completed_again(good)), "requests", **doubles)
    report.add(f"{name}: of these, run again after a kill", len(ledger.run_again() & good), "requests")
    report.add(f"{name}: without \"Request started\"", len(ledger.not_started(good)), "requests", **announced)
    report.add(f"{name}: started, never completed, in no obituary", len(ledger.vanished()), "requests", **announced)
    report.add(f"{name}: \"Request completed\" twice for one run", len(ledger.doubled_completions()), "requests", **doubles)
    report.add(f"{name}: lines that are there twice", ledger.doubled, "lines", **doubles)
    report.add(f"{name}: lines that are not one JSON object", ledger.torn, "lines", **none)
    report.add(f"{name}: kills without just one obituary", len(kills), "kills", **none)
    missing = len(ledger.not_completed(good)) + len(ledger.not_started(good))
    report.add(f"{name}: missing beyond what was announced", max(0, missing - ledger.dropped), "records", **none)
    report.add(f"{name}: records dropped and announced", ledger.dropped, "records", at_most=0)
    report.add(f"{name}: completed, no client got the answer", len(ledger.without_an_answer(good)), "requests")
    for text in ledger.examples:
        report.note(f"{name}: {text}")
    return ledger
