"""The runner's settings, read once from its environment, in `main`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evalkube_crds import proxies as proxy_rules
from evalkube_crds.names import Reason
from evalkube_crds.proxies import BadProxy, Proxies
from evalkube_runner.context import HubEndpoints
from evalkube_runner.errors import RunFailed

__all__ = ["Settings", "read_settings", "tell_libraries", "tell_other_clients"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a runner: where data comes from and is kept."""

    cache: Path
    hubs: HubEndpoints
    offline: bool
    proxies: Proxies


def read_settings(*, proxies: Proxies | None = None) -> Settings:
    """The settings of this process; the names of the hubs' variables are their own clients'.

    `proxies`: instead of the environment's. Raises RunFailed(ProxyInvalid).
    """
    environment = os.environ
    home = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    defaults = HubEndpoints()
    return Settings(
        cache=Path(environment.get("EVALKUBE_CACHE") or home / "evalkube"),
        hubs=HubEndpoints(
            modelscope=environment.get("MODELSCOPE_ENDPOINT") or defaults.modelscope,
            huggingface=environment.get("HF_ENDPOINT") or defaults.huggingface,
            modelscope_token=environment.get("MODELSCOPE_API_TOKEN"),
            huggingface_token=environment.get("HF_TOKEN"),
        ),
        offline=environment.get("EVALKUBE_OFFLINE", "") in ("1", "true"),
        proxies=_proxies(environment) if proxies is None else proxies,
    )


def _proxies(environment: Mapping[str, str]) -> Proxies:
    try:
        return proxy_rules.read(environment)
    except BadProxy as problem:
        raise RunFailed(Reason.PROXY_INVALID, f"the environment's {problem}") from None


def tell_other_clients(settings: Settings) -> None:
    """Has the hubs' own clients, which read the environment by rules of their own, take the same proxies as we do."""
    made = proxy_rules.for_other_clients(settings.proxies, [settings.hubs.modelscope, settings.hubs.huggingface])
    os.environ.update({name: value for name, value in made.items() if value})
    for name in (name for name, value in made.items() if not value):
        os.environ.pop(name, None)


def tell_libraries() -> None:
    """Keeps numpy, here and in child processes, from a thread for each core, which spin when they start: nobody here
    does linear algebra, and a load test is to begin soon. Before numpy is imported.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
