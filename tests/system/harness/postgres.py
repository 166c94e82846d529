"""PostgreSQL on a Unix socket: one initdb a run, copied for each server; stop, freeze, refuse at will."""
from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Optional

from .processes import PATH, Process, freeze_tree, thaw_tree, wait_for

USERS = 1000
SCHEMA = f"""
create role vitals login;
create database vitals owner vitals;
\\c vitals
create table users (id bigint primary key, name text not null, email text not null);
insert into users select n, 'User ' || n, 'user' || n || '@example.org' from generate_series(1, {USERS}) n;
grant all on users to vitals;
"""
HBA = "local all postgres trust\nlocal all vitals {verdict}\nlocal replication postgres trust\n"
CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{directory}'
max_connections = 40
shared_buffers = 16MB
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
max_wal_senders = 0
wal_level = minimal
"""
REPLICATED = "wal_level = replica\nmax_wal_senders = 4\n"


def server_user() -> Optional[str]:
    """PostgreSQL refuses to run as root."""
    return "postgres" if os.geteuid() == 0 else None


def program(name: str) -> str:
    """Debian keeps the server's programs out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else name


def as_server(argv: list[str], directory: Path) -> None:
    """Runs a program as the server's user."""
    user = server_user()
    prefix = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--"] if user else []
    done = subprocess.run(prefix + argv, cwd=directory, env={"PATH": PATH, "LC_ALL": "C"}, capture_output=True, text=True)
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"


def own(directory: Path) -> None:
    """Gives a new directory to the server's user."""
    directory.mkdir(parents=True, exist_ok=True)
    if server_user():
        shutil.chown(directory, server_user(), server_user())
    directory.chmod(0o755)


class Template:
    """A data directory with the test's users, made once."""

    def __init__(self, directory: Path) -> None:
        own(directory)
        self.data = directory / "data"
        as_server([program("initdb"), "-D", str(self.data), "-U", "postgres", "-A", "trust", "-N", "--no-locale", "-E", "UTF8"],
                  directory)
        maker = Postgres(directory, None)
        maker.start()
        try:
            maker.sql(SCHEMA, database="postgres")
        finally:
            maker.stop()


class Postgres:
    """One server over a copy of a template (None: over the template itself)."""

    def __init__(self, directory: Path, template: Optional[Template], more: str = "") -> None:
        own(directory)
        self.directory, self.data = directory, directory / "data"
        if template is not None:
            as_server(["cp", "-a", str(template.data), str(self.data)], directory)
        self.process: Optional[Process] = None
        self.url = f"postgresql:///vitals?host={directory}&user=vitals"
        (directory / "postgresql.conf").write_text(CONFIGURATION.format(directory=directory) + more)
        self._write_hba("trust")

    def _write_hba(self, verdict: str) -> None:
        path = self.directory / "pg_hba.conf"
        path.write_text(HBA.format(verdict=verdict))
        path.chmod(0o644)

    def start(self) -> "Postgres":
        """Starts and waits until it accepts sessions."""
        self.process = Process([program("postgres"), "-D", str(self.data), "-c", f"config_file={self.directory}/postgresql.conf",
                                "-c", f"hba_file={self.directory}/pg_hba.conf"], self.directory, "postgres",
                               user=server_user(), death_signal="QUIT")
        wait_for(self.accepts, 20, "PostgreSQL accepts")
        return self

    def active(self, what: str) -> int:
        """Backends that run a statement which begins so at this moment."""
        return int(self.sql(f"select count(*) from pg_stat_activity where state = 'active' and query like '{what}%'"))

    def accepts(self) -> bool:
        """A session of the administrator can be opened."""
        assert self.process is not None and self.process.running(), f"PostgreSQL ended: {self.process.said()}"
        return subprocess.run([program("pg_isready"), "-q", "-h", str(self.directory), "-U", "postgres"]).returncode == 0

    def stop(self, number: int = signal.SIGINT) -> None:
        """SIGINT: fast, sessions are ended; SIGQUIT: at once, as a crash."""
        if self.process is not None:
            self.process.stop(number)
            self.process = None

    def freeze(self) -> None:
        """Each process stopped, sessions and all: nothing answers, nothing is refused."""
        assert self.process is not None
        freeze_tree(self.process.pid)

    def thaw(self) -> None:
        """Goes on after freeze(); harmless otherwise."""
        if self.process is not None:
            thaw_tree(self.process.pid)

    def sql(self, text: str, database: str = "vitals") -> str:
        """As the administrator."""
        done = subprocess.run([program("psql"), "-X", "-A", "-t", "-q", "-h", str(self.directory), "-U", "postgres", "-d", database,
                               "-v", "ON_ERROR_STOP=1"], input=text, capture_output=True, text=True,
                              env={"PATH": PATH, "LC_ALL": "C"}, timeout=20)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def lock(self, password: str) -> None:
        """The service's role needs this password from now on."""
        self.sql(f"set password_encryption = 'scram-sha-256'; alter role vitals password '{password}'")
        self._write_hba("scram-sha-256")
        self.sql("select pg_reload_conf()")
        wait_for(lambda: self.sql("select count(*) from pg_hba_file_rules where auth_method = 'scram-sha-256'") == "1", 5, "reload")
        wait_for(lambda: not self.admits(), 5, "pg_hba in force")

    def drop_sessions(self) -> None:
        """Ends every session of the service's role."""
        self.sql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'vitals'")

    def refuse(self, how: str) -> None:
        """how: "hba" (rejected by host-based authentication) or "limit" (no connection is left)."""
        if how == "hba":
            self._write_hba("reject")
            self.sql("select pg_reload_conf()")
            wait_for(lambda: self.sql("select count(*) from pg_hba_file_rules where auth_method = 'reject'") == "1", 5, "reload")
            wait_for(lambda: not self.admits(), 5, "pg_hba in force")
        else:
            self.sql("alter role vitals connection limit 0")
        self.drop_sessions()

    def admit(self) -> None:
        """Undoes refuse()."""
        self._write_hba("trust")
        self.sql("alter role vitals connection limit -1; select pg_reload_conf()")
        wait_for(self.admits, 5, "PostgreSQL admits the service's role")

    def admits(self) -> bool:
        """The service's role can open a session."""
        done = subprocess.run([program("psql"), "-X", "-h", str(self.directory), "-U", "vitals", "-d", "vitals", "-c", "select 1"],
                              capture_output=True, env={"PATH": PATH})
        return done.returncode == 0


class Standby(Postgres):
    """A copy of a running server that follows it; in the way of both: start() and promote()."""

    def __init__(self, directory: Path, primary: Postgres, more: str = "") -> None:
        own(directory)
        as_server([program("pg_basebackup"), "-D", str(directory / "data"), "-h", str(primary.directory), "-U", "postgres",
                   "-c", "fast", "-R", "-X", "stream"], directory)
        super().__init__(directory, None, REPLICATED + more)

    def promote(self) -> None:
        """Asks it to be a primary, without waiting."""
        as_server([program("pg_ctl"), "promote", "-W", "-D", str(self.data)], self.directory)

    def is_primary(self) -> bool:
        """It has ended its recovery."""
        return self.sql("select pg_is_in_recovery()") == "f"
