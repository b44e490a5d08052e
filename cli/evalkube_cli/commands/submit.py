"""The options that `evalkube eval` and `evalkube perf` share, and how a command is made of a request's model."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import BaseModel
from rich.table import Table
from typer.core import TyperCommand

from evalkube_cli import credentials, options, request, running, settings

__all__ = ["application"]

_WHERE, _KEYS, _SHOWN = "Where it runs", "Keys", "What is shown"


def application(
    word: Literal["eval", "perf"],
    model: type[BaseModel],
    panels: Mapping[str, Sequence[str]],
    tables: Callable[[Mapping[str, Any]], Iterable[Table]],
    text: str,
) -> typer.Typer:
    """The command ``word``: an option for every field of ``model``, and what is described here."""

    def main(
        words: request.Words,
        *,
        file: Annotated[
            str | None,
            typer.Option("--file", "-f", help="The request as JSON ('-': standard input); options go before it."),
        ] = None,
        assignments: Annotated[
            list[str] | None,
            typer.Option(
                "--set", metavar="FIELD=VALUE", help="Any field by its path: generation_config.temperature=0.5"
            ),
        ] = None,
        api_key: Annotated[
            str | None,
            typer.Option(
                help="Key of the endpoint; other users may see it in the process list, so rather set EVALKUBE_API_KEY.",
                rich_help_panel=_KEYS,
            ),
        ] = None,
        ask_api_key: Annotated[
            bool, typer.Option("--ask-api-key", help="Ask for the key, unseen.", rich_help_panel=_KEYS)
        ] = False,
        server: Annotated[
            str | None,
            typer.Option(
                help="URL of a running service (or EVALKUBE_SERVER); a service of one's own is started unless given.",
                rich_help_panel=_WHERE,
            ),
        ] = None,
        token_file: Annotated[
            Path | None,
            typer.Option(
                help="With --server: file with its token (or EVALKUBE_TOKEN_FILE; EVALKUBE_TOKEN is the token itself).",
                rich_help_panel=_WHERE,
            ),
        ] = None,
        outputs: Annotated[
            Path, typer.Option(help="Output root of a service of one's own.", rich_help_panel=_WHERE)
        ] = Path("outputs"),
        data: Annotated[
            list[Path] | None,
            typer.Option(help="Further folder that a service of one's own may read from.", rich_help_panel=_WHERE),
        ] = None,
        detach: Annotated[
            bool,
            typer.Option("--detach", help="With --server: print the run's id and do not wait.", rich_help_panel=_WHERE),
        ] = False,
        as_json: Annotated[
            bool, typer.Option("--json", help="Print the service's answer as JSON.", rich_help_panel=_SHOWN)
        ] = False,
        quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.", rich_help_panel=_SHOWN)] = False,
    ) -> None:
        inherited = settings.from_environment()
        server = server or inherited.server
        if detach and server is None:
            raise typer.BadParameter(
                "needs --server: a service of one's own ends with this command", param_hint="--detach"
            )
        if token_file is not None and server is None:
            raise typer.BadParameter("needs --server: a service of one's own has its own", param_hint="--token-file")
        if ask_api_key:
            api_key = typer.prompt("API key", hide_input=True)
        plan = running.Plan(
            word=word,
            body=lambda: request.assemble(
                words,
                model,
                file=file,
                settings=assignments or (),
                secrets={"api_key": api_key} if api_key else {},
                fallback_secrets=inherited.secrets,
                other_version=server is not None,
            ),
            tables=tables,
            server=server,
            token=lambda: _token(token_file, inherited),
            outputs=outputs,
            folders=tuple(data or ()),
            as_json=as_json,
            quiet=quiet,
            detach=detach,
        )
        raise typer.Exit(running.carry_out(plan))

    class Spreading(TyperCommand):
        """Takes several words for one option, as EvalScope's command does."""

        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            return super().parse_args(ctx, options.spread(args, model))

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
    app.command(cls=Spreading, help=text, no_args_is_help=True)(options.with_options(main, model, panels))
    return app


def _token(file: Path | None, inherited: settings.Settings) -> str | None:
    """The option's, else the environment's: its file before its value. Raises errors.BadRequest."""
    chosen = file or inherited.token_file
    return inherited.token if chosen is None else credentials.from_file(chosen)
