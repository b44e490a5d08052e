"""Which pages of other sites may read answers (CORS, the Fetch standard). None, unless the service is told so.

No answer ever says `Access-Control-Allow-Credentials`: a cookie of this service is for its own pages alone.
"""

from collections.abc import Sequence
from typing import Final

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from evalkube_api import errors
from evalkube_api.access.origins import allowed_origin

__all__ = ["install", "origins"]

_METHODS: Final = ("GET", "HEAD", "POST", "DELETE")
_SENT: Final = (
    *("Authorization", "Content-Type", "Prefer", "Idempotency-Key", "EvalScope-Task-Id", "Last-Event-ID"),
    *("Range", "If-Range", "If-None-Match", "If-Modified-Since"),
)
_SHOWN: Final = (
    *("Location", "Retry-After", "Preference-Applied", "ETag", "Last-Modified"),
    *("Content-Range", "Accept-Ranges", "Content-Disposition", "Allow"),
)
_PREFLIGHT_S: Final = 600


def origins(given: Sequence[str], *, token: bool) -> frozenset[str]:
    """The origins of a command line, `*` for all. Raises errors.ServiceError for what is none, and for all where no
    token is asked for: any page that somebody opens could then start runs here."""
    found = frozenset(map(allowed_origin, given))
    if "*" in found and not token:
        raise errors.ServiceError("--cors-origin *: needs --token-file, or any page could do anything here")
    return found


def install(app: FastAPI, allowed: frozenset[str]) -> None:
    """Answer the questions that browsers ask before a request, and mark the answers that their pages may read."""
    app.add_middleware(
        CORSMiddleware,
        allow_origins=sorted(allowed),
        allow_methods=_METHODS,
        allow_headers=_SENT,
        expose_headers=_SHOWN,
        max_age=_PREFLIGHT_S,
    )
