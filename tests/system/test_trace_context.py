"""W3C Trace Context level 2 through nginx and Apache: what arrives at a service that ours calls, by what ours was sent.

The rules are those of the official test suite (w3c/trace-context, test/test.py), which drives a service in this very way.
"""
from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator, Optional, Sequence, Union

import pytest

from harness.apache import Apache
from harness.fronts import proxy_fcgi
from harness.http import Answer, HttpClient, new_id
from harness.nginx import Nginx
from harness.recorder import Recorder
from harness.vitalsd import Vitalsd, relay_module

TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
TRACE, SPAN = "12345678901234567890123456789012", "1234567890123456"
PARENT = f"00-{TRACE}-{SPAN}-00"
Headers = Sequence[tuple[str, str]]


@dataclass
class Chain:
    """A web server, ours behind it, and the service that ours calls."""

    web: Union[Nginx, Apache]
    service: Vitalsd
    recorder: Recorder

    def relay(self, calls: Any, headers: Headers = ()) -> Answer:
        """POST /relay."""
        body = calls if isinstance(calls, bytes) else json.dumps(calls).encode()
        with HttpClient(self.web.port) as client:
            return client.request("POST", "/relay", body, [("Content-Type", "application/json"), *headers])

    def onward(self, headers: Headers, count: int = 1) -> list["Onward"]:
        """What arrives for a request with these headers."""
        path = "/" + new_id()
        answer = self.relay([{"url": self.recorder.url(path), "arguments": []}] * count, headers)
        assert (answer.status, answer.json()) == (200, [200] * count), answer.body
        return [Onward(call.all("traceparent"), call.all("tracestate"), call.all("X-Correlation-ID"), answer)
                for call in self.recorder.at(path)]


class Onward:
    """The context of one call; it has one valid traceparent, or this fails."""

    def __init__(self, parents: list[str], states: list[str], ids: list[str], answer: Answer) -> None:
        assert len(parents) == 1 and len(states) <= 1 and ids == [answer.correlation_id], (parents, states, ids)
        found = TRACEPARENT.fullmatch(parents[0])
        assert found, parents
        self.trace, self.span, self.flags = found.group(1), found.group(2), int(found.group(3), 16)
        self.state: Optional[str] = states[0] if states else None
        self.answer = answer
        assert self.trace != "0" * 32 and self.span != "0" * 16


@pytest.fixture(scope="module")
def relayed(built: None, directory: Callable[[], Path]) -> Iterator[tuple[Vitalsd, Recorder]]:
    """The service and the one behind it, once for both web servers."""
    recorder = Recorder()
    service = Vitalsd(directory(), MODULES=relay_module(), LISTEN_MODE="0666", REQUEST_TIMEOUT="2s",
                      RELAY_ALLOW=f"127.0.0.1:{recorder.port}, example.org")
    service.settings["ADMIN_LISTEN"] = f"unix:{service.admin_socket}"
    try:
        service.start()
        yield service, recorder
    finally:
        service.stop()
        recorder.close()
    service.log.records()


@pytest.fixture(scope="module", params=["nginx", "apache"])
def chain(request: pytest.FixtureRequest, relayed: tuple[Vitalsd, Recorder], directory: Callable[[], Path]) -> Iterator[Chain]:
    """Behind each web server."""
    service, recorder = relayed
    make = Nginx if request.param == "nginx" else proxy_fcgi
    web = make(directory(), service.socket, service.admin_socket).start()
    yield Chain(web, service, recorder)
    web.stop()


def one(chain: Chain, *headers: tuple[str, str]) -> Onward:
    """Of a single call."""
    return chain.onward(headers)[0]


# ---- traceparent ----

def test_nothing_sent(chain: Chain) -> None:
    found = one(chain)
    assert found.trace != TRACE and found.state is None
    assert found.flags == 0x02, "the random-trace-id flag, and nothing is recorded without TRACE_FILE"


def test_continued(chain: Chain) -> None:
    found = one(chain, ("traceparent", f"00-{TRACE}-{SPAN}-01"))
    assert found.trace == TRACE and found.span != SPAN and found.flags == 0x01 and found.state is None


