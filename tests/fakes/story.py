"""One run named demo through the operator's rooms over a small cluster, told step by step."""

from typing import Any

from evalkube_crds.names import ConditionType, Phase, Reason
from evalkube_crds.status import RunStatus
from evalkube_operator.installer_rules import Rules
from fakes.small_cluster import SmallCluster
from fakes.small_operator import SmallOperator

__all__ = ["Story"]

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
