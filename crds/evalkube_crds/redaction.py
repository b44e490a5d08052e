"""The redaction of secrets in texts and documents, in every spelling that a server may send one back in. Pure.

In a document only string values are read. Keys, numbers and the contract's own words stay as they are, so that an
unlucky secret (`00000000`, `succeeded`) never makes a document unreadable.
"""

import base64
import html
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import quote, quote_plus

from evalkube_crds.names import WORDS

__all__ = ["CUT", "MASK", "Redactor", "spellings"]

MASK: Final = "***"

CUT: Final = "…"
"""The mark of a text that was cut; the rest of a secret before it is removed as well."""

_SHORTEST: Final = 8
"""The minimum length of a secret.

Shorter "keys" are placeholders such as EMPTY or test, and replacing them would damage normal text.
"""

_STUMP: Final = 4
"""The number of a secret's characters that still tell nothing about it."""

_FOREIGN_KEYS: Final = frozenset({"finish_reasons", "finishReasons"})
"""The maps whose keys are a server's words."""


class Redactor:
    """The redaction of one run's secrets.

    `spared` are further values that are not secret when they stand alone, such as the name of the model.
    """

    def __init__(self, secrets: Iterable[str | None], *, spared: Iterable[str] = ()) -> None:
        known = {secret for secret in secrets if secret is not None and len(secret) >= _SHORTEST}
        self._spellings = sorted({spelt for secret in known for spelt in spellings(secret)}, key=len, reverse=True)
        self._spared = WORDS | frozenset(spared)
        self.longest = max(map(len, self._spellings), default=0)

    def __bool__(self) -> bool:
        return bool(self._spellings)

    def traces(self) -> frozenset[bytes]:
        """Byte strings, one of which is in every JSON document that holds a secret or the rest of a cut one."""
        in_json = (json.dumps(spelt)[1:-1] for spelt in self._spellings)
        whole = {spelt.encode() for spelt in (*self._spellings, *in_json)}
        return frozenset(whole | {spelt[:_STUMP] for spelt in whole})

    def text(self, value: str) -> str:
        """`value` without the secrets."""
        for spelt in self._spellings:
            value = value.replace(spelt, MASK)
        if CUT not in value or not self._spellings:
            return value
        *cut, rest = value.split(CUT)
        return CUT.join([*map(self._without_stump, cut), rest])

    def _without_stump(self, text: str) -> str:
        for spelt in self._spellings:
            begin = spelt[:_STUMP]
            start = text.find(begin, max(0, len(text) - len(spelt) + 1))
            while start >= 0:
                if spelt.startswith(text[start:]):
                    return text[:start] + MASK
                start = text.find(begin, start + 1)
        return text

    def value(self, value: Any) -> Any:
        """The JSON value `value` without the secrets."""
        if isinstance(value, str):
            return value if value in self._spared else self.text(value)
        if isinstance(value, list):
            return [self.value(one) for one in value]
        if isinstance(value, dict):
            return {key: self._member(key, one) for key, one in value.items()}
        return value

    def _member(self, key: str, value: Any) -> Any:
        if key not in _FOREIGN_KEYS or not isinstance(value, dict):
            return self.value(value)
        counts: dict[str, Any] = {}
        for word, count in value.items():
            clean = self.text(word)
            counts[clean] = counts[clean] + count if clean in counts else count
        return counts


def spellings(secret: str) -> Iterator[str]:
    """The spellings of `secret`: plain, in JSON, in a URL, in HTML, in Python, in base64 (as in Basic auth)."""
    in_json = [json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]]
    in_url = [quote(secret, safe=""), quote(secret, safe="/"), quote_plus(secret), _all_percent(secret)]
    yield secret
    yield from in_json
    yield from (json.dumps(one)[1:-1] for one in in_json)
    yield secret.replace("/", "\\/")
    yield from in_url
    yield from map(_lower_hex, in_url)
    yield from (html.escape(secret), html.escape(secret).replace("&#x27;", "&#39;"), html.escape(secret, quote=False))
    yield repr(secret)[1:-1]
    yield from _base64(secret.encode())


def _all_percent(secret: str) -> str:
    return "".join(f"%{byte:02X}" for byte in secret.encode())


def _lower_hex(spelt: str) -> str:
    """`spelt` with its percent-encoded triplets in lower case."""
    first, *triplets = spelt.split("%")
    return "%".join([first, *(triplet[:2].lower() + triplet[2:] for triplet in triplets)])


def _base64(secret: bytes) -> Iterator[str]:
    """The part of a base64 text that a secret inside it decides, for each of its three possible positions."""
    for before in range(3):
        first, last = (8 * before + 5) // 6, 8 * (before + len(secret)) // 6
        encoded = base64.b64encode(bytes(before) + secret + bytes(3))[first:last].decode()
        if len(encoded) >= _SHORTEST:
            yield encoded
            yield encoded.translate(str.maketrans("+/", "-_"))
