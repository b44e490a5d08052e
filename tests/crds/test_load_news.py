"""What a shard hears of the others."""

import pytest

from evalkube_crds.load_news import LoadNews, OthersNews, others_of

# name: what each shard told last, what shard 0 hears at turn 2
CASES: dict[str, tuple[dict[int, LoadNews], OthersNews]] = {
    "nothing yet": ({}, OthersNews()),
    "its own word is no other's": ({0: LoadNews(turn=2, sent=9, failed=9, ended="x")}, OthersNews()),
    "all others of the point": (
        {1: LoadNews(turn=2, sent=10, failed=1), 2: LoadNews(turn=2, sent=5, failed=2, lost=True, tries=7)},
        OthersNews(loading=2, lost=1, tries=7, sent=15, failed=3),
    ),
    "whose load is over counts with what it sent": (
        {1: LoadNews(turn=2, sent=10, failed=4, over=True, lost=True, tries=9)},
        OthersNews(sent=10, failed=4),
    ),
    "words of other points": ({1: LoadNews(turn=1, sent=10), 2: LoadNews(turn=3, sent=4)}, OthersNews()),
    "an early end": (
        {1: LoadNews(turn=2, sent=8, failed=8, over=True, ended="too many failed")},
        OthersNews(sent=8, failed=8, ended="too many failed"),
    ),
    "an early end of another point": ({1: LoadNews(turn=1, over=True, ended="too many failed")}, OthersNews()),
    "a target that has been gone since another point": (
        {1: LoadNews(turn=1, over=True, ended="no connection", gone=True)},
        OthersNews(ended="no connection", gone=True),
    ),
    "the first of several ends": (
        {2: LoadNews(turn=2, over=True, ended="second"), 1: LoadNews(turn=2, over=True, ended="first")},
        OthersNews(ended="first"),
    ),
}


@pytest.mark.parametrize(("told", "heard"), CASES.values(), ids=CASES)
def test_what_is_heard(told: dict[int, LoadNews], heard: OthersNews) -> None:
    """Sums of the same point; an end, also of an earlier point where the target was gone."""
    assert others_of(told, 0, 2) == heard
