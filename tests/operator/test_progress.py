"""Stories of a run's progress: it goes one way, costs little, and a runner that never tells any is told of."""

from typing import Any

import pytest

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.intervals import Interval
from evalkube_crds.live import Live, LiveScore, ShardProgress
from evalkube_crds.names import ConditionType, Phase, Reason
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import Progress
from evalkube_crds.sketch import Sketch
from evalkube_operator import memory
from fakes.small_cluster import eval_spec, perf_spec
from fakes.story import Story

Object = dict[str, Any]


def test_a_runner_that_never_speaks_is_told_of(story: Story) -> None:
    """Its pod's log has the cause, a certificate that it does not trust say, and people look at the run first."""
    story.submit(eval_spec())
    story.start()
    assert story.reason(ConditionType.RUNNING) is Reason.STARTED
    assert story.turn(10) is not None, "nobody else would have it looked at again"
    assert story.reason(ConditionType.RUNNING) is Reason.STARTED
    story.turn(25)
    assert (story.phase(), story.reason(ConditionType.RUNNING)) == (Phase.RUNNING, Reason.INGEST_UNAVAILABLE)
    assert story.status.columns.reason == "IngestUnavailable"
    assert [told.reason for _, told in story.operator.announced] == [Reason.INGEST_UNAVAILABLE]
    story.operator.reconciler.progressed(story.raw["metadata"]["uid"], 1, 0, Progress(stage="loading data"))
    story.turn(11)
    assert story.reason(ConditionType.RUNNING) is Reason.STARTED
    story.turn(100)
    assert story.reason(ConditionType.RUNNING) is Reason.STARTED


def test_progress_never_runs_backwards(story: Story) -> None:
    """A second attempt begins anew and finds less in its first moments; what stands on record is done."""

    def told(attempt: int, done: int, total: int) -> tuple[int, int]:
        progress = Progress(done=done, total=total, eta_seconds=4.0, stage="evaluating")
        story.operator.reconciler.progressed(story.raw["metadata"]["uid"], attempt, 0, progress)
        story.turn(11)
        assert story.status.progress is not None
        return story.status.progress.done, story.status.progress.total

    story.submit(eval_spec())
    story.start()
    assert told(1, 6, 10) == (6, 10)
    story.cluster.change(story.raw, suspend=True)
    story.turn(1)
    story.turn(1)
    assert story.status.progress is not None
    assert (story.status.progress.done, story.status.progress.eta_seconds) == (6, None)
    story.cluster.change(story.raw, suspend=False)
    story.turn(1)
    story.start()
    assert told(2, 0, 0) == (6, 10)
    assert told(2, 2, 10) == (6, 10)
    assert told(2, 8, 10) == (8, 10)
    assert story.status.progress_text == "8/10"


WHOLE = {
    "one of two has spoken": ([Progress(done=2, total=5)], {}, (2, 10, None)),
    "one loads its data": (
        [Progress(done=2, total=5, eta_seconds=3.0), Progress(stage="loading data")],
        {},
        (2, 10, None),
    ),
    "both work": (
        [Progress(done=2, total=5, eta_seconds=3.0), Progress(done=1, total=6, eta_seconds=5.0)],
        {},
        (3, 11, 5.0),
    ),
    "one has no part in it": (
        [Progress(done=2, total=4, eta_seconds=3.0), Progress(eta_seconds=0.0)],
        {"number": [4]},
        (2, 4, 3.0),
    ),
    "all of a trace": (
        [Progress(done=500, total=900), Progress(done=400, total=900)],
        {"number": None, "parallel": [1], "maxTokens": [2048], "dataset": "workload_trace", "datasetPath": "t"},
        (900, 1800, None),
    ),
    "a search": ([Progress(done=2), Progress(done=3)], {}, (5, 0, None)),
}


def told(done: int, failed: int, **seen: Any) -> ShardProgress:
    return ShardProgress(done=done, total=50, failed=failed, live=Live(**seen))


