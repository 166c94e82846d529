"""The harness alone, against the servers: a fault found here is none of the service's."""
from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterator

import pytest

from harness import fcgi, postgres, redis
from harness.http import HttpClient
from harness.nginx import Nginx
from harness.processes import alive, tree_of


@pytest.fixture(scope="module")
def own_database(template: postgres.Template, directory: Callable[[], Path]) -> Iterator[postgres.Postgres]:
    """A PostgreSQL to hurt."""
    server = postgres.Postgres(directory(), template).start()
    yield server
    server.stop()


def test_postgres_holds_the_users(own_database: postgres.Postgres) -> None:
    assert own_database.sql("select name from users where id = 42") == "User 42"


@pytest.mark.parametrize("how", ["hba", "limit"])
def test_postgres_refuses_and_admits(own_database: postgres.Postgres, how: str) -> None:
    own_database.refuse(how)
    assert not own_database.admits()
    own_database.admit()
    assert own_database.admits()


def test_postgres_freezes_and_restarts(own_database: postgres.Postgres) -> None:
    pids = tree_of(own_database.process.pid)
    own_database.freeze()
    own_database.thaw()
    assert own_database.admits()
    own_database.stop()
    assert not any(alive(pid) for pid in pids)
    own_database.start()
    assert own_database.sql("select count(*) from users") == str(postgres.USERS)


@pytest.mark.parametrize("how", ["auth", "limit"])
def test_redis_refuses_and_admits(directory: Callable[[], Path], how: str) -> None:
    server = redis.Redis(directory()).start()
    try:
        server.command("SET", "k", "v")
        server.refuse(how)
        with pytest.raises((AssertionError, OSError)):
            with fcgi.socket.socket(fcgi.socket.AF_UNIX) as sock:
                sock.connect(server.socket)
                redis.talk(sock, "GET", "k")
        server.admit()
        assert server.command("GET", "k") == "v"
    finally:
        server.stop()


def test_records_are_as_the_specification_says() -> None:
    assert fcgi.begin() == bytes([1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0])
    assert fcgi.pair("a", "b" * 128) == b"\x01\x80\x00\x00\x80a" + b"b" * 128
    assert fcgi.record(fcgi.STDIN, b"xy", padding=3) == b"\x01\x05\x00\x01\x00\x02\x03\x00xy\0\0\0"


def test_nginx_takes_the_configuration(directory: Callable[[], Path]) -> None:
    """The files of nginx-conf/ are valid, and nobody behind them is a 502."""
    place = directory()
    nginx = Nginx(place, str(place / "v.sock"), str(place / "a.sock"))
    try:
        nginx.start()
        with HttpClient(nginx.port) as client:
            assert client.get("/users/1").status == client.get("/health").status == 502
            assert client.post("/echo", b"{}").status == 502
        assert "[warn]" not in (place / "nginx-error.log").read_text() + nginx.process.said()
    finally:
        nginx.stop()
