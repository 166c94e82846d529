"""Clients in threads beside wrk: slow ones that time themselves, and one that checks every byte."""
from __future__ import annotations

import http.client
import json
import random
import threading
import time
from typing import Optional

from harness.http import Answer, HttpClient
from harness.processes import wait_for


class Clients:
    """with Clients(…): threads that each repeat once(client, number) on a connection of their own."""

    def __init__(self, port: int, count: int, timeout: float = 30.0, pause: float = 0.0) -> None:
        self.port, self.timeout, self.pause = port, timeout, pause
        self.answered = 0
        self.failures: list[str] = []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(count)]

    def once(self, client: HttpClient, number: int) -> Optional[str]:
        """One request; what was wrong with its answer."""
        raise NotImplementedError

    def _run(self, number: int) -> None:
        client = HttpClient(self.port, self.timeout)
        while not self.stopping.is_set():
            try:
                wrong = self.once(client, number)
            except (OSError, http.client.HTTPException) as error:
                wrong = repr(error)
                client.close()
            if wrong is not None:
                self.failures.append(wrong)
            self.answered += 1
            if self.pause:
                self.stopping.wait(self.pause)
        client.close()

    def __enter__(self) -> "Clients":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(self.timeout + 1)


class SlowClients(Clients):
    """Each holds a worker for so many milliseconds, time after time."""

    def __init__(self, port: int, count: int, how: str, ms: int) -> None:
        super().__init__(port, count)
        self.path, self.times_ms = f"/slow?ms={ms}&how={how}", []  # type: str, list[float]

    def once(self, client: HttpClient, number: int) -> Optional[str]:
        answer = client.get(self.path)
        if answer.status != 200:
            return f"{self.path}: {answer.status} {answer.body[:200]!r}"
        self.times_ms.append(answer.seconds * 1e3)
        return None

    def wait_begun(self) -> None:
        """Until each has had an answer, on average: they are in step with nothing else."""
        wait_for(lambda: self.answered >= len(self.threads), 10, f"clients of {self.path} to begin")


class ByteCheckers(Clients):
    """GET and POST in turn, every answer compared with the one right answer, byte by byte."""

    def __init__(self, port: int, count: int, seed: int, users: bool) -> None:
        super().__init__(port, count, pause=0.002)
        self.randoms = [random.Random(f"{seed} {number}") for number in range(count)]
        self.kinds = [self._echo, self._facts] + ([self._user] if users else [])

    def once(self, client: HttpClient, number: int) -> Optional[str]:
        chance = self.randoms[number]
        return chance.choice(self.kinds)(client, chance)

    @staticmethod
    def _echo(client: HttpClient, chance: random.Random) -> Optional[str]:
        body = json.dumps({"n": chance.random(), "text": "".join(chance.choices("abcäö\n\"\\", k=chance.randrange(30000)))}).encode()
        return difference("POST /echo", client.post("/echo", body), body)

    @staticmethod
    def _user(client: HttpClient, chance: random.Random) -> Optional[str]:
        n = chance.randrange(1, 1001)
        wanted = f'{{"id":{n},"name":"User {n}","email":"user{n}@example.org"}}'.encode()
        return difference(f"GET /live/users/{n}", client.get(f"/users/{n}"), wanted)

    @staticmethod
    def _facts(client: HttpClient, chance: random.Random) -> Optional[str]:
        query = "p=" + "&p=".join(f"{chance.getrandbits(64):x}" for _ in range(chance.randrange(1, 20)))
        answer = client.get(f"/facts?{query}")
        if answer.status == 200:
            facts = answer.json()
            if facts["query"] == query and facts["correlation_id"] == answer.sent_id == answer.correlation_id:
                return None
        return f"GET /facts?{query[:50]}: {answer.status} {answer.body[:300]!r}"


def difference(what: str, answer: Answer, wanted: bytes) -> Optional[str]:
    """None where the answer is a 200 with just that body and the correlation ID that was sent."""
    if answer.status == 200 and answer.body == wanted and answer.header("X-Correlation-ID") == answer.sent_id:
        return None
    return f"{what}: {answer.status}, {len(answer.body)} bytes for {len(wanted)}: {answer.body[:200]!r}"


def pause_until(moment: float) -> None:
    """Sleeps up to a moment of the monotonic clock."""
    left = moment - time.monotonic()
    if left > 0:
        time.sleep(left)
