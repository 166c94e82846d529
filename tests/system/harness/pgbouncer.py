"""PgBouncer on a Unix socket before a PostgreSQL of the tests."""
from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Optional

from .postgres import Postgres, own, program, server_user
from .processes import PATH, Process, wait_for

CONFIGURATION = """
[databases]
vitals = host={server} port=5432 dbname=vitals

[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = {directory}
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 100
server_login_retry = 0.2
logfile = {directory}/pgbouncer.log
pidfile = {directory}/pgbouncer.pid
"""


class PgBouncer:
    """mode is transaction or session; so many connections to the server, all as the role vitals."""

    def __init__(self, directory: Path, server: Postgres, mode: str = "transaction", size: int = 2) -> None:
        own(directory)
        self.directory, self.mode = directory, mode
        self.process: Optional[Process] = None
        self.url = f"postgresql:///vitals?host={directory}&port=6432&user=vitals"
        configuration = CONFIGURATION.format(directory=directory, server=server.directory, mode=mode, size=size)
        configuration = configuration.replace("dbname=vitals", "dbname=vitals user=vitals")
        (directory / "pgbouncer.ini").write_text(configuration)

    def start(self) -> "PgBouncer":
        """Starts and waits until a session can be opened through it."""
        self.process = Process(["/usr/sbin/pgbouncer", str(self.directory / "pgbouncer.ini")], self.directory, "pgbouncer",
                               user=server_user())
        wait_for(lambda: self.query("select 1").strip() == "1", 10, f"pgbouncer serves: {self.process.said()}")
        return self

    def query(self, text: str) -> str:
        """As another client of the same pool; "" where it fails."""
        return subprocess.run([program("psql"), "-X", "-A", "-t", "-q", "-h", str(self.directory), "-p", "6432", "-U", "vitals",
                               "-d", "vitals", "-c", text], capture_output=True, text=True, env={"PATH": PATH}, timeout=20).stdout

    def stop(self) -> None:
        """At once."""
        if self.process is not None:
            self.process.stop()
            self.process = None
