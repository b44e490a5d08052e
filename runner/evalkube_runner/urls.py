"""A URL as it goes over the wire: in ASCII, the same for evaluations and load tests. No I/O here."""

import re

from evalkube_crds.names import Reason
from evalkube_runner.errors import RunFailed

__all__ = ["encoded"]

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_HOST = rf"(?:(?:[a-z0-9_-]+\.)*[a-z][a-z0-9_-]*|(?:{_OCTET}\.){{3}}{_OCTET})"
_PLAIN = re.compile(rf"https?://{_HOST}(?::[1-9]\d{{3,4}})?(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)+", re.ASCII)
"""As nearly all stand: nothing in them has two spellings."""


def encoded(url: str) -> str:
    """`url` with its host by IDNA 2008 and all else beyond ASCII percent-encoded as UTF-8; what is encoded stays.

    Raises RunFailed(InvalidSpec) for a host that cannot be a name in the DNS.
    """
    if _PLAIN.fullmatch(url):
        return url
    import httpx  # a tenth of the time that a load test takes to begin

    try:
        return str(httpx.URL(url))
    except httpx.InvalidURL as problem:
        raise RunFailed(Reason.INVALID_SPEC, f"url: {problem}; a host beyond ASCII must be a valid IDNA name") from None
