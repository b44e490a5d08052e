"""The OpenAI dialect (chat completions and completions): where to post, and request bodies. Its answers are read in
``openai_answers``, their text in ``openai_texts``. No I/O.
"""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from evalkube_runner.wire.answer import Prompt
from evalkube_runner.wire.openai_answers import Stream, answer, error_message
from evalkube_runner.wire.openai_texts import TextStream, answer_texts, prompt_texts

if TYPE_CHECKING:  # the worker processes read streams and never see a spec: they start without pydantic
    from evalkube_crds.perfrun import PerfRunSpec

__all__ = [
    "answer",
    "answer_texts",
    "body",
    "draws_max_tokens",
    "endpoint",
    "error_message",
    "headers",
    "is_chat",
    "prompt_texts",
    "stream_reader",
]


def endpoint(url: str, *, plain: bool = False) -> str:
    """The URL to post to: one that names no known endpoint (``.../v1`` is what people paste) gets that of chat
    completions, or, for prompts that are not messages (``plain``), that of completions.
    """
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    if not path.endswith("/completions"):
        path += "/completions" if plain else "/chat/completions"
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def is_chat(url: str) -> bool:
    """Whether the endpoint takes messages."""
    return urlsplit(endpoint(url)).path.endswith("/chat/completions")


def headers(api_key: str | None) -> dict[str, str]:
    """The key as a bearer token."""
    return {"Authorization": f"Bearer {api_key}"} if api_key else {}


def body(spec: "PerfRunSpec", prompt: Prompt) -> dict[str, Any]:
    """The request body: the spec's sampling fields, under a prompt that is a body its own fields, over all
    ``extra_args``.
    """
    fields: dict[str, Any] = {
        "model": spec.model,
        "max_tokens": spec.max_tokens[0] if len(spec.max_tokens) == 1 else None,
        "min_tokens": spec.min_tokens,
        "frequency_penalty": spec.frequency_penalty,
        "repetition_penalty": spec.repetition_penalty,
        "logprobs": spec.logprobs,
        "n": spec.n_choices,
        "seed": spec.seed,
        "stop": spec.stop,
        "stop_token_ids": spec.stop_token_ids,
        "temperature": spec.temperature,
        "top_p": spec.top_p,
        "top_k": spec.top_k,
    }
    made = {key: value for key, value in fields.items() if value is not None}
    if spec.stream:
        made |= {"stream": True, "stream_options": {"include_usage": True}}
    if isinstance(prompt, dict):
        made |= prompt
    elif _is_messages(prompt):
        made["messages"] = prompt
    else:
        made["prompt"] = prompt
    return made | spec.extra_args


def _is_messages(prompt: Prompt) -> bool:
    return isinstance(prompt, list) and bool(prompt) and isinstance(prompt[0], dict)


def draws_max_tokens(spec: "PerfRunSpec", body: dict[str, Any]) -> bytes | None:
    """The key of a drawn limit, where the spec gives a range and the body does not decide for itself."""
    drawn = len(spec.max_tokens) == 2 and "max_tokens" not in body and "max_completion_tokens" not in body
    return b'"max_tokens"' if drawn else None


def stream_reader(choices: int, *, keep_text: bool = False) -> Stream:
    """A reader for one streamed answer."""
    return TextStream(choices) if keep_text else Stream(choices)
