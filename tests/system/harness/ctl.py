"""vitalsctl, run once."""
from __future__ import annotations

import json
import subprocess
from typing import Any

from .processes import PATH
from .vitalsd import Vitalsd, build_directory


def run_ctl(*arguments: str, seconds: float = 20.0) -> subprocess.CompletedProcess[str]:
    """With these arguments; its exit status and what it said."""
    return subprocess.run([str(build_directory() / "vitalsctl"), *arguments], env={"PATH": PATH, "LC_ALL": "C"},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)


def ctl(instance: Vitalsd, *arguments: str, seconds: float = 20.0) -> subprocess.CompletedProcess[str]:
    """For this instance, found by its settings."""
    return run_ctl("--env-file", str(instance.env_file), *arguments, seconds=seconds)


def status(instance: Vitalsd) -> dict[str, Any]:
    """What `vitalsctl --json status` says."""
    done = ctl(instance, "--json", "status")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
