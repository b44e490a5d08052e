"""What several shards see of a run adds up to what the run sees."""

from pathlib import Path

import pytest

from evalkube_crds import live, score_intervals
from evalkube_crds.intervals import Interval
from evalkube_crds.live import Live, LiveScore, ShardProgress
from evalkube_crds.results import MOST_LIVE_FIGURES
from evalkube_crds.sketch import Sketch

ROOT = Path(__file__).parents[2]
MS = 1_000_000
FAST, SLOW = Sketch.of([10 * MS] * 99), Sketch.of([1000 * MS])
HALF, ALL = LiveScore(answers=2, mean=0.5, interval=Interval(0.1, 0.9)), LiveScore(answers=6, mean=1.0)

# name: what each shard sees, and some of the figures
SEEN = {
    "rates are summed": ([Live(rates={"rps": 2.0, "in_flight": 3.0})] * 2, {"rps": 4.0, "in_flight": 6.0}),
    "a rate that one does not know": ([Live(rates={"rps": 2.0}), Live()], {"rps": 2.0}),
    "percentiles are of all requests": (
        [Live(times={"ttft": FAST}), Live(times={"ttft": SLOW})],
        {"ttft_p50_s": 0.01, "ttft_p99_s": 1.0},
    ),
    "the median of many fast and few slow": (
        [Live(times={"latency": FAST}), Live(times={"latency": Sketch.of([1000 * MS] * 2)})],
        {"latency_p50_s": 0.01, "latency_p99_s": 1.0},
    ),
    "a score counts by its answers": ([Live(scores={"a": HALF}), Live(scores={"a": ALL})], {"score": 0.875}),
    "benchmarks count alike": ([Live(scores={"a": HALF}), Live(scores={"b": ALL})], {"score": 0.75}),
    "nothing is seen yet": ([Live(), Live()], {}),
}


@pytest.mark.parametrize(("shards", "expected"), SEEN.values(), ids=SEEN)
def test_the_figures_of_shards(shards: list[Live], expected: dict[str, float]) -> None:
    """In units of people; times to 2 %."""
    assert live.figures(live.merged(shards)) == pytest.approx(expected, rel=0.02)


def test_a_score_of_shards_has_the_interval_of_all() -> None:
    """Two shards of a thousand answers each are as good as one of two thousand, to a few percent."""
    shards = [LiveScore(answers=1000, mean=mean, interval=score_intervals.wilson(mean, 1000)) for mean in (0.6, 0.62)]
    found = live.figures(live.merged([Live(scores={"a": one}) for one in shards]))
    whole = score_intervals.wilson(0.61, 2000)
    assert (found["score_low"], found["score_high"]) == pytest.approx(whole, abs=0.001)


def test_no_interval_where_a_part_has_none() -> None:
    """A metric that goes beyond 1 has a mean alone."""
    assert live.figures(Live(scores={"a": HALF, "b": ALL})) == {"score": 0.75}


def test_a_shard_tells_what_adds_up() -> None:
    """As it goes over the wire."""
    told = ShardProgress(done=3, live=Live(rates={"rps": 2.5}, times={"ttft": FAST}, scores={"a": HALF}))
    assert ShardProgress.model_validate_json(told.model_dump_json(by_alias=True)) == told


def test_every_figure_has_a_title_and_a_meaning() -> None:
    """The table names all that there can be, and a status has room for them."""
    seen = Live(
        rates={"rps": 1.0, "output_tps": 1.0, "in_flight": 1.0},
        times={"ttft": FAST, "latency": FAST},
        scores={"a": HALF},
    )
    assert [one.name for one in live.FIGURES] == list(live.figures(seen))
    assert len(live.FIGURES) <= MOST_LIVE_FIGURES
    assert all(one.title and one.meaning.endswith(".") for one in live.FIGURES)


@pytest.mark.parametrize("figure", live.FIGURES, ids=lambda figure: figure.name)
def test_the_documents_say_what_a_figure_means(figure: live.LiveFigure) -> None:
    """In the words of the table."""
    assert f"| `{figure.name}` | {figure.meaning} |" in (ROOT / "docs" / "live.md").read_text().splitlines()
