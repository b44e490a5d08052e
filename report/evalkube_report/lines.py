"""Lines of JSON with their places in a file. A torn line, or one that is not an object, is skipped."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

__all__ = ["records"]


def records(lines: Iterable[bytes], start: int = 0) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """The objects of consecutive lines that start at byte `start` of a file.

    Each comes with its offset and its length without the line's end.
    """
    offset = start
    for line in lines:
        text = line.rstrip(b"\r\n")
        try:
            found = orjson.loads(text)
        except orjson.JSONDecodeError:
            found = None
        if isinstance(found, dict):
            yield offset, len(text), found
        offset += len(line)
