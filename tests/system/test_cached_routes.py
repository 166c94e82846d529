"""Routes that are cached: what is kept, for whom, how long, who makes it, and what the client is told; over each tier."""
from __future__ import annotations

import os
import re
import signal
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import pytest

from harness import redis
from harness.ctl import status
from harness.fcgi import cgi
from harness.http import Answer, HttpClient
from harness.modules import build_module
from harness.nginx import Nginx
from harness.processes import wait_for
from harness.vitalsd import CHECKOUT, Vitalsd, run_once

TIERS = {"memory": {}, "both": {"REDIS_URL": True}, "redis": {"REDIS_URL": True, "CACHE_MEMORY_BYTES": 0}}


class Site:
    """A service whose cached routes do as told."""

    def __init__(self, service: Vitalsd, nginx: Nginx, directory: Path) -> None:
        self.service, self.nginx, self.directory = service, nginx, directory
        self.client = HttpClient(nginx.port)

    def answer(self, *lines: str) -> None:
        """What the handlers do from now on."""
        fresh = self.directory / "answer.new"
        fresh.write_text("\n".join(lines))
        fresh.replace(self.directory / "answer")

    def made(self, path: str) -> int:
        """How often the handler ran for a path."""
        try:
            lines = (self.directory / "made").read_text().splitlines()
        except FileNotFoundError:
            return 0
        return sum(line.split(" ")[0] == path for line in lines)

    def get(self, path: str, how: Optional[str] = None, **headers: str) -> Answer:
        """One GET; how is what X-Cache is to say."""
        answer = self.client.get(path, {name.replace("_", "-"): value for name, value in headers.items()})
        if how is not None:
            assert answer.header("X-Cache") == how, (answer.status, answer.headers)
        return answer

    def forget(self, prefix: str, *params: str) -> None:
        """By a POST."""
        query = "&".join(f"param={param}" for param in params)
        assert self.client.request("POST", f"/forget/{prefix}?{query}").status == 204


@pytest.fixture(scope="module")
def cachemod(root: Path) -> Path:
    """The module of these tests."""
    return build_module(CHECKOUT / "tests" / "system" / "modules" / "cachemod.c", root)


@pytest.fixture(scope="module", params=TIERS)
def site(request: Any, built: None, cachemod: Path, directory: Callable[[], Path], cache: redis.Redis) -> Iterator[Site]:
    """One for each tier; each test uses names of its own."""
    own = directory()
    own.mkdir()
    own.chmod(0o777)
    settings = dict(TIERS[request.param])
    if "REDIS_URL" in settings:
        settings["REDIS_URL"] = cache.url
    service = Vitalsd(directory(), MODULES=cachemod, CACHEMOD_DIRECTORY=own, WORKERS=4, LOG_LEVEL="DEBUG",
                      CACHE_PREFIX=f"{request.param}-{time.time_ns()}:", ADMIN_TOKEN="let-me-see", **settings)
    service.settings["ADMIN_LISTEN"] = f"unix:{service.admin_socket}"
    nginx = Nginx(directory(), service.socket, service.admin_socket)
    try:
        service.start()
        nginx.start()
        yield Site(service, nginx, own)
    finally:
        nginx.stop()
        service.stop()


@pytest.fixture(autouse=True)
def plain_answers(site: Site) -> None:
    """Handlers answer with 200 at once until told otherwise."""
    site.answer()


def test_a_second_request_hits(site: Site) -> None:
    """Made once; the same bytes, with Age and ETag; the log and the counters say so."""
    first = site.get("/plain/a", "MISS")
    second = site.get("/plain/a", "HIT")
    assert site.made("/plain/a") == 1
    assert second.body == first.body and second.header("Content-Type") == "application/json"
    assert first.header("Age") is None and int(second.header("Age") or -1) >= 0
    assert second.header("ETag") == first.header("ETag") and re.fullmatch('"[0-9a-f]{24}"', first.header("ETag") or "")
    assert second.header("Cache-Control") == "no-cache"
    site.service.expect(first, 200, route="/plain/{name}", cache="miss")
    site.service.expect(second, 200, route="/plain/{name}", cache="hit")
    metrics = HttpClient(site.nginx.port).get("/metrics").body.decode()
    tiers = {"memory": site.service.settings.get("CACHE_MEMORY_BYTES") != 0, "redis": "REDIS_URL" in site.service.settings}
    had = [tier for tier in tiers if re.search(rf'^vitals_cache_hits_total\{{tier="{tier}"\}} [1-9]', metrics, re.M)]
    assert had and all(tiers[tier] for tier in had), metrics
    assert re.search(r'^vitals_cache_answers_total\{route="/plain/\{name\}",result="hit"\} [1-9]', metrics, re.M), metrics


