"""`evalkube view`: shows a folder of outputs in the browser, read-only."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from evalkube_api import errors
from evalkube_api.folder.reading import Reader
from evalkube_api.main import AllowedHosts, Host, Port, TokenFile, serve
from evalkube_api.settings import DEFAULTS, from_environment

__all__ = ["app", "main"]

app = typer.Typer(add_completion=False, help="Look at a folder of outputs in the browser, read-only")


@app.command()
def main(
    folder: Annotated[Path, typer.Argument(help="Output root of a service, or the folder of a run")] = Path("outputs"),
    host: Host = DEFAULTS.host,
    port: Port = 0,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser")] = False,
    allow_empty: Annotated[bool, typer.Option("--allow-empty", help="Show a folder without runs, too")] = False,
    token_file: TokenFile = None,
    allowed_host: AllowedHosts = None,
) -> None:
    """Look at a folder of outputs in the browser: runs, samples, load tests, comparisons. Nothing in it is changed."""
    try:
        if folder.is_dir() and not allow_empty and next(Reader(folder).documents(), None) is None:
            reason = "has no runs; name the output root of a service, or the folder of a run"
            raise errors.ServiceError(f"{folder}: {reason}")
        settings = from_environment(
            host=host,
            port=port,
            outputs=folder,
            token_file=token_file,
            allowed_hosts=allowed_host or (),
            backend="folder",
        )
        serve(settings, opened=_open if open_browser else None)
    except errors.ServiceError as problem:
        typer.echo(f"evalkube view: {problem}", err=True)
        raise typer.Exit(1) from None


def _open(url: str) -> None:
    webbrowser.open(f"{url}/ui")


if __name__ == "__main__":
    app()
