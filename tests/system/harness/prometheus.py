"""A real Prometheus with the rules of contrib/prometheus, and promtool."""
from __future__ import annotations

import json
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Optional

from .processes import PATH
from .vitalsd import CHECKOUT
from .web_server import WebServer

RULES = CHECKOUT / "contrib" / "prometheus"
DASHBOARD = CHECKOUT / "contrib" / "grafana" / "vitals.json"

CONFIGURATION = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ['{rules}/vitals.rules.yml']
scrape_configs:
"""
TARGET = """\
  - job_name: vitals
    authorization: {{type: Bearer, credentials_file: '{token}'}}
    static_configs: [{{targets: ['127.0.0.1:{port}']}}]
"""


def promtool(*arguments: str, directory: Path = RULES, seconds: float = 300.0) -> subprocess.CompletedProcess[str]:
    """promtool in a directory, with all that it says in stdout."""
    return subprocess.run(["promtool", *arguments], cwd=directory, env={"PATH": PATH, "LC_ALL": "C"}, text=True, timeout=seconds,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


class Prometheus(WebServer):
    """One server with data of its own; with a target (a port of a web server's, and a token) it scrapes that each second."""

    name = "prometheus"
    port_taken = "address already in use"

    def __init__(self, directory: Path, target: Optional[int] = None, token: str = "") -> None:
        super().__init__(directory)
        self.target = target
        (directory / "token").write_text(token)

    def configure(self) -> None:
        """The port is on the command line."""
        text = CONFIGURATION.format(rules=RULES)
        text += TARGET.format(token=self.directory / "token", port=self.target) if self.target else "  []\n"
        (self.directory / "prometheus.yml").write_text(text)

    def command(self) -> list[str]:
        """With its data in the directory."""
        return ["prometheus", f"--config.file={self.directory}/prometheus.yml", f"--storage.tsdb.path={self.directory}/data",
                f"--web.listen-address=127.0.0.1:{self.port}", "--enable-feature=exemplar-storage", "--log.level=warn"]

    def accepts(self) -> bool:
        """It answers queries."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def api(self, path: str, **parameters: str) -> Any:
        """The data of an answer of /api/v1; an AssertionError with Prometheus's reason where it is none."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                found = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode(errors='replace')}") from error
        assert found["status"] == "success", found
        return found["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of now."""
        return list(self.api("query", query=expression)["result"])

    def rules(self) -> list[dict[str, Any]]:
        """All that are loaded, recording and alerting, as Prometheus understood them."""
        return [rule for group in self.api("rules")["groups"] for rule in group["rules"]]


# ---- Expressions -----------------------------------------------------------------------------------

WORDS = {"by", "on", "or", "and", "unless", "bool", "offset", "without", "ignoring", "group_left", "group_right"}


def selections(expression: str) -> list[tuple[str, set[str]]]:
    """Each metric that an expression asks for, with the labels by which it chooses."""
    found = []
    texts = re.sub(r'"(?:\\.|[^"\\])*"', '""', expression)
    bare = re.sub(r"\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", " ", texts)
    for match in re.finditer(r"(?<![\w:.$])([a-zA-Z_:][\w:]*)\s*(\(|\{([^}]*)\})?", re.sub(r"\[[^\]]*\]", "", bare)):
        name, after, labels = match.groups()
        if after != "(" and name not in WORDS:
            found.append((name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels or ""))))
    return found


def dashboard_queries() -> list[tuple[str, str]]:
    """Title and query of all that the dashboard asks, with its variables filled in as Grafana would."""
    found = []
    board = json.loads(DASHBOARD.read_text())
    for panel in board["panels"]:
        found += [(panel["title"], filled(target["expr"])) for target in panel.get("targets", [])]
    return found + [("annotations", filled(entry["expr"])) for entry in board["annotations"]["list"]]


def filled(expression: str) -> str:
    """The only service, every instance, and a range that the tests' scrapes fill."""
    for variable, value in (("$service", "vitals"), ("$instance", ".+"), ("$__rate_interval", "1m")):
        expression = expression.replace(variable, value)
    assert "$" not in expression, expression
    return expression


# ---- The exposition --------------------------------------------------------------------------------

class Exposition:
    """The names in an answer of /metrics in the text format 0.0.4."""

    def __init__(self, text: str) -> None:
        self.labels: dict[str, set[str]] = {}
        for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M):
            suffixes = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
            self.labels.update({name + suffix: set() for suffix in suffixes})
        for name, labels in re.findall(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+", text, re.M):
            self.labels.setdefault(name, set()).update(re.findall(r'(\w+)="', re.sub(r'"(?:\\.|[^"\\])*"', '"', labels)))
