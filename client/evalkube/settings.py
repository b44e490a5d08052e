"""The client's settings from the environment. No other module of the client reads the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evalkube import credentials, errors
from evalkube_crds import proxies

__all__ = ["Settings", "debug", "from_environment", "proxy_to"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a client.

    `secrets`: values of a request's secret fields that neither an option nor a file gives. `token_value` and
    `token_file`: the token of `server`.
    """

    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    server: str | None = None
    token_value: str | None = field(default=None, repr=False)
    token_file: Path | None = None

    def token(self, chosen: Path | None = None) -> str | None:
        """The token in the file `chosen`, else that of the environment (its file first). Raises errors.BadRequest."""
        file = chosen or self.token_file
        return self.token_value if file is None else credentials.from_file(file)


def from_environment() -> Settings:
    """Reads EVALKUBE_API_KEY, EVALKUBE_JUDGE_API_KEY, EVALKUBE_SERVER, EVALKUBE_TOKEN and EVALKUBE_TOKEN_FILE."""
    variables = {"api_key": "EVALKUBE_API_KEY", "judge_api_key": "EVALKUBE_JUDGE_API_KEY"}
    secrets = {name: os.environ[variable] for name, variable in variables.items() if os.environ.get(variable)}
    token_file = os.environ.get("EVALKUBE_TOKEN_FILE")
    return Settings(
        secrets=secrets,
        server=os.environ.get("EVALKUBE_SERVER") or None,
        token_value=os.environ.get("EVALKUBE_TOKEN") or None,
        token_file=Path(token_file) if token_file else None,
    )


def debug() -> bool:
    """Whether EVALKUBE_DEBUG asks for the stack of what went wrong."""
    return os.environ.get("EVALKUBE_DEBUG", "0") not in ("", "0")


def proxy_to(url: str) -> proxies.Proxy | None:
    """The environment's proxy for the service at `url`. Raises errors.Unreachable for an invalid proxy."""
    try:
        return proxies.read(os.environ).for_url(url)
    except proxies.BadProxy as problem:
        raise errors.Unreachable(str(problem)) from None
