"""The workers of a running service, as /proc and the scoreboard show them."""
from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import time
from pathlib import Path
from typing import Optional

from harness.processes import PATH, alive, stat_of
from harness.vitalsd import CHECKOUT, Vitalsd, build_directory

STACK_FIELD, START_FIELD = 25, 19
GROWN_SECONDS = 1.1  # a worker that dies younger has its restart held back on purpose (proc/policy.h)


def pool_workers(service: Vitalsd) -> list[int]:
    """Living workers but the admin worker and the log writer, the oldest first."""
    found = []
    for pid in service.workers():
        fields = stat_of(pid)
        if fields is not None and not name_of(pid).endswith((":admin", ":log")):
            found.append((int(fields[START_FIELD]), pid))
    return [pid for _, pid in sorted(found)]


def log_writer(service: Vitalsd) -> Optional[int]:
    """The process that alone writes the log; None where there is none."""
    found = service.log_writers()
    return found[0] if found else None


def age_seconds(pid: int) -> float:
    """How long it has lived, to a hundredth; 0 where it has gone."""
    fields = stat_of(pid)
    if fields is None:
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[START_FIELD]) / os.sysconf("SC_CLK_TCK")


def name_of(pid: int) -> str:
    """As top shows it; empty where the process has gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def sockets_of(pid: int) -> int:
    """How many sockets the process has open."""
    count = 0
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return 0  # it has ended
    for name in names:
        try:
            count += os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:")
        except OSError:
            pass  # closed while we looked
    return count


def private_bytes(pids: list[int], kinds: str = "Dirty") -> int:
    """Private_Dirty: what these processes have for themselves alone; kinds: "Dirty|Clean" counts what they alone read, too."""
    total = 0
    for pid in pids:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += 1024 * sum(int(kib) for kib in re.findall(rf"^Private_(?:{kinds}): +(\d+) kB", text, re.MULTILINE))
    return total


def thread_times(pids: list[int]) -> dict[str, int]:
    """Nanoseconds on a processor of every thread of these, from schedstat: /proc/PID/stat counts in hundredths of a second."""
    found = {}
    for pid in pids:
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                found[f"{pid}/{thread}"] = int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0])
        except OSError:
            pass  # it has ended
    return found


def used_ns(before: dict[str, int], after: dict[str, int]) -> int:
    """Between two looks; threads that were started between count from their start."""
    return sum(now - before.get(thread, 0) for thread, now in after.items())


def image_of(pid: int) -> Optional[str]:
    """Changes when the process executes a program anew, the same one too: its stack lies elsewhere."""
    fields = stat_of(pid)
    return fields[STACK_FIELD] if fields else None


def all_gone(pids: list[int]) -> bool:
    """None of them lives."""
    return not any(alive(pid) for pid in pids)


# ---- Counters: a hook. vitalsctl where the build has it, otherwise the scoreboard as its document draws it. -----------------


def requests_total(service: Vitalsd) -> int:
    """Requests that the pool has completed since the service was started, whoever of its workers."""
    control = build_directory() / "vitalsctl"
    if control.exists():
        done = subprocess.run([str(control), "--env-file", str(service.env_file), "status", "--json"], capture_output=True,
                              text=True, timeout=5, env={"PATH": PATH, "LC_ALL": "C"})
        assert done.returncode == 0, f"vitalsctl status: {done.stderr}"
        return int(json.loads(done.stdout)["pool"]["requests"])
    return scoreboard_requests(Path(service.settings["SCOREBOARD"]))


def scoreboard_requests(path: Path) -> int:
    """The slots' "requests", summed; offsets and sizes are read from doc/shm-layout.md."""
    text = (CHECKOUT / "doc" / "shm-layout.md").read_text()
    slots_begin, slot_size = map(int, re.findall(r"^ *(\d+) +n \* +slots +n slots of (\d+) bytes", text, re.MULTILINE)[0])
    drawing = text[text.index("\n## Slots"):]
    offset, size = map(int, re.findall(r"^ *(\d+) +(\d+) +requests +completed", drawing, re.MULTILINE)[0])
    assert size == 8, f"doc/shm-layout.md: requests has {size} bytes"
    data = path.read_bytes()
    count = struct.unpack_from("<I", data, 12)[0]
    assert data[:8] == b"VITALSSB" and len(data) >= slots_begin + count * slot_size, f"{path} is not as doc/shm-layout.md draws it"
    return sum(struct.unpack_from("<Q", data, slots_begin + n * slot_size + offset)[0] for n in range(count))
