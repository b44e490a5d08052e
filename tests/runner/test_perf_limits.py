"""How many processes a load is worth."""

import pytest

from evalkube_runner.perf import limits


@pytest.mark.parametrize(
    ("usable", "slots", "rate", "wanted"),
    [
        (8, 1, None, 1),
        (8, 512, None, 1),
        (8, 513, None, 2),
        (8, 100_000, None, 8),
        (1, 100_000, None, 1),
        (8, 4, 5_000.0, 1),
        (8, None, 10.0, 1),
        (8, None, 900.0, 4),
        (2, None, 900.0, 2),
    ],
)
def test_workers_wanted(usable: int, slots: int | None, rate: float | None, wanted: int) -> None:
    """One until it would take half a core, and never more than there are cores."""
    assert limits.workers_wanted(usable, slots=slots, rate=rate) == wanted
