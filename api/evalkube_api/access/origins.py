"""Checks whether a browser sends a request for a page of another site. Pure.

A page may send simple requests to any address, and a service on loopback would obey them. Browsers mark such requests;
other clients (curl, SDKs) do not. The order of the checks is that of Go's http.CrossOriginProtection. First comes
Sec-Fetch-Site, which only the browser sets and which is true behind any proxy. If it is missing (older browsers, plain
HTTP across a network), Origin is compared with Host.
"""

import re
from collections.abc import Collection, Sequence
from typing import Final
from urllib.parse import urlsplit

from evalkube_api import errors

__all__ = ["allowed_origin", "check"]

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OURS: Final = frozenset({"same-origin", "none"})
_ORIGIN: Final = re.compile(r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")
_PORTS: Final = {"http": 80, "https": 443}


def allowed_origin(text: str) -> str:
    """An origin whose pages may send requests, as browsers write it; `*` stands for all. Raises errors.ServiceError."""
    found = _ORIGIN.fullmatch(text.lower().rstrip("/"))
    if text != "*" and found is None:
        raise errors.ServiceError(
            f"--cors-origin {ascii(text)[1:-1]}: must be an origin such as https://evals.example.org, with its port"
            " where that is not the scheme's, and without a path; or * for every page"
        )
    return text if found is None else found[0]


def check(
    method: str,
    host: str,
    *,
    sites: Sequence[str],
    origins: Sequence[str],
    allowed: Collection[str] = (),
    marked: bool = False,
) -> None:
    """Raises errors.CrossSite for a request that changes something and comes from a page of another origin.

    `host`: the Host header. `sites` and `origins`: the values of Sec-Fetch-Site and Origin. `allowed`: origins that are
    treated as our own. `marked`: the request has a cookie, so a browser sent it; it is refused if it has neither of the
    two headers.
    """
    if method in _SAFE or (len(origins) == 1 and ("*" in allowed or origins[0].strip() in allowed)):
        return
    if marked and not sites and not origins:
        foreign = True
    elif sites:
        foreign = not all(site.strip().lower() in _OURS for site in sites)
    else:
        foreign = not all(_same(origin.strip(), host) for origin in origins)
    if foreign:
        shown = ascii(origins[0][:200])[1:-1] if origins else "another site"
        raise errors.CrossSite(
            f"a page of {shown} asked for this: what changes something is done for this service's own pages and for"
            " programs other than browsers. A proxy in front must pass Host on as it came"
        )


def _same(origin: str, host: str) -> bool:
    scheme = origin.partition("://")[0].lower()
    if scheme not in _PORTS:  # "null" too: a page that hides where it is from
        return False
    try:
        theirs, ours = urlsplit(origin), urlsplit(f"{scheme}://{host}")
        names = [(each.hostname or "").rstrip(".") for each in (theirs, ours)]
        return names[0] == names[1] != "" and (theirs.port or _PORTS[scheme]) == (ours.port or _PORTS[scheme])
    except ValueError:
        return False
