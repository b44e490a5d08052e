"""A client's preferences (RFC 7240, Prefer) and Idempotency-Key: headers in, values out. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from evalkube_api import errors

__all__ = ["Preference", "idempotency_key", "preference"]

_LONGEST_WAIT_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Preference:
    """A client's preference.

    `wait_s`: how long the answer may wait for the run's end; None: without limit. `applied`: the client's words.
    """

    wait_s: float | None = None
    applied: str | None = None


def preference(headers: Iterable[str]) -> Preference:
    """Reads Prefer: `respond-async` answers at once, `wait=N` within N seconds.

    Unknown preferences are ignored, as the RFC asks.
    """
    found: dict[str, str] = {}
    for header in headers:
        for part in header.split(","):
            name, _, value = part.partition(";")[0].partition("=")
            found.setdefault(name.strip().lower(), value.strip(' "'))
    waits = re.fullmatch(r"\d{1,9}", found.get("wait", ""))
    if waits:
        seconds = min(int(waits[0]), _LONGEST_WAIT_S)
        words = ["respond-async"] if "respond-async" in found else []
        return Preference(seconds, ", ".join([*words, f"wait={seconds}"]))
    return Preference(0, "respond-async") if "respond-async" in found else Preference()


def idempotency_key(headers: list[str]) -> str | None:
    """The Idempotency-Key of a request. Raises errors.InvalidRequest for an ambiguous one."""
    if not headers:
        return None
    if len(headers) > 1 or not re.fullmatch(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?", headers[0].strip()):
        raise errors.InvalidRequest.because(
            "must be one line of 1 to 255 printable ASCII characters", "Idempotency-Key"
        )
    return headers[0].strip()