CONTINUED = {
    "mixed case": ("TraceParent", PARENT), "odd case": ("TrAcEpArEnT", PARENT), "upper case": ("TRACEPARENT", PARENT),
    "version cc": ("traceparent", f"cc-{TRACE}-{SPAN}-01"),
    "version cc and more": ("traceparent", f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like"),
    "version cc and a dash": ("traceparent", f"cc-{TRACE}-{SPAN}-01-"),
    "blank before": ("traceparent", " " + PARENT), "tab before": ("traceparent", "\t" + PARENT),
    "blank behind": ("traceparent", PARENT + " "), "tab behind": ("traceparent", PARENT + "\t"),
    "both around": ("traceparent", f"\t {PARENT} \t"),
}


@pytest.mark.parametrize("header", CONTINUED.values(), ids=CONTINUED)
def test_a_valid_form(chain: Chain, header: tuple[str, str]) -> None:
    assert one(chain, header).trace == TRACE


REFUSED = {
    "00 and a dot": f"00-{TRACE}-{SPAN}-01.", "00 and more": f"00-{TRACE}-{SPAN}-01-what-the-future-will-be-like",
    "cc and a dot": f"cc-{TRACE}-{SPAN}-01.what-the-future-will-be-like", "cc and a digit": f"cc-{TRACE}-{SPAN}-010",
    "version ff": f"ff-{TRACE}-{SPAN}-01", "version .0": f".0-{TRACE}-{SPAN}-01", "version 0.": f"0.-{TRACE}-{SPAN}-01",
    "version too long": f"000-{TRACE}-{SPAN}-01", "version far too long": f"0000-{TRACE}-{SPAN}-01", "version too short": f"0-{TRACE}-{SPAN}-01",
    "trace of zeros": f"00-{'0' * 32}-{SPAN}-01", "trace .2": f"00-.{TRACE[1:]}-{SPAN}-01", "trace 1.": f"00-{TRACE[:-1]}.-{SPAN}-01",
    "trace too long": f"00-{TRACE}3-{SPAN}-01", "trace too short": f"00-{TRACE[:-1]}-{SPAN}-01",
    "trace in upper case": f"00-{'ABCDEF' + TRACE[6:]}-{SPAN}-01",
    "parent of zeros": f"00-{TRACE}-{'0' * 16}-01", "parent .2": f"00-{TRACE}-.{SPAN[1:]}-01", "parent 1.": f"00-{TRACE}-{SPAN[:-1]}.-01",
    "parent too long": f"00-{TRACE}-{SPAN}7-01", "parent too short": f"00-{TRACE}-{SPAN[:-1]}-01", "parent in upper case": f"00-{TRACE}-{'ABCDEF' + SPAN[6:]}-01",
    "flags .0": f"00-{TRACE}-{SPAN}-.0", "flags 0.": f"00-{TRACE}-{SPAN}-0.", "flags too long": f"00-{TRACE}-{SPAN}-001",
    "flags too short": f"00-{TRACE}-{SPAN}-1", "flags in upper case": f"00-{TRACE}-{SPAN}-0A", "no dashes": f"00_{TRACE}_{SPAN}_01", "empty": "",
}


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED)
def test_started_anew(chain: Chain, sent: str) -> None:
    found = one(chain, ("traceparent", sent), ("tracestate", "foo=1"))
    for part in (TRACE, "0" * 32, "23456789012345678901234567890123", "abcdef"):
        assert part not in found.trace
    assert found.state is None, "without a valid traceparent tracestate is not even looked at"


@pytest.mark.parametrize("name", ["trace-parent", "trace.parent"])
def test_another_name(chain: Chain, name: str) -> None:
    assert one(chain, (name, PARENT)).trace != TRACE


@pytest.mark.parametrize("values", [(f"00-{TRACE[:-1]}1-{SPAN}-01", PARENT), (PARENT, PARENT), (PARENT, ""), ("", PARENT)],
                         ids=["two", "the same twice", "and an empty one", "behind an empty one"])
def test_repeated(chain: Chain, values: tuple[str, str]) -> None:
    found = one(chain, *(("traceparent", value) for value in values), ("tracestate", "foo=1"))
    assert found.trace not in (TRACE, TRACE[:-1] + "1") and found.state is None


@pytest.mark.parametrize("sent, kept", [("00", 0), ("01", 1), ("02", 2), ("03", 3), ("ff", 3), ("09", 1), ("fc", 0)])
def test_flags(chain: Chain, sent: str, kept: int) -> None:
    assert one(chain, ("traceparent", f"00-{TRACE}-{SPAN}-{sent}")).flags == kept


@pytest.mark.parametrize("sent, continued", [(f"00-{TRACE}-{SPAN}-01", True), (None, False), (f"00-{'0' * 32}-{SPAN}-01", False)],
                         ids=["continued", "started", "refused"])
