"""The answers of the REST API as types, as far as a client reads them.

A field that a later service adds is ignored. A field that an earlier service does not have gets a default.
"""

from datetime import datetime
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from evalkube_crds.names import Phase

__all__ = [
    "Artifact",
    "Health",
    "Page",
    "Progress",
    "Queue",
    "Run",
    "RunEvent",
    "SampleLine",
    "Word",
]

Word: TypeAlias = Literal["eval", "perf"]
"""An evaluation or a load test."""


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Health(_Answer):
    """Whether a service answers, and its start time."""

    status: str
    service: str = ""
    timestamp: str = ""


class Queue(_Answer):
    """The place of a waiting run in the queue."""

    position: int | None = None
    waits_for: str = ""


class Progress(_Answer):
    """The progress of a run, with its live figures."""

    id: str = ""
    phase: Phase = Phase.PENDING
    done: int = 0
    total: int = Field(default=0, description="0 while it is not known")
    percent: float = 0.0
    eta_seconds: float | None = None
    stage: str | None = None
    message: str = ""
    failed: int = 0
    figures: dict[str, float] = Field(default_factory=dict)


class Run(_Answer):
    """A run of a service. In a list, `spec` and `conditions` are empty."""

    id: str
    kind: Word
    phase: Phase
    reason: str | None = None
    message: str = ""
    model: str
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    output_dir: str | None = None
    summary: dict[str, float] = Field(default_factory=dict, description="Figures of the result by name")
    tags: dict[str, str] = Field(default_factory=dict)
    datasets: list[str] = Field(default_factory=list)
    progress: Progress | None = None
    verdict: str | None = None
    failed: int | None = None
    headline: dict[str, float] = Field(default_factory=dict)
    queue: Queue | None = None
    spec: dict[str, Any] = Field(default_factory=dict)
    conditions: list[dict[str, Any]] = Field(default_factory=list)
    attempts: list[dict[str, Any]] = Field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Whether the run has ended and will not change again."""
        return self.phase.terminal


class RunEvent(_Answer):
    """A change of a run, or its deletion."""

    kind: Literal["run", "deleted"]
    id: str
    run: Run | None = None

    @classmethod
    def of(cls, kind: str, data: dict[str, Any]) -> "RunEvent | None":
        """The event of the stream; None for a kind that this client does not know."""
        match kind:
            case "run":
                return cls(kind="run", id=data["id"], run=Run.model_validate(data))
            case "deleted":
                return cls(kind="deleted", id=data["id"])
        return None


class Artifact(_Answer):
    """A file of a run."""

    path: str
    bytes: int
    modified_at: datetime
    href: str


class SampleLine(_Answer):
    """A sample or a request in a list. It has the service's keys."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Page(_Answer):
    """A page of samples or requests."""

    rows: list[SampleLine] = Field(default_factory=list)
    total: int = 0
    next: str | int | None = None