def test_every_worker_has_it(site: Site) -> None:
    """What one worker made all others answer with."""
    site.get("/plain/everywhere", "MISS")
    for _ in range(12):
        with HttpClient(site.nginx.port) as client:
            assert client.get("/plain/everywhere").header("X-Cache") == "HIT"
    assert site.made("/plain/everywhere") == 1


def test_what_makes_another_answer(site: Site) -> None:
    """Named parameters and headers do, others do not; their order does not matter; Vary tells."""
    site.get("/varied/a?page=1&sort=x", "MISS")
    site.get("/varied/a?sort=x&noise=7&page=1", "HIT")
    site.get("/varied/a?page=2&sort=x", "MISS")
    site.get("/varied/a?page=1", "MISS")
    site.get("/varied/a?page=1&sort=", "MISS")
    site.get("/varied/a?page=1&page=2", "MISS")
    site.get("/varied/a?page=1&sort=x", "MISS", Accept_Language="de")
    hit = site.get("/varied/a?page=1&sort=x", "HIT", Accept_Language="de")
    assert hit.header("Vary") == "Accept-Language"
    site.get("/whole/a?x=1", "MISS")
    site.get("/whole/a?x=2", "MISS")
    site.get("/whole/a?x=1", "HIT")
    site.get("/plain/query?x=1", "MISS")
    site.get("/plain/query?x=2", "HIT")


def test_keys_cannot_be_mixed_up(site: Site) -> None:
    """Values that look like the ends of others."""
    site.get("/varied/a%2C1%3Ab?page=c", "MISS")
    site.get("/varied/a?page=1%3Ab%2Cc", "MISS")
    site.get("/varied/a%2C?page=1:b", "MISS")
    assert site.get("/varied/a%2C1%3Ab?page=c", "HIT").json()["path"] == "/varied/a,1:b"


def test_conditional_requests(site: Site) -> None:
    """304 without a body where the client has it, on a hit and on a miss."""
    tag = site.get("/plain/conditional", "MISS").header("ETag") or ""
    for value in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = site.get("/plain/conditional", "HIT", If_None_Match=value)
        assert (answer.status, answer.body) == (304, b""), value
        assert answer.header("ETag") == tag
    assert site.get("/plain/conditional", "HIT", If_None_Match='"other"').status == 200
    site.forget("plain", "conditional")
    assert site.get("/plain/conditional", "MISS", If_None_Match=tag).status == 304
    site.service.expect(site.get("/plain/conditional", "HIT", If_None_Match=tag), 304, cache="hit", bytes=0)


def test_head(site: Site) -> None:
    """HEAD uses what GET has made, and makes nothing that GET would see."""
    assert site.client.request("HEAD", "/plain/head").header("X-Cache") == "BYPASS"
    site.get("/plain/head", "MISS")
    assert site.client.request("HEAD", "/plain/head").header("X-Cache") == "HIT"


def test_what_clients_may_demand(site: Site) -> None:
    """no-cache and max-age=0 make it anew, for all; no-store goes past; only-if-cached is a 504."""
    assert site.get("/plain/demand", Cache_Control="only-if-cached").status == 504
    site.get("/plain/demand", "MISS")
    site.get("/plain/demand", "MISS", Cache_Control="no-cache")
    site.get("/plain/demand", "MISS", Cache_Control="max-age=0")
    site.get("/plain/demand", "MISS", Pragma="no-cache")
    site.get("/plain/demand", "BYPASS", Cache_Control="no-store")
    site.get("/plain/demand", "HIT", Cache_Control="max-age=30")
    assert site.made("/plain/demand") == 5


def test_what_is_not_kept(site: Site) -> None:
    """Cookies, private answers, errors; and nobody waits for another's such answer."""
    for name, lines in {"cookie": ("Set-Cookie: a=b",), "private": ("Cache-Control: private",),
                        "no-store": ("Cache-Control: no-store, max-age=60",), "vary": ("Vary: *",),
                        "accepted": ("status 202",), "zero": ("Cache-Control: s-maxage=0, max-age=60",)}.items():
        site.answer(*lines)
        site.get(f"/plain/not-{name}", "MISS")
        site.get(f"/plain/not-{name}", "BYPASS")
        assert site.made(f"/plain/not-{name}") == 2
    site.answer("status 503")
    for _ in range(2):
        assert site.get("/plain/not-failed", "MISS").status == 503
    site.answer()
    site.get("/plain/not-failed", "MISS")
    site.get("/plain/not-failed", "HIT")


