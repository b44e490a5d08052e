"""Asks each request, before any route, whether it may: its head, its Host, the page it comes from, its token."""

from starlette.types import ASGIApp, Receive, Scope, Send

from evalkube_api import connections, errors, problems
from evalkube_api.access import hosts, origins
from evalkube_api.access.hosts import Hosts
from evalkube_api.access.tokens import TokenFile

__all__ = ["Guard"]

_OPEN = frozenset({"/", "/docs", "/health"})
"""What holds no data and needs no token: the page asks for the token itself."""


class Guard:
    """ASGI middleware. No token is asked for where `token` is None."""

    def __init__(self, app: ASGIApp, *, names: Hosts, token: TokenFile | None) -> None:
        self._app = app
        self._names = names
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                self._check(scope)
            except errors.ApiError as refusal:
                answer = problems.json_response(refusal.status, refusal.body(), refusal.headers)
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        refusal = connections.refusal_of(scope)
        if refusal is not None:
            raise refusal
        asked = _values(scope, b"host")
        if asked or scope["http_version"] != "1.0":  # before 1.1 there was none; no browser asks so
            self._names.check(hosts.host_of(asked))
        origins.check(
            scope["method"],
            "".join(asked),
            sites=_values(scope, b"sec-fetch-site"),
            origins=_values(scope, b"origin"),
        )
        if self._token is not None and not (scope["path"] in _OPEN and scope["method"] in ("GET", "HEAD")):
            self._token.check([value for name, value in scope["headers"] if name == b"authorization"])


def _values(scope: Scope, wanted: bytes) -> list[str]:
    return [value.decode("latin-1").strip(" \t") for name, value in scope["headers"] if name == wanted]
