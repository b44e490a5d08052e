"""Stories of one run through the operator's rooms over a small cluster: what the model test reaches only by luck."""

from typing import Any

import pytest

from evalkube_crds.names import ConditionType, Phase, Reason
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import Progress
from evalkube_operator import memory
from fakes.small_cluster import eval_spec, perf_spec
from fakes.story import Story

Object = dict[str, Any]


def test_bookkeeping_makes_way(story: Story) -> None:
    """Where other runs wait for their Jobs, a run's Job comes first, and its record when there is time."""
    story.operator.pressed = True
    story.submit(eval_spec())
    assert len(story.cluster.of_kind("Job")) == 1
    assert story.raw["status"] == {}
    story.operator.pressed = False
    story.turn()
    assert story.phase() is Phase.STARTING


def test_an_end_does_not_make_way(story: Story) -> None:
    """Somebody may be waiting for it: nor does the record that has to come before it."""
    story.operator.pressed = True
    story.submit(eval_spec())
    for pod in story.pods():
        story.cluster.start(pod)
        story.cluster.succeed(pod)
    story.turn()
    assert story.phase() is Phase.SUCCEEDED


def test_from_submission_to_success(story: Story) -> None:
    """Every phase on the way; what is announced is the end alone, where there was no trouble."""
    story.submit(eval_spec())
    assert story.phase() is Phase.STARTING
    story.start()
    assert story.phase() is Phase.RUNNING
    story.cluster.succeed(story.pods()[0])
    story.turn(1)
    assert story.phase() is Phase.SUCCEEDED
    assert story.status.job_name == "demo-e1"
    assert story.status.output_dir == "volume:///ns/demo"
    told = [announcement.reason for _, announcement in story.operator.announced]
    assert told == [Reason.COMPLETED]


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


def test_a_lost_job_is_a_further_attempt(story: Story) -> None:
    """Never the same one again, and after a pause."""
    story.submit(eval_spec())
    story.start()
    story.cluster.delete(story.cluster.of_kind("Job")[0])
    story.turn(1)
    assert story.status.attempts[-1].reason is Reason.JOB_LOST
    assert not story.cluster.of_kind("Job")
    story.turn(10)
    assert [job["metadata"]["name"] for job in story.cluster.of_kind("Job")] == ["demo-e2"]
    assert [attempt.number for attempt in story.status.attempts] == [1, 2]


def test_a_lost_job_that_had_delivered(story: Story) -> None:
    """Its work is not done twice."""
    story.submit(perf_spec())
    story.start()
    story.cluster.succeed(story.pods()[0])
    story.cluster.delete(story.cluster.of_kind("Job")[0])
    story.turn(1)
    assert story.phase() is Phase.SUCCEEDED


def test_a_load_test_ends_with_its_first_pod(story: Story) -> None:
    """An evaluation's pod is replaced, a load test's is not."""
    story.submit(perf_spec(shards=2))
    story.start()
    story.cluster.disrupt(story.pods()[0], "EvictionByEvictionAPI")
    story.operator.deliver()
    story.operator.work(("PerfRun", "ns", "demo"))
    assert story.reason() is Reason.EVICTED
    assert len(story.status.attempts) == 1


def test_a_replaced_pod_is_no_failure(story: Story) -> None:
    """While Kubernetes tries again, the status of an evaluation says it runs."""
    story.submit(eval_spec())
    story.start()
    story.cluster.end(story.pods()[0], 137)
    story.turn(1)
    assert story.phase() is Phase.RUNNING
    story.start()
    story.cluster.succeed(story.pods()[-1])
    story.turn(1)
    assert story.phase() is Phase.SUCCEEDED


def _warned(story: Story, pod: Object, message: str) -> None:
    about = {"kind": "Pod", "uid": pod["metadata"]["uid"]}
    times = {"lastTimestamp": story.cluster.now().isoformat()}
    metadata = {"namespace": "ns", "name": "e", "uid": f"e-{about['uid']}", "creationTimestamp": times["lastTimestamp"]}
    words = {"reason": "FailedMount", "message": message}
    story.cluster.events.append({"metadata": metadata, "involvedObject": about, **words, **times})


