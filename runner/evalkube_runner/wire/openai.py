"""The OpenAI dialect (chat completions and completions): where to post, and request bodies. Its answers are read in
``openai_answers``, their text in ``openai_texts``. No I/O.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from evalkube_runner.wire import heads
from evalkube_runner.wire.answer import Prompt
from evalkube_runner.wire.openai_answers import Stream, answer, error_message
from evalkube_runner.wire.openai_texts import TextStream, answer_texts, prompt_texts

if TYPE_CHECKING:  # the worker processes read streams and never see a spec: they start without pydantic
    from evalkube_crds.perfrun import PerfRunSpec

__all__ = [
    "answer",
    "answer_texts",
    "body",
    "chat_endpoint",
    "draws_max_tokens",
    "endpoint",
    "error_message",
    "headers",
    "is_chat",
    "merged",
    "prompt_texts",
    "stream_reader",
]


_AZURE = "/openai/deployments/"


def endpoint(url: str, *, plain: bool = False, query: Mapping[str, str] | None = None) -> str:
    """The URL that a load test posts to: `url` as it stands, unless it is a base: it ends in /v1 (what people paste),
    or has no path. A base gets the path of chat completions, or, for prompts that are not messages (`plain`), that of
    completions. `query` joins the URL's own.
    """
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    if not path or path.endswith("/v1"):
        path += "/completions" if plain else "/chat/completions"
    elif not path.endswith("/completions"):
        path = parts.path
    return heads.with_query(urlunsplit((parts.scheme, parts.netloc, path, parts.query, "")), query or {})


def chat_endpoint(base: str, query: Mapping[str, str] | None = None) -> str:
    """The URL that an evaluation posts to: `base` is an OpenAI client's base URL, to which /chat/completions is added
    unless it is there already. `query` joins the URL's own.
    """
    parts = urlsplit(base)
    path = parts.path.rstrip("/")
    path += "" if path.endswith("/completions") else "/chat/completions"
    return heads.with_query(urlunsplit((parts.scheme, parts.netloc, path, parts.query, "")), query or {})


def is_chat(url: str) -> bool:
    """Whether the endpoint takes messages: all but that of completions."""
    path = urlsplit(endpoint(url)).path
    return path.endswith("/chat/completions") or not path.endswith("/completions")


def headers(api_key: str | None, url: str, name: str | None = None) -> dict[str, str]:
    """The key as a bearer token, or as it is in the header `name`. Azure's deployments want `api-key` by themselves."""
    if not api_key:
        return {}
    name = name or ("api-key" if _AZURE in urlsplit(url).path else "Authorization")
    return {name: f"Bearer {api_key}" if name.lower() == "authorization" else api_key}


def merged(made: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """A body with the request's further keys, which win; one that is null takes the key away. Servers take
    `max_tokens` or `max_completion_tokens`, never both: the latter goes before the former.
    """
    body = {key: value for key, value in {**made, **extra}.items() if key not in extra or value is not None}
    if body.get("max_completion_tokens") is not None:
        body.pop("max_tokens", None)
    return body


def body(spec: "PerfRunSpec", prompt: Prompt) -> dict[str, Any]:
    """The request body: the spec's sampling fields, under a prompt that is a body its own fields, over all
    ``extra_args`` (see `merged`).
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
    return merged(made, spec.extra_args)


def _is_messages(prompt: Prompt) -> bool:
    return isinstance(prompt, list) and bool(prompt) and isinstance(prompt[0], dict)


def draws_max_tokens(spec: "PerfRunSpec", body: dict[str, Any]) -> bytes | None:
    """The key of a drawn limit, where the spec gives a range and the body does not decide for itself."""
    decided = {"max_tokens", "max_completion_tokens"} & (body.keys() | spec.extra_args.keys())
    return b'"max_tokens"' if len(spec.max_tokens) == 2 and not decided else None


def stream_reader(choices: int, *, keep_text: bool = False) -> Stream:
    """A reader for one streamed answer."""
    return TextStream(choices) if keep_text else Stream(choices)
