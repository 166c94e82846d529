"""A small HTTP server that keeps what it is asked: the other service, as far as a test needs one."""
from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Call:
    """One request as it arrived."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


class Recorder:
    """Answers 200; /status/N with N, /redirect with a Location, /large with more than anybody wants, /never not at all."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.ended = threading.Event()
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            """Keeps the request first, then answers."""

            def do_POST(self) -> None:  # noqa: N802
                """Of any path."""
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                recorder.calls.append(Call(self.command, self.path, list(self.headers.items()), body))
                if self.path.startswith("/never"):
                    recorder.ended.wait(30)
                    return
                self.reply()

            do_GET = do_POST

            def reply(self) -> None:
                """By path."""
                data = b"x" * (3 << 20) if self.path.startswith("/large") else b"{}"
                self.send_response(302 if self.path == "/redirect" else int(self.path[8:]) if self.path.startswith("/status/") else 200)
                if self.path == "/redirect":
                    self.send_header("Location", "/redirected")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                try:
                    self.wfile.write(data)
                except OSError:
                    pass

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def url(self, path: str) -> str:
        """Of a path here."""
        return f"http://127.0.0.1:{self.port}{path}"

    def at(self, path: str) -> list[Call]:
        """The calls of a path, in order."""
        return [call for call in self.calls if call.path == path]

    def close(self) -> None:
        """Ends those that wait, too."""
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
