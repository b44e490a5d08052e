"""Reads the forms that browsers send: names and texts, of bounded size."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from evalkube_api import bodies, errors

__all__ = ["Form", "read"]

_MOST_FIELDS: Final = 2000
_MEDIA_TYPE: Final = "application/x-www-form-urlencoded"


class Form:
    """The fields of a form; a name may come several times."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def one(self, name: str) -> str:
        """The last value of that name; empty if there is none."""
        return self.last().get(name, "")

    def all(self, name: str) -> list[str]:
        """Every value of that name."""
        return [value for given, value in self._pairs if given == name]

    def last(self) -> Mapping[str, str]:
        """Each name with its last value."""
        return dict(self._pairs)


async def read(request: Request, *, most_bytes: int, timeout_s: float) -> Form:
    """The form in the body of `request`. Raises errors.InvalidRequest, BodyTooLarge, BodyTooSlow."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _MEDIA_TYPE:
        raise errors.InvalidRequest.because(f"Content-Type must be {_MEDIA_TYPE}")
    data = await bodies.read(request, most_bytes=most_bytes, timeout_s=timeout_s)
    try:
        pairs = parse_qsl(data.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise errors.InvalidRequest.because("is not a form that a browser sends") from None
    return Form(pairs)
