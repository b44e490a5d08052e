"""Generated files: writes them, or checks that they are up to date."""

from collections.abc import Mapping
from pathlib import Path

import typer

__all__ = ["write"]


def write(wanted: Mapping[Path, str], *, check: bool) -> None:
    """Writes each of `wanted` that differs from the file on disk. With `check` nothing is written.

    Raises `typer.Exit` with code 1 where `check` finds a difference.
    """
    differing = [path for path, text in wanted.items() if not path.is_file() or path.read_text("utf-8") != text]
    for path in differing:
        if check:
            typer.echo(f"{path}: is not what the code generates; run `make generate`", err=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], "utf-8")
        typer.echo(f"wrote {path}")
    if check and differing:
        raise typer.Exit(1)
