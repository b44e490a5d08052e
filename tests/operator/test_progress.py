"""Stories of a run's progress: it goes one way, costs little, and a runner that never tells any is told of."""

from typing import Any

import pytest

from evalkube_crds.names import ConditionType, Phase, Reason
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import Progress
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
