"""Steady load in threads, each with a keep-alive connection; every outcome is kept."""
from __future__ import annotations

import http.client
import threading
from typing import Optional

from .http import Answer, HttpClient
from .processes import wait_for


class Load:
    """with Load(port, "/users/1", threads=4) as load: … afterwards load.answers and load.errors."""

    def __init__(self, port: int, path: str, threads: int = 4, timeout: float = 15.0, pause: float = 0.0) -> None:
        self.port, self.path, self.timeout, self.pause = port, path, timeout, pause
        self.answers: list[Answer] = []
        self.errors: list[str] = []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]

    def _run(self) -> None:
        client: Optional[HttpClient] = None
        while not self.stopping.is_set():
            client = client or HttpClient(self.port, self.timeout)
            try:
                self.answers.append(client.get(self.path))
            except (OSError, http.client.HTTPException) as error:
                self.errors.append(repr(error))
                client.close()
                client = None
            self.stopping.wait(self.pause) if self.pause else None
        if client:
            client.close()

    def wait_answers(self, more: int, seconds: float = 10.0) -> None:
        """Until so many more answers have come."""
        wanted = len(self.answers) + more
        wait_for(lambda: len(self.answers) >= wanted, seconds, f"{more} more answers under load")

    def __enter__(self) -> "Load":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(self.timeout + 5)
