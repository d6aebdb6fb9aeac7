"""Metrics on a port of their own, beside the traffic: one scrape at a time, in a thread."""

import http.server
import logging
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

from kernel.metrics_folder import MEDIA_TYPE

log = logging.getLogger(__name__)

# A scraper that sends or takes nothing for so long is left.
PATIENCE_SECONDS = 5.0
PATHS = frozenset({"/metrics", "/"})


@contextmanager
def serving(host: str, port: int, exposition: Callable[[], bytes]) -> Iterator[int]:
    """Serve the metrics meanwhile, and yield the port; nothing where the port is 0."""
    if not port:
        yield 0
        return
    handler = type("Handler", (_Handler,), {"exposition": staticmethod(exposition)})
    server = (_Server6 if ":" in host else _Server)((host, port), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True, name="metrics")
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(socketserver.TCPServer):
    allow_reuse_address = True


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(http.server.BaseHTTPRequestHandler):
    timeout = PATIENCE_SECONDS

    @staticmethod
    def exposition() -> bytes:
        raise NotImplementedError

    def do_GET(self) -> None:
        if self.path.partition("?")[0] not in PATHS:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        body = self.exposition()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", MEDIA_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        return "shuyuan"

    def log_message(self, *told: object) -> None:
        log.debug("metrics: %s", told)
