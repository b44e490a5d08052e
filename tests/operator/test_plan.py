"""Stories of one run through the operator's rooms over a small cluster: what the model test reaches only by luck."""

from typing import Any

import pytest

from evalkube_crds.names import ConditionType, Phase, Reason
from fakes.small_cluster import eval_spec, perf_spec
from fakes.story import Story

Object = dict[str, Any]


def test_bookkeeping_comes_after_jobs(story: Story) -> None:
    """Where other runs wait for their Jobs, a run's Job comes first, and its record when there is time."""
    story.operator.pressed = True
    story.submit(eval_spec())
    assert len(story.cluster.of_kind("Job")) == 1
    assert story.raw["status"] == {}
    story.operator.pressed = False
    story.turn()
    assert story.phase() is Phase.STARTING


def test_the_end_of_a_run_is_not_deferred(story: Story) -> None:
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


def _runs(pod: Object) -> bool:
    return bool(pod["status"]["phase"] == "Running")
