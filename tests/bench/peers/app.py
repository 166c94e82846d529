"""The same service in FastAPI, for uvicorn: a correlation ID, two JSON records a request, the time it took.

BENCH_VERSION and BENCH_LOG are given by scripts/bench. The wrapper is plain ASGI, not Starlette's BaseHTTPMiddleware, which is
several times slower; records go through logging with a formatter that makes JSON, into a file that all workers append to.
"""
import json
import logging
import os
import re
import time
import uuid
from contextvars import ContextVar
from datetime import datetime, timezone

from fastapi import FastAPI

VERSION = os.environ["BENCH_VERSION"]
GOOD_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}\Z")
correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")


def now() -> str:
    """RFC 3339, UTC, microseconds."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class JsonFormatter(logging.Formatter):
    """One object a line, with the fields that Vitals writes."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's own fields come last."""
        return json.dumps({
            "timestamp": now(), "level": record.levelname, "logger": record.name, "message": record.getMessage(),
            "module": record.module, "function": record.funcName, "line": record.lineno, "correlation_id": correlation_id.get(),
            **getattr(record, "fields", {})}, separators=(",", ":"))


def open_log() -> logging.Logger:
    """A file, appended to."""
    logger = logging.getLogger("app.request")
    handler = logging.FileHandler(os.environ["BENCH_LOG"])
    handler.setFormatter(JsonFormatter())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    return logger


log = open_log()


class Wrapper:
    """Around every request: correlation, the two records, X-Correlation-ID and X-Process-Time."""

    def __init__(self, app) -> None:
        self.app = app

    async def __call__(self, scope, receive, send) -> None:
        """One request; anything else (lifespan) goes through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()
        given = dict(scope["headers"]).get(b"x-correlation-id", b"")
        identity = given.decode() if GOOD_ID.match(given) else str(uuid.uuid4())
        correlation_id.set(identity)
        sent = {"status_code": 500, "bytes": 0}

        async def send_with_headers(message) -> None:
            if message["type"] == "http.response.start":
                sent["status_code"] = message["status"]
                message["headers"] += [(b"x-correlation-id", identity.encode()),
                                       (b"x-process-time", b"%.6f" % (time.perf_counter() - begun))]
            else:
                sent["bytes"] += len(message.get("body", b""))
            await send(message)

        client = scope["client"][0] if scope["client"] else ""
        log.info("Request started", extra={"fields": {"method": scope["method"], "url": scope["path"], "client_ip": client}})
        try:
            await self.app(scope, receive, send_with_headers)
        finally:
            log.info("Request completed", extra={"fields": {"method": scope["method"], "path": scope["path"], **sent,
                                                            "duration_seconds": time.perf_counter() - begun}})


app = FastAPI()
app.add_middleware(Wrapper)


@app.get("/health")
async def health() -> dict:
    """The same document."""
    return {"status": "healthy", "timestamp": now(), "version": VERSION}
