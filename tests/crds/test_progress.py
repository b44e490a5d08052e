"""Progress as it is told: whatever parts of a run say, it goes one way."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds.live import Live, ShardProgress
from evalkube_crds.progress import advanced, at_end, cut_short
from evalkube_crds.results import Progress

TOLD = st.builds(
    Progress,
    done=st.integers(0, 50),
    total=st.integers(0, 50),
    eta_seconds=st.none() | st.floats(),
    stage=st.none() | st.sampled_from(["evaluating", "making the report"]),
    failed=st.integers(0, 50),
    figures=st.dictionaries(st.sampled_from(["rps", "score"]), st.floats()),
)


@given(st.lists(TOLD, min_size=1, max_size=20))
def test_it_never_runs_backwards(told: list[Progress]) -> None:
    """Neither done nor failed falls, done is no more than a known total, and an estimate is a time."""
    shown = [advanced(None, told[0])]
    for one in told[1:]:
        shown.append(advanced(shown[-1], one))
    for before, after in pairwise(shown):
        assert after.done >= before.done
        assert after.failed >= before.failed
        assert bool(after.total) >= bool(before.total)
    for one in shown:
        assert not one.total or one.done <= one.total
        assert one.eta_seconds is None or (one.eta_seconds >= 0 and math.isfinite(one.eta_seconds))
        assert one.failed <= one.done
        assert all(map(math.isfinite, one.figures.values()))


BEFORE = Progress(done=20, total=40, eta_seconds=5.0, stage="parallel_2_number_40")
CASES = {
    "more is done": (Progress(done=30, total=40, eta_seconds=2.0, stage="x"), (30, 40, 2.0, "x")),
    "a new attempt begins": (Progress(stage="loading data"), (20, 40, None, "loading data")),
    "a new attempt has done less": (Progress(done=3, total=40, eta_seconds=9.0), (20, 40, 9.0, BEFORE.stage)),
    "the time is up before all is sent": (Progress(done=25, total=25), (25, 25, None, BEFORE.stage)),
    "a total below what is done": (Progress(done=1, total=10), (20, 20, None, BEFORE.stage)),
    "more than was planned": (Progress(done=50, total=40), (50, 50, None, BEFORE.stage)),
    "a negative estimate": (Progress(done=30, total=40, eta_seconds=-1.0), (30, 40, None, BEFORE.stage)),
}


@pytest.mark.parametrize(("told", "shown"), CASES.values(), ids=CASES)
def test_what_is_shown(told: Progress, shown: tuple[object, ...]) -> None:
    """After 20 of 40."""
    after = advanced(BEFORE, told)
    assert (after.done, after.total, after.eta_seconds, after.stage) == shown


def test_figures_are_of_now() -> None:
    """The last ones stand, and may have fallen; who tells none has nothing to say of them."""
    seen = advanced(Progress(figures={"rps": 9.0, "ttft_p50_s": 0.1}), Progress(figures={"rps": 2.0}))
    assert seen.figures == {"rps": 2.0}
    assert advanced(seen, Progress(stage="making the report")).figures == {"rps": 2.0}


def test_what_a_shard_tells_beyond_its_progress_stays() -> None:
    """The operator makes the figures of all shards of it."""
    told = ShardProgress(done=1, live=Live(rates={"rps": 1.0}))
    assert advanced(BEFORE, told) == ShardProgress(done=20, total=40, stage=BEFORE.stage, live=told.live)


def test_the_end() -> None:
    """What was made again was done, and stays counted; a run without a result has no time left."""
    assert at_end(BEFORE, 40) == Progress(done=40, total=40, eta_seconds=0.0)
    assert at_end(BEFORE, 10) == Progress(done=20, total=20, eta_seconds=0.0)
    assert at_end(None, 10) == Progress(done=10, total=10, eta_seconds=0.0)
    assert cut_short(BEFORE) == BEFORE.model_copy(update={"eta_seconds": None})
    assert cut_short(None) is None
