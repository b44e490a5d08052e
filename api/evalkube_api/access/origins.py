"""Whether a browser asks on behalf of another site's page. Pure.

A page may send simple requests anywhere without asking first, and a service on loopback does what they say. Browsers
mark such requests; other clients (curl, SDKs) mark none, and need not. The order is that of Go's
http.CrossOriginProtection: Sec-Fetch-Site is the browser's own word and true behind any proxy; Origin is compared with
Host where it is missing (older browsers, plain http across a network).
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from evalkube_api import errors

__all__ = ["check"]

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OURS: Final = frozenset({"same-origin", "none"})
_PORTS: Final = {"http": 80, "https": 443}


def check(method: str, host: str, *, sites: Sequence[str], origins: Sequence[str]) -> None:
    """Raises errors.CrossSite for a request that changes something and comes from a page of another origin.

    `host`: the Host header; `sites` and `origins`: the values of Sec-Fetch-Site and Origin.
    """
    if method in _SAFE:
        return
    if sites:
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
