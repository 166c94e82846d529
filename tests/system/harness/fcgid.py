"""The service as Apache's mod_fcgid starts it: no process of ours, but settings and a log as with any other instance."""
from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Optional

from . import fcgi
from .apache import Apache, run_user
from .processes import alive, wait_for
from .vitalsd import CHECKOUT, Vitalsd, build_directory, program

# Where mod_fcgid keeps its sockets and its table.
SERVER = 'FcgidIPCDir "{directory}/ipc"\nFcgidProcessTableFile "{directory}/table"\n'
# What the administrator of a shared host has configured; the last three lines are Debian's.
HOST = """\
DocumentRoot "{root}"
FcgidMaxRequestLen {max_bytes}
<Directory "{root}">
    AllowOverride All
    Require all granted
</Directory>
<FilesMatch "^\\.ht">
    Require all denied
</FilesMatch>
"""


def install(directory: Path, to_run: Path) -> None:
    """The program at to_run, where Apache's user may run it, whatever the mode of the checkout."""
    place, libraries = directory / "lib", build_directory() / ".libs"
    place.mkdir(parents=True)
    shutil.copy2(libraries / "vitalsd" if (libraries / "vitalsd").exists() else program(), place / "vitalsd")
    for library in libraries.glob("libvitals.so*"):
        shutil.copy2(library, place / library.name, follow_symlinks=False)
    to_run.parent.mkdir(parents=True)
    to_run.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH={place} exec {place}/vitalsd "$@"\n')
    to_run.chmod(0o755)


def parse_settings(text: str) -> dict[str, str]:
    """NAME=value lines without the comments."""
    return dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))


def document_files(path: Path) -> dict[str, str]:
    """The files that a document tells one to write: code blocks below a line that is nothing but a path and a colon."""
    found = re.findall(r"^`(/[^`]+)`:\n\n```\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)
    assert found and len(found) == len(dict(found)), f"files of {path}: {[name for name, _ in found]}"
    return dict(found)


class Fcgid(Vitalsd):
    """An instance whose processes are Apache's; settings is the text of one of our settings files."""

    def __init__(self, directory: Path, settings: str, env_file: Path, to_run: Path) -> None:
        super().__init__(directory)
        self.settings, self.env_file = dict(parse_settings(settings)), env_file
        self.log.path = Path(self.settings["LOG_FILE"])
        install(directory, to_run)
        for name in ("LOG_FILE", "SCOREBOARD"):
            place = Path(self.settings[name]).parent
            place.mkdir(parents=True, exist_ok=True)
            if run_user() is not None:
                shutil.chown(place, run_user(), run_user())
        self.apache: Optional[Apache] = None

    def module(self, path: Path) -> Path:
        """A copy of a module that Apache's user can read and cannot write."""
        copy = self.directory / "lib" / path.name
        shutil.copy2(path, copy)
        copy.chmod(0o755)
        return copy

    def serve(self, site: str) -> "Fcgid":
        """Starts Apache, which starts processes when requests come."""
        self.write_settings()
        self.env_file.chmod(0o644)
        self.apache = Apache(self.directory / "apache", site, modules=("fcgid",), server=SERVER.format(directory=self.directory / "apache"))
        self.apache.start()
        return self

    def workers(self) -> list[int]:
        """The living processes that run our copy of the program."""
        found, mine = [], str(self.directory / "lib" / "vitalsd")
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and os.readlink(f"/proc/{entry}/exe") == mine and alive(int(entry)):
                    found.append(int(entry))
            except OSError:
                continue
        return found

    def connect(self, address: Optional[fcgi.Address] = None, seconds: float = 10.0) -> fcgi.Connection:
        raise AssertionError("mod_fcgid keeps its sockets to itself")

    def stop(self, number: int = 15, seconds: float = 10.0) -> Optional[int]:
        """Ends Apache; also proves that it left none of its processes."""
        if self.apache is not None:
            self.apache.stop()
            wait_for(lambda: not self.workers(), 10, "mod_fcgid's processes gone")
        return None


def whole_site(directory: Path, max_bytes: int) -> tuple[Fcgid, str]:
    """apache-conf/vitals-fcgid.conf and .env; only their paths and the bound of a body are replaced. Not yet serving."""
    settings = (CHECKOUT / "apache-conf" / "vitals-fcgid.env").read_text()
    settings = settings.replace("/run/vitals-fcgid/", f"{directory}/var/").replace("/var/log/vitals/", f"{directory}/var/")
    site = (CHECKOUT / "apache-conf" / "vitals-fcgid.conf").read_text()
    assert site.count("16777216") == 2 and site.count("MAX_REQUEST_SIZE") == 1 and "MAX_REQUEST_SIZE=16MiB\n" in settings
    site = site.replace("/etc/vitals-fcgid.env", f"{directory}/vitals.env").replace("/usr/sbin", f"{directory}/sbin")
    service = Fcgid(directory, settings, directory / "vitals.env", directory / "sbin" / "vitalsd")
    service.settings["MAX_REQUEST_SIZE"] = max_bytes
    return service, site.replace("16777216", str(max_bytes))


def shared_host(directory: Path, max_bytes: int) -> tuple[Fcgid, str]:
    """The files of doc/shared-host.md; only the home directory is replaced. What the host would have configured is the site."""
    home = directory / "alice"
    files = {name.replace("/home/alice", str(home)): text.replace("/home/alice", str(home))
             for name, text in document_files(CHECKOUT / "doc" / "shared-host.md").items()}
    settings = files.pop(f"{home}/vitals/vitals.env")
    service = Fcgid(directory, settings, home / "vitals" / "vitals.env", home / "vitals" / "sbin" / "vitalsd")
    assert set(files) == {f"{home}/public_html/vitals.fcgi", f"{home}/public_html/.htaccess"}
    (home / "public_html").mkdir()
    for name, text in files.items():
        Path(name).write_text(text)
    (home / "public_html" / "vitals.fcgi").chmod(0o755)
    return service, HOST.format(root=home / "public_html", max_bytes=max_bytes)
