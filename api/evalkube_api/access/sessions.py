"""Browsers that were let in: what their cookie holds, and whether it still counts. No I/O here.

A cookie is a time and a random number, signed with a key that is made of the service's token. The service keeps no list
of them: any replica takes it, also after a restart, and none counts once the token is another. Only those that were
ended early are remembered, until they would have ended by themselves.
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
    """`token` gives the service's token as it is now."""

    def __init__(self, token: Callable[[], bytes], *, now: Callable[[], float] = time.time) -> None:
        self._token = token
        self._now = now
        self._ended: OrderedDict[str, int] = OrderedDict()

    def opened(self) -> str:
        """The value of a new cookie."""
        signed = f"{int(self._now()) + LIFETIME_S}.{secrets.token_urlsafe(18)}"
        return f"{signed}.{self._signature(signed)}"

    def is_open(self, value: str | None) -> bool:
        """Whether it is the value of a cookie of ours that still counts."""
        return value is not None and self._expiry(value) is not None and value not in self._ended

    def end(self, value: str | None) -> None:
        """From now on that cookie does not count, here."""
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
        """When a cookie of ours ends; None where it has, or is none."""
        signed, _, signature = value.rpartition(".")
        if len(value) > _LONGEST or not value.isascii() or not hmac.compare_digest(signature, self._signature(signed)):
            return None
        expiry = int(signed.partition(".")[0])
        return expiry if self._now() < expiry else None

    def _signature(self, signed: str) -> str:
        key = hmac.digest(self._token(), b"evalkube session", hashlib.sha256)
        return hmac.new(key, signed.encode(), hashlib.sha256).hexdigest()
