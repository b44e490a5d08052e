"""`evalkube eval` and `evalkube perf`: submit a run, follow it, print its result, and return its exit code."""

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydantic import BaseModel
from typer.core import TyperCommand

from evalkube import Client, Outcome, errors, settings, whole
from evalkube.models import Progress, Word
from evalkube.partial import partial_of
from evalkube.progress import display
from evalkube_cli.asking import assembling, gates, naming, options
from evalkube_cli.asking.assembling import Given, Words
from evalkube_cli.asking.gates import FailOn, Finding
from evalkube_cli.asking.naming import Typed
from evalkube_cli.asking.service import ServerOption, TokenFileOption, check_alone, client_of
from evalkube_cli.exits import Exit
from evalkube_cli.showing import again, endings, output, results
from evalkube_cli.showing.output import Form
from evalkube_crds.problems import Problem
from evalkube_crds.requests import EvalRequest, PerfRequest

__all__ = ["eval_app", "perf_app"]

_WHERE, _KEYS, _SHOWN, _GATES = "Where it runs", "Keys", "What is shown", "What must hold"


@dataclass(frozen=True, slots=True)
class _Plan:
    """One run that the command line asks for. `arguments` are the words of the command."""

    word: Word
    arguments: tuple[str, ...]
    body: Mapping[str, Any]
    typed: Typed
    server: str | None
    token: str | None
    outputs: Path
    folders: tuple[Path, ...]
    fail_on: FailOn
    form: Form
    quiet: bool
    detach: bool


def _application(word: Word, model: type[BaseModel], panels: Mapping[str, Sequence[str]], text: str) -> typer.Typer:
    """The command `word`, with an option for each field of `model`."""

    def main(
        words: Words,
        *,
        context: typer.Context,
        file: Annotated[
            str | None,
            typer.Option(
                "--file",
                "-f",
                help="A request or a resource, YAML or JSON ('-': standard input); options go before it.",
            ),
        ] = None,
        assignments: Annotated[
            list[str] | None,
            typer.Option(
                "--set", metavar="FIELD=VALUE", help="Any field by its path: generation_config.temperature=0.5"
            ),
        ] = None,
        tag: Annotated[
            list[str] | None, typer.Option(metavar="NAME[=VALUE]", help="Word to find the run by. May be repeated.")
        ] = None,
        threshold: Annotated[
            list[str] | None,
            typer.Option(
                metavar="'NAME<NUMBER'",
                help="Condition on a figure; the command fails if it is not met: 'ttft_p99_s<0.5'. May be repeated.",
                rich_help_panel=_GATES,
            ),
        ] = None,
        fail_on: Annotated[
            str,
            typer.Option(
                metavar="WORDS",
                help="Fail although the run succeeded: invalid, degraded, errors, errors>N, errors>N%, none.",
                rich_help_panel=_GATES,
            ),
        ] = "invalid",
        api_key: Annotated[
            str | None,
            typer.Option(
                help="Key of the endpoint; other users can see it in the process list; EVALKUBE_API_KEY is safer.",
                rich_help_panel=_KEYS,
            ),
        ] = None,
        ask_api_key: Annotated[
            bool, typer.Option("--ask-api-key", help="Ask for the key without showing it.", rich_help_panel=_KEYS)
        ] = False,
        server: ServerOption = None,
        token_file: TokenFileOption = None,
        outputs: Annotated[
            Path, typer.Option(help="Without --server: the folder of the runs.", rich_help_panel=_WHERE)
        ] = Path("outputs"),
        data: Annotated[
            list[Path] | None,
            typer.Option(help="Without --server: further folder that the run may read.", rich_help_panel=_WHERE),
        ] = None,
        detach: Annotated[
            bool,
            typer.Option("--detach", help="With --server: print the run's id and do not wait.", rich_help_panel=_WHERE),
        ] = False,
        form: Annotated[
            Form, typer.Option("--output", "-o", help="How the result is printed.", rich_help_panel=_SHOWN)
        ] = Form.TABLE,
        as_json: Annotated[bool, typer.Option("--json", help="The same as -o json.", rich_help_panel=_SHOWN)] = False,
        quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.", rich_help_panel=_SHOWN)] = False,
    ) -> None:
        def planned() -> _Plan:
            inherited = settings.from_environment()
            url = server or inherited.server
            if detach and url is None:
                raise _refused("--detach", "needs --server: without it the run would end with this command")
            check_alone(server, token_file, inherited)
            limits = gates.fail_on(fail_on)
            if isinstance(limits, Problem):
                raise errors.BadRequest([limits])
            key = typer.prompt("API key", hide_input=True, err=True) if ask_api_key else api_key
            given = Given(
                words=words,
                file=file,
                settings=assignments or (),
                thresholds=threshold or (),
                tags=tag or (),
                secrets={"api_key": key} if key else {},
                fallback_secrets=inherited.secrets,
            )
            body, typed = assembling.assemble(given, word, other_version=url is not None)
            return _Plan(
                word=word,
                arguments=tuple(context.meta["arguments"]),
                body=body,
                typed=typed,
                server=url,
                token=inherited.token(token_file) if url is not None else None,
                outputs=outputs,
                folders=tuple(data or ()),
                fail_on=limits,
                form=Form.JSON if as_json else form,
                quiet=quiet,
                detach=detach,
            )

        raise typer.Exit(endings.ended(word, lambda: _carry_out(planned())))

    class Spreading(TyperCommand):
        """Takes several words for one option, as EvalScope's command does."""

        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            ctx.meta["arguments"] = list(args)
            return super().parse_args(ctx, options.spread(args, model))

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
    app.command(cls=Spreading, help=text, no_args_is_help=True)(options.with_options(main, model, panels))
    return app


