"""`evalkube`: runs the program that the first argument names, or prints help."""

import sys
from collections.abc import Sequence
from typing import Annotated, Any

from evalkube_cli import programs

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments and arguments[0] in programs.PROGRAMS:
        return programs.run(arguments[0], arguments[1:])
    return _explain(arguments)


def _explain(arguments: list[str]) -> int:
    """Prints help, the version, shell completion, or what is wrong with the arguments."""
    import typer
    from typer.core import TyperGroup

    class Root(TyperGroup):
        """Loads a subcommand when a shell asks for the completion of its options."""

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            name, command, rest = super().resolve_command(ctx, args)
            return name, programs.command(name) or command if name else command, rest

    root = typer.Typer(
        cls=Root,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Evaluate and load-test LLM endpoints: as a service, from this shell, or on Kubernetes.",
    )

    @root.callback()
    def options(
        version: Annotated[
            bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
        ] = False,
    ) -> None:
        pass

    for name, program in programs.PROGRAMS.items():
        root.command(name, help=program.help)(_listed_only)
    try:
        root(args=arguments, prog_name="evalkube")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


def _listed_only() -> None:
    """A subcommand in the list of subcommands. It is never called: `main` runs the program before."""


def _show_version(wanted: bool) -> None:
    if wanted:
        import typer

        typer.echo(f"evalkube {_version()}")
        raise typer.Exit


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("evalkube")
    except metadata.PackageNotFoundError:  # run from a source tree
        return "0 (not installed)"


if __name__ == "__main__":
    sys.exit(main())
