"""The REST service: EvalScope's service API and what goes beyond it, over a backend that runs evaluations and load
tests."""

from collections.abc import Sequence
from pathlib import Path

__all__ = ["run_service"]


def run_service(
    host: str = "0.0.0.0",  # noqa: S104 - the documented default of the service: every interface
    port: int = 9000,
    debug: bool = False,
    outputs: str | Path | None = None,
    data: Sequence[str | Path] = (),
) -> None:
    """Serve until SIGINT or SIGTERM. ``outputs`` is the output root (``./outputs`` unless given), ``data`` what
    requests may read.

    Raises errors.ServiceError where the service cannot start.
    """
    from evalkube_api import main, settings  # imported here: reading a setting must not cost a web framework

    main.serve(settings.from_environment(host=host, port=port, debug=debug, outputs=outputs, data=data))
