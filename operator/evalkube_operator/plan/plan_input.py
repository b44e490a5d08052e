"""The input of a run's plan: one observation of the run and of what is around it."""

from dataclasses import dataclass
from datetime import datetime

from evalkube_crds import transitions
from evalkube_crds.names import ConditionType
from evalkube_crds.status import RunStatus
from evalkube_operator.actions import Seen
from evalkube_operator.facts import JobFact, PodFact, RunFact
from evalkube_operator.installer_rules import Rules

__all__ = ["PlanInput"]


@dataclass(frozen=True, slots=True)
class PlanInput:
    """The input of a plan: a run, the objects around it, the time, and the rules."""

    run: RunFact
    seen: Seen
    now: datetime
    rules: Rules
    output_dir: str | None = None

    @property
    def status(self) -> RunStatus:
        """The status that the run has on record."""
        return self.run.status

    def pods_of(self, job_uid: str | None) -> list[PodFact]:
        """The pods of one Job."""
        return [pod for pod in self.seen.pods if pod.job_uid == job_uid]

    def job_named(self, name: str) -> JobFact | None:
        """The run's Job of that name, if it is known."""
        return next((job for job in self.seen.jobs if job.name == name), None)

    def done_shards(self, job: JobFact) -> set[int]:
        """The shards whose pod has succeeded, or whose runner has said so."""
        return {pod.index for pod in self.pods_of(job.uid) if pod.phase == "Succeeded"} | set(self.seen.receipts)

    @property
    def ran(self) -> bool:
        """Whether the status says that this attempt's pods have run."""
        return transitions.since(self.status, ConditionType.RUNNING, "True") is not None

    @property
    def attempt(self) -> int:
        """The number of the last attempt on record."""
        return self.status.attempts[-1].number
