"""The part of a spec that only a cluster can honour: keys, shards, deadlines, mounts, the shape of the runner pod.

On one machine these fields are refused rather than ignored; `CLUSTER_ONLY` names them.
"""

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from evalkube_crds.fields import Contract, FreeMap
from evalkube_crds.rules import Rule

__all__ = [
    "CLUSTER_ONLY",
    "ClusterFields",
    "CredentialsRef",
    "DataMount",
    "Deadlines",
    "RunnerPod",
    "SecretKeyRef",
    "Threshold",
]

Name = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]


class SecretKeyRef(Contract):
    """One key of a Secret with the label `evalkube.io/api-key: "true"` and, in `evalkube.io/hosts`, its hosts."""

    name: Name = Field(description="Name of the Secret")
    key: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")] = Field(
        default="api-key", description="Key within the Secret"
    )


class CredentialsRef(SecretKeyRef):
    """One key of such a Secret, with JSON: `{"headers": {name: value}, "query": {...}, "body": {...}}`, or a part."""

    key: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")] = Field(
        default="credentials", description="Key within the Secret"
    )


class Deadlines(Contract):
    """How long each part of a run may take, in seconds; past it the run fails with a typed reason."""

    startup: Annotated[int, Field(ge=1, le=86_400)] = Field(
        default=600, description="From the Job to running pods, in seconds; waiting for a turn does not count"
    )
    active: Annotated[int, Field(ge=1, le=2_592_000)] | None = Field(
        default=None, description="From running pods to their end, in seconds; none unless set"
    )
    collect: Annotated[int, Field(ge=1, le=86_400)] = Field(
        default=600, description="From the pods' end to the persisted result, in seconds"
    )


class DataMount(Contract):
    """A claim or ConfigMap with the label `evalkube.io/data: "true"`, mounted read-only at /data/<name>."""

    name: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")] = Field(
        description="Mounted at /data/<name>"
    )
    persistent_volume_claim: Name | None = Field(default=None, description="Name of a PersistentVolumeClaim")
    config_map: Name | None = Field(default=None, description="Name of a ConfigMap")

    rules: ClassVar[tuple["Rule[DataMount]", ...]] = (
        Rule(
            "has(self.persistentVolumeClaim) != has(self.configMap)",
            lambda mount: (mount.persistent_volume_claim is None) != (mount.config_map is None),
            "name either persistent_volume_claim or config_map",
        ),
    )


class Threshold(Contract):
    """A pass/fail gate on a reported metric, as `summary` names it."""

    metric: Annotated[str, Field(min_length=1, max_length=256)] = Field(
        description="A name of the run's summary, such as gsm8k/mean_acc or parallel_10_number_100/ttft_p99_s; "
        "without the part before the slash: of every dataset or point",
    )
    op: Literal["<", "<=", ">", ">="] = Field(description="How the metric must compare")
    value: float = Field(description="What it is compared with")


class RunnerPod(Contract):
    """What a run may change about its pods, where the installer allows it."""

    image: Annotated[str, Field(min_length=1, max_length=512)] | None = Field(
        default=None, description="Image of the runner"
    )
    resources: FreeMap | None = Field(default=None, description="requests and limits, as in a container")
    node_selector: dict[str, str] | None = Field(default=None, description="Labels of the nodes that may run it")
    tolerations: list[FreeMap] | None = Field(default=None, description="Tolerations, as in a pod")
    affinity: FreeMap | None = Field(default=None, description="Affinity, as in a pod")
    service_account_name: Name | None = Field(default=None, description="Service account of the pods")
    image_pull_secrets: list[Name] | None = Field(default=None, description="Secrets to pull the image with")
    priority_class_name: Name | None = Field(default=None, description="Priority class of the pods")
    env: list[FreeMap] | None = Field(default=None, description="Environment variables, as in a container")


class ClusterFields(Contract):
    """Beside what is measured: how a cluster runs it."""

    api_key_secret_ref: SecretKeyRef | None = Field(
        default=None, description="Where the endpoint's key is; a key is never written in a spec"
    )
    credentials_secret_ref: CredentialsRef | None = Field(
        default=None,
        description="Where headers, query parameters and body keys are that carry secrets (over REST they are taken "
        "out of the request)",
    )
    shards: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=1, description="Pods the run is split over; their results merge exactly"
    )
    suspend: bool = Field(default=False, description="Hold the run back (or, while it runs, stop its pods) until false")
    cancel: bool = Field(default=False, description="End the run; true cannot be taken back")
    deadlines: Deadlines = Field(default=Deadlines(), description="How long each part may take")
    backoff_limit: Annotated[int, Field(ge=0, le=20)] = Field(
        default=1, description="Further attempts after a failure that may pass"
    )
    ttl_seconds_after_finished: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Delete the run so long after its end, in seconds; kept unless set"
    )
    data: Annotated[list[DataMount], Field(max_length=16)] = Field(
        default=[], description="Claims and ConfigMaps mounted at /data/<name>"
    )
    thresholds: Annotated[list[Threshold], Field(max_length=64)] = Field(
        default=[], description="Pass/fail gates on reported metrics"
    )
    runner: RunnerPod = Field(default=RunnerPod(), description="Overrides of the runner pod")


CLUSTER_ONLY: Final = (
    "api_key_secret_ref",
    "credentials_secret_ref",
    "shards",
    "suspend",
    "cancel",
    "deadlines",
    "backoff_limit",
    "ttl_seconds_after_finished",
    "data",
    "runner",
)
"""Fields that the `local` backend refuses where they differ from their default."""
