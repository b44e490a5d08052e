"""The operator against a small cluster in which anything happens in any order: what must hold always, and at last."""

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from evalkube_crds.status import RunStatus
from evalkube_operator.cache import Key
from fakes.small_cluster import SmallCluster, eval_spec, perf_spec
from fakes.small_operator import SmallOperator

FAULTS = ["crash before", "crash after", "lost before", "lost after"]
Object = dict[str, Any]


class Anything(RuleBasedStateMachine):
    """One run (and its namesakes after it), its Jobs and pods, its operator and its users."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster = SmallCluster()
        self.operator = SmallOperator(self.cluster)
        self.ended: dict[str, Object] = {}
        self.patient = True
        self.recorded: dict[tuple[str, int], str] = {}

    @initialize(
        kind=st.sampled_from(["EvalRun", "PerfRun"]),
        shards=st.integers(1, 2),
        limit=st.integers(0, 2),
        patient=st.sampled_from([True, True, False]),
        full=st.sampled_from([False, False, True]),
    )
    def submit(self, kind: str, shards: int, limit: int, patient: bool, full: bool) -> None:
        """A user applies a run, while the store has room or not; a patient one neither cancels nor deletes it."""
        self.cluster.store_full = full
        self.kind, self.patient = kind, patient
        make = eval_spec if kind == "EvalRun" else perf_spec
        self.spec = make(shards=shards, backoffLimit=limit, apiKeySecretRef={"name": "key", "key": "api-key"})
        self.key: Key = (kind, "ns", "demo")
        self._make()

    def _make(self) -> None:
        run = self.cluster.new(self.kind, "demo", spec=dict(self.spec), status={})
        if ("Secret", "ns", "key") in self.cluster.objects:
            self.cluster.delete(self.cluster.objects["Secret", "ns", "key"])
        owner = {"kind": self.kind, "name": "demo", "uid": run["metadata"]["uid"], "controller": True}
        self.cluster.new("Secret", "key", metadata={"ownerReferences": [owner]})

    def run(self) -> Object | None:
        """The run as the API server has it."""
        return self.cluster.objects.get(self.key)

    def pods(self, *phases: str) -> list[Object]:
        """The pods in these phases."""
        return [pod for pod in self.cluster.of_kind("Pod") if pod["status"]["phase"] in phases]

    # the operator

    @rule(fault=st.none() | st.tuples(st.integers(0, 3), st.sampled_from(FAULTS)), pressed=st.booleans())
    def work(self, fault: tuple[int, str] | None, pressed: bool) -> None:
        """The operator looks at the run, among others or not; the n-th call that changes something may go wrong."""
        self.cluster.fault, self.operator.pressed = fault, pressed
        self._look()
        self.cluster.fault, self.operator.pressed = None, False

    def _look(self) -> float | None:
        """No Job is made while the operator knows that the store is full."""
        made = len(self.cluster.created_jobs)
        wait_s = self.operator.work(self.key)
        room = self.operator.storage.room()
        if room is not None and room.shortage:
            assert len(self.cluster.created_jobs) == made
        return wait_s

    @rule(count=st.integers(1, 5))
    def deliver(self, count: int) -> None:
        """Watches tell a little."""
        self.operator.deliver(count)

    @rule()
    def miss(self) -> None:
        """A watch loses something; the next list makes up for it."""
        if self.cluster.watch:
            self.cluster.watch.popleft()

    @rule(start=st.booleans())
    def an_ordinary_while(self, start: bool) -> None:
        """Everything works for a moment."""
        for _ in range(2):
            self.cluster.controllers()
            self.operator.deliver()
            self._look()
            self.cluster.now_s += 1
        for pod in self.pods("Pending") if start else []:
            self.cluster.start(pod)

    @precondition(lambda self: self.pods("Running"))
    @rule(delivered=st.sampled_from([True, True, False]))
    def all_succeed(self, delivered: bool) -> None:
        """All running shards end well."""
        for pod in self.pods("Running"):
            self.succeed_one(pod, delivered=delivered, receipt=True)

    @rule()
    def restart(self) -> None:
        """The operator is killed."""
        self.operator.restart()

    @rule()
    def relist(self) -> None:
        """The regular list of everything."""
        self.operator.relist()

    # Kubernetes

    @rule()
    def controllers(self) -> None:
        """Kubernetes does its work."""
        self.cluster.controllers()

    @rule(seconds=st.sampled_from([0.1, 1.0, 10.0, 70.0, 400.0]))
    def later(self, seconds: float) -> None:
        """Time passes."""
        self.cluster.now_s += seconds

    @precondition(lambda self: self.pods("Pending"))
    @rule(data=st.data(), held=st.sampled_from([None, None, "ImagePullBackOff", "CreateContainerConfigError"]))
    def start(self, data: st.DataObject, held: str | None) -> None:
        """A pod starts, or cannot."""
        pod = data.draw(st.sampled_from(self.pods("Pending")), "pod")
        self.cluster.start(pod) if held is None else self.cluster.wait_for(pod, held)

    @precondition(lambda self: self.pods("Running"))
    @rule(data=st.data(), delivered=st.booleans(), receipt=st.booleans())
    def succeed(self, data: st.DataObject, delivered: bool, receipt: bool) -> None:
        """A runner ends well, with or without having been heard."""
        pod = data.draw(st.sampled_from(self.pods("Running")), "pod")
        self.succeed_one(pod, delivered=delivered, receipt=receipt)

    @precondition(lambda self: self.pods("Running"))
    @rule(data=st.data())
    def say_the_last_word(self, data: st.DataObject) -> None:
        """A runner has delivered and says so; its pod ends when it ends."""
        pod = data.draw(st.sampled_from(self.pods("Running")), "pod")
        if any(job["metadata"]["uid"] == _owner(pod) for job in self.cluster.of_kind("Job")):
            self.operator.hear(pod)

    def succeed_one(self, pod: Object, *, delivered: bool, receipt: bool) -> None:
        """Its Job may be gone already; then nobody counts it."""
        if any(job["metadata"]["uid"] == _owner(pod) for job in self.cluster.of_kind("Job")):
            self.cluster.succeed(pod, delivered=delivered, receipt=receipt)

    @precondition(lambda self: self.pods("Running"))
    @rule(data=st.data(), code=st.sampled_from([1, 64, 66, 137, 143]))
    def fail(self, data: st.DataObject, code: int) -> None:
        """A runner ends badly."""
        self.cluster.end(data.draw(st.sampled_from(self.pods("Running")), "pod"), code)

    @precondition(lambda self: self.pods("Pending", "Running"))
    @rule(data=st.data(), how=st.sampled_from(["evict", "delete", "lose"]))
    def take_away(self, data: st.DataObject, how: str) -> None:
        """A pod is evicted, deleted, or its node is lost."""
        pod = data.draw(st.sampled_from(self.pods("Pending", "Running")), "pod")
        if how == "delete":
            self.cluster.delete(pod)
        else:
            pod["lost"] = how == "lose"
            self.cluster.disrupt(pod, "DeletionByTaintManager" if how == "lose" else "EvictionByEvictionAPI")

    @rule(up=st.booleans(), full=st.sampled_from([False, False, True]))
    def store(self, up: bool, full: bool) -> None:
        """The store goes, fills up, or comes back."""
        self.cluster.store_up, self.cluster.store_full = up, full

    @rule()
    def look_for_room(self) -> None:
        """The operator asks a store that was full whether it still is."""
        self.operator.look_for_room()

    # people

    @precondition(lambda self: self.run() is not None)
    @rule(suspend=st.booleans())
    def suspend(self, suspend: bool) -> None:
        """A user suspends or resumes the run."""
        self.cluster.change(self.cluster.objects[self.key], suspend=suspend)

    @precondition(lambda self: self.run() is not None and not self.patient)
    @rule()
    def cancel(self) -> None:
        """A user cancels the run."""
        self.cluster.change(self.cluster.objects[self.key], cancel=True)

    @precondition(lambda self: self.cluster.of_kind("Job"))
    @rule()
    def delete_job(self) -> None:
        """Somebody deletes a Job."""
        self.cluster.delete(self.cluster.of_kind("Job")[0])

    @precondition(lambda self: self.run() is not None and not self.patient)
    @rule(again=st.booleans())
    def delete(self, again: bool) -> None:
        """A user deletes the run, and perhaps applies it again."""
        self.cluster.delete(self.cluster.objects[self.key])
        if again:
            self._make()

    # what always holds

    @invariant()
    def one_live_job(self) -> None:
        """Never two Jobs of one run at work at the same time."""
        busy: dict[str, int] = {}
        for job in self.cluster.of_kind("Job"):
            if not job["status"].get("conditions"):
                uid = job["metadata"]["labels"]["evalkube.io/run-uid"]
                busy[uid] = busy.get(uid, 0) + 1
        assert all(count == 1 for count in busy.values())

    @invariant()
    def terminal_is_sticky(self) -> None:
        """What has ended never changes."""
        run = self.run()
        if run is None or not RunStatus.model_validate(run.get("status") or {}).phase.terminal:
            return
        assert self.ended.setdefault(run["metadata"]["uid"], run["status"]) == run["status"]

    @invariant()
    def no_attempt_twice(self) -> None:
        """A Job that was on record is the only one that its attempt ever had."""
        run = self.run()
        status = RunStatus.model_validate((run or {}).get("status") or {})
        if run is None or status.job_uid is None or not status.attempts:
            return
        attempt = (run["metadata"]["uid"], status.attempts[-1].number)
        assert self.recorded.setdefault(attempt, status.job_uid) == status.job_uid

    @invariant()
    def numbers_rise(self) -> None:
        """Attempts are numbered in order, and only the last one is open."""
        attempts = RunStatus.model_validate((self.run() or {}).get("status") or {}).attempts
        numbers = [attempt.number for attempt in attempts]
        assert numbers == sorted(set(numbers))
        assert all(attempt.reason is not None for attempt in attempts[:-1])

    @invariant()
    def results_first(self) -> None:
        """A Job may go by itself only when its run has ended, with the results on record."""
        self.terminal_is_sticky()
        for job in self.cluster.of_kind("Job"):
            if "ttlSecondsAfterFinished" in job["spec"]:
                assert job["metadata"]["labels"]["evalkube.io/run-uid"] in self.ended

    # what holds at last

    def teardown(self) -> None:
        """With room in the store and no suspension every run ends, within its deadlines, and leaves nothing at work."""
        try:
            if self.run() is not None:
                self._settle()
        finally:
            self.operator.close()

    def _settle(self) -> None:
        self.cluster.change(self.cluster.objects[self.key], suspend=False)
        self.cluster.store_up, self.cluster.store_full = True, False
        began = self.cluster.now()
        attempts = self.spec["backoffLimit"] + 2
        while not self._at_rest():
            self.cluster.controllers()
            self.operator.relist()
            self.operator.look_for_room()
            wait_s = self._look()
            self.cluster.now_s += min(max(wait_s if wait_s is not None else 5.0, 0.05), 30.0)
            assert self.cluster.now() - began < timedelta(seconds=attempts * (60 + 300 + 60 + 660) + 600)
        assert ("Secret", "ns", "key") not in self.cluster.objects
        self.terminal_is_sticky()
        self.operator.restart()
        self.operator.work(self.key)
        self.terminal_is_sticky()

    def _at_rest(self) -> bool:
        run = self.run()
        assert run is not None
        if not RunStatus.model_validate(run.get("status") or {}).phase.terminal:
            return False
        uid = run["metadata"]["uid"]
        return not any(_live(job) for job in self.cluster.of_kind("Job") if _owner(job) == uid)


def _live(job: Object) -> bool:
    return not job["status"].get("conditions")


def _owner(raw: Object) -> str:
    return str(raw["metadata"]["ownerReferences"][0]["uid"])


TestAnything = Anything.TestCase
TestAnything.settings = settings(max_examples=60, stateful_step_count=30, suppress_health_check=list(HealthCheck))
