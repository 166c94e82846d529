"""Checks that CHECKS declares, each against the real thing."""
from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from harness import postgres, redis
from harness.nginx import Nginx
from harness.processes import Process, wait_for
from harness.vitalsd import Vitalsd, run_once
from harness.web_server import free_port

Service = Callable[..., Vitalsd]


def told(instance: Vitalsd) -> dict[str, Any]:
    """/health/detailed, whatever its status."""
    return instance.ask(uri="/health/detailed").json()


def result(instance: Vitalsd, name: str) -> str:
    """What the check says."""
    return told(instance)["checks"][name]


def becomes(instance: Vitalsd, name: str, pattern: str, seconds: float = 15) -> str:
    """Waits until the check says something of the pattern."""
    wait_for(lambda: re.search(pattern, result(instance, name)) is not None, seconds, f"{name}: {pattern}")
    return result(instance, name)


def test_tcp_and_unix(service: Service, cache: redis.Redis) -> None:
    closed = free_port()
    instance = service(CHECKS=f"there=unix:{cache.socket},gone=unix:/nowhere/x.sock,closed=tcp:127.0.0.1:{closed}",
                       CRITICAL_CHECKS="there,closed").start()
    answer = instance.ask(uri="/health/detailed")
    body = answer.json()
    assert answer.status == 503 and body["status"] == "degraded"
    assert body["checks"]["there"] == "healthy"
    assert body["checks"]["gone"] == "unhealthy: there is no such socket"
    assert body["checks"]["closed"] == "unhealthy: connection refused"
    assert body["warnings"] == ["The check gone is unhealthy: there is no such socket."]
    assert instance.ask(uri="/health/ready").json() == {"status": "not ready", "reason": "closed unavailable"}
    failed = instance.log.wait("Check failed", check="closed")
    assert failed["result"] == "unhealthy: connection refused"


def test_a_server_that_hangs_costs_no_more_than_the_deadline(service: Service) -> None:
    import socket
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(8)
        target = f"127.0.0.1:{deaf.getsockname()[1]}"
        instance = service(CHECKS=f"web=http://{target}/,php=fastcgi:tcp:{target},tcp=tcp:{target}", HEALTH_CHECK_TIMEOUT="200ms").start()
        checks = told(instance)["checks"]
    assert checks["web"] == checks["php"] == "unhealthy: no answer within 200 ms"
    assert checks["tcp"] == "healthy"


def test_http(service: Service, front: Callable[[Vitalsd], Nginx]) -> None:
    behind = service()
    behind.settings["ADMIN_LISTEN"] = f"unix:{behind.admin_socket}"
    behind.start()
    web = f"http://127.0.0.1:{front(behind).port}"
    checks = [f"good={web}/health;contains=\"status\":\"healthy\"", f"missing={web}/nothing", f"wanted={web}/nothing;status=404",
              f"words={web}/health?a=b;contains=no such words", f"slow={web}/health;warn=0;fail=5s"]
    instance = service(CHECKS="'" + ",".join(checks) + "'").start()
    found = told(instance)
    assert found["status"] == "healthy"
    assert found["checks"]["good"] == found["checks"]["wanted"] == "healthy"
    assert found["checks"]["missing"] == "unhealthy: the status is 404, not 200"
    assert found["checks"]["words"] == "unhealthy: the body does not contain what it should"
    behind.log.wait("Request completed", path="/health")


def test_fastcgi(service: Service) -> None:
    behind = service().start()
    target = f"fastcgi:unix:{behind.socket}"
    instance = service(CHECKS=f"good={target};contains=healthy,missing={target};path=/nothing?x=1,wanted={target};path=/nothing;status=404,"
                              "gone=fastcgi:unix:/nowhere.sock").start()
    checks = told(instance)["checks"]
    assert checks["good"] == checks["wanted"] == "healthy"
    assert checks["missing"] == "unhealthy: the status is 404, not 200"
    assert checks["gone"] == "unhealthy: there is no such socket"
    record = behind.log.wait("Request completed", path="/nothing")
    assert record["status_code"] == 404