def test_negative_answers(site: Site) -> None:
    """A 404 is kept where the rule says so, with its problem document, and not elsewhere."""
    site.answer("status 404")
    first, second = site.get("/negative/a", "MISS"), site.get("/negative/a", "HIT")
    assert (first.status, second.status) == (404, 404)
    assert second.header("Content-Type") == "application/problem+json"
    site.get("/plain/missing", "MISS")
    site.get("/plain/missing", "BYPASS")


def test_a_problem_names_the_request_it_answers(site: Site) -> None:
    """A kept problem document does not show another request's correlation ID."""
    site.answer("status 404")
    site.get("/negative/ids", "MISS")
    answer = site.get("/negative/ids", "HIT")
    assert answer.json()["correlation_id"] == answer.correlation_id


def test_whose_answer(site: Site) -> None:
    """Authenticated requests go past, have their own, or share, as the rule says."""
    connection = site.service.connect()

    def ask(uri: str, user: Optional[str] = None, **headers: str) -> str:
        params = list(cgi("GET", uri)) + ([("REMOTE_USER", user)] if user else [])
        params += [(f"HTTP_{name.upper()}", value) for name, value in headers.items()]
        answer = connection.exchange(params)
        return f"{answer.header('X-Cache')} {answer.json()['user']}".strip()

    assert ask("/plain/who") == "MISS"
    assert ask("/plain/who", "eva") == "BYPASS eva"
    assert ask("/plain/who", authorization="Basic eDp5") == "BYPASS"
    assert ask("/plain/who") == "HIT"
    assert ask("/user/who", "eva") == "MISS eva"
    assert ask("/user/who", "eva") == "HIT eva"
    assert ask("/user/who", "tom") == "MISS tom"
    assert ask("/user/who") == "MISS"
    assert ask("/shared/who", "eva") == "MISS eva"
    assert ask("/shared/who", "tom", authorization="Basic eDp5") == "HIT eva"
    connection.close()


def test_client_max_age(site: Site) -> None:
    """The client's own time begins with its answer."""
    assert site.get("/client/a", "MISS").header("Cache-Control") == "max-age=60"
    answer = site.get("/client/a", "HIT")
    assert answer.header("Cache-Control") == f"max-age={60 + int(answer.header('Age') or 0)}"


def test_the_handler_has_the_last_word(site: Site) -> None:
    """Its max-age, s-maxage and ETag come before the rule's."""
    site.answer("Cache-Control: max-age=60, s-maxage=1", 'ETag: "mine"')
    site.get("/plain/word", "MISS")
    hit = site.get("/plain/word", "HIT")
    assert (hit.header("ETag"), hit.header("Cache-Control")) == ('"mine"', "max-age=60, s-maxage=1")
    wait_for(lambda: site.get("/plain/word").header("X-Cache") == "MISS", 5, "s-maxage to pass")


def test_forgetting(site: Site) -> None:
    """One resource with all its variants, or everything of a prefix; nothing else."""
    for path in ("/varied/f?page=1", "/varied/f?page=2", "/varied/g", "/plain/f", "/plain/g"):
        site.get(path, "MISS")
    site.forget("varied", "f")
    site.get("/varied/f?page=1", "MISS")
    site.get("/varied/f?page=2", "MISS")
    site.get("/varied/g", "HIT")
    site.forget("plain", "f")
    site.get("/plain/f", "MISS")
    site.get("/plain/g", "HIT")
    site.forget("plain")
    site.get("/plain/f", "MISS")
    site.get("/plain/g", "MISS")
    site.get("/varied/g", "HIT")


def test_an_answer_from_before_a_change_is_not_kept(site: Site) -> None:
    """It was being made when its key was forgotten: who asked gets it, nobody after."""
    site.answer("sleep 500")
    for prefix, path in (("plain", "/plain/change"), ("varied", "/varied/change")):
        late: list[Answer] = []
        thread = threading.Thread(target=lambda: late.append(HttpClient(site.nginx.port).get(path)))
        thread.start()
        wait_for(lambda: site.made(path) == 1, 5, "the handler to begin")
        site.forget(prefix, "change")
        thread.join()
        assert late[0].header("X-Cache") == "MISS"
        site.get(path, "MISS")
        site.get(path, "HIT")


