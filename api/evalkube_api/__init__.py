"""The REST service: EvalScope's service API and further paths, over a backend that executes the runs."""

from collections.abc import Sequence
from pathlib import Path

from evalkube_api import settings

__all__ = ["run_service"]


def run_service(
    host: str = settings.DEFAULTS.host,
    port: int = settings.DEFAULTS.port,
    debug: bool = settings.DEFAULTS.debug,
    outputs: str | Path | None = None,
    data: Sequence[str | Path] = (),
    *,
    token_file: str | Path | None = None,
    allowed_hosts: Sequence[str] = (),
    cors_origins: Sequence[str] = (),
) -> None:
    """Serves until SIGINT or SIGTERM.

    `host`: by default only this machine reaches the service. `outputs`: the output root (`./outputs` by default).
    `data`: folders that requests may read.

    `token_file`: the file of the token that requests must send (EVALKUBE_TOKEN_FILE by default; without both no token
    is asked for). `allowed_hosts`: further host names under which the service answers. `cors_origins`: origins of other
    sites' pages that may send requests.

    Raises errors.ServiceError if the service cannot start.
    """
    from evalkube_api import main  # imported here: reading a setting must not cost a web framework

    given = settings.from_environment(
        host=host,
        port=port,
        debug=debug,
        token_file=token_file,
        allowed_hosts=allowed_hosts,
        cors_origins=cors_origins,
        outputs=outputs,
        data=data,
    )
    main.serve(given)
