"""The OpenAI dialect: chat completions and completions, as vLLM and OpenAI send them. Pure."""

from collections.abc import Sequence
from typing import Any

import orjson

from evalkube_mock import pieces
from evalkube_mock.dialects.model import Ask, Event, RefusedError, Reply, Script

__all__ = ["OpenAI"]

_CHAT = "chat"
_TEXT = "text"
_ENDPOINTS = {"/v1/chat/completions": _CHAT, "/v1/completions": _TEXT}

_MAX_CHOICES = 128  # as OpenAI
_ERROR_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    429: "rate_limit_error",
}


class OpenAI:
    """See the protocol `Dialect`."""

    name = "openai"

    def endpoint(self, path: str) -> str | None:
        return _ENDPOINTS.get(path)

    def credential(self, headers: Sequence[tuple[bytes, bytes]]) -> str | None:
        for name, value in headers:
            if name.lower() == b"authorization":
                scheme, _, key = value.decode("latin-1").partition(" ")
                return key.strip() if scheme.lower() == "bearer" else None
        return None

    def read(self, endpoint: str, body: bytes) -> Ask:
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise RefusedError(400, f"We could not parse the JSON body of your request: {error}") from error
        if not isinstance(document, dict):
            raise RefusedError(400, "The request body must be a JSON object.")
        model = document.get("model")
        if not isinstance(model, str) or not model:
            raise RefusedError(
                400, "You must provide a model parameter.", param="model", code="missing_required_parameter"
            )
        prompt, prompt_tokens = _chat_prompt(document) if endpoint == _CHAT else _text_prompt(document)
        stream = _flag(document, "stream")
        options = document.get("stream_options")
        if options is not None and not isinstance(options, dict):
            raise _wrong("stream_options", "an object")
        if options and not stream:
            raise RefusedError(400, "stream_options is only allowed when stream is true.", param="stream_options")
        return Ask(
            endpoint=endpoint,
            model=model,
            prompt=prompt,
            prompt_tokens=prompt_tokens,
            stream=stream,
            include_usage=_flag(options or {}, "include_usage"),
            max_tokens=_max_tokens(document),
            min_tokens=_integer(document, "min_tokens", 0) or 0,
            ignore_eos=_flag(document, "ignore_eos"),
            choices=_integer(document, "n", 1, _MAX_CHOICES) or 1,
            stop=_stop(document),
        )

    def stamp(self, ask: Ask, number: int, created: int) -> bytes:
        prefix, kind = ("chatcmpl", "chat.completion.chunk") if ask.endpoint == _CHAT else ("cmpl", "text_completion")
        return b'{"id":"%s-%024x","object":"%s","created":%d,' % (prefix.encode(), number, kind.encode(), created)

    def script(self, ask: Ask, reply: Reply, *, role: bool) -> Script:
        tail = b'"model":%s,"choices":[{"index":' % orjson.dumps(ask.model)
        choices = range(ask.choices)
        chat = ask.endpoint == _CHAT
        opening: tuple[Event, ...] = ()
        if chat and role:
            opening = tuple(_event(tail, i, b'"delta":{"role":"assistant","content":""}', b"null") for i in choices)
        named = [(b"reasoning_content", text) for text in reply.reasoning]
        named += [(b"content", text) for text in reply.content]
        template = b'"delta":{"%s":%s}' if chat else b'"text":%.0s%s'
        deltas = [template % (name, orjson.dumps(text)) for name, text in named]
        last = b'"delta":{}' if chat else b'"text":""'
        reason = orjson.dumps(reply.finish_reason)
        return Script(
            opening=opening,
            tokens=tuple(tuple(_event(tail, i, delta, b"null") for i in choices) for delta in deltas),
            closing=tuple(_event(tail, i, last, reason) for i in choices),
        )

    def ending(self, ask: Ask, reply: Reply) -> tuple[Event, ...]:
        done: Event = (b"data: [DONE]\n\n",)
        if not ask.include_usage:
            return (done,)
        body = b'"model":%s,"choices":[],"usage":%s}\n\n' % (orjson.dumps(ask.model), orjson.dumps(_usage(ask, reply)))
        return ((b"data: ", body), done)

    def whole(self, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
        chat = ask.endpoint == _CHAT
        text = "".join(reply.content)
        answer: dict[str, Any]
        if chat:
            message = {"role": "assistant", "content": text}
            if reply.reasoning:
                message["reasoning_content"] = "".join(reply.reasoning)
            answer = {"message": message}
        else:
            answer = {"text": "".join(reply.reasoning) + text}
        document = {
            "id": f"{'chatcmpl' if chat else 'cmpl'}-{number:024x}",
            "object": "chat.completion" if chat else "text_completion",
            "created": created,
            "model": ask.model,
            "choices": [
                {"index": index, **answer, "logprobs": None, "finish_reason": reply.finish_reason}
                for index in range(ask.choices)
            ],
            "usage": _usage(ask, reply),
        }
        return orjson.dumps(document)

    def error(self, refused: RefusedError) -> bytes:
        default = "invalid_request_error" if refused.status < 500 else "server_error"
        error = {
            "message": refused.message,
            "type": _ERROR_TYPES.get(refused.status, default),
            "param": refused.param,
            "code": refused.code,
        }
        return orjson.dumps({"error": error})

    def error_events(self, refused: RefusedError) -> tuple[Event, ...]:
        # As vLLM: the stream still ends in order, so only the body tells that it failed.
        return ((b"data: " + self.error(refused) + b"\n\n",), (b"data: [DONE]\n\n",))


def _event(tail: bytes, index: int, delta: bytes, reason: bytes) -> Event:
    return (b"data: ", b'%s%d,%s,"logprobs":null,"finish_reason":%s}]}\n\n' % (tail, index, delta, reason))


def _usage(ask: Ask, reply: Reply) -> dict[str, Any]:
    completion = reply.tokens * ask.choices
    usage: dict[str, Any] = {
        "prompt_tokens": ask.prompt_tokens,
        "completion_tokens": completion,
        "total_tokens": ask.prompt_tokens + completion,
    }
    if reply.reasoning:
        usage["completion_tokens_details"] = {"reasoning_tokens": len(reply.reasoning) * ask.choices}
    return usage


def _chat_prompt(document: dict[str, Any]) -> tuple[str, int]:
    messages = document.get("messages")
    if messages is None:
        raise RefusedError(
            400, "Missing required parameter: 'messages'.", param="messages", code="missing_required_parameter"
        )
    if not isinstance(messages, list) or not messages:
        raise _wrong("messages", "a list that is not empty")
    last, tokens = "", 0
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise _wrong(f"messages[{index}]", "an object with a role")
        text = _content(message.get("content"), f"messages[{index}].content")
        tokens += pieces.count(text)
        if message["role"] == "user":
            last = text
    return last, tokens


def _content(content: object, param: str) -> str:
    if isinstance(content, str):
        return content
    if content is None:
        return ""  # an assistant turn that only calls tools
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        return "".join(part["text"] for part in content if isinstance(part.get("text"), str))
    raise _wrong(param, "a text or a list of content parts")


def _text_prompt(document: dict[str, Any]) -> tuple[str, int]:
    prompt = document.get("prompt")
    if prompt is None:
        raise RefusedError(
            400, "Missing required parameter: 'prompt'.", param="prompt", code="missing_required_parameter"
        )
    if isinstance(prompt, list) and len(prompt) == 1 and isinstance(prompt[0], str | list):
        prompt = prompt[0]  # a batch of one
    if isinstance(prompt, str):
        return prompt, pieces.count(prompt)
    if isinstance(prompt, list) and prompt and all(type(token) is int for token in prompt):
        return "", len(prompt)
    raise _wrong("prompt", "a text or a list of token ids; this server takes one prompt per request")


def _max_tokens(document: dict[str, Any]) -> int | None:
    newer = _integer(document, "max_completion_tokens", 1)
    return newer if newer is not None else _integer(document, "max_tokens", 1)


def _stop(document: dict[str, Any]) -> tuple[str, ...]:
    stop = document.get("stop")
    if stop is None:
        return ()
    texts = [stop] if isinstance(stop, str) else stop
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise _wrong("stop", "a text or a list of texts")
    return tuple(text for text in texts if text)


def _integer(document: dict[str, Any], name: str, least: int, most: int | None = None) -> int | None:
    value = document.get(name)
    if value is None:
        return None
    if type(value) is not int or value < least or (most is not None and value > most):
        raise _wrong(name, f"an integer of at least {least}" + (f" and at most {most}" if most else ""))
    return value


def _flag(document: dict[str, Any], name: str) -> bool:
    value = document.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise _wrong(name, "true or false")
    return value


def _wrong(param: str, expected: str) -> RefusedError:
    return RefusedError(400, f"Invalid value for '{param}': expected {expected}.", param=param, code="invalid_value")