def _refused(field: str, reason: str) -> errors.BadRequest:
    return errors.BadRequest([Problem(field, reason)])


# -------------------------------------------------------------------------------------------------------------- running


def _carry_out(plan: _Plan) -> Exit:
    return endings.ended(plan.word, lambda: _run(plan), lambda problems: naming.named(problems, plan.typed))


def _run(plan: _Plan) -> Exit:
    with _service(plan) as (client, body):
        run_id = client.submit(plan.word, body)
        if plan.detach:
            print(run_id)
            return Exit.DONE
        follower = _Follower(client, run_id, plan)
        try:
            outcome = follower.outcome()
        except KeyboardInterrupt:
            return follower.interrupted()
        except errors.RunFailed as failed:
            if plan.form is not Form.TABLE:
                output.document(plan.form, failed.response, ())
            _suggest_path(plan, failed)
            raise
        return _shown(plan, client, outcome)


@contextlib.contextmanager
def _service(plan: _Plan) -> Iterator[tuple[Client, Mapping[str, Any]]]:
    """The service to use, and the request with paths that are valid on its file system."""
    if plan.server is not None:
        with client_of(plan.server, plan.token) as client:
            yield client, plan.body
        return
    with whole.on_this_machine(plan.word, plan.body, plan.outputs, plan.folders) as (client, body):
        yield client, body


class _Follower:
    """Follows a run to its end, and keeps its last progress for the case of an interruption."""

    def __init__(self, client: Client, run_id: str, plan: _Plan) -> None:
        self._client, self._id, self._plan = client, run_id, plan
        self._seen = Progress()

    def outcome(self) -> Outcome:
        """The result of the run at its end."""
        with display(not self._plan.quiet) as shown:
            for moment in self._client.progress(self._id):
                self._seen = moment
                shown.show(moment)
        return self._client.wait(self._id)

    def interrupted(self) -> Exit:
        """Cancels the run and shows its partial results. A second Ctrl-C does not wait for that."""
        output.complain(f"cancelling {self._id} ...")
        with contextlib.suppress(errors.EvalkubeError):
            self._client.cancel(self._id)
        found = partial_of(self._client, self._id, self._seen)
        plan = self._plan
        resumed = again.command(sys.argv[0], plan.word, plan.arguments, plan.body, found.run.output_dir)
        results.show_partial(plan.form, found, resumed)
        if plan.server is None and found.run.output_dir is not None:
            document = json.dumps(found.document(resumed), ensure_ascii=False, indent=2)
            (Path(found.run.output_dir) / _PARTIAL).write_text(f"{document}\n", "utf-8")
        return Exit.INTERRUPTED


_PARTIAL: Final = "partial.json"
"""What is in the folder of a run that was interrupted: its mark."""


def _suggest_path(plan: _Plan, failed: errors.RunFailed) -> None:
    field = "api_url" if plan.word == "eval" else "url"
    flag = naming.flag(field) if field in plan.typed.words else field
    if (hint := endings.suggestion(flag, plan.body.get(field), failed.reason, str(failed))) is not None:
        failed.add_note(hint)


def _shown(plan: _Plan, client: Client, outcome: Outcome) -> Exit:
    found: list[Finding] = gates.findings(outcome, plan.fail_on)
    if plan.form is Form.TABLE:
        results.show(outcome, results.reports(client, outcome, by_address=plan.server is not None))
    else:
        output.document(plan.form, outcome.answer, outcome.rows())
    return results.said(found)


# ------------------------------------------------------------------------------------------------------------- commands

_EVAL_PANELS: Final = {
    "What is evaluated": (
        *("model", "api_url", "datasets", "limit", "precision", "repeats"),
        *("eval_batch_size", "generation_config"),
    ),
    "Data": ("dataset_hub", "dataset_args", "seed"),
    "Output and resuming": ("work_dir", "no_timestamp", "use_cache", "rerun_review"),
}

eval_app = _application(
    "eval",
    EvalRequest,
    _EVAL_PANELS,
    "Evaluate a model behind an OpenAI-compatible endpoint.\n\n"
    "    evalkube eval --model qwen2.5 --api-url http://localhost:8000/v1 --datasets gsm8k iquiz --limit 20",
)

_PERF_PANELS: Final = {
    "What is tested": (
        *("model", "url", "api", "number", "parallel", "rate", "open_loop", "rate_stages", "arrivals", "burstiness"),
        *("ramp_up", "warmup_num", "duration"),
    ),
    "Prompts": (
        *("dataset", "data_source", "dataset_path", "dataset_offset", "trace_speed", "dataset_args", "prompt"),
        "query_template",
        *("apply_chat_template", "tokenize_prompt", "tokenizer_path", "min_prompt_length", "max_prompt_length"),
        "prefix_length",
    ),
    "Conversations": ("multi_turn", "min_turns", "max_turns", "think_time"),
    "Answers": (
        *("max_tokens", "min_tokens", "stream", "temperature", "top_p", "top_k", "stop", "stop_token_ids", "logprobs"),
        *("frequency_penalty", "repetition_penalty", "n_choices", "tools", "tool_choice", "extra_args"),
    ),
    "A service level": (
        *("goodput", "sla_auto_tune", "sla_variable", "sla_params", "sla_num_runs", "sla_lower_bound"),
        *("sla_upper_bound", "sla_fixed_parallel", "sla_number_multiplier"),
    ),
    "The server's own view": ("server_metrics",),
    "Output": ("name", "work_dir", "no_timestamp"),
}

perf_app = _application(
    "perf",
    PerfRequest,
    _PERF_PANELS,
    "Load-test an OpenAI-compatible endpoint.\n\n"
    "    evalkube perf --model qwen2.5 --url http://localhost:8000/v1 --number 100 200 --parallel 10 20",
)
