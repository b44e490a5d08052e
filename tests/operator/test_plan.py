"""Stories of one run through the operator's rooms over a small cluster: what the model test reaches only by luck."""

from collections.abc import Iterator
from typing import Any

import pytest

from evalkube_crds.names import ConditionType, Phase, Reason
from evalkube_crds.status import RunStatus
from evalkube_operator.rules import Rules
from fakes.small_cluster import SmallCluster, eval_spec, perf_spec
from fakes.small_operator import SmallOperator

Object = dict[str, Any]


class Story:
    """A run named demo, and everything around it."""

    def __init__(self, **rules: Any) -> None:
        self.cluster = SmallCluster()
        self.operator = SmallOperator(self.cluster, Rules(allow=frozenset({"resources"}), **rules))
        self.kind = "EvalRun"

    def submit(self, spec: Object, **metadata: Any) -> None:
        """A user applies the run."""
        self.kind = "PerfRun" if "url" in spec else "EvalRun"
        self.cluster.new(self.kind, "demo", spec=spec, status={}, metadata=metadata)
        self.turn()

    def turn(self, seconds: float = 0.0) -> float | None:
        """Time passes, Kubernetes and the operator do their work."""
        self.cluster.now_s += seconds
        wait_s = None
        for _ in range(3):
            self.cluster.controllers()
            self.operator.deliver()
            wait_s = self.operator.work((self.kind, "ns", "demo"))
        return wait_s

    def pods(self) -> list[Object]:
        """All pods."""
        return self.cluster.of_kind("Pod")

    def start(self) -> None:
        """Every pod starts."""
        for pod in self.pods():
            self.cluster.start(pod)
        self.turn(1)

    @property
    def raw(self) -> Object:
        """The run as the API server has it."""
        return self.cluster.objects[self.kind, "ns", "demo"]

    @property
    def status(self) -> RunStatus:
        """Its status."""
        return RunStatus.model_validate(self.raw["status"])

    def phase(self) -> Phase:
        """The word for it."""
        return self.status.phase

    def reason(self, kind: ConditionType = ConditionType.SUCCEEDED) -> Reason:
        """Why a condition is what it is."""
        found = self.status.condition(kind)
        assert found is not None
        return found.reason


@pytest.fixture
def story() -> Iterator[Story]:
    """A new one, whose threads end with the test."""
    made = Story()
    yield made
    made.operator.close()


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
    """Every phase on the way, and one announcement for each."""
    story.submit(eval_spec())
    assert story.phase() is Phase.STARTING
    story.start()
    assert story.phase() is Phase.RUNNING
    story.cluster.succeed(story.pods()[0])
    story.turn(1)
    assert story.phase() is Phase.SUCCEEDED
    assert story.status.job_name == "demo-1"
    assert story.status.output_dir == "volume:///ns/demo"
    told = [announcement.reason for _, announcement in story.operator.announced]
    assert told == [Reason.STARTING, Reason.STARTED, Reason.COMPLETED]


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


def test_a_lost_job_is_a_further_attempt(story: Story) -> None:
    """Never the same one again, and after a pause."""
    story.submit(eval_spec())
    story.start()
    story.cluster.delete(story.cluster.of_kind("Job")[0])
    story.turn(1)
    assert story.status.attempts[-1].reason is Reason.JOB_LOST
    assert not story.cluster.of_kind("Job")
    story.turn(10)
    assert [job["metadata"]["name"] for job in story.cluster.of_kind("Job")] == ["demo-2"]
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
    assert story.phase() is Phase.QUEUED
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


KEY: Object = {"apiKeySecretRef": {"name": "key"}, "apiUrl": "https://api.example.org/v1"}
JUDGE: Object = {
    "judge": {"apiKeySecretRef": {"name": "key"}, "models": [{"model": "j", "apiUrl": "http://j:8000/v1"}]}
}
OPTED_IN: Object = {"labels": {"evalkube.io/api-key": "true"}}
DATA: list[Object] = [{"name": "d", "configMap": "numbers"}]
CLAIM: list[Object] = [{"name": "d", "persistentVolumeClaim": "disk"}]
MOUNTABLE: Object = {"labels": {"evalkube.io/data": "true"}}


def for_hosts(hosts: str) -> Object:
    """Metadata of a Secret that is opted in, for those hosts."""
    return {**OPTED_IN, "annotations": {"evalkube.io/hosts": hosts}}


WITHHELD: dict[str, tuple[Object, str, Object | None, Reason]] = {
    "no Secret": (KEY, "Secret", None, Reason.SECRET_MISSING),
    "a Secret without a label": (KEY, "Secret", {}, Reason.SECRET_NOT_OPTED_IN),
    "another label": (KEY, "Secret", {"labels": {"evalkube.io/api-key": "yes"}}, Reason.SECRET_NOT_OPTED_IN),
    "a Secret that names no hosts": (KEY, "Secret", OPTED_IN, Reason.KEY_HOST_FORBIDDEN),
    "a Secret for another host": (KEY, "Secret", for_hosts("api.example.com"), Reason.KEY_HOST_FORBIDDEN),
    "a Secret for another port": (KEY, "Secret", for_hosts("api.example.org:8443"), Reason.KEY_HOST_FORBIDDEN),
    "a Secret for nothing": (KEY, "Secret", for_hosts(""), Reason.KEY_HOST_FORBIDDEN),
    "a judge elsewhere": (JUDGE, "Secret", for_hosts("api.example.org"), Reason.KEY_HOST_FORBIDDEN),
    "a key for one of its two uses": ({**KEY, **JUDGE}, "Secret", for_hosts("j"), Reason.KEY_HOST_FORBIDDEN),
    "no ConfigMap": ({"data": DATA}, "ConfigMap", None, Reason.CONFIG_MAP_MISSING),
    "a ConfigMap without a label": ({"data": DATA}, "ConfigMap", {}, Reason.DATA_NOT_OPTED_IN),
    "a ConfigMap that is a key": ({"data": DATA}, "ConfigMap", OPTED_IN, Reason.DATA_NOT_OPTED_IN),
    "no claim": ({"data": CLAIM}, "PersistentVolumeClaim", None, Reason.CLAIM_MISSING),
    "a claim without a label": ({"data": CLAIM}, "PersistentVolumeClaim", {}, Reason.DATA_NOT_OPTED_IN),
}
NAMES = {"Secret": "key", "ConfigMap": "numbers", "PersistentVolumeClaim": "disk"}