def test_several_calls(chain: Chain, sent: Optional[str], continued: bool) -> None:
    found = chain.onward([("traceparent", sent)] if sent else [], 3)
    assert len({call.trace for call in found}) == 1 and (found[0].trace == TRACE) is continued
    assert len({call.span for call in found}) == 3


# ---- tracestate ----

def test_without_a_traceparent(chain: Chain) -> None:
    assert one(chain, ("tracestate", "foo=1")).state is None
    assert one(chain, ("tracestate", "foo=1,bar=2")).state is None


KEY = "abcdefghijklmnopqrstuvwxyz0123456789_-*/"
VALUE = "".join(chr(c) for c in range(0x20, 0x7f) if chr(c) not in ",=")
BARS = [[f"bar{n:02}={n:02}" for n in range(first, first + 10)] for first in (1, 11, 21)]
KEPT = {
    "as it is": (["foo=1,bar=2"], "foo=1,bar=2"),
    "empty": ([""], None), "blank": ([" \t "], None), "commas": ([",, ,"], None),
    "an empty one behind": (["foo=1", ""], "foo=1"), "an empty one before": (["", "foo=1"], "foo=1"), "an empty one between": (["foo=1,,bar=2"], "foo=1,bar=2"),
    "several, in order": (["foo=1,bar=2", "rojo=1,congo=2", "baz=3"], "foo=1,bar=2,rojo=1,congo=2,baz=3"),
    # Who receives a key twice need not tidy up.
    "a key twice": (["foo=1,foo=1"], "foo=1,foo=1"), "a key twice, two values": (["foo=1,foo=2"], "foo=1,foo=2"),
    "a key in two fields": (["foo=1", "foo=1"], "foo=1,foo=1"), "a key in two fields, two values": (["foo=1", "foo=2"], "foo=1,foo=2"),
    "all characters": ([f"{KEY}={VALUE}"], f"{KEY}={VALUE}"), "all characters, with @": ([f"{KEY}@a-z0-9_-*/={VALUE}"], f"{KEY}@a-z0-9_-*/={VALUE}"),
    "a digit first": (["1a=1"], "1a=1"),
    "blanks and tabs": (["foo=1 \t , \t bar=2, \t baz=3"], "foo=1,bar=2,baz=3"), "tabs and blanks": (["foo=1\t \t,\t \tbar=2,\t \tbaz=3"], "foo=1,bar=2,baz=3"),
    "blank before": ([" foo=1"], "foo=1"), "tab before": (["\tfoo=1"], "foo=1"), "blank behind": (["foo=1 "], "foo=1"), "tab behind": (["foo=1\t"], "foo=1"),
    "both around": (["\t foo=1 \t"], "foo=1"), "a blank before a value": (["foo= 1"], "foo= 1"),
    # The keys of level 2: '@' is a character like the others.
    "@ at the end": (["foo@=1,bar=2"], "foo@=1,bar=2"), "@ twice": (["foo@@bar=1,bar=2"], "foo@@bar=1,bar=2"), "@ and @": (["foo@bar@baz=1,bar=2"], "foo@bar@baz=1,bar=2"),
    "a long tenant": (["foo=1", "t" * 242 + "@v=1"], "foo=1," + "t" * 242 + "@v=1"), "a long system": (["foo=1", "t@" + "v" * 15 + "=1"], "foo=1,t@" + "v" * 15 + "=1"),
    "a key of 256": (["foo=1", "z" * 256 + "=1"], "foo=1," + "z" * 256 + "=1"), "a value of 256": (["foo=" + "z" * 256], "foo=" + "z" * 256),
    "32 members": ([",".join(bars) for bars in BARS] + ["bar31=31,bar32=32"], ",".join(sum(BARS, []) + ["bar31=31", "bar32=32"])),
    "more than 512 characters": ([f"k{n}={'v' * 100}" for n in range(9)], ",".join(f"k{n}={'v' * 100}" for n in range(9))),
    "33 members": ([",".join(bars) for bars in BARS] + ["bar31=31,bar32=32,bar33=33"], None),
    "a key of 257": (["foo=1", "z" * 257 + "=1"], None), "a value of 257": (["foo=" + "z" * 257], None),
    "a blank in a key": (["foo =1"], None), "a key in upper case": (["FOO=1"], None), "a dot in a key": (["foo.bar=1"], None),
    "@ first": (["@foo=1,bar=2"], None), "no key": (["=1,bar=2"], None), "an equals sign in a value": (["foo=bar=baz"], None),
    "no value": (["foo=,bar=3"], None), "a blank value": (["foo= ,bar=3"], None), "no equals sign": (["foo,bar=3"], None),
    "a tab in a value": (["foo=1\t2"], None), "not ASCII": (["foo=\xe4"], None),
}


