"""Apache httpd with the very files of apache-conf/; only their sockets and paths are replaced."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Optional, Sequence

from .web_server import WebServer

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


class Apache(WebServer):
    """One Apache. modules are loaded besides; server and site are lines of configuration."""

    name = "apache"

    def __init__(self, directory: Path, site: str, *, modules: Sequence[str] = (), server: str = "") -> None:
        super().__init__(directory)
        (directory / "htdocs").mkdir(exist_ok=True)
        self.site, self.server = site, server
        self.modules = (*LOADED, *modules)

    def configure(self) -> None:
        """httpd.conf."""
        user = run_user()
        (self.directory / "httpd.conf").write_text(CONFIGURATION.format(
            directory=self.directory, port=self.port, site=self.site, server=self.server,
            user=f"User {user}\nGroup {user}" if user else "",
            loaded="\n".join(f'LoadModule {name}_module "{MODULES}/mod_{name}.so"' for name in self.modules)))

    def command(self) -> list[str]:
        """In the foreground."""
        return ["apache2", "-d", str(self.directory), "-f", str(self.directory / "httpd.conf"), "-DFOREGROUND"]

    def errors(self) -> str:
        """Its error log so far."""
        path = self.directory / "apache-error.log"
        return path.read_text(errors="replace") if path.exists() else ""