def many(site: Site, path: str, clients: int) -> list[Answer]:
    """So many at once."""
    answers: list[Answer] = []
    gate = threading.Barrier(clients)

    def ask() -> None:
        with HttpClient(site.nginx.port, 30) as client:
            gate.wait()
            answers.append(client.get(path))

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_one_makes_it_for_all(site: Site) -> None:
    """Fifty at once on a cold key: the handler runs once."""
    site.answer("sleep 300")
    answers = many(site, "/plain/cold", 50)
    assert {answer.status for answer in answers} == {200}
    assert site.made("/plain/cold") == 1
    assert sorted({answer.header("X-Cache") for answer in answers}) == ["HIT", "MISS"]


def test_nobody_waits_for_what_is_not_kept(site: Site) -> None:
    """Once it is known, requests go side by side: four of 300 ms on four workers do not take four times that."""
    site.answer("sleep 300", "Cache-Control: no-store")
    site.get("/plain/side-by-side", "MISS")
    answers = many(site, "/plain/side-by-side", 4)
    assert {answer.header("X-Cache") for answer in answers} == {"BYPASS"}
    assert site.made("/plain/side-by-side") == 5


def test_a_killed_maker_is_replaced(site: Site) -> None:
    """The worker that makes it is killed; those who wait for it go on with another."""
    site.answer("sleep 5000")
    answers: list[Answer] = []
    threads = [threading.Thread(target=lambda: answers.append(HttpClient(site.nginx.port, 30).get("/plain/killed")))
               for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_for(lambda: site.made("/plain/killed") == 1, 5, "the handler to begin")
    site.answer("sleep 100")
    maker = (site.directory / "made").read_text().split("/plain/killed ")[1].split()[0]
    running = [worker for worker in status(site.service)["workers"] if (worker.get("request") or {}).get("correlation_id") == maker]
    os.kill(running[0]["pid"], signal.SIGKILL)
    for thread in threads:
        thread.join()
    assert {answer.status for answer in answers} == {200}
    assert 2 <= site.made("/plain/killed") <= 3


def test_stale_while_revalidate(site: Site) -> None:
    """Past its time it is shown at once, made anew behind the response, once, and then fresh."""
    site.get("/stale/a", "MISS")
    site.answer("sleep 100")
    wait_for(lambda: site.get("/stale/a").header("X-Cache") == "STALE", 5, "the answer to be stale")
    begun = time.monotonic()
    while site.made("/stale/a") < 2 or site.get("/stale/a").header("X-Cache") == "STALE":
        assert time.monotonic() - begun < 5
    assert site.get("/stale/a", "HIT").header("Age") == "0"
    assert site.made("/stale/a") == 2
    site.service.log.wait("Cached answer renewed", route="/stale/{name}")


def test_stale_if_error(site: Site) -> None:
    """Where making it anew fails, the former one stands in; without one, the failure is told."""
    site.get("/error/a", "MISS")
    site.answer("status 503")
    wait_for(lambda: site.get("/error/a").header("X-Cache") == "STALE", 5, "the answer to be stale")
    answer = site.get("/error/a", "STALE")
    assert answer.status == 200 and int(answer.header("Age") or 0) >= 1
    assert site.get("/error/cold", "MISS").status == 503
    site.service.log.wait("A stale answer stands in for one that failed", route="/error/{name}")
    site.answer()
    site.get("/error/a", "MISS")


def test_under_load_it_is_made_anew_before_its_end(site: Site) -> None:
    """Ten clients over several lifetimes of an answer that takes 100 ms: hardly anybody sees a miss."""
    site.answer("sleep 100")
    site.get("/short/hot", "MISS")
    answers: list[Answer] = []
    until = time.monotonic() + 4

    def ask() -> None:
        with HttpClient(site.nginx.port) as client:
            while time.monotonic() < until:
                answers.append(client.get("/short/hot"))

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    misses = [answer for answer in answers if answer.header("X-Cache") == "MISS"]
    assert len(answers) > 100 and 3 <= site.made("/short/hot") <= 20
    assert len(misses) <= 2, f"{len(misses)} of {len(answers)}"


def test_spaces(site: Site) -> None:
    """Values in namespaces, any bytes; one forgotten, or all of a namespace."""
    value = bytes(range(256)) * 3

    def get(path: str) -> Optional[bytes]:
        answer = site.client.get(path)
        assert answer.status in (200, 404), answer.body
        return answer.body if answer.status == 200 else None

    for path in ("/space/one/a", "/space/one/b", "/space/two/a"):
        assert get(path) is None
        assert site.client.request("PUT", path, value + path.encode()).status == 204
        assert get(path) == value + path.encode()
    assert site.client.request("DELETE", "/space/one/a").status == 204
    assert get("/space/one/a") is None and get("/space/one/b") is not None
    site.forget("one")
    assert get("/space/one/b") is None and get("/space/two/a") is not None
    assert site.client.request("PUT", "/space/one/b", b"").status == 204
    assert get("/space/one/b") == b""
    assert site.client.request("PUT", "/space/a%20b/c", b"x").status == 500


def test_json_values(site: Site) -> None:
    """Trees in, trees out."""
    text = b'{"a":[1,2.5,null,true,"\\u00e9"],"b":{}}'
    assert site.client.get("/json/a").status == 404
    assert site.client.request("PUT", "/json/a", text, {"Content-Type": "application/json"}).status == 204
    answer = site.client.get("/json/a")
    assert answer.json() == {"a": [1, 2.5, None, True, "é"], "b": {}}


@pytest.mark.parametrize("memory", ["16MiB", "0"])
def test_a_change_that_redis_misses(built: None, cachemod: Path, directory: Callable[[], Path], memory: str) -> None:
    """It is frozen while something is forgotten: what it kept from before is not shown when it is back."""
    own = directory()
    own.mkdir()
    own.chmod(0o777)
    server = redis.Redis(directory()).start()
    service = Vitalsd(directory(), MODULES=cachemod, CACHEMOD_DIRECTORY=own, REDIS_URL=server.url, CACHE_MEMORY_BYTES=memory)
    nginx = Nginx(directory(), service.socket, service.admin_socket)
    try:
        service.start()
        nginx.start()
        site = Site(service, nginx, own)
        for path in ("/plain/missed", "/plain/too"):
            site.get(path, "MISS")
            site.get(path, "HIT")
        assert site.client.request("PUT", "/space/missed/a", b"x").status == 204
        server.freeze()
        for query in ("forget/plain?param=missed", "forget/missed"):
            assert site.client.request("POST", f"/{query}").status in (503, 504)
        server.thaw()
        wait_for(lambda: site.client.request("PUT", "/space/other/a", b"x").status == 204, 5, "Redis to be asked again")
        assert site.get("/plain/missed").header("X-Cache") == "MISS"
        assert site.client.get("/space/missed/a").status == 404
        site.get("/plain/missed", "HIT")
        assert site.client.request("PUT", "/space/missed/a", b"y").status == 204
        assert site.client.get("/space/missed/a").body == b"y"
    finally:
        server.thaw()
        nginx.stop()
        service.stop()
        server.stop()


def test_routes_that_cannot_be_cached(built: None, directory: Callable[[], Path], root: Path) -> None:
    """Said at the start, each with its reason."""
    own = directory()
    own.mkdir()
    source = own / "badmod.c"
    source.write_text("""#include "vitals.h"
static enum vt_result none(struct vt_request *req, struct vt_response *res) { (void)req; return vt_no_content(res, 204); }
VT_API int vitals_setup(struct vt_app *app);
int vitals_setup(struct vt_app *app)
{
	vt_route(app, &(struct vt_route){.method = "POST", .path = "/a", .handler = none, .cache = {.prefix = "a"}});
	vt_route(app, &(struct vt_route){.method = "GET", .path = "/b", .handler = none, .cache = {.prefix = "a:b"}});
	vt_route(app, &(struct vt_route){.method = "GET", .path = "/c", .handler = none, .cache = {.prefix = "c", .ttl_s = -1}});
	vt_route(app, &(struct vt_route){.method = "GET", .path = "/d", .handler = none, .cache = {.prefix = "d", .headers = "a b"}});
	return 0;
}
""")
    done = run_once(own, "--check", env={"MODULES": str(build_module(source, own)), "LISTEN": f"unix:{own}/s"})
    for words in ("only GET can", "letters, digits", "not 0 to 2147483648 seconds", "is no token"):
        assert words in done.stderr, done.stderr
