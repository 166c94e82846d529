"""Who listens for log messages: sockets of our own, which prove each message, the real rsyslogd and the real journald."""
from __future__ import annotations

import fcntl
import json
import os
import re
import socket
import struct
import threading
from pathlib import Path
from typing import Any, Optional

from .logs import LogFile, Record, parse_line
from .processes import PATH, Process, wait_for

# RFC 5424 section 6, without structured data, which is never sent.
RFC5424 = re.compile(
    rb"<(?P<pri>0|[1-9]\d{0,2})>1 (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (?P<host>[!-~]{1,255}) "
    rb"(?P<app>[!-~]{1,48}) (?P<proc>[!-~]{1,128}) - - (?P<msg>\{.*\})", re.DOTALL)
SEVERITIES = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}
SEALS = 0x0001 | 0x0002 | 0x0004 | 0x0008
F_GET_SEALS = 1034


def parse_syslog(message: bytes, facility: int, app: str) -> Record:
    """The record in an RFC 5424 message, each part of the header proved; "pid" is PROCID."""
    found = RFC5424.fullmatch(message)
    assert found, f"no RFC 5424 message: {message[:300]!r}"
    record = parse_line(found["msg"])
    assert int(found["pri"]) == facility * 8 + SEVERITIES[record["level"]], message[:100]
    assert found["time"].decode() == record["timestamp"], message[:200]
    assert found["host"].decode() == socket.gethostname() and found["app"].decode() == app, message[:200]
    return {**record, "procid": int(found["proc"])}


def parse_entry(entry: bytes) -> dict[str, bytes]:
    """The fields of one entry of the journal's native protocol; no name twice."""
    fields: dict[str, bytes] = {}
    while entry:
        name, equals, rest = entry.partition(b"\n")
        if b"=" in name:
            name, _, value = name.partition(b"=")
            entry = rest
        else:
            (size,) = struct.unpack_from("<Q", rest)
            value, entry = rest[8:8 + size], rest[8 + size:]
            assert len(value) == size and entry[:1] == b"\n", entry[:100]
            entry = entry[1:]
        assert equals == b"\n" and re.fullmatch(rb"[A-Z][A-Z0-9_]{0,63}", name), name
        assert name.decode() not in fields, name
        fields[name.decode()] = value
    return fields


