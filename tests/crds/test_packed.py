"""Columns of numbers as text: whole, as numpy reads them, and refused where they are damaged."""

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds.packed import pack, unpack

numbers = st.integers(0, 2**64 - 1)


@given(st.integers(0, 20).flatmap(lambda size: st.lists(st.lists(numbers, min_size=size, max_size=size), min_size=3)))
def test_what_is_packed_is_unpacked(columns: list[list[int]]) -> None:
    """All columns, whatever their length; with numpy as well, as the module says."""
    text = pack(columns)
    assert unpack(text, len(columns)) == [tuple(column) for column in columns]
    planes = np.frombuffer(zlib.decompress(base64.b64decode(text)), "u1").reshape(8, -1)
    read = planes.T.copy().view("<u8").reshape(len(columns), -1)
    assert read.tolist() == columns


@pytest.mark.parametrize("number", [-1, 2**64])
def test_a_number_of_more_than_64_bits_is_refused(number: int) -> None:
    """It would be another one."""
    with pytest.raises(OverflowError):
        pack([[1], [number], [1]])


def _packed(planes: bytes) -> str:
    return base64.b64encode(zlib.compress(planes)).decode()


DAMAGED: dict[str, str] = {
    "no base64": "?" + pack([[1], [2], [3]]),
    "no zlib": base64.b64encode(b"columns").decode(),
    "cut short": base64.b64encode(base64.b64decode(pack([[1], [2], [3]]))[:-6]).decode(),
    "more behind it": base64.b64encode(base64.b64decode(pack([[1], [2], [3]])) + b"more").decode(),
    "half a number": _packed(bytes(27)),
    "columns of different lengths": _packed(bytes(32)),
    "larger than any histogram": _packed(bytes(24 << 20)),
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
def test_what_is_damaged_is_refused(text: str) -> None:
    """It is found when it is read, and takes no memory."""
    with pytest.raises(ValueError, match="packed columns"):
        unpack(text, 3)
