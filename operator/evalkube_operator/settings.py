"""The operator's settings: one JSON file (the chart's ConfigMap) and a few environment variables.

Read once in main; an unknown key is an error. The only place that reads the environment.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from evalkube_crds.targets import TargetRules
from evalkube_operator.events import OwnPod
from evalkube_operator.installer_rules import OVERRIDES, Rules
from evalkube_operator.jobs import RunnerDefaults
from evalkube_operator.line import Limits
from evalkube_operator.store.opening import VolumeSettings
from evalkube_operator.store.s3 import S3Settings

__all__ = ["Settings", "read"]


class _Part(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, validate_by_alias=True, validate_by_name=True
    )


class _Volume(_Part):
    kind: Literal["volume"] = "volume"
    root: Path = Path("/var/lib/evalkube")
    reserve_bytes: int = Field(default=64 << 20, ge=0)


class _S3(_Part):
    kind: Literal["s3"]
    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    allow_http: bool = False
    virtual_hosted_style: bool = False


class _Ingest(_Part):
    host: str = "0.0.0.0"  # noqa: S104 - runners come from every node
    port: int = 8443
    url: str
    certificate: Path | None = None
    key: Path | None = None
    ca: Path | None = None


class _Probes(_Part):
    port: int = 8081


class _Keys(_Part):
    require_hosts: bool = True


class _Runner(_Part):
    image: str
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    pull_secrets: list[str] = []
    service_account: str | None = None
    priority_class: str | None = None
    resources: dict[str, Any] = {}
    node_selector: dict[str, str] = {}
    tolerations: list[dict[str, Any]] = []
    affinity: dict[str, Any] = {}
    environment: list[dict[str, Any]] = []
    data_claim: str | None = None
    cache_claim: str | None = None
    scratch_limit: str = "10Gi"
    user_id: int | None = 65532
    token_seconds: int = Field(default=3600, ge=600)
    node_loss_seconds: int = Field(default=60, ge=0)
    grace_seconds: int = Field(default=30, ge=0)
    queue: str | None = None
    inherit_labels: list[Annotated[str, Field(min_length=1)]] = []
    inherit_annotations: list[Annotated[str, Field(min_length=1)]] = []


class _Runs(_Part):
    max_pods: int = Field(default=32, ge=0)
    max_pods_per_namespace: int = Field(default=0, ge=0)


class _Retention(_Part):
    sweep_seconds: float = Field(default=3600, ge=10)
    keep_seconds: float = Field(default=0, ge=0)


class _File(_Part):
    namespaces: list[str] = []
    lease: str = "evalkube-operator"
    cluster_role: str | None = None
    store: Annotated[_Volume | _S3, Field(discriminator="kind")] = _Volume()
    ingest: _Ingest
    readers: list[str] = []
    probes: _Probes = _Probes()
    allow: list[str] = []
    keys: _Keys = _Keys()
    targets: TargetRules = TargetRules()
    runs: _Runs = _Runs()
    runner: _Runner
    job_ttl_seconds: int = Field(default=3600, ge=0)
    retention: _Retention = _Retention()
    workers: int = Field(default=16, ge=1, le=256)
    resync_seconds: float = Field(default=120, ge=5, le=170)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("allow")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        stray = sorted(set(value) - set(OVERRIDES))
        if stray:
            raise ValueError(f"{stray[0]} is no override; there are {', '.join(OVERRIDES)}")
        return value


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one operator. `namespaces` empty: all. `kubeconfig` None: the cluster that this pod is in.

    `identity`: who it is to its standby; `in_pod`: that is the name of its pod. `pod`: where that is known, to be
    told about. `cluster_role`: one that is there as long as the release is.
    """

    namespaces: tuple[str, ...]
    own_namespace: str
    identity: str
    in_pod: bool
    pod: OwnPod | None
    lease: str
    cluster_role: str | None
    kubeconfig: Path | None
    store: VolumeSettings | S3Settings
    ingest_host: str
    ingest_port: int
    ingest_certificate: Path | None
    ingest_key: Path | None
    ingest_ca: Path | None
    readers: tuple[str, ...]
    probes_port: int
    rules: Rules
    limits: Limits
    runner: RunnerDefaults
    sweep_s: float
    keep_s: float
    workers: int
    resync_s: float
    log_level: str


_DEFAULT_CONFIG: Final = "/etc/evalkube/operator.json"