class Receiver(LogFile):
    """A datagram socket; what comes is read by a thread as soon as reads() was called, and proved when asked for."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.messages: list[bytes] = []
        self.errors: list[str] = []
        self.stopping = threading.Event()
        self.thread: Optional[threading.Thread] = None
        self.socket = self._bind()

    def _bind(self) -> socket.socket:
        self.path.unlink(missing_ok=True)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.bind(str(self.path))
        self.path.chmod(0o666)
        sock.settimeout(0.05)
        return sock

    def reads(self) -> "Receiver":
        """Reads from now on."""
        self.thread = threading.Thread(target=self._run, args=(self.socket,), daemon=True)
        self.thread.start()
        return self

    def _run(self, sock: socket.socket) -> None:
        while not self.stopping.is_set():
            try:
                self.messages.append(self._receive(sock))
            except TimeoutError:
                continue
            except AssertionError as error:
                self.errors.append(str(error))

    def _receive(self, sock: socket.socket) -> bytes:
        data, files, _, _ = socket.recv_fds(sock, 1 << 20, 4)
        if files:
            assert not data and len(files) == 1, "a file beside a message"
            with os.fdopen(files[0], "rb") as file:
                assert fcntl.fcntl(file.fileno(), F_GET_SEALS) == SEALS, "the file is not sealed"
                file.seek(0)
                return file.read()
        return data

    def stop(self) -> None:
        """Reads no more, and the socket is gone, its file is not."""
        self.stopping.set()
        if self.thread:
            self.thread.join(5)
        self.thread = None
        self.socket.close()

    def restart(self, meanwhile: Any = None) -> None:
        """As a syslogd that is restarted: a new socket at the same path."""
        self.stop()
        if meanwhile:
            meanwhile()
        self.stopping.clear()
        self.socket = self._bind()
        self.reads()

    def parse(self, message: bytes) -> Record:
        """One message, proved."""
        raise NotImplementedError

    def records(self) -> list[Record]:
        """All that have come so far."""
        assert not self.errors, self.errors
        while len(self.kept) < len(self.messages):
            self.kept.append(self.parse(self.messages[len(self.kept)]))
        return self.kept


class Syslog(Receiver):
    """Wants RFC 5424."""

    def __init__(self, path: Path, facility: int = 3, app: str = "vitals") -> None:
        super().__init__(path)
        self.facility, self.app = facility, app

    def parse(self, message: bytes) -> Record:
        return parse_syslog(message, self.facility, self.app)


class Journal(Receiver):
    """Wants the native protocol; each field must say what the record says."""

    def parse(self, message: bytes) -> Record:
        fields = {name: value.decode() for name, value in parse_entry(message).items()}
        record = parse_line(fields["VITALS_RECORD"].encode())
        wanted = {"MESSAGE": record["message"], "PRIORITY": str(SEVERITIES[record["level"]]), "SYSLOG_FACILITY": "3",
                  "SYSLOG_IDENTIFIER": "vitals", "CODE_FUNC": record["function"], "CODE_LINE": str(record["line"]),
                  "CODE_FILE": record["module"] + ".c", "VITALS_LOGGER": record["logger"]}
        for name in ("correlation_id", "request_id", "trace_id", "user_id", "method", "route", "status_code"):
            if name in record:
                wanted[f"VITALS_{name.upper()}"] = str(record[name])
        pid = int(fields.pop("SYSLOG_PID"))
        assert fields.pop("VITALS_RECORD").startswith("{") and fields == wanted, (fields, wanted)
        return {**record, "procid": pid}


class Rsyslogd(LogFile):
    """Debian's, with a socket and a file of its own; the file has the message alone, as it was taken out."""

    def __init__(self, directory: Path, *, rfc3164: bool = False, max_bytes: int = 8096) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__(directory / "out")
        self.directory, self.socket = directory, directory / "log.sock"
        self.process: Optional[Process] = None
        parser = "on" if rfc3164 else "off"
        message = "%msg:2:$%" if rfc3164 else "%msg%"
        header = "%pri% %hostname% %app-name% %procid%"
        (directory / "rsyslog.conf").write_text(f"""
global(workDirectory="{directory}" maxMessageSize="{max_bytes}")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{self.socket}" UseSpecialParser="{parser}" RateLimit.Interval="0")
template(name="message" type="string" string="{message}\\n")
template(name="header" type="string" string="{header}\\n")
*.* action(type="omfile" file="{self.path}" template="message" asyncWriting="off")
*.* action(type="omfile" file="{directory}/headers" template="header" asyncWriting="off")
""")

    def start(self) -> "Rsyslogd":
        """Waits until its socket is there."""
        self.process = Process(["rsyslogd", "-n", "-f", str(self.directory / "rsyslog.conf"), "-i",
                                str(self.directory / "pid")], self.directory, "rsyslogd")
        wait_for(self._listens, 10, "rsyslogd listens")
        return self

    def _listens(self) -> bool:
        assert self.process is not None and self.process.running(), f"rsyslogd ended: {self.process.said()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            try:
                sock.connect(str(self.socket))
            except OSError:
                return False
        return True

    def stop(self) -> None:
        """Twice is harmless."""
        if self.process is not None:
            self.process.stop()
            self.process = None

    def headers(self) -> set[str]:
        """The different "PRI HOSTNAME APP-NAME PROCID" so far."""
        path = self.directory / "headers"
        return set(path.read_text().splitlines()) if path.exists() else set()


class Journald:
    """systemd's, in a mount namespace of its own: its /run/systemd is our directory, and so is its journal."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.sockets, self.files = directory, directory / "systemd" / "journal", directory / "files"
        for path in (self.sockets, self.files):
            path.mkdir(parents=True, exist_ok=True)
        self.process: Optional[Process] = None

    def start(self) -> "Journald":
        """Waits until its sockets are there."""
        script = (f"mount -t tmpfs tmpfs /run && mkdir -p /run/systemd /run/log/journal && "
                  f"mount --bind {self.directory}/systemd /run/systemd && mount --bind {self.files} /run/log/journal && "
                  f"exec /lib/systemd/systemd-journald")
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        self.process = Process(["unshare", *user, "--mount", "sh", "-c", script], self.directory, "journald")
        wait_for(lambda: (self.sockets / "stdout").exists() and (self.sockets / "socket").exists(), 10, "journald listens")
        return self

    def stop(self) -> None:
        """Twice is harmless."""
        if self.process is not None:
            self.process.stop()
            self.process = None

    def entries(self, *matches: str) -> list[dict[str, Any]]:
        """What journalctl finds."""
        import subprocess
        done = subprocess.run(["journalctl", "-D", str(self.files), "-o", "json", "--all", "--no-pager", *matches],
                              env={"PATH": PATH, "LC_ALL": "C"}, capture_output=True, timeout=20)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def stream(self, identifier: str) -> socket.socket:
        """What systemd gives to a service as its standard error."""
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(self.sockets / "stdout"))
        sock.sendall(f"{identifier}\n\n6\n1\n0\n0\n0\n".encode())
        return sock