def test_what_a_silent_pod_waits_for_stands_in_its_events(story: Story) -> None:
    """Asked for after a while, once for all pods of the namespace."""
    story.submit(eval_spec(shards=3))
    story.cluster.events.append({"metadata": {"name": "poisoned"}, "involvedObject": {"kind": "Pod"}})
    for pod in story.pods():
        _warned(story, pod, "MountVolume.SetUp failed: timed out")
    story.turn(4)
    assert story.cluster.event_lists == 0
    story.turn(2)
    assert story.reason(ConditionType.RUNNING) is Reason.MOUNT_FAILED
    assert story.cluster.event_lists == 1


def test_no_events_are_read_of_a_pod_that_waits_for_a_node(story: Story) -> None:
    """The scheduler says in its status what is the matter."""
    story.cluster.node = None
    story.submit(eval_spec())
    story.turn(20)
    assert story.cluster.event_lists == 0


def test_a_queue_admits_the_job(story: Story) -> None:
    """With Kueue's label the Job begins suspended, and has no deadline before it is admitted."""
    story.submit(eval_spec(), labels={"kueue.x-k8s.io/queue-name": "q"})
    assert story.reason(ConditionType.RUNNING) is Reason.QUEUED
    story.turn(10_000)
    assert story.reason(ConditionType.RUNNING) is Reason.QUEUED
    job = story.cluster.of_kind("Job")[0]
    story.cluster.change(job, suspend=False)
    story.turn(1)
    assert story.phase() is Phase.STARTING
    story.turn(70)
    assert story.reason() is Reason.STARTUP_DEADLINE_EXCEEDED


def test_a_suspended_run_stops_and_goes_on_in_another_job(story: Story) -> None:
    """Its pods go while it is held back, not only when it is resumed; the attempt is not held against it."""
    story.submit(eval_spec(backoffLimit=0))
    story.start()
    story.cluster.change(story.raw, suspend=True)
    story.turn(1)
    story.turn(1)
    assert story.phase() is Phase.SUSPENDED
    assert not story.cluster.of_kind("Job")
    story.cluster.change(story.raw, suspend=False)
    story.turn(1)
    story.start()
    story.cluster.succeed(story.pods()[-1])
    story.turn(1)
    assert story.phase() is Phase.SUCCEEDED
    assert [attempt.number for attempt in story.status.attempts] == [1, 2]


def test_a_secret_may_come_late(story: Story) -> None:
    """The service makes the run first and then its Secret; without an owner it needs the label."""
    story.submit(eval_spec(apiKeySecretRef={"name": "key"}))
    assert story.reason(ConditionType.ACCEPTED) is Reason.SECRET_MISSING
    assert not story.cluster.of_kind("Job")
    meta = {"labels": {"evalkube.io/api-key": "true"}, "annotations": {"evalkube.io/hosts": "*"}}
    story.cluster.new("Secret", "key", metadata=meta)
    story.turn(3)
    assert story.cluster.of_kind("Job")
    story.start()
    story.cluster.succeed(story.pods()[0])
    story.turn(1)
    assert story.cluster.of_kind("Secret"), "somebody else's Secret stays"


def test_what_kubectl_get_prints_of_it(story: Story) -> None:
    """The reason at each step; at the end the figure, the verdict and the gate."""
    story.submit(perf_spec(thresholds=[{"metric": "rps", "op": ">", "value": 1e9}]))
    assert story.status.columns.reason == "Starting"
    story.cluster.wait_for(story.pods()[0], "ImagePullBackOff")
    story.turn()
    assert story.status.columns.reason == "ImagePullFailed"
    story.start()
    story.cluster.succeed(story.pods()[0])
    story.turn(1)
    shown = story.status.columns
    assert (shown.reason, shown.verdict, shown.gate) == ("Completed", "valid", "missed")
    assert shown.score is None


def test_a_suspended_run_is_called_so(story: Story) -> None:
    """Phase and reason, before its first Job and after."""
    story.submit(eval_spec(suspend=True))
    assert (story.phase(), story.status.columns.reason) == (Phase.SUSPENDED, "Suspended")
    story.cluster.change(story.raw, suspend=False)
    story.turn()
    story.start()
    story.cluster.change(story.raw, suspend=True)
    story.turn(1)
    assert story.phase() is Phase.SUSPENDED


