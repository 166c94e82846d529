"""The table of fronts: each web server and launcher that the service is served by, and where one rightly differs."""
from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Mapping, Union

from . import fcgid
from .apache import Apache
from .haproxy import Haproxy
from .http import HttpClient
from .launchers import SocketActivated, SpawnFcgi
from .nginx import Nginx
from .vitalsd import CHECKOUT, Vitalsd, demo_module

MIB = 1 << 20
TOKEN = "let-me-see"


@dataclass
class Needs:
    """What a front is started with."""

    directory: Path
    database_url: str
    testmod: Path

    def settings(self) -> dict[str, Any]:
        """Of every instance, however it is started."""
        return {"MODULES": f"{demo_module()},{self.testmod}", "DATABASE_URL": self.database_url, "ADMIN_TOKEN": TOKEN,
                "REQUEST_TIMEOUT": "5s"}


@dataclass
class Front:
    """A web server with the service behind it."""

    kind: "Kind"
    service: Vitalsd
    web: Union[Nginx, Apache, Haproxy]

    def client(self) -> HttpClient:
        """A keep-alive client of the web server."""
        return HttpClient(self.web.port)

    def differs(self, what: str) -> Any:
        """What this front does instead; None where it does what all do."""
        return self.kind.differs.get(what, (None, ""))[0]

    def stop(self) -> None:
        """The web server first. Also proves that every line of the log is a record."""
        self.web.stop()
        self.service.stop()
        self.service.log.records()


@dataclass(frozen=True)
class Kind:
    """One line of the table. differs: what, how, and why."""

    name: str
    start: Callable[["Kind", Needs], Front]
    request_id: str  # of the web server's making; a service that was told none makes a UUID
    differs: Mapping[str, tuple[Any, str]] = field(default_factory=dict)
    max_bytes: int = MIB


# ---- How each is started ----

def own_process(needs: Needs, make: Callable[..., Vitalsd] = Vitalsd) -> Vitalsd:
    """Supervisor, workers, admin worker; sockets that any web server's user may open."""
    service = make(needs.directory / "service", **needs.settings(), MAX_REQUEST_SIZE="1MiB", LISTEN_MODE="0666")
    service.settings["ADMIN_LISTEN"] = f"unix:{service.admin_socket}"
    return service.start()


def behind_nginx(make: Callable[..., Vitalsd]) -> Callable[[Kind, Needs], Front]:
    """nginx before an instance that make starts."""
    def start(kind: Kind, needs: Needs) -> Front:
        service = own_process(needs, make)
        return Front(kind, service, Nginx(needs.directory / "nginx", service.socket, service.admin_socket).start())
    return start


def behind_haproxy(kind: Kind, needs: Needs) -> Front:
    """contrib/haproxy/vitals.cfg."""
    service = own_process(needs)
    return Front(kind, service, Haproxy(needs.directory / "haproxy", service.socket, service.admin_socket).start())


def proxy_fcgi(directory: Path, service_socket: str, admin_socket: str, more: str = "") -> Apache:
    """Apache with apache-conf/vitals-proxy-fcgi.conf; more stands behind it. Not yet started."""
    site = (CHECKOUT / "apache-conf" / "vitals-proxy-fcgi.conf").read_text()
    site = site.replace("/run/vitals/vitals.sock", service_socket).replace("/run/vitals/admin.sock", admin_socket)
    return Apache(directory, site + more, modules=("proxy", "proxy_fcgi"))


def behind_proxy_fcgi(kind: Kind, needs: Needs) -> Front:
    """apache-conf/vitals-proxy-fcgi.conf."""
    service = own_process(needs)
    return Front(kind, service, proxy_fcgi(needs.directory / "apache", service.socket, service.admin_socket).start())


def by_fcgid(make: Callable[[Path, int], tuple[fcgid.Fcgid, str]]) -> Callable[[Kind, Needs], Front]:
    """Processes of mod_fcgid, by the files that make prepares."""
    def start(kind: Kind, needs: Needs) -> Front:
        service, site = make(needs.directory, kind.max_bytes)
        modules = ",".join(str(service.module(module)) for module in (demo_module(), needs.testmod))
        service.settings.update(needs.settings() | {"MODULES": modules})
        service.serve(site)
        assert service.apache is not None
        return Front(kind, service, service.apache)
    return start


# ---- Where they differ, and why ----

REFUSED_BY_THEMSELVES = {
    "/users/4%zz": (400, "refuses what it cannot decode, before it asks the service"),
    "/users/4%2": (400, "refuses what it cannot decode, before it asks the service"),
    "/..": (400, "refuses a path above the root, before it asks the service"),
    "/%2e%2e/users/42": (400, "refuses a path above the root, before it asks the service"),
    "/a/../../users/42": (400, "refuses a path above the root, before it asks the service"),
}
NGINX = {
    **REFUSED_BY_THEMSELVES,
    "/users/42%00": (400, "nginx refuses a NUL in a path"),
}
APACHE = {
    **REFUSED_BY_THEMSELVES,
    "/users/42%00": (404, "ap_unescape_url() answers a NUL with 404"),
}
FCGID = {
    **APACHE,
    "length of no body": (0, "mod_fcgid sends the length that it has read"),
    "too large, chunked": (500, "mod_fcgid answers 500 where FcgidMaxRequestLen is exceeded"),
}
HAPROXY = {
    "length of no body": (0, "HAProxy sends the length of what it has in its buffer"),
    "chunked beyond a buffer": (400, "HAProxy wants to know the length before it sends the parameters, and has a buffer of 16 KiB"),
    "too large, chunked": (400, "as with any chunked body that does not fit into HAProxy's buffer"),
    "two hosts": (400, "HAProxy refuses a request line and a Host header that name two hosts"),
}

FRONTS = [
    Kind("nginx", behind_nginx(Vitalsd), r"[0-9a-f]{32}", NGINX),
    Kind("mod_proxy_fcgi", behind_proxy_fcgi, r"[A-Za-z0-9_@-]{27}", APACHE),
    Kind("haproxy", behind_haproxy, r"[0-9a-f]{32}", HAPROXY),
    Kind("mod_fcgid", by_fcgid(fcgid.whole_site), r"[A-Za-z0-9_@-]{27}", {
        **FCGID,
        "too large": ("application/problem+json", "mod_fcgid would take the body before it asks the service, so Apache refuses it"),
    }),
    Kind("shared host", by_fcgid(fcgid.shared_host), r"[A-Za-z0-9_@-]{27}", {
        **FCGID,
        "too large": (500, "mod_fcgid answers 500 where FcgidMaxRequestLen is exceeded, and .htaccess cannot help"),
        "/facts/a%2Fb": (404, "AllowEncodedSlashes is not for .htaccess"),
        "/facts/a%2fb": (404, "AllowEncodedSlashes is not for .htaccess"),
    }, max_bytes=128 << 10),
    Kind("spawn-fcgi", behind_nginx(SpawnFcgi), r"[0-9a-f]{32}", NGINX),
    Kind("systemd-socket-activate", behind_nginx(SocketActivated), r"[0-9a-f]{32}", NGINX),
]