@pytest.mark.parametrize(("fields", "kind", "metadata", "reason"), WITHHELD.values(), ids=WITHHELD.keys())
def test_what_a_run_names_must_be_meant_for_it(
    story: Story, fields: Object, kind: str, metadata: Object | None, reason: Reason
) -> None:
    """Nothing is mounted before that; a minute is left to mend it, then the run has failed."""
    if metadata is not None:
        story.cluster.new(kind, NAMES[kind], metadata=metadata)
    story.submit(eval_spec(**fields))
    assert story.reason(ConditionType.ACCEPTED) is reason
    story.turn(70)
    assert (story.phase(), story.reason()) == (Phase.FAILED, reason)
    assert not story.cluster.created_jobs


MEANT: dict[str, tuple[Object, str, Object]] = {
    "a key for its host": (KEY, "Secret", for_hosts("api.example.org")),
    "a key for its domain": (KEY, "Secret", for_hosts("a.org, *.example.org")),
    "a key for both uses": ({**KEY, **JUDGE}, "Secret", for_hosts("api.example.org:443 j:8000")),
    "a ConfigMap": ({"data": DATA}, "ConfigMap", MOUNTABLE),
    "a claim": ({"data": CLAIM}, "PersistentVolumeClaim", MOUNTABLE),
}


@pytest.mark.parametrize(("fields", "kind", "metadata"), MEANT.values(), ids=MEANT.keys())
def test_what_is_meant_for_runs_is_mounted(story: Story, fields: Object, kind: str, metadata: Object) -> None:
    """By its label and, for a key, its hosts; also where they come after the run."""
    story.cluster.new(kind, NAMES[kind], metadata={})
    story.submit(eval_spec(**fields))
    assert not story.cluster.created_jobs
    story.cluster.delete(story.cluster.objects[kind, "ns", NAMES[kind]])
    story.cluster.new(kind, NAMES[kind], metadata=metadata)
    story.turn(3)
    assert story.cluster.created_jobs


@pytest.mark.parametrize(("metadata", "created"), [(OPTED_IN, True), (for_hosts("elsewhere.org"), False)])
def test_the_installer_may_let_keys_go_anywhere(metadata: Object, created: bool) -> None:
    """A Secret that names no hosts is for every host then; one that names some still is for those."""
    story = Story(require_key_hosts=False)
    story.cluster.new("Secret", "key", metadata=metadata)
    story.submit(eval_spec(**KEY))
    assert bool(story.cluster.created_jobs) is created
    story.operator.close()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: eval_spec(apiUrl="http://169.254.169.254/v1"), Reason.TARGET_FORBIDDEN),
        (lambda: eval_spec(runner={"image": "mine"}), Reason.FORBIDDEN),
        (lambda: eval_spec(datasets=["nosuch"]), Reason.INVALID_SPEC),
        (lambda: eval_spec(datasetArgs={"gsm8k": {"localPath": "/etc/passwd"}}), Reason.PATH_FORBIDDEN),
        (lambda: perf_spec(datasetPath="/var/run/secrets/evalkube/token"), Reason.PATH_FORBIDDEN),
        (lambda: perf_spec(prompt="@/etc/evalkube/api-key/api-key"), Reason.PATH_FORBIDDEN),
        (lambda: perf_spec(queryTemplate="@/data/d/../../etc/passwd", data=DATA), Reason.PATH_FORBIDDEN),
        (lambda: perf_spec(tokenizerPath="/data/other", data=DATA), Reason.PATH_FORBIDDEN),
        (lambda: perf_spec(datasetArgs={"prefixFile": "prefix.txt"}), Reason.PATH_FORBIDDEN),
        (lambda: eval_spec(generationConfig={"extraBody": {"x": "y" * 300_000}}), Reason.INVALID_SPEC),
    ],
    ids=[
        *("target", "override", "contract"),
        *("a file of the image", "the token", "the key", "a detour", "data that is not mounted", "a relative path"),
        "size",
    ],
)
def test_what_is_refused_has_no_job(story: Story, make: Any, reason: Reason) -> None:
    """And says why, at once."""
    story.submit(make())
    assert story.reason() is reason
    assert story.reason(ConditionType.ACCEPTED) is reason
    assert not story.cluster.created_jobs


def test_a_foreign_job_of_that_name(story: Story) -> None:
    """Waited for while its owner may be going, then refused."""
    owner = {"kind": "EvalRun", "name": "demo", "uid": "before", "controller": True}
    story.cluster.new("Job", "demo-1", spec={}, status={"conditions": []}, metadata={"ownerReferences": [owner]})
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
