"""Builds modules of the tests against the public header."""
from __future__ import annotations

import subprocess
from pathlib import Path

from .vitalsd import CHECKOUT


def build_test_module(directory: Path) -> Path:
    """modules/testmod.c as a shared object in directory."""
    return build_module(CHECKOUT / "tests" / "system" / "modules" / "testmod.c", directory)


def build_module(source: Path, directory: Path) -> Path:
    """A module's source as a shared object in directory."""
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "json-c"], capture_output=True, text=True, check=True).stdout.split()
    out = directory / f"{source.stem}.so"
    done = subprocess.run(["gcc", "-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC",
                           f"-I{CHECKOUT / 'src'}", "-o", str(out), str(source), *flags], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    out.chmod(0o755)
    return out
