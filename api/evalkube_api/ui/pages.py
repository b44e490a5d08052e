"""Renders pages: a template, its values, and the content security policy.

Every value in a template is escaped. No page contains a script or a style: the policy allows only the files of
`assets`.
"""

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from evalkube_api import errors
from evalkube_api.ui import assets
from evalkube_report import formats

__all__ = ["POLICY", "Shell", "check_writable", "fragment", "login", "page", "prepare", "shell_of"]

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept-Encoding, HX-Request",
}
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_COMPRESSED_FROM: Final = 1024


@dataclass(frozen=True, slots=True)
class Shell:
    """Facts about the service that every page shows. `exposed`: others can reach it, and it asks for no token."""

    version: str
    place: str
    token: bool = False
    exposed: bool = False
    read_only: bool = False


def shell_of(request: Request) -> Shell:
    """The facts about the service that answers this request."""
    shell = request.app.state.shell
    assert isinstance(shell, Shell)
    return shell


def prepare(*templates: str) -> None:
    """Reads and compiles these templates now, so that the first reader does not wait."""
    for template in templates:
        _environment().get_template(template)


def check_writable(request: Request) -> None:
    """Raises errors.ReadOnly if the service only shows runs."""
    if shell_of(request).read_only:
        raise errors.ReadOnly(
            "this service shows a folder of outputs read-only: no run can be started, cancelled or deleted"
        )


def page(request: Request, template: str, context: Mapping[str, Any], *, status: int = 200) -> Response:
    """The whole page of `template`, which extends `base.html.j2`."""
    return _answer(request, _environment().get_template(template).render(_shown(request, context)), status)


def fragment(request: Request, template: str, context: Mapping[str, Any], *, block: str | None = None) -> Response:
    """A part of a page, for htmx: the whole `template`, or one block of it."""
    shown = _shown(request, context)
    found = _environment().get_template(template)
    if block is None:
        return _answer(request, found.render(shown), 200)
    return _answer(request, "".join(found.blocks[block](found.new_context(shown))), 200)


def _shown(request: Request, context: Mapping[str, Any]) -> dict[str, Any]:
    return {"path": request.url.path, "shell": shell_of(request), **context}


def login(request: Request, context: Mapping[str, Any], status: int) -> Response:
    """The page that asks for the service's token."""
    return page(request, "login.html.j2", context, status=status)


def _answer(request: Request, html: str, status: int) -> Response:
    # half a surrogate pair cannot be written as UTF-8, and control characters are no part of HTML; models emit both
    body = _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", html).encode("utf-8", "replace")
    headers = dict(_HEADERS)
    if len(body) >= _COMPRESSED_FROM and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, 5, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, status, headers, media_type="text/html; charset=utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("evalkube_api", "ui/templates"), PackageLoader("evalkube_report")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(asset=assets.url_of)
    environment.filters.update(
        significant=formats.significant,
        count=formats.count,
        percent=formats.percent,
        duration=formats.duration,
    )
    return environment
