"""Reads the head of an answer: how its body ends, where it redirects to, whether it is compressed. No I/O here."""

from urllib.parse import urljoin

from evalkube_crds.names import ErrorClass, error_class_of_status
from evalkube_runner.http import framing
from evalkube_runner.wire.answer import Fault, clip

__all__ = ["Head"]

_LENGTH = b"content-length"
_TRANSFER = b"transfer-encoding"
_ENCODING = b"content-encoding"
_LOCATION = b"location"
_CHUNKED = b"chunked"
_FIELDS = frozenset({_LENGTH, _TRANSFER, _ENCODING, _LOCATION})


class Head:
    """The fields of one head that are looked at; told them one by one."""

    __slots__ = ("_fields",)

    def __init__(self) -> None:
        self._fields: dict[bytes, bytes] = {}

    def begin(self) -> None:
        """Begin another head."""
        self._fields.clear()

    def field(self, name: bytes, value: bytes) -> None:
        """Take a field of the head."""
        lower = name.lower()
        if lower in _FIELDS:
            self._fields[lower] = value

    @property
    def until_close(self) -> bool:
        """Whether the body ends where the connection does."""
        length, transfer = self._fields.get(_LENGTH), self._fields.get(_TRANSFER, b"")
        return framing.until_close(None if length is None else length.decode("latin-1"), transfer.decode("latin-1"))

    def objection(self, status: int, url: str) -> Fault | None:
        """The reason why an answer of `url` with this head is refused, whatever its body; None where the body
        decides.
        """
        if status < 300 and _ENCODING not in self._fields and self._fields.get(_TRANSFER, _CHUNKED) == _CHUNKED:
            return None  # as nearly every answer
        location = self._fields.get(_LOCATION)
        if 300 <= status < 400 and location:
            return Fault(
                ErrorClass.STATUS_3XX,
                clip(f"the endpoint redirects to {_joined(url, location)}; use that address as url"),
            )
        codings = self._codings()
        if not codings:
            return None
        return Fault(
            ErrorClass.PARSE if 200 <= status < 300 else error_class_of_status(status),
            clip(
                f"the answer is compressed (Content-Encoding: {codings}), and a load test reads plain answers only; "
                "turn compression off at the endpoint or at the proxy before it"
            ),
        )

    def _codings(self) -> str:
        found = [*_tokens(self._fields.get(_ENCODING, b"")), *_tokens(self._fields.get(_TRANSFER, b""))]
        return b", ".join(one for one in found if one not in (b"identity", _CHUNKED)).decode("latin-1")


def _tokens(value: bytes) -> list[bytes]:
    return [token for part in value.lower().split(b",") if (token := part.strip())]


def _joined(url: str, location: bytes) -> str:
    text = location.decode("utf-8", "replace")
    try:
        return urljoin(url, text)
    except ValueError:  # no URL at all
        return text
