"""The REST service: EvalScope's service API and what goes beyond it, over a backend that runs evaluations and load
tests."""

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
    """Serve until SIGINT or SIGTERM. `host`: only this machine reaches it unless given. `outputs` is the output
    root (`./outputs` unless given), `data` what requests may read.

    `token_file` holds the token that requests must bring (EVALKUBE_TOKEN_FILE's unless given; none is asked for
    without either); `allowed_hosts` are names, beside this machine's own, under which it may be asked;
    `cors_origins` those of other sites' pages that may ask.

    Raises errors.ServiceError where the service cannot start.
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
