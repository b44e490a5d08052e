"""Stories of a run's end: who says that it is over, what it has delivered, and where that is kept."""

from typing import Any

import pytest

from evalkube_crds.names import ConditionType, Phase, Reason
from evalkube_crds.perf_point import Begun, ClientHealth, PerfPoint
from evalkube_crds.results import PerfResult
from fakes.small_cluster import eval_spec, perf_spec
from fakes.story import Story

Object = dict[str, Any]


def test_the_last_word_of_every_runner_is_the_end(story: Story) -> None:
    """Kubernetes notices that a pod has ended up to a second later; who waits for the answer need not."""
    story.submit(eval_spec(shards=2))
    story.start()
    story.operator.hear(story.pods()[0])
    story.turn()
    assert story.phase() is Phase.RUNNING
    story.operator.hear(story.pods()[1])
    story.turn()
    assert story.phase() is Phase.SUCCEEDED
    assert story.reason(ConditionType.RESULTS_COLLECTED) is Reason.COLLECTED
    for pod in story.pods():  # which nobody killed meanwhile
        story.cluster.succeed(pod)
    story.turn(1)
    assert story.cluster.of_kind("Job")[0]["spec"]["ttlSecondsAfterFinished"] == 3600


def test_a_last_word_of_an_earlier_attempt_is_none(story: Story) -> None:
    """It says nothing about the attempt that has begun since."""
    story.submit(eval_spec())
    story.start()
    late = story.cluster.delivered(story.pods()[0])
    story.cluster.results.clear()
    story.cluster.delete(story.cluster.of_kind("Job")[0])
    story.turn(1)
    story.turn(10)
    story.operator.reconciler.finished(story.raw["metadata"]["uid"], 1, late)
    story.turn()
    assert [attempt.number for attempt in story.status.attempts] == [1, 2]
    assert story.phase() is Phase.STARTING


def test_a_pod_that_says_it_is_done_and_does_not_end(story: Story) -> None:
    """Its Job goes, after a while."""
    story.submit(eval_spec())
    story.start()
    story.operator.hear(story.pods()[0])
    story.turn()
    assert story.phase() is Phase.SUCCEEDED
    assert story.cluster.of_kind("Job")
    story.turn(59)
    assert story.cluster.of_kind("Job")
    story.turn(2)
    assert not story.cluster.of_kind("Job")


def test_receipts_are_enough(story: Story) -> None:
    """Nothing arrived at ingest: the figures are the receipts', and the status says what is missing."""
    story.submit(eval_spec(shards=2, thresholds=[{"metric": "score", "op": ">=", "value": 0.5}]))
    story.start()
    for pod in story.pods():
        story.cluster.succeed(pod, delivered=False)
    story.turn(1)
    assert story.phase() is Phase.SUCCEEDED
    assert story.status.summary == {"shard_0/score": 1.0, "shard_1/score": 1.0}
    assert story.reason(ConditionType.RESULTS_COLLECTED) is Reason.INGEST_UNAVAILABLE
    assert story.reason(ConditionType.THRESHOLDS_MET) is Reason.THRESHOLDS_MET


@pytest.mark.parametrize(("shards", "reason"), [(1, Reason.RESULT_MISSING), (2, Reason.SHARD_MISSING)])
def test_neither_result_nor_receipt(story: Story, shards: int, reason: Reason) -> None:
    """An exit code of 0 alone proves nothing."""
    story.submit(eval_spec(shards=shards))
    story.start()
    story.cluster.succeed(story.pods()[0], delivered=False, receipt=False)
    for pod in story.pods()[1:]:
        story.cluster.succeed(pod)
    story.turn(1)
    story.turn(10)
    assert story.reason() is reason


def test_another_result_than_the_receipts(story: Story) -> None:
    """What the store has must be what the runner sent."""
    story.submit(eval_spec())
    story.start()
    story.cluster.succeed(story.pods()[0])
    story.cluster.results = {key: data + b" " for key, data in story.cluster.results.items()}
    story.turn(1)
    assert story.reason() is Reason.RESULT_CORRUPT


def _load_tests_end(story: Story, *points: PerfPoint) -> None:
    """A load test with one shard for each of these points, each shard's runner done."""
    story.submit(perf_spec(shards=len(points)))
    story.start()
    for pod in story.pods():
        story.cluster.succeed(pod, receipt=False)
    for (key, data), point in zip(story.cluster.results.items(), points, strict=True):
        result = PerfResult.model_validate_json(data).model_copy(update={"points": [point]})
        story.cluster.results[key] = result.model_dump_json(by_alias=True).encode()
    story.turn(1)