def aged(path: Path, seconds: float) -> None:
    path.touch()
    os.utime(path, (time.time() - seconds,) * 2)


def test_file_age(service: Service, directory: Callable[[], Path]) -> None:
    backups = directory()
    backups.mkdir()
    aged(backups / "1.dump", 3600 * 24 * 30)
    aged(backups / "2.dump", 3600 * 30)
    instance = service(CHECKS=f"single=file:{backups}/1.dump;fail=26h,newest=file:{backups}/*.dump;warn=26h;fail=50h,"
                              f"none=file:{backups}/*.sql;fail=1h").start()
    found = told(instance)
    assert found["status"] == "healthy"
    assert found["checks"]["single"] == "unhealthy: it is 30d old; fail is 26h"
    assert found["checks"]["newest"] == "warning: it is 30h old; warn is 26h"
    assert found["checks"]["none"] == "unhealthy: there is no such file"
    assert "The check newest gives a warning: it is 30h old; warn is 26h." in found["warnings"]
    instance.log.wait("Check warns", check="newest")
    aged(backups / "3.dump", 0)
    becomes(instance, "newest", "^healthy$")
    instance.log.wait("Check recovered", check="newest")


def test_a_warning_of_a_critical_check_degrades_nothing(service: Service, directory: Callable[[], Path]) -> None:
    backups = directory()
    backups.mkdir()
    aged(backups / "dump", 3600 * 30)
    instance = service(CHECKS=f"backup=file:{backups}/dump;warn=26h;fail=50h", CRITICAL_CHECKS="backup").start()
    answer = instance.ask(uri="/health/detailed")
    assert answer.status == 200 and answer.json()["warnings"]
    assert instance.ask(uri="/health/ready").status == 200
    aged(backups / "dump", 3600 * 60)
    becomes(instance, "backup", "^unhealthy: it is 60h old; fail is 50h$")
    assert instance.ask(uri="/health/ready").status == 503


def test_pressure(service: Service) -> None:
    if not os.path.exists("/proc/pressure/cpu"):
        pytest.skip("the kernel has no pressure")
    instance = service(CHECKS="cpu=pressure:cpu;fail=100,memory-full=pressure:memory;fail=100;share=full").start()
    checks = told(instance)["checks"]
    assert checks["cpu"] == checks["memory-full"] == "healthy"


def certificate(path: Path, days: int) -> None:
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=x",
                    "-keyout", "/dev/null", "-out", str(path), "-days", str(days)], check=True, capture_output=True)


def test_certificate(service: Service, directory: Callable[[], Path]) -> None:
    files = directory()
    files.mkdir()
    for name, days in (("long", 90), ("soon", 10), ("short", 3)):
        certificate(files / name, days)
    (files / "chain").write_text((files / "long").read_text() + (files / "short").read_text())
    (files / "none").write_text("no certificate\n")
    names = ["long", "soon", "short", "chain", "none", "missing"]
    instance = service(CHECKS=",".join(f"{name}=certificate:{files / name}" for name in names)).start()
    checks = told(instance)["checks"]
    assert checks["long"] == "healthy"
    assert re.fullmatch(r"warning: the certificate ends in (9|10)d; warn is 21d", checks["soon"])
    assert re.fullmatch(r"unhealthy: the certificate ends in (3d|\d\dh); fail is 7d", checks["short"])
    assert checks["chain"] == checks["short"]
    assert checks["none"] == "unhealthy: the file holds no certificate that can be read"
    assert checks["missing"] == "unhealthy: there is no such file"


@pytest.fixture
def replica(cache: redis.Redis, directory: Callable[[], Path]) -> Iterator[tuple[redis.Redis, redis.Redis]]:
    """A primary of its own on TCP and a replica of it."""
    port = free_port()
    primary = redis.Redis(directory())
    primary.process = Process(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--unixsocket", primary.socket, "--save", "",
                               "--dir", str(primary.directory), "--repl-diskless-sync-delay", "0"], primary.directory, "redis")
    second = redis.Redis(directory())
    try:
        wait_for(primary.accepts, 10, "the primary accepts")
        second.start()
        second.command("REPLICAOF", "127.0.0.1", str(port))
        wait_for(lambda: "master_link_status:up" in second.command("INFO", "replication"), 20, "replication")
        yield primary, second
    finally:
        second.stop()
        primary.stop()


