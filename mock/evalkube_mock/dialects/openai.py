"""OpenAI chat completions and completions, as vLLM and OpenAI send them. Pure.

Sources: https://platform.openai.com/docs/api-reference/chat/create and .../chat/streaming. `reasoning_content`,
`min_tokens` and `ignore_eos` are vLLM's (https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html).
"""

from typing import Any

import orjson

from evalkube_mock import tokenizer
from evalkube_mock.dialects import fields
from evalkube_mock.dialects.model import Ask, Call, Endpoint, Event, Headers, RefusedError, Reply, Script
from evalkube_mock.dialects.openai_api import OpenAIApi

__all__ = ["OpenAI"]

_CHAT = "chat"
_TEXT = "text"
_ENDPOINTS = {"/v1/chat/completions": Endpoint(_CHAT), "/v1/completions": Endpoint(_TEXT)}

_MAX_CHOICES = 128  # as OpenAI
_CALL_ID = "call_0"


class OpenAI(OpenAIApi):
    """See the protocol `Dialect`."""

    name = "openai"

    def endpoint(self, path: str, query: str) -> Endpoint | None:
        return _ENDPOINTS.get(path)

    def read(self, endpoint: Endpoint, headers: Headers, body: bytes) -> Ask:
        document = fields.document(body)
        model = fields.model(document)
        chat = endpoint.name == _CHAT
        prompt, prompt_tokens = _chat_prompt(document) if chat else _text_prompt(document)
        stream = fields.flag(document, "stream")
        options = fields.part(document, "stream_options")
        if options and not stream:
            raise RefusedError(400, "stream_options is only allowed when stream is true.", param="stream_options")
        return Ask(
            endpoint=endpoint.name,
            model=model,
            prompt=prompt,
            prompt_tokens=prompt_tokens,
            stream=stream,
            include_usage=fields.flag(options, "include_usage"),
            max_tokens=_max_tokens(document),
            min_tokens=fields.integer(document, "min_tokens", 0) or 0,
            ignore_eos=fields.flag(document, "ignore_eos"),
            choices=fields.integer(document, "n", 1, _MAX_CHOICES) or 1,
            stop=fields.stop_texts(document, "stop"),
            call=_call(document) if chat else None,
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
        deltas += [b'"delta":{"tool_calls":[%s]}' % orjson.dumps(call) for call in _call_deltas(reply)]
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
            message: dict[str, Any] = {"role": "assistant", "content": text}
            if reply.reasoning:
                message["reasoning_content"] = "".join(reply.reasoning)
            if reply.call is not None:
                message["content"] = None
                function = {"name": reply.call.name, "arguments": reply.call.arguments}
                message["tool_calls"] = [{"id": _CALL_ID, "type": "function", "function": function}]
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

    def error_events(self, ask: Ask, reply: Reply, sent: int, refused: RefusedError) -> tuple[Event, ...]:
        # As vLLM: the stream still ends in order, so only the body tells that it failed.
        return ((b"data: " + self.error(refused, 0) + b"\n\n",), (b"data: [DONE]\n\n",))


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
        raise fields.missing("messages")
    if not isinstance(messages, list) or not messages:
        raise fields.wrong("messages", "a list that is not empty")
    last, tokens = "", 0
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise fields.wrong(f"messages[{index}]", "an object with a role")
        text = fields.text_of(message.get("content"), f"messages[{index}].content")
        tokens += tokenizer.count(text)
        if message["role"] == "user":
            last = text
    return last, tokens


def _text_prompt(document: dict[str, Any]) -> tuple[str, int]:
    prompt = document.get("prompt")
    if prompt is None:
        raise fields.missing("prompt")
    if isinstance(prompt, list) and len(prompt) == 1 and isinstance(prompt[0], str | list):
        prompt = prompt[0]  # a batch of one
    if isinstance(prompt, str):
        return prompt, tokenizer.count(prompt)
    if isinstance(prompt, list) and prompt and all(type(token) is int for token in prompt):
        return "", len(prompt)
    raise fields.wrong("prompt", "a text or a list of token ids; this server takes one prompt per request")


def _max_tokens(document: dict[str, Any]) -> int | None:
    newer = fields.integer(document, "max_completion_tokens", 1)
    return newer if newer is not None else fields.integer(document, "max_tokens", 1)


def _call(document: dict[str, Any]) -> Call | None:
    tools = document.get("tools")
    if not isinstance(tools, list) or document.get("tool_choice") == "none":
        return None
    functions = [tool.get("function") for tool in tools if isinstance(tool, dict)]
    return fields.call((one.get("name"), one.get("parameters")) for one in functions if isinstance(one, dict))


def _call_deltas(reply: Reply) -> list[dict[str, Any]]:
    """The deltas of a call; the first one also has the name."""
    deltas: list[dict[str, Any]] = [{"index": 0, "function": {"arguments": text}} for text in reply.arguments]
    if reply.call is not None:
        function = {"name": reply.call.name, "arguments": reply.arguments[0]}
        deltas[0] = {"index": 0, "id": _CALL_ID, "type": "function", "function": function}
    return deltas
