"""Login sessions of browsers: the value of their cookie, and whether it is valid. No I/O here.

A cookie is a time and a random number, signed with a key that is derived from the service's token. The service keeps no
list of cookies, so any replica accepts one, also after a restart. No cookie is valid once the token is another. Only
sessions that were ended early are remembered, until they would have expired.
"""

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

__all__ = ["COOKIE", "LIFETIME_S", "Sessions"]

COOKIE: Final = "evalkube_session"
LIFETIME_S: Final = 12 * 3600
_MOST_ENDED: Final = 10_000
_LONGEST: Final = 200


class Sessions:
    """The login sessions of a service. `token` returns the service's current token."""

    def __init__(self, token: Callable[[], bytes], *, now: Callable[[], float] = time.time) -> None:
        self._token = token
        self._now = now
        self._ended: OrderedDict[str, int] = OrderedDict()

    def opened(self) -> str:
        """The value of a new cookie."""
        signed = f"{int(self._now()) + LIFETIME_S}.{secrets.token_urlsafe(18)}"
        return f"{signed}.{self._signature(signed)}"

    def is_open(self, value: str | None) -> bool:
        """Whether the cookie is valid."""
        return value is not None and self._expiry(value) is not None and value not in self._ended

    def end(self, value: str | None) -> None:
        """Ends the session of a cookie on this replica."""
        expiry = None if value is None else self._expiry(value)
        if value is None or expiry is None:
            return
        now = self._now()
        for old in [each for each, until in self._ended.items() if until <= now]:
            del self._ended[old]
        self._ended[value] = expiry
        while len(self._ended) > _MOST_ENDED:
            self._ended.popitem(last=False)

    def _expiry(self, value: str) -> int | None:
        """The expiry of a valid cookie; None for an expired or invalid one."""
        signed, _, signature = value.rpartition(".")
        if len(value) > _LONGEST or not value.isascii() or not hmac.compare_digest(signature, self._signature(signed)):
            return None
        expiry = int(signed.partition(".")[0])
        return expiry if self._now() < expiry else None

    def _signature(self, signed: str) -> str:
        key = hmac.digest(self._token(), b"evalkube session", hashlib.sha256)
        return hmac.new(key, signed.encode(), hashlib.sha256).hexdigest()
