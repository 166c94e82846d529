"""Lines of OTLP/JSON, proven member by member: what the OpenTelemetry Collector's otlpjsonfile receiver takes."""
from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from .processes import wait_for

LINE_MAX = 65536
TRACE_ID, SPAN_ID = re.compile("[0-9a-f]{32}"), re.compile("[0-9a-f]{16}")
UINT64, INT64 = re.compile(r"0|[1-9]\d{0,19}"), re.compile(r"-?\d{1,19}")
SERVER, CLIENT = 2, 3
RESOURCE = {"service.name", "service.version", "service.instance.id", "host.name", "process.pid",
            "telemetry.sdk.name", "telemetry.sdk.language", "telemetry.sdk.version"}


@dataclass
class Span:
    """One span with its line's resource."""

    resource: dict[str, Any]
    raw: dict[str, Any]
    attributes: dict[str, Any] = field(default_factory=dict)

    trace = property(lambda self: self.raw["traceId"])
    span = property(lambda self: self.raw["spanId"])
    parent = property(lambda self: self.raw.get("parentSpanId"))
    name = property(lambda self: self.raw["name"])
    kind = property(lambda self: self.raw["kind"])
    start = property(lambda self: int(self.raw["startTimeUnixNano"]))
    end = property(lambda self: int(self.raw["endTimeUnixNano"]))
    failed = property(lambda self: self.raw["status"].get("code") == 2)


def no_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object without a name twice."""
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), f"a member twice: {keys}"
    return dict(pairs)


def any_value(value: dict[str, Any]) -> Any:
    """AnyValue: one member, of its type; 64-bit integers are strings."""
    assert len(value) == 1, value
    (kind, inner), = value.items()
    if kind == "stringValue":
        assert isinstance(inner, str)
        return inner
    if kind == "intValue":
        assert isinstance(inner, str) and INT64.fullmatch(inner), value
        return int(inner)
    assert kind in ("boolValue", "doubleValue"), value
    assert isinstance(inner, bool if kind == "boolValue" else (int, float)), value
    return inner


def attributes(listed: list[dict[str, Any]]) -> dict[str, Any]:
    """KeyValues, none twice, of bounded size."""
    found = no_twice([(one["key"], any_value(one["value"])) for one in listed])
    for one in listed:
        assert set(one) == {"key", "value"}, one
    assert all(key and (not isinstance(value, str) or len(value.encode()) <= 1536) for key, value in found.items()), found
    return found


def prove_span(raw: dict[str, Any]) -> None:
    """Members, forms, order of times."""
    needed = {"traceId", "spanId", "flags", "name", "kind", "startTimeUnixNano", "endTimeUnixNano", "attributes", "status"}
    assert needed <= set(raw) <= needed | {"parentSpanId", "traceState"}, set(raw)
    assert TRACE_ID.fullmatch(raw["traceId"]) and raw["traceId"] != "0" * 32
    for name in ("spanId", "parentSpanId"):
        assert name not in raw or (SPAN_ID.fullmatch(raw[name]) and raw[name] != "0" * 16), raw
    assert raw["kind"] in (SERVER, CLIENT) and type(raw["kind"]) is int and raw["name"]
    assert type(raw["flags"]) is int and raw["flags"] & 0x101 == 0x101 and raw["flags"] & ~0x303 == 0, raw["flags"]
    assert UINT64.fullmatch(raw["startTimeUnixNano"]) and UINT64.fullmatch(raw["endTimeUnixNano"])
    assert abs(int(raw["startTimeUnixNano"]) / 1e9 - time.time()) < 3600
    assert int(raw["startTimeUnixNano"]) <= int(raw["endTimeUnixNano"])
    assert raw["status"] in ({}, {"code": 2}), raw["status"]


def prove_request(spans: list[Span]) -> None:
    """One request is one line: its own span last, the others its children, within its time."""
    own = spans[-1]
    assert own.kind == SERVER and all(span.kind == CLIENT for span in spans[:-1])
    assert len({span.span for span in spans}) == len(spans) and {span.trace for span in spans} == {own.trace}
    assert bool(own.raw["flags"] & 0x200) is (own.parent is not None)
    for span in spans[:-1]:
        assert span.parent == own.span and own.start <= span.start <= span.end <= own.end
        assert span.raw.get("traceState") == own.raw.get("traceState")
    assert (own.failed, own.attributes.get("error.type")) in [(False, None), (True, str(own.attributes["http.response.status_code"]))]


def parse_line(line: bytes) -> list[Span]:
    """The spans of one ExportTraceServiceRequest."""
    assert len(line) < LINE_MAX
    request = json.loads(line.decode("utf-8"), object_pairs_hook=no_twice)
    assert set(request) == {"resourceSpans"} and len(request["resourceSpans"]) == 1
    outer, = request["resourceSpans"]
    assert set(outer) == {"resource", "schemaUrl", "scopeSpans"} and set(outer["resource"]) == {"attributes"}
    resource = attributes(outer["resource"]["attributes"])
    assert set(resource) == RESOURCE and resource["telemetry.sdk.name"] == "vitals", resource
    inner, = outer["scopeSpans"]
    assert set(inner) == {"scope", "schemaUrl", "spans"} and inner["scope"] == {"name": "vitals", "version": resource["telemetry.sdk.version"]}
    spans = []
    for raw in inner["spans"]:
        prove_span(raw)
        spans.append(Span(resource, raw, attributes(raw["attributes"])))
    prove_request(spans)
    return spans


class TraceFile:
    """TRACE_FILE; reading it proves each line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def requests(self) -> list[list[Span]]:
        """The spans of each request so far."""
        if not self.path.exists():
            return []
        data = self.path.read_bytes()
        return [parse_line(line) for line in data[:data.rfind(b"\n") + 1].split(b"\n")[:-1]]

    def find(self, identity: str, route: Optional[str] = None) -> Optional[list[Span]]:
        """Those of the request with this correlation ID (and of this route, where several share one)."""
        for spans in self.requests():
            own = spans[-1].attributes
            if own["vitals.correlation_id"] == identity and route in (None, own.get("http.route")):
                return spans
        return None

    def wait(self, identity: str, route: Optional[str] = None) -> list[Span]:
        """The same, waited for."""
        return wait_for(lambda: self.find(identity, route), 5, f"spans of {identity} in {self.path}")
