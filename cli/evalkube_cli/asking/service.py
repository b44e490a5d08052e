"""Where runs are: in a service that is there already, or in a folder, which is only looked at."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from evalkube import Client, errors, own_service, settings
from evalkube.settings import Settings
from evalkube_crds.problems import Problem

__all__ = ["OutputsOption", "ServerOption", "TokenFileOption", "check_alone", "client_of", "reached", "served"]

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
    """A client of `server` or EVALKUBE_SERVER, else of what shows the folder `outputs` and changes nothing in it: a
    service may have its runs there meanwhile.

    Raises errors.BadRequest where there is neither.
    """
    inherited = settings.from_environment()
    if server or inherited.server:
        with served(server, token_file) as client:
            yield client
        return
    check_alone(server, token_file, inherited)
    if not outputs.is_dir():
        reason = f"{outputs} is not a folder; name the folder with the runs, or a service with --server"
        raise errors.BadRequest([Problem("--outputs", reason)])
    with own_service.view(outputs) as (own, token), Client(own, token=token) as client:
        yield client


@contextmanager
def served(server: str | None, token_file: Path | None) -> Iterator[Client]:
    """A client of `server` or EVALKUBE_SERVER. Raises errors.BadRequest where there is neither."""
    inherited = settings.from_environment()
    if (url := server or inherited.server) is None:
        reason = "is needed: the URL of the service that has the run (or EVALKUBE_SERVER); a folder is only looked at"
        raise errors.BadRequest([Problem("--server", reason)])
    with client_of(url, inherited.token(token_file)) as client:
        yield client


def client_of(url: str, token: str | None) -> Client:
    """A client of the service that the user named. Raises errors.BadRequest."""
    try:
        return Client(url, token=token)
    except errors.BadRequest as refused:
        named = [Problem("--server" if one.field == "url" else one.field, one.reason) for one in refused.problems]
        raise errors.BadRequest(named) from None


def check_alone(server: str | None, token_file: Path | None, inherited: Settings) -> None:
    """Refuses a token option if no service is named. Raises errors.BadRequest."""
    if token_file is not None and not (server or inherited.server):
        raise errors.BadRequest([Problem("--token-file", "needs --server: without it the command makes its own token")])
