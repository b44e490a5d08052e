"""Many runs through the operator's rooms over a small cluster of few places, second by second."""

from dataclasses import dataclass, field
from typing import Any

from evalkube_crds.names import Phase
from evalkube_crds.status import RunStatus
from evalkube_operator.cache import Key
from evalkube_operator.installer_rules import Rules
from evalkube_operator.line import Limits
from fakes.small_cluster import SmallCluster, eval_spec, perf_spec
from fakes.small_operator import SmallOperator

__all__ = ["Crowd", "Planned"]

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Planned:
    """A run that a user is going to apply: when, how many pods it has, and how long each works."""

    kind: str
    shards: int
    lasts_s: int
    at_s: int = 0
    namespace: str = "ns"


@dataclass
class Crowd:
    """The runs are named after their place in `planned`."""

    planned: list[Planned]
    room: int
    limits: Limits
    restarts: frozenset[int] = frozenset()
    due: dict[Key, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cluster = SmallCluster(room=self.room)
        self.operator = SmallOperator(self.cluster, Rules(), self.limits)
        self.running_since: dict[str, float] = {}
        self.started: list[str] = []

    def second(self) -> None:
        """A second passes, and everybody does what there is to do."""
        now_s = self.cluster.now_s
        for number, planned in enumerate(self.planned):
            if planned.at_s == now_s:
                self._submit(number, planned)
        if now_s in self.restarts:
            self.operator.restart()
        if now_s % 5 == 0:
            self.operator.look_for_room()
        for _ in range(3):
            self.cluster.controllers()
            self.operator.deliver()
            self._work()
        self._run_pods()
        self.cluster.now_s += 1

    def _submit(self, number: int, planned: Planned) -> None:
        make = eval_spec if planned.kind == "EvalRun" else perf_spec
        metadata = {"namespace": planned.namespace}
        spec = make(shards=planned.shards, deadlines={"startup": 60, "active": None, "collect": 60})
        self.cluster.new(planned.kind, f"run-{number}", spec=spec, status={}, metadata=metadata)

    def _work(self) -> None:
        now_s = self.cluster.now_s
        for key in sorted(self.operator.wanted | {key for key, at in self.due.items() if at <= now_s}):
            self.due.pop(key, None)
            wait_s = self.operator.work(key)
            if wait_s is not None:
                self.due[key] = now_s + wait_s

    def _run_pods(self) -> None:
        """What has a node runs; a load test's pods begin when all are there; each ends when its time is over."""
        for job in self.cluster.of_kind("Job"):
            pods = self.cluster.owned_by(job["metadata"]["uid"])
            for pod in pods:
                if pod["status"]["phase"] == "Pending" and "nodeName" in pod["spec"]:
                    self.cluster.start(pod)
            running = [pod for pod in pods if pod["status"]["phase"] == "Running"]
            together = job["metadata"]["labels"]["evalkube.io/kind"] == "PerfRun"
            if not together or len(running) + _ended(pods) == job["spec"]["completions"]:
                self._work_on(job, running)

    def _work_on(self, job: Object, pods: list[Object]) -> None:
        name = job["metadata"]["labels"]["evalkube.io/run"]
        if name not in self.started:
            self.started.append(name)
        lasts_s = self.planned[int(name.removeprefix("run-"))].lasts_s
        for pod in pods:
            since_s = self.running_since.setdefault(pod["metadata"]["uid"], self.cluster.now_s)
            if self.cluster.now_s >= since_s + lasts_s:
                self.cluster.succeed(pod)

    def pods_at_work(self, namespace: str | None = None) -> dict[str, int]:
        """How many pods each run may have that has a Job at work."""
        at_work: dict[str, int] = {}
        for job in self.cluster.of_kind("Job"):
            ended = job["status"].get("conditions")
            if not ended and namespace in (None, job["metadata"]["namespace"]):
                name = job["metadata"]["labels"]["evalkube.io/run"]
                at_work[name] = at_work.get(name, 0) + job["spec"]["completions"] - len(job["status"].get("done", ()))
        return at_work

    def half_placed(self) -> list[str]:
        """Load tests at work of whose pods some have a node and some have none: none of them can go on."""
        found = []
        for job in self.cluster.of_kind("Job"):
            if job["metadata"]["labels"]["evalkube.io/kind"] == "PerfRun" and not job["status"].get("conditions"):
                placed = sum(1 for pod in self.cluster.owned_by(job["metadata"]["uid"]) if "nodeName" in pod["spec"])
                if 0 < placed < job["spec"]["completions"]:
                    found.append(job["metadata"]["name"])
        return found

    def status(self, number: int) -> RunStatus:
        """Of a run that has been applied."""
        planned = self.planned[number]
        raw = self.cluster.objects[planned.kind, planned.namespace, f"run-{number}"]
        return RunStatus.model_validate(raw["status"])

    def until_all_ended(self, at_most_s: int) -> None:
        """Second by second, to the end."""
        last = max(planned.at_s for planned in self.planned)
        for _ in range(at_most_s):
            self.second()
            if self.cluster.now_s > last and all(phase.terminal for phase in self.phases()):
                return
        raise AssertionError(f"after {at_most_s} s: {self.phases()}")

    def phases(self) -> list[Phase]:
        """Of all runs, in their order."""
        return [self.status(number).phase for number in range(len(self.planned))]

    def close(self) -> None:
        """Its loop and threads end."""
        self.operator.close()


def _ended(pods: list[Object]) -> int:
    return sum(1 for pod in pods if pod["status"]["phase"] == "Succeeded")
