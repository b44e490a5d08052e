"""Login and logout pages: a browser sends the service's token once, and gets a cookie that no script can read."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from evalkube_api.access.sessions import COOKIE, LIFETIME_S, Sessions
from evalkube_api.access.tokens import TokenFile
from evalkube_api.ui import sent

__all__ = ["PATH", "Show", "address", "router", "within"]

PATH: Final = "/ui/login"
_HOME: Final = "/ui"
_WITHIN: Final = re.compile(r"/ui(?:[/?][\x21-\x5b\x5d-\x7e]*)?")
_FORM_BYTES: Final = 16 * 1024
_FORM_S: Final = 10.0

Show = Callable[[Request, Mapping[str, Any], int], Response]
"""Makes the page: with `next`, where it leads to, `problem`, why it did not, and a status."""


def address(next_page: str) -> str:
    """The address of the login page that leads to `next_page`."""
    return PATH if next_page == _HOME else f"{PATH}?next={quote(next_page, safe='/')}"


def within(next_page: str) -> str:
    """`next_page` if it is a page of this service, else the first page. A login must not lead to another site."""
    return next_page if _WITHIN.fullmatch(next_page) and not next_page.startswith(PATH) else _HOME


def router(token: TokenFile | None, sessions: Sessions | None, show: Show) -> APIRouter:
    """The routes of login and logout. Without a token they lead to the pages."""
    routes = APIRouter(include_in_schema=False)

    @routes.get(PATH)
    async def login_page(request: Request) -> Response:
        wanted = within(request.query_params.get("next", ""))
        if sessions is None or sessions.is_open(request.cookies.get(COOKIE)):
            return RedirectResponse(wanted, 303)
        return show(request, {"next": wanted, "problem": ""}, 200)

    @routes.post(PATH)
    async def log_in(request: Request) -> Response:
        form = await sent.read(request, most_bytes=_FORM_BYTES, timeout_s=_FORM_S)
        wanted = within(form.one("next"))
        if token is None or sessions is None:
            return RedirectResponse(wanted, 303)
        if not token.admits(form.one("token").strip().encode()):
            return show(request, {"next": wanted, "problem": "This is not the service's token."}, 401)
        answer = RedirectResponse(wanted, 303, {"Cache-Control": "no-store"})
        answer.set_cookie(
            COOKIE,
            sessions.opened(),
            max_age=LIFETIME_S,
            path="/",
            secure=_came_by_tls(request),
            httponly=True,
            samesite="strict",
        )
        return answer

    @routes.post("/ui/logout")
    async def log_out(request: Request) -> Response:
        if sessions is None:
            return RedirectResponse(_HOME, 303)
        sessions.end(request.cookies.get(COOKIE))
        answer = RedirectResponse(PATH, 303, {"Cache-Control": "no-store"})
        answer.delete_cookie(COOKIE, path="/", secure=_came_by_tls(request), httponly=True, samesite="strict")
        return answer

    return routes


def _came_by_tls(request: Request) -> bool:
    """Whether the browser uses TLS, by its Origin header. The service speaks plain HTTP; a proxy may add TLS."""
    return request.url.scheme == "https" or request.headers.get("origin", "").lower().startswith("https://")
