"""What a runner takes from its environment, read once in ``main``."""

import os
from dataclasses import dataclass
from pathlib import Path

from evalkube_runner.context import HubEndpoints

__all__ = ["Settings", "read_settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Where data comes from and is kept."""

    cache: Path
    hubs: HubEndpoints
    offline: bool


def read_settings() -> Settings:
    """The settings of this process; the names of the hubs' variables are their own clients'."""
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
    )