def _point(**fields: Any) -> PerfPoint:
    return PerfPoint(name="parallel_2_number_20", number=20, health=ClientHealth(processes=1, sent=10), **fields)


_LOST: dict[str, Any] = {"failed": 10, "errors": {"connect": 10}, "error_samples": {"connect": "refused"}}


def test_what_the_target_did_to_all_shards_decides(story: Story) -> None:
    """Two that found nobody have failed; the figures of both stand in the status."""
    _load_tests_end(story, _point(**_LOST), _point(**_LOST))
    assert (story.phase(), story.reason()) == (Phase.FAILED, Reason.ALL_REQUESTS_FAILED)
    ended = story.status.condition(ConditionType.SUCCEEDED)
    assert ended is not None
    assert ended.message == "20 of 20 requests failed: connect; the first of connect: refused"
    assert story.status.summary["parallel_2_number_20/success_rate"] == 0


def test_one_shard_that_found_nobody_is_a_result(story: Story) -> None:
    """The others' part is measured, and what failed is counted."""
    _load_tests_end(story, _point(succeeded=10), _point(**_LOST))
    assert (story.phase(), story.reason()) == (Phase.SUCCEEDED, Reason.COMPLETED)
    assert story.status.summary["parallel_2_number_20/success_rate"] == 0.5
    assert story.status.columns.verdict == "degraded"


def test_the_status_has_the_start_skew(story: Story) -> None:
    """From the first start to the last, by the clock that the shards share."""
    begun = [Begun(first_ns=first_ns, last_ns=first_ns + 2_000_000) for first_ns in (1_000_000, 6_000_000)]
    _load_tests_end(story, *(_point(succeeded=10, begun=each) for each in begun))
    assert story.status.start_skew_seconds == 0.007
    assert story.status.summary["parallel_2_number_20/start_skew_s"] == 0.007


def test_a_foreign_shard(story: Story) -> None:
    """The result of another shard in a shard's place."""
    story.submit(eval_spec(shards=2))
    story.start()
    for pod in story.pods():
        story.cluster.succeed(pod, receipt=False)
    (first, data), (second, _) = story.cluster.results.items()
    story.cluster.results = {first: data, second: data}
    story.turn(1)
    assert story.reason() is Reason.RESULT_CORRUPT


def test_the_store_is_away_for_too_long(story: Story) -> None:
    """Until its deadline the run collects; then the receipts do."""
    story.submit(eval_spec())
    story.start()
    story.cluster.succeed(story.pods()[0])
    story.cluster.store_up = False
    story.turn(1)
    assert story.phase() is Phase.COLLECTING
    story.turn(30)
    assert story.phase() is Phase.COLLECTING
    story.turn(31)
    story.turn(3)
    assert story.phase() is Phase.SUCCEEDED
    assert story.reason(ConditionType.RESULTS_COLLECTED) is Reason.INGEST_UNAVAILABLE


def test_the_store_is_full_for_too_long(story: Story) -> None:
    """Until its deadline the run says so and collects; then it has failed, and says what is left."""
    story.submit(eval_spec())
    story.start()
    story.cluster.succeed(story.pods()[0])
    story.cluster.store_full = True
    story.turn(1)
    assert (story.phase(), story.reason(ConditionType.RESULTS_COLLECTED)) == (Phase.COLLECTING, Reason.STORE_FULL)
    story.turn(31)
    story.turn(31)
    story.turn(3)
    assert (story.phase(), story.reason()) == (Phase.FAILED, Reason.STORE_FULL)


def test_a_full_store_that_gets_room_loses_nothing(story: Story) -> None:
    """The run succeeds."""
    story.submit(eval_spec())
    story.start()
    story.cluster.succeed(story.pods()[0])
    story.cluster.store_full = True
    story.turn(1)
    story.cluster.store_full = False
    story.turn(31)
    assert story.phase() is Phase.SUCCEEDED


def test_a_lost_job_that_had_delivered(story: Story) -> None:
    """Its work is not done twice."""
    story.submit(perf_spec())
    story.start()
    story.cluster.succeed(story.pods()[0])
    story.cluster.delete(story.cluster.of_kind("Job")[0])
    story.turn(1)
    assert story.phase() is Phase.SUCCEEDED
