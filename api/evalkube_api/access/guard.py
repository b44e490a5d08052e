"""Checks each request before any route: its head, its Host, its origin, its token."""

from collections.abc import Callable, Collection
from typing import Final

from starlette.requests import Request, cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from evalkube_api import connections, errors, problems
from evalkube_api.access import hosts, login, origins
from evalkube_api.access.hosts import Hosts
from evalkube_api.access.sessions import COOKIE, Sessions
from evalkube_api.access.tokens import TokenFile

__all__ = ["Guard"]

_OPEN: Final = frozenset({"/", "/docs", "/health"})
"""What holds no data and needs no token: the page asks for the token itself."""
_FILES: Final = "/ui/static/"
_PAGES: Final = "/ui"

Page = Callable[[Request, int, str], Response]
"""Makes a page that says why there is no other, of a status and words."""


class Guard:
    """ASGI middleware that checks each request. No token is asked for if `token` is None.

    `allowed`: origins of other sites' pages that may send requests. `page`: makes the page that people see of a
    refusal.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        names: Hosts,
        page: Page,
        token: TokenFile | None = None,
        sessions: Sessions | None = None,
        allowed: Collection[str] = (),
    ) -> None:
        self._app = app
        self._names = names
        self._page = page
        self._token = token
        self._sessions = sessions
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                self._check(scope)
            except errors.ApiError as refusal:
                await self._refused(scope, refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        refusal = connections.refusal_of(scope)
        if refusal is not None:
            raise refusal
        asked = _values(scope, b"host")
        if asked or scope["http_version"] != "1.0":  # before 1.1 there was none; no browser asks so
            self._names.check(hosts.host_of(asked))
        self._check_origin(scope, self._allowed)
        if self._token is not None and not _is_open(scope):
            self._check_token(self._token, scope)

    def _check_token(self, token: TokenFile, scope: Scope) -> None:
        """Checks the token or the cookie. A browser sends a cookie by itself, so with a cookie the request must come
        from our own page.
        """
        authorization = [value for name, value in scope["headers"] if name == b"authorization"]
        if not authorization and self._sessions is not None and self._sessions.is_open(_session(scope)):
            self._check_origin(scope, (), marked=True)
            return
        token.check(authorization)

    def _check_origin(self, scope: Scope, allowed: Collection[str], *, marked: bool = False) -> None:
        origins.check(
            scope["method"],
            "".join(_values(scope, b"host")),
            sites=_values(scope, b"sec-fetch-site"),
            origins=_values(scope, b"origin"),
            allowed=allowed,
            marked=marked,
        )

    def _refused(self, scope: Scope, refusal: errors.ApiError) -> Response:
        if scope["path"] != _PAGES and not scope["path"].startswith(f"{_PAGES}/"):
            return problems.json_response(refusal.status, refusal.body(), refusal.headers)
        request = Request(scope)
        if not isinstance(refusal, errors.Unauthorized):
            return self._page(request, refusal.status, str(refusal))
        if "hx-request" in request.headers:  # a part of a page that is open: all of it has to go there
            return Response(status_code=401, headers={"HX-Redirect": login.PATH, "Cache-Control": "no-store"})
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        there = login.address(login.within(wanted) if scope["method"] == "GET" else _PAGES)
        return RedirectResponse(there, 303, {"Cache-Control": "no-store"})


def _is_open(scope: Scope) -> bool:
    path, method = scope["path"], scope["method"]
    if path == login.PATH:
        return method in ("GET", "HEAD", "POST")
    return method in ("GET", "HEAD") and (path in _OPEN or path.startswith(_FILES))


def _session(scope: Scope) -> str | None:
    return cookie_parser("; ".join(_values(scope, b"cookie"))).get(COOKIE)


def _values(scope: Scope, wanted: bytes) -> list[str]:
    return [value.decode("latin-1").strip(" \t") for name, value in scope["headers"] if name == wanted]
