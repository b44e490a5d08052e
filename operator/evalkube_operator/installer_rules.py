"""The installer's choices and the operator's time limits, as values for the pure rooms. No settings are read here."""

from dataclasses import dataclass, field
from typing import Final

from evalkube_crds.targets import TargetRules

__all__ = ["OVERRIDES", "Rules"]

OVERRIDES: Final = (
    "image",
    "resources",
    "nodeSelector",
    "tolerations",
    "affinity",
    "serviceAccountName",
    "imagePullSecrets",
    "priorityClassName",
    "env",
)
"""What `spec.runner` can say; the chart's `runner.allow` names those that a run may."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of an installation, times in seconds. `require_key_hosts`: a key's Secret has to say which endpoints
    its key is for.

    `queued`: all runs are given to a queue of Kueue's, which decides on their turns. `room_patience_s`: how long a
    run whose pods find no room keeps others from starting, at first and at most; `aside_s`: how long others then go
    first. `progress_interval_s`: between two writes of how far a run is, at first and later. `silence_s`: after
    that a run that has started and was never heard of says so; runners speak within a second.
    """

    allow: frozenset[str] = frozenset()
    targets: TargetRules = field(default_factory=TargetRules)
    require_key_hosts: bool = True
    queued: bool = False
    secret_patience_s: float = 60.0
    conflict_patience_s: float = 120.0
    refusal_patience_s: float = 20.0
    image_patience_s: float = 60.0
    mount_patience_s: float = 60.0
    rejection_patience_s: float = 10.0
    room_patience_s: tuple[float, float] = (60.0, 480.0)
    room_look_s: float = 5.0
    aside_s: float = 30.0
    pod_events_after_s: float = 5.0
    pod_events_every_s: float = 10.0
    node_loss_s: float = 30.0
    silence_s: float = 30.0
    receipt_patience_s: float = 5.0
    retry_base_s: float = 5.0
    retry_cap_s: float = 300.0
    successor_patience_s: float = 60.0
    progress_interval_s: tuple[float, float] = (3.0, 10.0)
    job_ttl_s: int = 3600
