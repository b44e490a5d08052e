"""A URL as it goes over the wire: in ASCII, the same for evaluations and load tests. No I/O here."""

import httpx

from evalkube_crds.names import Reason
from evalkube_runner.errors import RunFailed

__all__ = ["encoded"]


def encoded(url: str) -> str:
    """``url`` with its host by IDNA 2008 and all else beyond ASCII percent-encoded as UTF-8; what is encoded stays.

    Raises RunFailed(InvalidSpec) for a host that cannot be a name in the DNS.
    """
    try:
        return str(httpx.URL(url))
    except httpx.InvalidURL as problem:
        raise RunFailed(Reason.INVALID_SPEC, f"url: {problem}; a host beyond ASCII must be a valid IDNA name") from None
