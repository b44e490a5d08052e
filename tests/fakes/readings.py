"""What is read of replies, held against what was expected."""

from evalkube_benchmarks import extract
from evalkube_benchmarks.metrics import equality

__all__ = ["assert_number"]


def assert_number(reply: str, expected: str) -> None:
    """The number of a reply is the expected one; "none": it has none, "!5": it is not 5."""
    found = extract.number(reply)
    if expected == "none":
        assert found is None
        return
    assert found is not None
    assert (equality.same_answer(found, expected.lstrip("!")) is True) is not expected.startswith("!"), found
