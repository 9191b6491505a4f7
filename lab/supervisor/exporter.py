"""A lab's numbers on a TCP port, for who cannot speak to its door: Prometheus."""

from __future__ import annotations

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from lab.errors import LabError, MachineError
from lab.supervisor.client import Client
from lab.supervisor.metrics import CONTENT_TYPE

_PATH = "/metrics"


class Exporter:
    """Listens from the beginning; port 0 takes a free one. Raises MachineError when the place is taken."""

    def __init__(self, place: tuple[str, int], lab: Client) -> None:
        self._lab = lab
        try:
            self._server = ThreadingHTTPServer(place, self._handler())
        except OSError as error:
            raise MachineError(f"cannot listen at {place[0]}:{place[1]}: {error.strerror or error}") from error
        self._server.daemon_threads = True

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._server.server_address[:2]
        return str(host), port

    def serve(self) -> None:
        """Answer until the lab has ended, or `stop` is called."""
        threading.Thread(target=self._end_with_lab, daemon=True).start()
        self._server.serve_forever()

    def _end_with_lab(self) -> None:
        for _ in self._lab.events(follow=True):
            pass
        self.stop()

    def stop(self) -> None:
        """End `serve`, which another thread does."""
        self._server.shutdown()

    def __enter__(self) -> Exporter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        lab = self._lab

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path != _PATH:
                    self.send_error(HTTPStatus.NOT_FOUND)
                    return
                try:
                    numbers = lab.metrics().encode()
                except LabError as error:
                    self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, explain=str(error))
                    return
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", CONTENT_TYPE)
                self.send_header("Content-Length", str(len(numbers)))
                self.end_headers()
                self.wfile.write(numbers)

            def log_message(self, format: str, *arguments: object) -> None:
                """Say nothing of each request."""

        return Handler
