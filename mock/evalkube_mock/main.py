"""`evalkube mock-model`: reads the options, makes a behaviour of them and serves it. No request is decided here."""

import os
from pathlib import Path
from typing import Annotated

import typer

from evalkube_mock import answers, server
from evalkube_mock.answers import AnswerBook
from evalkube_mock.behaviour import Behaviour, Role
from evalkube_mock.record import Record
from evalkube_mock.replies import MAX_TOKENS
from evalkube_mock.vectors import MAX_DIMENSIONS

__all__ = ["app", "main"]

_TIMING, _CONTENT, _FAULTS, _SERVER = "Timing", "Content", "Faults", "Server"
_MS = 1_000_000

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    host: Annotated[str, typer.Option(help="Address to listen on.", rich_help_panel=_SERVER)] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.", rich_help_panel=_SERVER)
    ] = 8000,
    ttft_ms: Annotated[
        float, typer.Option(min=0, help="Time from a request's last byte to its first token.", rich_help_panel=_TIMING)
    ] = 0.0,
    itl_ms: Annotated[
        float,
        typer.Option(min=0, help="Time between tokens; 0 sends the stream in one write.", rich_help_panel=_TIMING),
    ] = 0.0,
    latency_ms: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Time to an answer that is not streamed [default: ttft + tokens * itl].",
            rich_help_panel=_TIMING,
        ),
    ] = None,
    jitter: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="Each wait is multiplied by a factor drawn from [1-J, 1+J].", rich_help_panel=_TIMING
        ),
    ] = 0.0,
    concurrency: Annotated[
        int | None,
        typer.Option(
            min=1, help="Serve at most this number of requests at once; others wait.", rich_help_panel=_TIMING
        ),
    ] = None,
    tokens: Annotated[
        int, typer.Option(min=0, max=MAX_TOKENS, help="Length of the filler answer.", rich_help_panel=_CONTENT)
    ] = 128,
    reasoning_tokens: Annotated[
        int,
        typer.Option(min=0, max=MAX_TOKENS, help="Reasoning tokens before the answer's own.", rich_help_panel=_CONTENT),
    ] = 0,
    tool_calls: Annotated[
        bool,
        typer.Option(
            "--tool-calls", help="Answer a request with tools by a call of the first.", rich_help_panel=_CONTENT
        ),
    ] = False,
    dimensions: Annotated[
        int,
        typer.Option(min=1, max=MAX_DIMENSIONS, help="Length of an embedding's vector.", rich_help_panel=_CONTENT),
    ] = 1024,
    answers_file: Annotated[
        Path | None,
        typer.Option(
            "--answers",
            help='JSONL of {"match" or "question": text, "answer": text}. The match found in the last user message '
            "gives the answer; of several the one that ends last, then the longest.",
            rich_help_panel=_CONTENT,
        ),
    ] = None,
    default_answer: Annotated[
        str | None,
        typer.Option(
            help="Answer to use if none of --answers matches.", show_default="filler", rich_help_panel=_CONTENT
        ),
    ] = None,
    model: Annotated[str, typer.Option(help="Name at /v1/models.", rich_help_panel=_CONTENT)] = "mock-model",
    strict_model: Annotated[
        bool, typer.Option("--strict-model", help="Refuse requests for another model.", rich_help_panel=_CONTENT)
    ] = False,
    role: Annotated[
        Role,
        typer.Option(
            help="Time of what opens a stream (the role-only delta, message_start): with the first token, early "
            "(with the response's head), or none if the dialect allows it.",
            rich_help_panel=_CONTENT,
        ),
    ] = Role.FIRST,
    fail_rate: Annotated[
        float, typer.Option(min=0, max=1, help="Fraction answered with --fail-status.", rich_help_panel=_FAULTS)
    ] = 0.0,
    fail_status: Annotated[
        int, typer.Option(min=400, max=599, help="Status of failed requests.", rich_help_panel=_FAULTS)
    ] = 500,
    retry_after_s: Annotated[
        int | None, typer.Option(min=0, help="Send Retry-After with failed requests.", rich_help_panel=_FAULTS)
    ] = None,
    stream_error_rate: Annotated[
        float, typer.Option(min=0, max=1, help="Fraction with an error event inside the 200.", rich_help_panel=_FAULTS)
    ] = 0.0,
    truncate_rate: Annotated[
        float, typer.Option(min=0, max=1, help="Fraction closed in the middle of the answer.", rich_help_panel=_FAULTS)
    ] = 0.0,
    stream_error_status: Annotated[
        int,
        typer.Option(
            min=400,
            max=599,
            help="Type of error that the error event names, in its dialect's words.",
            rich_help_panel=_FAULTS,
        ),
    ] = 500,
    api_key: Annotated[
        str | None,
        typer.Option(
            help="Refuse every other key, as each dialect does.",
            envvar="EVALKUBE_MOCK_API_KEY",
            rich_help_panel=_SERVER,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of jitter, faults and filler.", rich_help_panel=_SERVER)] = 0,
    record_size: Annotated[
        int,
        typer.Option(
            min=1, max=10_000_000, help="Requests kept for GET /record (39 bytes each).", rich_help_panel=_SERVER
        ),
    ] = 200_000,
    keep_bodies: Annotated[
        int,
        typer.Option(min=0, max=100_000, help="Bodies of requests kept for GET /requests.", rich_help_panel=_SERVER),
    ] = 0,
    exit_with_parent: Annotated[
        bool,
        typer.Option("--exit-with-parent", help="Stop when standard input ends.", rich_help_panel=_SERVER),
    ] = False,
) -> None:
    """Serves a mock LLM with known timing, for demos, smoke tests and as the reference of benchmarks.

    It speaks OpenAI (chat, completions, responses, embeddings), rerank, Anthropic messages, Gemini and DashScope.

    GET /v1/models and /health. GET /record gives the server's own times of every request, DELETE /record clears them,
    GET /stats counts.
    """
    if fail_rate + stream_error_rate + truncate_rate > 1 + 1e-9:  # 0.7 + 0.2 + 0.1 is a little more than 1
        raise typer.BadParameter("The rates of faults add up to more than 1; lower them.", param_hint="--fail-rate")
    behaviour = Behaviour(
        ttft_ns=round(ttft_ms * _MS),
        itl_ns=round(itl_ms * _MS),
        latency_ns=None if latency_ms is None else round(latency_ms * _MS),
        jitter=jitter,
        tokens=tokens,
        tool_calls=tool_calls,
        dimensions=dimensions,
        reasoning_tokens=reasoning_tokens,
        default_answer=default_answer,
        concurrency=concurrency,
        fail_rate=fail_rate,
        fail_status=fail_status,
        retry_after_s=retry_after_s,
        stream_error_rate=stream_error_rate,
        stream_error_status=stream_error_status,
        truncate_rate=truncate_rate,
        role=role,
        model=model,
        strict_model=strict_model,
        api_key=api_key,
        seed=seed,
    )
    try:
        server.serve(
            behaviour,
            _book(answers_file),
            host=host,
            port=port,
            record=Record(record_size, bodies=keep_bodies),
            exit_with_parent=exit_with_parent,
            ready=lambda url: print(f"mock model on {url}", flush=True),
        )
    except OSError as error:
        typer.echo(f"cannot listen on {host}:{port}: {_reason(error)}", err=True)
        raise typer.Exit(1) from error


def _reason(error: OSError) -> str:
    # asyncio's own text repeats the address and wraps what the system says.
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)


def _book(path: Path | None) -> AnswerBook:
    if path is None:
        return AnswerBook()
    try:
        return answers.load(path)
    except answers.AnswersError as error:
        raise typer.BadParameter(str(error), param_hint="--answers") from error


if __name__ == "__main__":
    app()
