"""A stand-in for the hub on this machine: files with their sha256, ranges, redirects, and faults on request."""

from __future__ import annotations

import hashlib
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What the server has, what it does wrong, and what it was asked for."""

    endpoint: str
    files: dict[str, bytes] = field(default_factory=dict)  # "owner/name/path" -> content
    named: dict[str, str] = field(default_factory=dict)  # etags other than the content's sha256
    cuts: list[int] = field(default_factory=list)  # bytes after which one download each is cut
    resets: bool = True  # cut as by a pulled cable; else as by a server that ends too early
    refusal: tuple[int, str] | None = None  # status and the hub's word for the reason
    sends: bytes | None = None  # what is sent instead of the content
    ranges: list[str] = field(default_factory=list)  # of the downloads, in order; "" for a whole one
    tokens: dict[str, set[str]] = field(default_factory=lambda: {"hub": set(), "store": set()})  # that were shown


@contextmanager
def hub_server() -> Iterator[Hub]:
    """Serve until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.hub = Hub(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self._describe()

    def do_GET(self):
        hub = self.server.hub
        if self.path.startswith("/store/"):
            hub.tokens["store"].add(self.headers.get("Authorization", ""))
            self._send(hub.files[self.path.removeprefix("/store/")])
        elif self._describe(redirect=True):
            hub.ranges.append(self.headers.get("Range", ""))
            hub.tokens["hub"].add(self.headers.get("Authorization", ""))

    def log_message(self, *_):
        pass

    def _describe(self, redirect=False) -> bool:
        """Answer for the hub itself: what the file is, and that its content lies on another server."""
        hub, name = self.server.hub, re.sub("/resolve/main", "", self.path).lstrip("/")
        status, reason = hub.refusal or ((302, "") if name in hub.files else (404, "EntryNotFound"))
        self.send_response(status)
        if reason:
            self.send_header("X-Error-Code", reason)
            self.send_header("X-Error-Message", f"refused: {reason}")
        else:
            etag = hub.named.get(name) or hashlib.sha256(hub.files[name]).hexdigest()
            self.send_header("X-Linked-Etag", f'"{etag}"')
            self.send_header("X-Linked-Size", str(len(hub.files[name])))
            self.send_header("X-Repo-Commit", COMMIT)
            # Another name of this machine counts as another server, as that of the hub's large files is.
            self.send_header("Location", f"{hub.endpoint.replace('127.0.0.1', 'localhost')}/store/{name}")
        self.send_header("Content-Length", "0")
        self.end_headers()
        return redirect and not reason

    def _send(self, content: bytes) -> None:
        hub = self.server.hub
        content = content if hub.sends is None else hub.sends
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if hub.cuts:
            self.wfile.write(content[start : start + hub.cuts.pop(0)])
            self._cut()
        else:
            self.wfile.write(content[start:])

    def _cut(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        if self.server.hub.resets:
            threading.Event().wait(0.2)  # a reset throws away what the other side has not read yet
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
