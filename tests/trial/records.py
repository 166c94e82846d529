"""What both logs say, read without taking every line apart: a run writes hundreds of thousands."""
from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any, Iterator

from harness.vitalsd import Vitalsd

from .stage import Front

Record = dict[str, Any]
REQUEST = re.compile(rb'"message":"Request (started|completed)".*?"correlation_id":"([^"]+)"')
FAILED_LEVELS = re.compile(r"\[(error|crit|alert|emerg)\]")
CLIENT_LEFT = 499


def lines_of(path: Path) -> Iterator[bytes]:
    """Whole lines; none where there is no file."""
    if path.exists():
        with open(path, "rb") as file:
            yield from file


def supervisor_records(service: Vitalsd) -> list[Record]:
    """The records of the supervisor, oldest first."""
    return [json.loads(line) for line in lines_of(service.log.path) if b'"logger":"vitals.supervisor"' in line]


def named(records: list[Record], message: str, **fields: Any) -> list[Record]:
    """Those with that message and these fields."""
    return [found for found in records
            if found["message"] == message and all(found.get(key) == value for key, value in fields.items())]


def real_time(record: Record) -> float:
    """Seconds since the epoch."""
    return datetime.fromisoformat(record["timestamp"].replace("Z", "+00:00")).timestamp()


def unfinished_requests(service: Vitalsd) -> set[str]:
    """Correlation IDs of requests that were started and never completed."""
    ids: dict[bytes, set[str]] = {b"started": set(), b"completed": set()}
    for line in lines_of(service.log.path):
        found = REQUEST.search(line)
        if found:
            ids[found[1]].add(found[2].decode())
    return ids[b"started"] - ids[b"completed"]


def generations(records: list[Record]) -> set[int]:
    """Of all workers that were ever started; empty where the records do not say."""
    return {found["generation"] for found in named(records, "Worker started") if "generation" in found}


def access_statuses(front: Front) -> Counter[int]:
    """How often nginx answered with each status. 499: the client left first, as wrk does at its end."""
    return Counter(int(line.split(b" ", 2)[1]) for line in lines_of(front.access_log))


def access_failures(front: Front) -> list[float]:
    """When (seconds since the epoch) nginx answered with something that is neither 2xx nor the client's leaving."""
    found = []
    for line in lines_of(front.access_log):
        when, status, _ = line.split(b" ", 2)
        if not status.startswith(b"2") and int(status) != CLIENT_LEFT:
            found.append(float(when))
    return found


def front_errors(front: Front) -> list[str]:
    """nginx's error log from the level "error" on."""
    return [line.decode("utf-8", "replace").strip() for line in lines_of(front.error_log)
            if FAILED_LEVELS.search(line.decode("utf-8", "replace"))]