@pytest.mark.parametrize(("limited", "phase"), [("pods=0", Phase.FAILED), ("pods=3", Phase.STARTING)])
def test_a_quota_that_never_has_room_ends_the_run_at_once(story: Story, limited: str, phase: Phase) -> None:
    """And is the reason that people see; one that is used up is waited for."""
    story.cluster.controllers = lambda: None  # type: ignore[method-assign]  # no pod is made
    story.submit(eval_spec())
    (job,) = story.cluster.of_kind("Job")
    words = f'pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: {limited}, limited: {limited}'
    about = {"kind": "Job", "namespace": "ns", "name": "demo-e1", "uid": job["metadata"]["uid"]}
    story.cluster.new("Event", "e", involvedObject=about, reason="FailedCreate", message=words)
    story.turn(1)
    assert (story.phase(), story.status.columns.reason) == (phase, "QuotaExceeded")
    told = story.status.condition(ConditionType.RUNNING if phase is Phase.STARTING else ConditionType.SUCCEEDED)
    assert told is not None
    assert words in told.message


def test_both_kinds_may_have_a_run_of_one_name(story: Story) -> None:
    """Each has its own Job, and ends by it."""
    story.submit(eval_spec())
    story.submit(perf_spec())
    assert {raw["metadata"]["name"] for raw in story.cluster.of_kind("Job")} == {"demo-e1", "demo-p1"}
    story.start()
    for pod in story.pods():
        story.cluster.succeed(pod)
    for story.kind in ("PerfRun", "EvalRun"):
        story.turn(1)
        assert story.phase() is Phase.SUCCEEDED


def test_a_job_of_an_earlier_operators_name_goes_on(story: Story) -> None:
    """After an upgrade the Job on record is the run's, whatever Jobs are called by now."""
    story.submit(eval_spec())
    job = story.cluster.objects.pop(("Job", "ns", "demo-e1"))
    job["metadata"]["name"] = story.raw["status"]["jobName"] = "demo-1"
    story.cluster.objects["Job", "ns", "demo-1"] = job
    story.operator.restart()
    story.turn()
    story.start()
    story.cluster.succeed(story.pods()[0])
    story.turn(1)
    assert (story.phase(), story.status.job_name) == (Phase.SUCCEEDED, "demo-1")
    assert len(story.cluster.created_jobs) == 1


def test_a_foreign_job_of_that_name(story: Story) -> None:
    """Waited for while its owner may be going, then refused."""
    owner = {"kind": "EvalRun", "name": "demo", "uid": "before", "controller": True}
    story.cluster.new("Job", "demo-e1", spec={}, status={"conditions": []}, metadata={"ownerReferences": [owner]})
    story.cluster.controllers = lambda: None  # type: ignore[method-assign]  # nobody collects the garbage
    story.submit(eval_spec())
    assert story.phase() is Phase.QUEUED
    for _ in range(5):
        story.turn(30)
    assert story.reason() is Reason.NAME_CONFLICT


def test_the_run_goes_when_its_time_is_over(story: Story) -> None:
    """Its finished Job is let go first, after the results are on record."""
    story.submit(eval_spec(ttlSecondsAfterFinished=100))
    story.start()
    story.cluster.succeed(story.pods()[0])
    story.turn(1)
    assert story.cluster.of_kind("Job")[0]["spec"]["ttlSecondsAfterFinished"] == 3600
    story.turn(98)
    assert story.cluster.of_kind("EvalRun")
    story.turn(3)
    assert not story.cluster.of_kind("EvalRun")


def test_the_limit_is_each_shard_s_own(story: Story) -> None:
    """Of two shards that may each be tried twice, one fails twice: the run has failed, its Job would go on."""
    story.submit(eval_spec(shards=2, backoffLimit=1))
    for _ in range(2):
        for pod in story.pods():
            if pod["status"]["phase"] == "Pending":
                story.cluster.start(pod)
        story.turn(1)
        story.cluster.end(next(pod for pod in story.pods() if "-0-" in pod["metadata"]["name"] and _runs(pod)), 137)
        story.turn(1)
    assert not story.cluster.of_kind("Job")[0]["status"].get("conditions")
    assert story.phase() is Phase.FAILED
    assert story.reason() is Reason.RUNNER_KILLED
    story.turn(11)
    assert not story.cluster.of_kind("Job")


def test_failures_of_several_shards_do_not_add_up(story: Story) -> None:
    """Each of them is tried again."""
    story.submit(eval_spec(shards=2, backoffLimit=1))
    story.start()
    for pod in story.pods():
        story.cluster.end(pod, 137)
    story.turn(1)
    assert len([pod for pod in story.pods() if pod["status"]["phase"] == "Pending"]) == 2
    assert story.phase() is Phase.RUNNING


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


def _runs(pod: Object) -> bool:
    return bool(pod["status"]["phase"] == "Running")