def read(arguments: Sequence[str]) -> Settings:
    """The settings of this process. Ends the process with a message where they are wrong. `arguments`: [--config
    FILE].
    """
    default = os.environ.get("EVALKUBE_OPERATOR_CONFIG", _DEFAULT_CONFIG)
    parser = argparse.ArgumentParser(
        prog="evalkube operator", description="Turn runs into Jobs and their outcome into status"
    )
    parser.add_argument("--config", type=Path, default=Path(default), help="configuration, JSON (default: %(default)s)")
    path: Path = parser.parse_args(arguments).config
    try:
        file = _File.model_validate_json(path.read_bytes())
        ca = file.ingest.ca.read_text() if file.ingest.ca is not None else None
    except OSError as problem:
        sys.exit(f"the operator's configuration cannot be read: {problem}")
    except ValidationError as problem:
        errors = problem.errors(include_url=False, include_input=False)
        words = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in errors)
        sys.exit(f"{path}: {words}")
    return _settings(file, ca)


def _settings(file: _File, ca: str | None) -> Settings:
    environment = os.environ
    in_cluster = "KUBERNETES_SERVICE_HOST" in environment
    kubeconfig = Path(environment.get("KUBECONFIG") or Path.home() / ".kube" / "config")
    return Settings(
        namespaces=tuple(file.namespaces),
        own_namespace=environment.get("POD_NAMESPACE", "default"),
        identity=environment.get("POD_NAME") or f"{environment.get('HOSTNAME', 'operator')}-{os.getpid()}",
        in_pod=in_cluster and bool(environment.get("POD_NAME")),
        pod=_own_pod(environment),
        lease=file.lease,
        cluster_role=file.cluster_role,
        kubeconfig=None if in_cluster else kubeconfig,
        store=_store(file.store),
        ingest_host=file.ingest.host,
        ingest_port=file.ingest.port,
        ingest_certificate=file.ingest.certificate,
        ingest_key=file.ingest.key,
        ingest_ca=file.ingest.ca,
        readers=tuple(file.readers),
        probes_port=file.probes.port,
        rules=_rules(file),
        limits=Limits(file.runs.max_pods, file.runs.max_pods_per_namespace),
        runner=_runner(file.runner, file.ingest.url, ca, file.targets),
        sweep_s=file.retention.sweep_seconds,
        keep_s=file.retention.keep_seconds,
        workers=file.workers,
        resync_s=file.resync_seconds,
        log_level=file.log_level,
    )


def _own_pod(environment: Mapping[str, str]) -> OwnPod | None:
    try:
        return OwnPod(environment["POD_NAMESPACE"], environment["POD_NAME"], environment["POD_UID"])
    except KeyError:
        return None


def _store(part: _Volume | _S3) -> VolumeSettings | S3Settings:
    if isinstance(part, _Volume):
        return VolumeSettings(root=part.root, reserve_bytes=part.reserve_bytes)
    return S3Settings(
        bucket=part.bucket,
        prefix=part.prefix,
        endpoint=part.endpoint,
        region=part.region,
        access_key_id=os.environ.get("AWS_ACCESS_KEY_ID"),
        secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY"),
        allow_http=part.allow_http,
        virtual_hosted_style=part.virtual_hosted_style,
    )


def _rules(file: _File) -> Rules:
    return Rules(
        allow=frozenset(file.allow),
        targets=file.targets,
        require_key_hosts=file.keys.require_hosts,
        queued=file.runner.queue is not None,
        job_ttl_s=file.job_ttl_seconds,
    )


def _runner(part: _Runner, url: str, ca: str | None, targets: TargetRules) -> RunnerDefaults:
    return RunnerDefaults(
        image=part.image,
        ingest_url=url,
        targets=targets,
        pull_policy=part.pull_policy,
        pull_secrets=tuple(part.pull_secrets),
        service_account=part.service_account,
        priority_class=part.priority_class,
        resources=part.resources,
        node_selector=part.node_selector,
        tolerations=tuple(part.tolerations),
        affinity=part.affinity,
        environment=tuple(part.environment),
        data_claim=part.data_claim,
        cache_claim=part.cache_claim,
        scratch_limit=part.scratch_limit,
        user_id=part.user_id,
        ingest_ca=ca,
        token_seconds=part.token_seconds,
        node_loss_s=part.node_loss_seconds,
        grace_s=part.grace_seconds,
        queue=part.queue,
        inherit_labels=tuple(part.inherit_labels),
        inherit_annotations=tuple(part.inherit_annotations),
    )
