"""The file of an index: two arrays of `numpy.save` after one another, the rows and then what their numbers stand for.

`numpy.load` reads the rows of such a file. Nothing of it is unpickled.
"""

from typing import Any, Final

import numpy as np

__all__ = ["VERSION", "IndexUnreadable", "packed", "unpacked"]

VERSION: Final = 1


class IndexUnreadable(ValueError):
    """The bytes are no index of ours, or not all of it. The message says what to do."""


def packed(rows: "np.ndarray[Any, np.dtype[np.void]]", about: dict[str, Any]) -> bytes:
    """The file of `rows`; `about` is what JSON can say."""
    raise NotImplementedError


def unpacked(
    data: bytes | memoryview, dtype: "np.dtype[np.void]"
) -> tuple["np.ndarray[Any, np.dtype[np.void]]", dict[str, Any]]:
    """The rows and what was said about them. The rows are a view of `data`, read-only. Raises IndexUnreadable."""
    raise NotImplementedError
