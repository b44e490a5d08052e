"""The OpenAI dialect (chat completions and completions): where to post, and request bodies. What its answers say is
decided in ``openai_answers``, and read in ``stream``. No I/O.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from evalkube_runner.wire import faults, heads, stream
from evalkube_runner.wire.answer import Answer, Prompt
from evalkube_runner.wire.decoding import NotJson, loads
from evalkube_runner.wire.openai_answers import said

if TYPE_CHECKING:  # the worker processes read streams and never see a spec: they start without pydantic
    from evalkube_crds.perfrun import PerfRunSpec

__all__ = [
    "answer",
    "body",
    "chat_endpoint",
    "draws_max_tokens",
    "endpoint",
    "error_message",
    "headers",
    "is_chat",
    "merged",
    "prompt_texts",
    "reader",
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


def reader(choices: int = 1, *, keep_text: bool = False) -> stream.Stream:
    """A reader for one answer."""
    return stream.Stream(said, choices, keep_text=keep_text)


def answer(body: bytes, choices: int = 1, *, keep_text: bool = False) -> Answer:
    """What an answer that was not streamed says."""
    return stream.whole(body, said, choices, keep_text=keep_text)


def error_message(body: bytes) -> str:
    """The text for people in the body of an HTTP error."""
    return faults.in_body(body)


def prompt_texts(body: bytes) -> tuple[list[str], int]:
    """The texts of a request's prompt, and how many token ids it has besides."""
    try:
        found = loads(body)
    except NotJson:
        return [], 0
    if not isinstance(found, Mapping):
        return [], 0
    prompt = found.get("prompt")
    parts = prompt if isinstance(prompt, list) else [prompt]
    ids = sum(len(part) if isinstance(part, list) else 1 for part in parts if isinstance(part, int | list))
    return [*_messages(found), *(part for part in parts if isinstance(part, str))], ids


def _messages(found: Mapping[str, Any]) -> Iterator[str]:
    """The texts of the messages: of each a string, or the text parts of a list."""
    for message in found.get("messages") or []:
        content = message.get("content")
        if isinstance(content, str):
            yield content
            continue
        for part in content if isinstance(content, list) else []:
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"]
