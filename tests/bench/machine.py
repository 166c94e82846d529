"""Where a run was made and with what: goes with every figure."""
from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any, Optional

from harness import postgres
from harness.processes import PATH
from harness.vitalsd import CHECKOUT, build_directory, program

VERSIONS = {
    "nginx": (["nginx", "-v"], r"nginx/(\S+)"),
    "wrk": (["wrk", "-v"], r"wrk (?:debian/)?([\d.]+)"),
    "postgresql": ([postgres.program("postgres"), "--version"], r"PostgreSQL\) (\S+)"),
    "redis": (["redis-server", "--version"], r"v=(\S+)"),
    "libfcgi": (["pkg-config", "--modversion", "fcgi"], r"(\S+)"),
    "php": (["php-fpm8.2", "-v"], r"PHP (\S+)"),
    "go": (["go", "version"], r"go version go(\S+)"),
    "python": (["/usr/bin/python3", "-V"], r"Python (\S+)"),
    "fastapi": (["/usr/bin/python3", "-c", "import fastapi; print(fastapi.__version__)"], r"^(\d\S*)$"),
    "asyncpg": (["/usr/bin/python3", "-c", "import asyncpg; print(asyncpg.__version__)"], r"^(\d\S*)$"),
    "uvicorn": (["/usr/bin/python3", "-c", "import uvicorn; print(uvicorn.__version__)"], r"^(\d\S*)$"),
    "valgrind": (["valgrind", "--version"], r"valgrind-(\S+)"),
}


def said(argv: list[str], cwd: Optional[Path] = None) -> str:
    """Empty where there is no such program or it fails."""
    try:
        done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=20, env={"PATH": PATH, "LC_ALL": "C"})
    except OSError:
        return ""
    return done.stdout + done.stderr


def first(pattern: str, text: str) -> Optional[str]:
    """The first group, None where it is not found."""
    found = re.search(pattern, text, re.MULTILINE)
    return found[1].strip() if found else None


def compiler_flags() -> Optional[str]:
    """What the build was configured with."""
    makefile = build_directory() / "Makefile"
    return first(r"^CFLAGS = (.*)$", makefile.read_text()) if makefile.exists() else None


def about(workers: int) -> dict[str, Any]:
    """The head of every JSON line."""
    vitals = first(r"(\d\S*)", said([str(program()), "--version"])) or ""
    versions = {name: first(pattern, said(argv)) for name, (argv, pattern) in VERSIONS.items()}
    return {
        "started": int(time.time()),
        "workers": workers,
        "machine": {
            "processor": first(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text()),
            "processors": os.cpu_count(),
            "memory_kib": int(first(r"^MemTotal: +(\d+)", Path("/proc/meminfo").read_text()) or 0),
            "kernel": os.uname().release,
        },
        "versions": {"vitals": vitals, "commit": first(r"^([0-9a-f]+\S*)$", said(["git", "describe", "--always", "--dirty"], CHECKOUT)),
                     "cflags": compiler_flags(), **{name: version for name, version in versions.items() if version}},
    }


def headline(facts: dict[str, Any]) -> str:
    """For people."""
    machine, versions = facts["machine"], facts["versions"]
    return (f"{machine['processors']} × {machine['processor']}, {machine['memory_kib'] // 1048576} GiB, Linux {machine['kernel']}\n"
            + ", ".join(f"{name} {version}" for name, version in versions.items()) + f"; {facts['workers']} workers")
