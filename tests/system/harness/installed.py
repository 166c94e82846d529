"""An installed Vitals: the build under test once more, configured with a prefix of its own and put there by make install."""
from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from .processes import PATH
from .vitalsd import build_directory

CLEAN = {"PATH": PATH, "LC_ALL": "C"}


def run(argv: list[str], directory: Path, seconds: float = 300.0, **env: str) -> str:
    """What a command said; an AssertionError with it where it fails."""
    done = subprocess.run(argv, cwd=directory, env={**CLEAN, **env}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=seconds)
    assert done.returncode == 0, f"{argv}: {done.stdout[-3000:]}"
    return done.stdout


def source_directory() -> Path:
    """The source that the build under test was configured from."""
    for line in (build_directory() / "Makefile").read_text().splitlines():
        if line.startswith("abs_srcdir = "):
            return Path(line.split(" = ")[1])
    raise AssertionError("the build has no Makefile of automake's")


class Installed:
    """A prefix with all that make install puts there."""

    def __init__(self, work: Path, prefix: Path) -> None:
        self.prefix, self.build = prefix, work / "build"
        # The objects do not know where they will be installed; only what is linked of them does.
        shutil.copytree(build_directory(), self.build, symlinks=True, ignore=shutil.ignore_patterns("tests", "vitals-[0-9]*"))
        for stale in ("libvitals.la", "vitalsd", "vitalsctl"):
            (self.build / stale).unlink()
        run([str(source_directory() / "configure"), "--quiet", f"--prefix={prefix}", *self._configured_with()], self.build)
        run(["make", "-j2"], self.build)
        run(["make", "install"], self.build)

    def _configured_with(self) -> list[str]:
        """The other switches of the build, which the objects were compiled with."""
        said = run(["./config.status", "--config"], self.build)
        words = run(["sh", "-c", f'set -- {said.strip()}; printf "%s\\n" "$@"'], self.build).splitlines()
        return [word for word in words if word and not word.startswith("--prefix")]

    def files(self) -> set[str]:
        """Relative names of all files and links."""
        return {str(path.relative_to(self.prefix)) for path in self.prefix.rglob("*") if not path.is_dir() or path.is_symlink()}

    def pkg_config(self, *arguments: str) -> list[str]:
        """pkg-config, asked about this one."""
        return run(["pkg-config", *arguments, "vitals"], self.prefix, PKG_CONFIG_PATH=str(self.prefix / "lib" / "pkgconfig")).split()

    def uninstall(self) -> None:
        """make uninstall."""
        run(["make", "uninstall"], self.build)


def give_away(tree: Path, user: str) -> None:
    """The whole tree to a user; only root can, and needs to."""
    if os.geteuid() == 0:
        run(["chown", "-R", f"{user}:", str(tree)], tree)
