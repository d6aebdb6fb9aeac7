"""The departments' own programs on this machine: receivers of pushes, and services that are called.

One small server stands for all of them: each path belongs to one subscription or resource.
"""

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from deploy.demo.stage import Json
from shuyuan_client.webhooks import NotVerified, WebhookVerifier

HOST = "127.0.0.1"
OK, UNAUTHORIZED, NOT_FOUND = 200, 401, 404
CHALLENGE = "endpoint.challenge"


class Receiver:
    """What one subscription was pushed: the last state of each key, each message once."""

    def __init__(self) -> None:
        self.verifier: WebhookVerifier | None = None
        self.last: dict[str, Json | None] = {}
        self.taken = 0
        self._messages: set[str] = set()
        self._lock = threading.Lock()

    def take(self, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Answer a push; what is not signed by the endpoint's secret is not read."""
        if self.verifier is None:
            return UNAUTHORIZED, b""
        try:
            message = self.verifier.verify(headers, body)
        except NotVerified:
            return UNAUTHORIZED, b""
        said = json.loads(body)
        if said["type"] == CHALLENGE:
            return OK, json.dumps(said["data"]).encode()
        with self._lock:
            if message not in self._messages:
                self._messages.add(message)
                for line in said["data"].get("records", ()):
                    self.last[line["key"]] = line.get("data")
                    self.taken += 1
        return OK, b""

    @property
    def records(self) -> list[Json]:
        with self._lock:
            return [data for data in self.last.values() if data is not None]


class Doors:
    """A context: the server, with receivers and services by their path."""

    def __init__(self, port: int = 0) -> None:
        self.receivers: dict[str, Receiver] = {}
        self.services: dict[str, bytes] = {}
        self._server = ThreadingHTTPServer((HOST, port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, path: str) -> str:
        return f"http://{HOST}:{self._server.server_address[1]}{path}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        doors = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = doors.services.get(self.path.partition("?")[0])
                self._answer(NOT_FOUND if body is None else OK, body or b"")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                receiver = doors.receivers.get(self.path)
                if receiver is None:
                    self._answer(NOT_FOUND, b"")
                    return
                self._answer(*receiver.take(dict(self.headers.items()), body))

            def log_message(self, *_said: object) -> None:
                """Say nothing: the platform's deliveries tell what came of each push."""

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler
