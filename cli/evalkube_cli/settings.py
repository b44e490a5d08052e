"""What the command line takes from the environment: read once, and nowhere else in this room."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Settings", "from_environment"]


@dataclass(frozen=True, slots=True)
class Settings:
    """``secrets``: what a request's secret fields are when neither an option nor a file gives them."""

    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    server: str | None = None


def from_environment() -> Settings:
    """EVALKUBE_API_KEY, EVALKUBE_JUDGE_API_KEY and EVALKUBE_SERVER, where they are set."""
    variables = {"api_key": "EVALKUBE_API_KEY", "judge_api_key": "EVALKUBE_JUDGE_API_KEY"}
    secrets = {name: os.environ[variable] for name, variable in variables.items() if os.environ.get(variable)}
    return Settings(secrets=secrets, server=os.environ.get("EVALKUBE_SERVER") or None)