@pytest.mark.parametrize("sent, kept", KEPT.values(), ids=KEPT)
def test_state(chain: Chain, sent: list[str], kept: Optional[str]) -> None:
    found = one(chain, ("traceparent", PARENT), *(("tracestate", value) for value in sent))
    assert found.state == kept
    assert found.trace == TRACE, "a tracestate that is invalid takes nothing from traceparent"


@pytest.mark.parametrize("name", ["TraceState", "TrAcEsTaTe", "TRACESTATE"])
def test_the_case_of_the_name(chain: Chain, name: str) -> None:
    assert one(chain, ("traceparent", PARENT), (name, "foo=1")).state == "foo=1"


@pytest.mark.parametrize("name", ["trace-state", "trace.state"])
def test_another_name_of_the_state(chain: Chain, name: str) -> None:
    assert one(chain, ("traceparent", PARENT), (name, "foo=1")).state is None


# ---- Records ----

def test_every_record_has_it(chain: Chain) -> None:
    found = one(chain, ("traceparent", f"00-{TRACE}-{SPAN}-03"))
    wanted = {"trace_id": TRACE, "trace_flags": "03"}
    completed = chain.service.completed(found.answer, **wanted)
    started = chain.service.log.wait("Request started", correlation_id=found.answer.sent_id, **wanted)
    assert completed["span_id"] == started["span_id"] != SPAN and re.fullmatch("[0-9a-f]{16}", completed["span_id"])


def test_nothing_of_a_client_is_in_records(chain: Chain) -> None:
    answer = one(chain, ("traceparent", '00-"},{"level":"ERROR"'), ("tracestate", "canary-7=1")).answer
    record = chain.service.completed(answer)
    assert re.fullmatch("[0-9a-f]{32}", record["trace_id"]) and "canary-7" not in json.dumps(record)


# ---- The relay ----

def test_arguments_are_passed_on(chain: Chain) -> None:
    path, arguments = "/" + new_id(), {"a": [1, "ä", None]}
    assert chain.relay([{"url": chain.recorder.url(path), "arguments": arguments}, {"url": chain.recorder.url(path)}]).json() == [200, 200]
    first, second = chain.recorder.at(path)
    assert first.all("Content-Type") == ["application/json"] and json.loads(first.body) == arguments and second.body == b"null"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://localhost:{port}/", "http://127.0.0.1/", "http://example.org:81/", "ftp://example.org/",
                                 "file:///etc/passwd", "http://example.org.evil.example/"])
def test_who_is_not_named_is_not_called(chain: Chain, url: str) -> None:
    path = "/" + new_id()
    answer = chain.relay([{"url": chain.recorder.url(path), "arguments": []}, {"url": url.format(port=chain.recorder.port), "arguments": []}])
    chain.service.expect_problem(answer, 403)
    assert chain.recorder.at(path) == [], "nothing is called before all are allowed"


@pytest.mark.parametrize("calls", [{}, [1], [{}], [{"url": 1}], [{"url": "no url"}], [{"url": "http://user:word@127.0.0.1/"}], [{"url": "http://example.org/\0"}],
                                   [{"url": "http://example.org/"}] * 33, b"[", b""], ids=lambda calls: str(calls)[:24])
def test_a_body_that_is_not_understood(chain: Chain, calls: Any) -> None:
    chain.service.expect_problem(chain.relay(calls), 400)


def test_statuses(chain: Chain) -> None:
    paths = ["/status/204", "/status/500", "/redirect", "/large"]
    answer = chain.relay([{"url": chain.recorder.url(path), "arguments": []} for path in paths])
    assert answer.json() == [204, 500, 302, 0], "no redirect is followed, and an answer without end is none"
    assert chain.recorder.at("/redirected") == []
    assert chain.relay([]).json() == []


def test_a_service_that_hangs_costs_no_more_than_the_request(chain: Chain) -> None:
    answer = chain.relay([{"url": chain.recorder.url("/never"), "arguments": []}])
    assert (answer.status, answer.json()) == (200, [0])


def test_it_loads_only_with_hosts(service: Callable[..., Vitalsd]) -> None:
    instance = service(MODULES=relay_module())
    process = instance.spawn()
    assert process.wait(10) == 2 and "RELAY_ALLOW is not set" in process.said()
