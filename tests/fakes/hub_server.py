"""A dataset hub on loopback: the endpoints of Hugging Face and of ModelScope that their official clients call.

It serves one data set from memory and can misbehave: cut a body in the middle, stall there, serve other bytes than it
lists, answer with a status. It writes down every request.
"""

import hashlib
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class HubServer:
    """Use as a context manager; `url` is the endpoint of both hubs. Misbehaviour may be changed at any time."""

    dataset_id: str
    files: dict[str, bytes]
    commit: str = COMMIT
    large: frozenset[str] = frozenset()
    """Files in large-file storage: on Hugging Face their digest is a SHA-256 and they are served through a redirect."""
    converted: dict[str, bytes] = field(default_factory=dict)
    """Hugging Face's own branch of the records as parquet, where it keeps one."""
    status: int | None = None
    """Answer everything with this."""
    error_code: str = ""
    """Hugging Face's X-Error-Code beside it."""
    token: str | None = None
    """Refuse with 401 who does not bear it."""
    cuts: dict[str, int] = field(default_factory=dict)
    """How many times a file's body ends in the middle."""
    instead: dict[str, bytes] = field(default_factory=dict)
    """What a file's body is, other than listed."""
    stall: threading.Event | None = None
    """Bodies stop in the middle until it is set."""
    delay_s: float = 0.0
    requests: list[str] = field(default_factory=list)
    stalled: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.stall is not None:
            self.stall.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def bodies(self, path: str) -> int:
        """How many times a file's body was asked for."""
        return sum(line.startswith("GET ") and line.endswith(f" {path}") for line in self.requests)

    def hugging_face(self) -> dict[str, Any]:
        """The data set's metadata, as /api/datasets/<id>/revision/main tells it."""
        return self._metadata(self.files)

    def hugging_face_converted(self) -> dict[str, Any] | None:
        """The same of the branch refs/convert/parquet."""
        return self._metadata(self.converted) if self.converted else None

    def content(self, file: str) -> bytes | None:
        """What a file holds, on either branch."""
        return self.files.get(file, self.converted.get(file))

    def _metadata(self, files: dict[str, bytes]) -> dict[str, Any]:
        siblings = []
        for path, content in files.items():
            git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            sha256 = hashlib.sha256(content).hexdigest()
            large = {"sha256": sha256, "size": len(content), "pointerSize": 130}
            extra = {"lfs": large} if path in self.large else {}
            siblings.append({"rfilename": path, "size": len(content), "blobId": git, **extra})
        return {
            "_id": "1",
            "id": self.dataset_id,
            "sha": self.commit,
            "private": False,
            "gated": False,
            "siblings": siblings,
        }

    def model_scope(self) -> dict[str, Any]:
        """The file tree, as /api/v1/datasets/<id>/repo/tree tells it."""
        files: list[dict[str, Any]] = [{"Path": "main", "Name": "main", "Type": "tree", "Size": 0, "CommittedDate": 1}]
        for at, (path, content) in enumerate(self.files.items()):
            newest = at == len(self.files) - 1
            files.append(
                {
                    "Path": path,
                    "Name": path.rpartition("/")[2],
                    "Type": "blob",
                    "Size": len(content),
                    "Sha256": hashlib.sha256(content).hexdigest(),
                    "Revision": self.commit if newest else "f" * 40,
                    "CommittedDate": 1_700_000_000 + at,
                    "IsLFS": path in self.large,
                }
            )
        return {"Code": 200, "Success": True, "Data": {"Files": files}}


def _handler_of(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's own name for it
            """Requests are in hub.requests; stderr stays quiet."""

        def _answer(self, *, body: bool) -> None:
            parts = urlsplit(self.path)
            path, query = unquote(parts.path), parse_qs(parts.query)
            file = _file_of(hub, path, query)
            hub.requests.append(f"{self.command} {path}{' ' + file if file else ''}")
            if hub.status is not None:
                return self._json({"error": "as asked", "Message": "as asked"}, hub.status)
            known = path.startswith("/cdn/") or self.headers.get("Authorization") == f"Bearer {hub.token}"
            if hub.token is not None and not known:  # storage behind a redirect asks nobody: its URLs are signed
                return self._json({"error": "who are you"}, 401)
            document = _document_of(hub, path)
            if document is not None:
                return self._json(document, 200)
            if (content := hub.content(file)) is not None:
                return self._file(file, content, path, body=body)
            return self._json({"error": "not found", "Message": "not found"}, 404)

        def _json(self, document: dict[str, Any], status: int) -> None:
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if hub.error_code:
                self.send_header("X-Error-Code", hub.error_code)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def _file(self, file: str, listed: bytes, path: str, *, body: bool) -> None:
            content = hub.instead.get(file, listed)
            digest = hashlib.sha256(listed).hexdigest()
            redirect = file in hub.large and "/resolve/" in path
            start = _range_start(self.headers.get("Range"), len(content))
            self.send_response(302 if redirect else 206 if start else 200)
            if "/resolve/" in path:
                self.send_header("X-Repo-Commit", hub.commit)
                self.send_header("X-Linked-Size", str(len(listed)))
                self.send_header("X-Linked-ETag", f'"{digest}"')
            if redirect:
                # Another host, like the real hub's storage: a redirect within one host means a renamed data set.
                storage = hub.url.replace("127.0.0.1", "localhost")
                self.send_header("Location", f"{storage}/cdn/{file}")
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("ETag", f'"{digest}"')
            self.send_header("Content-Length", "0" if redirect else str(len(content) - start))
            self.end_headers()
            if body and not redirect:
                self._body(file, content[start:])

        def _body(self, file: str, content: bytes) -> None:
            time.sleep(hub.delay_s)
            half = len(content) // 2
            self.wfile.write(content[:half])
            self.wfile.flush()
            if hub.cuts.get(file, 0) > 0:
                hub.cuts[file] -= 1
                self.close_connection = True
                return
            if hub.stall is not None and not file.endswith("README.md"):
                hub.stalled.set()
                hub.stall.wait(100)
            try:
                self.wfile.write(content[half:])
            except ConnectionError:
                self.close_connection = True  # the client was killed meanwhile

    return Handler


def _file_of(hub: HubServer, path: str, query: dict[str, list[str]]) -> str:
    resolve = f"/datasets/{hub.dataset_id}/resolve"
    for prefix in (f"{resolve}/main/", f"{resolve}/{hub.commit}/", "/cdn/"):
        if path.startswith(prefix):
            return path.removeprefix(prefix)
    if path == f"/api/v1/datasets/{hub.dataset_id}/repo":
        return query["FilePath"][0]
    return ""


def _document_of(hub: HubServer, path: str) -> dict[str, Any] | None:
    if path == f"/api/datasets/{hub.dataset_id}/revision/main":
        return hub.hugging_face()
    if path == f"/api/datasets/{hub.dataset_id}/revision/refs/convert/parquet":
        return hub.hugging_face_converted()
    if path == f"/api/v1/datasets/{hub.dataset_id}":
        return {"Code": 200, "Success": True, "Data": {"Id": 1, "Name": hub.dataset_id.rpartition("/")[2]}}
    if path == f"/api/v1/datasets/{hub.dataset_id}/repo/tree":
        return hub.model_scope()
    return None


def _range_start(value: str | None, total: int) -> int:
    start = int(value.removeprefix("bytes=").partition("-")[0] or 0) if value else 0
    return start if start < total else 0
