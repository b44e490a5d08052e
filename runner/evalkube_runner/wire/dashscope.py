"""DashScope's own text generation (Alibaba Cloud Model Studio): where to post, and request bodies. What answers say is
decided in `dashscope_answers`. No I/O.

Reference: https://help.aliyun.com/zh/model-studio/qwen-api-via-dashscope. The service speaks OpenAI's chat completions
too, at /compatible-mode/v1: that is the dialect `openai`.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from evalkube_runner.wire import openai, stream
from evalkube_runner.wire.ask import Ask, Inputs, Message, Operation, Query, is_messages, merged, overlaid
from evalkube_runner.wire.dashscope_answers import GRAMMAR, words_of
from evalkube_runner.wire.decoding import document

__all__ = [
    "answer",
    "body",
    "endpoint",
    "error_message",
    "fixed_headers",
    "headers",
    "prompt_texts",
    "reader",
    "takes_messages",
]

_BASE = "/api/v1"
_GENERATION = "/services/aigc/text-generation/generation"
_MULTIMODAL = "/multimodal-generation/"
_JOINED = ("input", "parameters")  # objects of a body to which a user adds keys


def endpoint(given: str, operation: Operation, *, base: bool = False) -> str:
    """The URL to post to.

    A base URL (`base`: as DashScope's clients are given one, .../api/v1) gets the path of text generation, unless it
    names a service already. Any other URL is taken as it stands, unless it ends in /api/v1 or has no path.
    """
    parts = urlsplit(given)
    path = parts.path.rstrip("/") or _BASE
    if path.endswith(_BASE) or (base and "/services/" not in path):
        path += _GENERATION
    else:
        path = path if base else parts.path
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def takes_messages(url: str) -> bool:
    """Whether the endpoint takes messages: always. A plain prompt is sent as one."""
    return True


def fixed_headers(*, stream: bool) -> dict[str, str]:
    """The headers that ask for a stream, which the body does not do."""
    return {"X-DashScope-SSE": "enable", "Accept": "text/event-stream"} if stream else {"Accept": "application/json"}


def headers(api_key: str | None, url: str, name: str | None = None) -> dict[str, str]:
    """The key as a bearer token, or as it is in the header `name`."""
    return openai.headers(api_key, url, name or "Authorization")


def body(ask: Ask) -> dict[str, Any]:
    """The request body: the fields that are set, over them those of a prompt that is a body, over all `extra`; both
    may add to `input` and `parameters`.

    Answers are asked for as messages, and streams in pieces: by itself a model repeats in each event all it has said.
    """
    parameters = {key: value for key, value in _parameters(ask).items() if value is not None}
    made: dict[str, Any] = {"model": ask.model, "parameters": parameters}
    prompt = ask.prompt
    assert not isinstance(prompt, Inputs | Query), "an endpoint that generates is given a prompt"
    if isinstance(prompt, dict):
        made = overlaid(made, prompt, _JOINED)
    elif isinstance(prompt, str):
        made["input"] = {"prompt": prompt}
    else:
        messages = prompt if is_messages(prompt) else []
        assert messages or not prompt, "token ids are refused with the spec"
        in_parts = _MULTIMODAL in urlsplit(ask.url).path
        made["input"] = {"messages": [_message(message, in_parts=in_parts) for message in messages]}
    return merged(made, ask.extra, _JOINED)


def _parameters(ask: Ask) -> dict[str, Any]:
    return {
        "result_format": "message",
        "incremental_output": True if ask.stream else None,
        "max_tokens": ask.max_tokens,
        "temperature": ask.temperature,
        "top_p": ask.top_p,
        "top_k": ask.top_k,
        "n": ask.choices,
        "seed": ask.seed,
        "stop": ask.stop,
        "presence_penalty": ask.presence_penalty,
        "repetition_penalty": ask.repetition_penalty,
        "logprobs": ask.logprobs,
        "top_logprobs": ask.top_logprobs,
        "response_format": None if ask.response_schema is None else openai.response_format(ask.response_schema),
        "tools": ask.tools,
        "tool_choice": openai.tool_choice(ask.tool_choice),
    }


def _message(message: Message, *, in_parts: bool) -> Message:
    """A message of a chat. Of models that see and hear (`in_parts`) contents are lists, and each part's key says what
    it is.
    """
    content = message.get("content")
    if isinstance(content, list):
        return {**message, "content": [_part(part) for part in content]}
    return {**message, "content": [{"text": content}]} if in_parts and isinstance(content, str) else message


def _part(part: object) -> object:
    """A part of a message as OpenAI writes it in DashScope's form; others go out as they are."""
    match part:
        case {"type": "text", "text": text}:
            return {"text": text}
        case {"type": "image_url", "image_url": {"url": url}} | {"type": "image_url", "image_url": str() as url}:
            return {"image": url}
        case {"type": "video_url", "video_url": {"url": url}}:
            return {"video": url}
    return part


_ANSWERS = stream.Answers(GRAMMAR)
reader, answer = _ANSWERS.reader, _ANSWERS.whole
error_message = words_of
"""Behind the code, by which the reference explains it."""


def prompt_texts(body: bytes) -> tuple[list[str], int]:
    """The texts of a request's prompt; it has no token ids."""
    found = document(body)
    given = found.get("input")
    if not isinstance(given, Mapping):
        return [], 0
    messages = given.get("messages")
    texts = [text for message in messages for text in _texts(message)] if isinstance(messages, list) else []
    prompt = given.get("prompt")
    return [*texts, prompt] if isinstance(prompt, str) else texts, 0


def _texts(message: object) -> Iterator[str]:
    """The texts of a message: a string, or those of its parts."""
    content = message.get("content") if isinstance(message, Mapping) else None
    for part in content if isinstance(content, list) else [content]:
        text = part.get("text") if isinstance(part, Mapping) else part
        if isinstance(text, str):
            yield text
