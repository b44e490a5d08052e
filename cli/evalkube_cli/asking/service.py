"""The service that a command uses: one that runs already, or one that is started for this command over a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from evalkube import Client, errors, own_service, settings
from evalkube.settings import Settings
from evalkube_crds.problems import Problem

__all__ = ["OutputsOption", "ServerOption", "TokenFileOption", "reached"]

_WHERE = "Where it runs"

ServerOption = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="A running service (or EVALKUBE_SERVER); else this machine.", rich_help_panel=_WHERE
    ),
]
TokenFileOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="With --server: file with its token (or EVALKUBE_TOKEN_FILE; EVALKUBE_TOKEN is the token itself).",
        rich_help_panel=_WHERE,
    ),
]
OutputsOption = Annotated[
    Path, typer.Option(metavar="FOLDER", help="Without --server: the folder of the runs.", rich_help_panel=_WHERE)
]


@contextmanager
def reached(server: str | None, token_file: Path | None, outputs: Path) -> Iterator[Client]:
    """A client of `server` or EVALKUBE_SERVER, else of a service that is started over the folder `outputs`.

    Raises errors.BadRequest where there is neither.
    """
    inherited = settings.from_environment()
    if (url := server or inherited.server) is not None:
        with Client(url, token=inherited.token(token_file)) as client:
            yield client
        return
    check_alone(server, token_file, inherited)
    if not outputs.is_dir():
        reason = f"{outputs} is not a folder; name the folder with the runs, or a service with --server"
        raise errors.BadRequest([Problem("--outputs", reason)])
    with own_service.service(outputs, ()) as (own, token), Client(own, token=token) as client:
        yield client


def check_alone(server: str | None, token_file: Path | None, inherited: Settings) -> None:
    """Refuses a token option if no service is named. Raises errors.BadRequest."""
    if token_file is not None and not (server or inherited.server):
        raise errors.BadRequest([Problem("--token-file", "needs --server: without it the command makes its own token")])
