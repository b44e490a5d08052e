"""The files that pages load: read and compressed once. Their URLs contain a checksum, so browsers may cache them
forever.

`static/vendor/` has third-party files, unchanged. `vendor.json` has their sources, licences and checksums.
"""

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from evalkube_api import errors

__all__ = ["Asset", "assets", "router", "url_of"]

_ROOT: Final = "/ui/static"
_TYPES: Final = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
_KEPT: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file. `version`: the part of its checksum that is in its URL."""

    name: str
    version: str
    media_type: str
    body: bytes
    compressed: bytes


@cache
def assets() -> Mapping[str, Asset]:
    """All files by name. Reads them the first time."""
    own = _below(resources.files("evalkube_api") / "ui" / "static", "")
    shared = resources.files("evalkube_report") / "templates" / "page.css"
    return {name: _asset(name, body) for name, body in [*own, ("page.css", shared.read_bytes())]}


def _below(folder: Traversable, above: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        name = f"{above}{entry.name}"
        if entry.is_dir():
            yield from _below(entry, f"{name}/")
        elif _suffix(name) in _TYPES:
            yield name, entry.read_bytes()


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]


def _asset(name: str, body: bytes) -> Asset:
    version = hashlib.sha256(body).hexdigest()[:12]
    return Asset(name, version, _TYPES[_suffix(name)], body, gzip.compress(body, 9, mtime=0))


def url_of(name: str) -> str:
    """The URL of a file. Raises KeyError for an unknown name."""
    return f"{_ROOT}/{assets()[name].version}/{name}"


def router() -> APIRouter:
    """`/ui/static/VERSION/NAME`."""
    routes = APIRouter(include_in_schema=False)

    @routes.get(_ROOT + "/{version}/{name:path}")
    async def asset(request: Request, version: str, name: str) -> Response:
        found = assets().get(name)
        if found is None or found.version != version:
            raise errors.NotFound(f"there is no file {name[:80]!r} of that version; load the page again")
        headers = {"Cache-Control": _KEPT, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(found.body, media_type=found.media_type, headers=headers)
        headers["Content-Encoding"] = "gzip"
        return Response(found.compressed, media_type=found.media_type, headers=headers)

    return routes
