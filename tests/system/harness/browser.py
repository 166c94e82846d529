"""Chromium, driven by chromedriver over plain WebDriver (W3C WebDriver, Level 1): no console error goes unseen."""
from __future__ import annotations

import base64
import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Optional

from .processes import PATH, Process, wait_for
from .web_server import free_port

ARGUMENTS = ["--headless=new", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions",
             "--disable-background-networking", "--disable-component-update", "--no-default-browser-check",
             "--force-color-profile=srgb", "--hide-scrollbars"]
TAB, ENTER = "\ue004", "\ue007"


class WebDriverError(Exception):
    """What the driver said instead of a value."""


class Browser:
    """One Chromium with one window and a profile of its own."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.port = free_port()
        self.process: Optional[Process] = None
        self.session = ""

    def start(self) -> "Browser":
        """Chromedriver, and through it Chromium."""
        env = {"PATH": PATH, "LC_ALL": "C.UTF-8", "HOME": str(self.directory), "TMPDIR": str(self.directory)}
        self.process = Process(["chromedriver", f"--port={self.port}", f"--log-path={self.directory}/driver.log"],
                               self.directory, "chromedriver", env=env, death_signal="KILL")
        try:
            wait_for(self.ready, 20, "chromedriver answers", 0.05)
            arguments = [*ARGUMENTS, f"--user-data-dir={self.directory}/profile"]
            if os.geteuid() == 0:
                arguments.append("--no-sandbox")
            wanted = {"browserName": "chrome", "goog:chromeOptions": {"args": arguments, "binary": "/usr/bin/chromium"},
                      "goog:loggingPrefs": {"browser": "ALL"}}
            self.session = self.send("POST", "/session", {"capabilities": {"alwaysMatch": wanted}}, 60)["sessionId"]
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Both, by their pids."""
        if self.session:
            try:
                self.send("DELETE", f"/session/{self.session}")
            except (OSError, WebDriverError):
                pass
            self.session = ""
        if self.process is not None:
            self.process.stop()

    def ready(self) -> bool:
        """The driver takes sessions."""
        try:
            return bool(self.send("GET", "/status")["ready"])
        except OSError:
            return False

    def send(self, method: str, path: str, body: Optional[dict[str, Any]] = None, seconds: float = 30) -> Any:
        """One command; its value."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, {"Content-Type": "application/json"},
                                         method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=seconds) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise WebDriverError(error.read().decode(errors="replace")[:500]) from None

    def command(self, path: str, **body: Any) -> Any:
        """A POST to the session."""
        return self.send("POST", f"/session/{self.session}/{path}", body)

    def chrome(self, name: str, **parameters: Any) -> Any:
        """A command of the DevTools protocol."""
        return self.command("goog/cdp/execute", cmd=name, params=parameters)

    def open(self, url: str) -> None:
        """Until its load event."""
        self.command("url", url=url)

    def run(self, script: str, *arguments: Any) -> Any:
        """What the script returns in the page."""
        return self.command("execute/sync", script=script, args=list(arguments))

    def text(self, selector: str) -> str:
        """The text of the first element that matches, as it is shown or not."""
        return str(self.run("return document.querySelector(arguments[0]).textContent", selector))

    def press(self, *keys: str) -> None:
        """Keys, one after the other, to what has the focus."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.command("actions", actions=[{"type": "key", "id": "keys", "actions": actions}])

    def resize(self, width: int, height: int, mobile: bool = False) -> None:
        """The viewport, also narrower than a window may be."""
        self.chrome("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def prefer(self, scheme: str) -> None:
        """prefers-color-scheme."""
        self.chrome("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def console(self) -> list[str]:
        """What the console has said since the last call: errors, warnings, violations of a policy."""
        entries = self.command("se/log", type="browser")
        return [f"{entry['level']}: {entry['message']}" for entry in entries]

    def screenshot(self, path: Path, whole: bool = True) -> Path:
        """A PNG of the page, to its end unless it shall be the viewport alone."""
        data = self.chrome("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(data))
        return path
