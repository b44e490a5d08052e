"""The fields of a spec that only a cluster can use: keys, shards, deadlines, mounts, the runner pod.

The `local` backend refuses these fields, and never ignores them; `CLUSTER_ONLY` lists them.
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
    """One key of a Secret that has the label `evalkube.io/api-key: "true"`; `evalkube.io/hosts` lists its hosts."""

    name: Name = Field(description="Name of the Secret")
    key: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")] = Field(
        default="api-key", description="Key in the Secret"
    )


class CredentialsRef(SecretKeyRef):
    """One key of such a Secret, whose value is JSON.

    The JSON has all or some of these: `{"headers": {name: value}, "query": {...}, "body": {...}}`.
    """

    key: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")] = Field(
        default="credentials", description="Key in the Secret"
    )


class Deadlines(Contract):
    """Time limits of the parts of a run, in seconds. A run that exceeds one fails with a typed reason."""

    startup: Annotated[int, Field(ge=1, le=86_400)] = Field(
        default=600,
        description="From the creation of the Job until all pods run, in seconds. Time in a queue does not count",
    )
    active: Annotated[int, Field(ge=1, le=2_592_000)] | None = Field(
        default=None, description="From the start of the pods until their end, in seconds. Default: no limit"
    )
    collect: Annotated[int, Field(ge=1, le=86_400)] = Field(
        default=600, description="From the end of the pods until the result is stored, in seconds"
    )


class DataMount(Contract):
    """A PersistentVolumeClaim or ConfigMap with the label `evalkube.io/data: "true"`, mounted read-only.

    It is mounted at /data/<name>.
    """

    name: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")] = Field(
        description="Mounted at /data/<name>"
    )
    persistent_volume_claim: Name | None = Field(default=None, description="Name of a PersistentVolumeClaim")
    config_map: Name | None = Field(default=None, description="Name of a ConfigMap")

    rules: ClassVar[tuple["Rule[DataMount]", ...]] = (
        Rule(
            "has(self.persistentVolumeClaim) != has(self.configMap)",
            lambda mount: (mount.persistent_volume_claim is None) != (mount.config_map is None),
            "set either persistent_volume_claim or config_map",
        ),
    )


class Threshold(Contract):
    """A pass/fail limit for a reported metric, by its name in `summary`."""

    metric: Annotated[str, Field(min_length=1, max_length=256)] = Field(
        description="A name in the run's summary, such as gsm8k/mean_acc or parallel_10_number_100/ttft_p99_s. "
        "Without the part before the slash it stands for every dataset or point",
    )
    op: Literal["<", "<=", ">", ">="] = Field(description="Comparison that must hold")
    value: float = Field(description="Value to compare with")


class RunnerPod(Contract):
    """Settings of the runner pods that a run may change, where the installer allows it."""

    image: Annotated[str, Field(min_length=1, max_length=512)] | None = Field(
        default=None, description="Image of the runner"
    )
    resources: FreeMap | None = Field(default=None, description="Resource requests and limits, as in a container")
    node_selector: dict[str, str] | None = Field(default=None, description="Labels that a node must have")
    tolerations: list[FreeMap] | None = Field(default=None, description="Tolerations, as in a pod")
    affinity: FreeMap | None = Field(default=None, description="Affinity, as in a pod")
    service_account_name: Name | None = Field(default=None, description="Service account of the pods")
    image_pull_secrets: list[Name] | None = Field(default=None, description="Secrets to pull the image with")
    priority_class_name: Name | None = Field(default=None, description="Priority class of the pods")
    env: list[FreeMap] | None = Field(default=None, description="Environment variables, as in a container")


class ClusterFields(Contract):
    """How a cluster runs the run; nothing here changes what is measured."""

    api_key_secret_ref: SecretKeyRef | None = Field(
        default=None, description="Secret with the endpoint's key. A key is never written into a spec"
    )
    credentials_secret_ref: CredentialsRef | None = Field(
        default=None,
        description="Secret with the headers, query parameters and body keys that carry secrets. Over REST the "
        "service takes them out of the request",
    )
    shards: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=1, description="Number of pods that share the run. Their results merge exactly"
    )
    suspend: bool = Field(
        default=False, description="Holds the run back until false. A run that has started loses its pods until then"
    )
    cancel: bool = Field(default=False, description="Ends the run. true cannot be taken back")
    deadlines: Deadlines = Field(default=Deadlines(), description="Time limits of the parts of the run")
    backoff_limit: Annotated[int, Field(ge=0, le=20)] = Field(
        default=1, description="Number of further attempts after a failure that may be temporary"
    )
    ttl_seconds_after_finished: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Time after the end of the run until it is deleted, in seconds. Default: never"
    )
    data: Annotated[list[DataMount], Field(max_length=16)] = Field(
        default=[], description="PersistentVolumeClaims and ConfigMaps to mount at /data/<name>"
    )
    thresholds: Annotated[list[Threshold], Field(max_length=64)] = Field(
        default=[], description="Pass/fail limits for reported metrics"
    )
    runner: RunnerPod = Field(default=RunnerPod(), description="Settings of the runner pod")


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
"""Fields that the `local` backend refuses if they differ from their default."""
