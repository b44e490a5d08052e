"""The settings of the service: read once, frozen. No other module of the service reads the environment."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from evalkube_api import errors
from evalkube_crds import proxies

__all__ = [
    "DEFAULTS",
    "BackendName",
    "ClusterSettings",
    "Settings",
    "cluster_settings",
    "from_environment",
    "runner_environment",
]

BackendName = Literal["local", "kubernetes", "folder"]

_POD: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """The settings of the kubernetes backend. `kubeconfig` is None in a pod, which has a service account."""

    namespace: str = "default"
    namespaces: tuple[str, ...] = ()
    all_namespaces: bool = False
    kubeconfig: Path | None = None
    store_url: str | None = None
    store_token: Path | None = None
    store_ca: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one service. Paths are as given; the backend resolves them."""

    host: str = "127.0.0.1"  # docs/differences.md says why
    port: int = 9000
    debug: bool = False
    token_file: Path | None = None
    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    outputs: Path = Path("outputs")
    data: tuple[Path, ...] = ()
    max_evals: int = 4
    max_waiting: int = 1000
    perf_alone: bool = True
    max_body_bytes: int = 1024 * 1024
    body_timeout_s: float = 30.0
    head_timeout_s: float = 10.0
    max_connections: int = 4096
    stop_grace_s: float = 10.0
    most_index_bytes: int = 512 << 20  # one index of samples or requests, that of some ten million requests
    backend: BackendName = "local"
    cluster: ClusterSettings = ClusterSettings()
    runner_command: tuple[str, ...] = (sys.executable, "-m", "evalkube_runner.main")
    runner_environment: Mapping[str, str] = field(default_factory=dict, repr=False)


DEFAULTS: Final = Settings()


def from_environment(
    *,
    host: str,
    port: int,
    debug: bool = False,
    token_file: str | Path | None = None,
    allowed_hosts: Sequence[str] = (),
    cors_origins: Sequence[str] = (),
    outputs: str | Path | None = None,
    data: Sequence[str | Path] = (),
    max_evals: int = DEFAULTS.max_evals,
    max_waiting: int = DEFAULTS.max_waiting,
    perf_alone: bool = DEFAULTS.perf_alone,
    hubs: Mapping[str, str] | None = None,
    backend: BackendName | Literal["auto"] = "local",
    namespace: str | None = None,
) -> Settings:
    """The settings of this process.

    `token_file`: EVALKUBE_TOKEN_FILE's unless given. `hubs`: variables of `runner_environment` that are set on
    the command line instead. `backend` "auto": the cluster's inside a pod, else this machine's.

    Raises errors.ServiceError for proxies that no run could use.
    """
    if backend == "auto":
        backend = "kubernetes" if _in_pod(os.environ) else "local"
    if backend == "local":
        _check_proxies(os.environ)
    return Settings(
        host=host,
        port=port,
        debug=debug,
        token_file=_path(os.environ.get("EVALKUBE_TOKEN_FILE")) if token_file is None else Path(token_file),
        allowed_hosts=tuple(allowed_hosts),
        cors_origins=tuple(cors_origins),
        outputs=Path(outputs) if outputs is not None else DEFAULTS.outputs,
        data=tuple(Path(folder) for folder in data),
        max_evals=max_evals,
        max_waiting=max_waiting,
        perf_alone=perf_alone,
        backend=backend,
        cluster=cluster_settings(os.environ, namespace),
        runner_environment={**runner_environment(os.environ), **(hubs or {})},
        most_index_bytes=_most_index_bytes(os.environ),
    )


def _most_index_bytes(environment: Mapping[str, str]) -> int:
    """In a pod a fifth of its memory (EVALKUBE_MEMORY_BYTES): an index takes twice its size while it is read, beside
    those that are kept and the service itself."""
    memory = environment.get("EVALKUBE_MEMORY_BYTES", "")
    return min(DEFAULTS.most_index_bytes, int(memory) // 5) if memory.isdecimal() else DEFAULTS.most_index_bytes


def _check_proxies(environment: Mapping[str, str]) -> None:
    try:
        proxies.read(environment)
    except proxies.BadProxy as problem:
        raise errors.ServiceError(str(problem)) from None


def _in_pod(environment: Mapping[str, str]) -> bool:
    return "KUBERNETES_SERVICE_HOST" in environment and (_POD / "token").exists()


def cluster_settings(environment: Mapping[str, str], namespace: str | None) -> ClusterSettings:
    """The cluster settings in `environment`: the chart sets these variables, people set KUBECONFIG.

    The service's own namespace: as given, else of its pod, else "default". EVALKUBE_NAMESPACES: further ones, with
    commas; "*" all.
    """
    own = namespace or environment.get("EVALKUBE_NAMESPACE") or environment.get("POD_NAMESPACE") or _pod_namespace()
    listed = [name.strip() for name in environment.get("EVALKUBE_NAMESPACES", "").split(",") if name.strip()]
    kubeconfig = environment.get("KUBECONFIG", "").partition(os.pathsep)[0]
    if not kubeconfig and not _in_pod(environment):
        kubeconfig = str(Path(environment.get("HOME", "/")) / ".kube" / "config")
    return ClusterSettings(
        namespace=own or "default",
        namespaces=tuple(name for name in listed if name not in ("*", own)),
        all_namespaces="*" in listed,
        kubeconfig=Path(kubeconfig) if kubeconfig else None,
        store_url=environment.get("EVALKUBE_STORE_URL") or None,
        store_token=_path(environment.get("EVALKUBE_STORE_TOKEN_FILE")),
        store_ca=_path(environment.get("EVALKUBE_STORE_CA")),
    )


def _pod_namespace() -> str | None:
    try:
        return (_POD / "namespace").read_text().strip() or None
    except OSError:
        return None


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


_PASSED_ON: Final = frozenset(
    {
        *("PATH", "HOME", "USER", "LANG", "LANGUAGE", "TZ", "TMPDIR", "XDG_CACHE_HOME"),
        *("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
        *("EVALKUBE_CACHE", "EVALKUBE_OFFLINE", "HF_HOME", "HF_HUB_OFFLINE"),
        *("MODELSCOPE_ENDPOINT", "HF_ENDPOINT", "MODELSCOPE_API_TOKEN", "HF_TOKEN"),
    }
)
"""All that a runner may inherit. The two tokens are the installer's own, for gated data; no endpoint's key is among
them."""


def runner_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of `environment` that runners get: the variables for Python, data and the network."""
    return {name: value for name, value in environment.items() if name in _PASSED_ON or name.startswith("LC_")}