def test_redis(service: Service, replica: tuple[redis.Redis, redis.Redis]) -> None:
    primary, second = replica
    instance = service(REDIS_URL=primary.url, HEALTH_CACHE_SECONDS="100ms",
                       CHECKS=f"redis-memory=redis:memory,role=redis:role,copy=redis:role;role=replica;url={second.url},"
                              "wrong=redis:role;role=replica").start()
    checks = told(instance)["checks"]
    assert checks["role"] == checks["copy"] == checks["redis-memory"] == "healthy"
    assert checks["wrong"] == "unhealthy: it is a primary, not a replica"
    used = int(re.search(r"used_memory:(\d+)", primary.command("INFO", "memory")).group(1))
    primary.command("CONFIG", "SET", "maxmemory", str(int(used / 0.88)))
    assert re.fullmatch(r"warning: \d+ % of the memory is used; warn is 80 %", becomes(instance, "redis-memory", "^warning"))
    primary.command("CONFIG", "SET", "maxmemory", str(used // 2))
    becomes(instance, "redis-memory", r"^unhealthy: \d+ % of the memory is used; fail is 95 %$")
    primary.command("CONFIG", "SET", "maxmemory", "0")
    becomes(instance, "redis-memory", "^healthy$")
    primary.stop()
    becomes(instance, "copy", "^unhealthy: its link to the primary is down$")
    becomes(instance, "role", "^unhealthy: ")
    second.command("REPLICAOF", "NO", "ONE")
    becomes(instance, "copy", "^unhealthy: it is a primary, not a replica$")


@pytest.fixture
def cluster(template: postgres.Template, directory: Callable[[], Path]) -> Iterator[tuple[postgres.Postgres, postgres.Postgres]]:
    """A primary and a streaming standby made by pg_basebackup."""
    extra = "max_wal_senders = 4\nwal_level = replica\nwal_receiver_status_interval = 1s\nhot_standby = on\n"
    primary = postgres.Postgres(directory(), template)
    with (primary.directory / "postgresql.conf").open("a") as file:
        file.write(extra)
    with (primary.directory / "pg_hba.conf").open("a") as file:
        file.write("local replication postgres trust\n")
    standby = postgres.Postgres(directory(), None)
    with (standby.directory / "postgresql.conf").open("a") as file:
        file.write(extra)
    try:
        primary.start()
        postgres.as_server([postgres.program("pg_basebackup"), "-h", str(primary.directory), "-U", "postgres", "-D", str(standby.data), "-R",
                            "-X", "stream", "-c", "fast"], standby.directory)
        standby.start()
        wait_for(lambda: primary.sql("select count(*) from pg_stat_replication where state = 'streaming'") == "1", 20, "streaming")
        yield primary, standby
    finally:
        standby.stop()
        primary.stop()


def test_postgres(service: Service, cluster: tuple[postgres.Postgres, postgres.Postgres]) -> None:
    primary, standby = cluster
    instance = service(DATABASE_URL=primary.url, HEALTH_CACHE_SECONDS="100ms",
                       CHECKS=f"lag=postgres:lag,behind=postgres:lag;warn=1s;fail=1h;url={standby.url},"
                              "left=postgres:connections,few=postgres:connections;warn=36;fail=2").start()
    checks = told(instance)["checks"]
    assert checks["lag"] == "unhealthy: the role may not see the standby servers; grant it pg_monitor"
    assert checks["behind"] == checks["left"] == "healthy"
    primary.sql("grant pg_monitor to vitals")
    becomes(instance, "lag", "^healthy$")
    assert re.fullmatch(r"warning: 3\d connections are left; warn is 36", becomes(instance, "few", "^warning"))
    primary.sql("update users set name = name where id = 1")
    wait_for(lambda: standby.sql("select pg_last_xact_replay_timestamp() is not null") == "t", 10, "a transaction is replayed")
    standby.sql("select pg_wal_replay_pause()")
    primary.sql("update users set name = name where id = 2")
    assert re.fullmatch(r"warning: replication is \d+(ms|s) behind; warn is 1s", becomes(instance, "behind", "^warning"))
    standby.sql("select pg_wal_replay_resume()")
    becomes(instance, "behind", "^healthy$")
    standby.stop()
    becomes(instance, "lag", "^unhealthy: 0 standby servers stream, not 1$")
    becomes(instance, "behind", "^unhealthy: ")
    leaked = primary.sql("select count(*) from pg_stat_activity where usename = 'vitals'")
    assert int(leaked) <= 3 + 1, "checks leave their connections"


BROKEN = {
    "nothing": '"nothing" has no name',
    "Big=tcp:127.0.0.1:1": '"Big=tcp:127.0.0.1:1" has no name',
    "x=smtp:1": 'x: the target is "smtp:1"; allowed are tcp:',
    "x=https://127.0.0.1/": "x: https: is not spoken here",
    "x=tcp:example.org:80": "x: the address is",
    "x=file:/etc/passwd": "x: warn or fail must be given.",
    "x=file:etc;fail=1h": "x: the target is",
    "x=file:/etc/passwd;fail=soon": 'x: fail is "soon"; allowed is a duration',
    "x=file:/etc/passwd;fail=1h;warn=2h": "x: warn must be at most fail.",
    "x=certificate:/x;fail=9d;warn=2d": "x: warn must be at least fail.",
    "x=pressure:gpu;fail=3": "x: the target is",
    "x=pressure:cpu;fail=101": 'x: fail is "101"; allowed',
    "x=redis:role;role=boss": 'x: role is "boss"; allowed are primary and replica.',
    "x=redis:role;url=http://x": "x: url: allowed is redis://",
    "x=redis:role;url=redis://example.org": "x: url: the host is given by name",
    "x=postgres:lag;url=postgresql://u:hush-hush@example.org/x": "x: url: a host is given by name",
    "x=postgres:lag": "x: DATABASE_URL is not set",
    "x=redis:memory": "x: REDIS_URL is not set",
    "x=tcp:127.0.0.1:1;status=3": 'x: "status" is no option of tcp:; allowed are warn, fail.',
    "disk=tcp:127.0.0.1:1": "disk is the name of a check that is always there",
    "x=tcp:127.0.0.1:1,x=tcp:127.0.0.1:2": "CHECKS has two checks of the name x.",
}


def test_what_is_wrong_is_said(directory: Callable[[], Path]) -> None:
    place = directory()
    place.mkdir()
    for value, sentence in BROKEN.items():
        done = run_once(place, "--check", env={"CHECKS": value, "LISTEN": f"unix:{place}/s"})
        assert done.returncode != 0 and "CHECKS" in done.stderr and sentence in done.stderr, (value, done.stderr)
        assert "hush-hush" not in done.stderr
    done = run_once(place, "--check", env={"CHECKS": "a=smtp:1,b=file:x", "CRITICAL_CHECKS": "database,c", "LISTEN": f"unix:{place}/s"})
    assert "CHECKS: a: " in done.stderr and "CHECKS: b: " in done.stderr and "CRITICAL_CHECKS names c, but CHECKS does not" in done.stderr


def test_secrets_of_targets_are_not_printed(directory: Callable[[], Path]) -> None:
    place = directory()
    place.mkdir()
    done = run_once(place, "--print-settings", env={
        "CHECKS": "a=postgres:lag;url=postgresql://u:hush-hush@127.0.0.1/x,b=redis:role;url=redis://:hush-hush@127.0.0.1/0",
        "LISTEN": f"unix:{place}/s"})
    assert "CHECKS=" in done.stdout and "127.0.0.1" in done.stdout and "hush-hush" not in done.stdout + done.stderr
