"""Cross-origin access (CORS, the Fetch standard): which pages of other sites may read answers. By default none.

No answer has `Access-Control-Allow-Credentials`: the cookie of this service is for its own pages alone.
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
    """The origins of a command line; `*` stands for all.

    Raises errors.ServiceError for a text that is no origin, and for `*` without a token: any page that a user opens
    could then start runs.
    """
    found = frozenset(map(allowed_origin, given))
    if "*" in found and not token:
        raise errors.ServiceError(
            "--cors-origin *: needs --token-file: without a token any page could start and delete runs"
        )
    return found


def install(app: FastAPI, allowed: frozenset[str]) -> None:
    """Answers preflight requests, and marks the answers that pages of the given origins may read."""
    app.add_middleware(
        CORSMiddleware,
        allow_origins=sorted(allowed),
        allow_methods=_METHODS,
        allow_headers=_SENT,
        expose_headers=_SHOWN,
        max_age=_PREFLIGHT_S,
    )