TTFT = {"ttft": Sketch.of([20_000_000] * 99)}, {"ttft": Sketch.of([500_000_000] * 2)}
SCORES = (
    {"a": LiveScore(answers=30, mean=0.5, interval=Interval(0.3, 0.7))},
    {"a": LiveScore(answers=10, mean=0.9, interval=Interval(0.6, 0.98))},
)
SEEN = {
    "of one shard as it says": ([Progress(done=9, failed=2, figures={"rps": 1.5})], 2, {"rps": 1.5}),
    "nothing that is no figure": ([Progress(figures={"rps": 1.5, "x" * 5000: 1.0})], 0, {"rps": 1.5}),
    "rates are summed": (
        [told(5, 1, rates={"rps": 1.5, "in_flight": 2.0}), told(5, 3, rates={"rps": 2.0, "in_flight": 3.0})],
        *(4, {"rps": 3.5, "in_flight": 5.0}),
    ),
    "percentiles are of all requests": (
        [told(99, 0, times=TTFT[0]), told(2, 0, times=TTFT[1])],
        *(0, {"ttft_p50_s": 0.02, "ttft_p99_s": 0.5}),
    ),
    "a score is of all answers": (
        [told(30, 0, scores=SCORES[0]), told(10, 0, scores=SCORES[1])],
        *(0, {"score": 0.6, "score_low": 0.43, "score_high": 0.751}),
    ),
    "one has nothing to tell yet": ([told(5, 1, rates={"rps": 1.5}), Progress(stage="loading data")], 1, {"rps": 1.5}),
    "nobody has": ([Progress(stage="loading data"), Progress(stage="loading data")], 0, {}),
}


@pytest.mark.parametrize(("parts", "failed", "figures"), SEEN.values(), ids=SEEN)
def test_what_shards_see(parts: list[Progress], failed: int, figures: dict[str, float]) -> None:
    """Of as many shards as there are parts: failures, and live figures to 2 %."""
    whole = memory.whole(parts, EvalRunSpec.model_validate(eval_spec(shards=len(parts))))
    assert whole.failed == failed
    assert whole.figures == pytest.approx(figures, rel=0.02)


def test_live_figures_are_of_now_and_go_at_the_end(story: Story) -> None:
    """They fall, and failures do not; a run that has ended has none."""

    def told(done: int, failed: int, rps: float) -> Progress:
        progress = ShardProgress(done=done, total=10, failed=failed, figures={"rps": rps})
        story.operator.reconciler.progressed(story.raw["metadata"]["uid"], 1, 0, progress)
        story.turn(11)
        assert story.status.progress is not None
        return story.status.progress

    story.submit(eval_spec())
    story.start()
    assert (told(5, 2, 8.0).failed, told(5, 2, 8.0).figures) == (2, {"rps": 8.0})
    assert (told(6, 0, 3.0).failed, told(6, 0, 3.0).figures) == (2, {"rps": 3.0})
    assert told(6, 0, 0.0).figures == {"rps": 0.0}, "that nothing comes any more is news"
    story.cluster.succeed(story.pods()[0])
    story.turn(1)
    story.turn(1)
    assert story.phase() is Phase.SUCCEEDED
    assert story.status.progress is not None
    assert story.status.progress.figures == {}


@pytest.mark.parametrize(("parts", "load", "expected"), WHOLE.values(), ids=WHOLE)
def test_the_progress_of_shards(parts: list[Progress], load: dict[str, Any], expected: tuple[object, ...]) -> None:
    """Of two; an estimate only where both have one, and of a load test no more than it asks for."""
    spec = PerfRunSpec.model_validate(perf_spec(shards=2, **{"number": [40], **load}))
    whole = memory.whole(parts, spec)
    assert (whole.done, whole.total, whole.eta_seconds) == expected


def test_a_run_costs_the_api_server_little(story: Story) -> None:
    """Eight requests at the most: its Job and that Job's time to live, a few statuses, an event, and a review of the
    runner's token. Of what happens within a moment one status tells."""
    story.submit(eval_spec())
    story.start()
    for done in range(1, 11):
        progress = Progress(done=done, total=10)
        story.operator.reconciler.progressed(story.raw["metadata"]["uid"], 1, 0, progress)
        story.turn(1)
    assert story.status.progress is not None
    assert story.status.progress.done >= 3
    story.cluster.succeed(story.pods()[0])
    story.turn(1)
    story.turn(1)
    assert story.phase() is Phase.SUCCEEDED
    assert story.cluster.requests + len(story.operator.announced) + 1 <= 8
