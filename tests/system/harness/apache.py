"""Apache httpd with the very files of apache-conf/; only their sockets and paths are replaced."""
from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Optional, Sequence

from .nginx import free_port
from .processes import Process, wait_for

MODULES = Path("/usr/lib/apache2/modules")
# Static in some builds; the rest is what Debian enables by itself and what apache-conf/ asks for.
LOADED = ("mpm_event", "authz_core", "authn_core", "authz_host", "authz_user", "authn_file", "auth_basic", "alias", "dir", "mime", "env",
          "setenvif", "headers", "unique_id", "rewrite", "reqtimeout", "filter")
CONFIGURATION = """\
ServerRoot "{directory}"
DefaultRuntimeDir "{directory}"
PidFile "{directory}/apache.pid"
{loaded}
{user}
ServerName localhost
ErrorLog "{directory}/apache-error.log"
LogLevel info
LogFormat "%m %U %>s %{{UNIQUE_ID}}e" short
CustomLog "{directory}/apache-access.log" short
StartServers 1
MinSpareThreads 1
ThreadsPerChild 16
MaxRequestWorkers 32
TypesConfig /dev/null
DocumentRoot "{directory}/htdocs"
<Directory "/">
    AllowOverride None
    Require all denied
</Directory>
{server}
Listen 127.0.0.1:{port}
<VirtualHost *:{port}>
{site}
</VirtualHost>
"""


def run_user() -> Optional[str]:
    """Apache's children do not run as root."""
    return "www-data" if os.geteuid() == 0 else None


class Apache:
    """One Apache in a directory of its own. modules are loaded besides; server and site are lines of configuration."""

    def __init__(self, directory: Path, site: str, *, modules: Sequence[str] = (), server: str = "") -> None:
        (directory / "htdocs").mkdir(parents=True, exist_ok=True)
        self.directory, self.site, self.server = directory, site, server
        self.modules = (*LOADED, *modules)
        self.process: Optional[Process] = None
        self.port = 0

    def configuration(self) -> str:
        """httpd.conf for the port."""
        user = run_user()
        return CONFIGURATION.format(
            directory=self.directory, port=self.port, site=self.site, server=self.server,
            user=f"User {user}\nGroup {user}" if user else "",
            loaded="\n".join(f'LoadModule {name}_module "{MODULES}/mod_{name}.so"' for name in self.modules))

    def start(self) -> "Apache":
        """On a free port; tries another where somebody was faster."""
        for _ in range(5):
            self.port = free_port()
            (self.directory / "httpd.conf").write_text(self.configuration())
            self.process = Process(["apache2", "-d", str(self.directory), "-f", str(self.directory / "httpd.conf"), "-DFOREGROUND"],
                                   self.directory, "apache")
            wait_for(lambda: not self.process.running() or self.accepts(), 10, "Apache accepts")
            if self.process.running():
                return self
            said = self.process.said() + self.errors()
            self.process.stop()
            if "Address already in use" not in said:
                break
        raise AssertionError(f"Apache did not start: {said}")

    def errors(self) -> str:
        """Its error log so far."""
        path = self.directory / "apache-error.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def accepts(self) -> bool:
        """A connection to the port succeeds."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def stop(self) -> None:
        """Twice is harmless."""
        if self.process is not None:
            self.process.stop()
