"""Anthropic's messages. Pure.

Sources: https://docs.anthropic.com/en/api/messages, .../api/messages-streaming, .../api/errors, .../api/versioning and
.../build-with-claude/extended-thinking. The mock's reasoning comes as a thinking block, even if the request does not
ask for it. `min_tokens` and `ignore_eos` have vLLM's meaning, for load of a fixed length.
"""

import datetime
from typing import Any

import orjson

from evalkube_mock import tokenizer
from evalkube_mock.dialects import fields, sse
from evalkube_mock.dialects.model import (
    JSON,
    Ask,
    Block,
    Call,
    Endpoint,
    Event,
    Headers,
    RefusedError,
    Reply,
    Script,
    header,
    script_of,
)
from evalkube_mock.dialects.openai_api import bearer, listed

__all__ = ["Anthropic"]

_MESSAGES = Endpoint("messages")
_SIGNATURE = "ZXZhbGt1YmUtbW9jaw=="  # opaque to clients, base64 as the real ones
_CALL_ID = "toolu_0"
_ERROR_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class Anthropic:
    """See the protocol `Dialect`."""

    name = "anthropic"

    def endpoint(self, path: str, query: str) -> Endpoint | None:
        return _MESSAGES if path == "/v1/messages" else None

    def claims(self, path: str, headers: Headers) -> bool:
        return header(headers, b"anthropic-version") is not None

    def credential(self, headers: Headers, query: str) -> str | None:
        return header(headers, b"x-api-key") or bearer(headers)

    def wrong_key(self, key: str | None) -> RefusedError:
        return RefusedError(401, "x-api-key header is required" if key is None else "invalid x-api-key")

    def read(self, endpoint: Endpoint, headers: Headers, body: bytes) -> Ask:
        if not header(headers, b"anthropic-version"):
            raise RefusedError(400, "anthropic-version: header is required", param="anthropic-version")
        document = fields.document(body)
        max_tokens = fields.integer(document, "max_tokens", 1)
        if max_tokens is None:
            raise RefusedError(400, "max_tokens: Field required", param="max_tokens")
        prompt, prompt_tokens = _prompt(document)
        return Ask(
            endpoint=endpoint.name,
            model=fields.model(document),
            prompt=prompt,
            prompt_tokens=prompt_tokens,
            stream=fields.flag(document, "stream"),
            max_tokens=max_tokens,
            min_tokens=fields.integer(document, "min_tokens", 0) or 0,
            ignore_eos=fields.flag(document, "ignore_eos"),
            stop=fields.stop_texts(document, "stop_sequences"),
            call=_call(document),
        )

    def stamp(self, ask: Ask, number: int, created: int) -> bytes:
        usage = _usage(ask, 0)
        return b'"id":"msg_%024x","usage":%s,' % (number, orjson.dumps(usage))

    def script(self, ask: Ask, reply: Reply, *, role: bool) -> Script:
        message = b'"type":"message","role":"assistant","model":%s,"content":[],"stop_reason":null,"stop_sequence":null'
        start: Event = (
            b'event: message_start\ndata: {"type":"message_start","message":{',
            (message % orjson.dumps(ask.model)) + b"}}\n\n",
        )
        stop = {
            "type": "message_delta",
            "delta": {"stop_reason": _stop_reason(reply), "stop_sequence": reply.stop},
            "usage": {"output_tokens": reply.tokens},
        }
        script = script_of((start,), _blocks(reply), _events(stop, {"type": "message_stop"}))
        ping = _events({"type": "ping"})  # comes early in every stream, and later ones must be expected
        return Script((*script.opening, *ping), script.tokens, script.closing)

    def ending(self, ask: Ask, reply: Reply) -> tuple[Event, ...]:
        return ()

    def whole(self, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
        document = {
            "id": f"msg_{number:024x}",
            "type": "message",
            "role": "assistant",
            "model": ask.model,
            "content": _content(reply),
            "stop_reason": _stop_reason(reply),
            "stop_sequence": reply.stop,
            "usage": _usage(ask, reply.tokens),
        }
        return orjson.dumps(document)

    def error(self, refused: RefusedError, number: int) -> bytes:
        return orjson.dumps({**_error(refused), "request_id": f"req_{number:024x}"})

    def refusal(self, refused: RefusedError, number: int, headers: Headers) -> tuple[bytes, bytes]:
        return JSON, self.error(refused, number)

    def error_events(self, ask: Ask, reply: Reply, sent: int, refused: RefusedError) -> tuple[Event, ...]:
        return _events(_error(refused))  # nothing follows, message_stop neither

    def models(self, path: str, model: str, created: int) -> tuple[str, bytes] | None:
        at = datetime.datetime.fromtimestamp(created, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        one = {"type": "model", "id": model, "display_name": model, "created_at": at}
        return listed(path, "/v1/models", one, {"data": [one], "has_more": False, "first_id": model, "last_id": model})


def _events(*documents: dict[str, Any]) -> tuple[Event, ...]:
    return tuple((sse.named(document),) for document in documents)


def _blocks(reply: Reply) -> list[Block]:
    signature = {"type": "signature_delta", "signature": _SIGNATURE}
    found: list[tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]] = []
    if reply.reasoning:
        deltas: list[dict[str, Any]] = [{"type": "thinking_delta", "thinking": text} for text in reply.reasoning]
        found.append(({"type": "thinking", "thinking": "", "signature": ""}, deltas, [signature]))
    if reply.content:
        found.append(({"type": "text", "text": ""}, [{"type": "text_delta", "text": one} for one in reply.content], []))
    if reply.call is not None:
        use = {"type": "tool_use", "id": _CALL_ID, "name": reply.call.name, "input": {}}
        found.append((use, [{"type": "input_json_delta", "partial_json": text} for text in reply.arguments], []))
    return [
        Block(
            _events({"type": "content_block_start", "index": index, "content_block": block}),
            _events(*({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)),
            _events(
                *({"type": "content_block_delta", "index": index, "delta": delta} for delta in last),
                {"type": "content_block_stop", "index": index},
            ),
        )
        for index, (block, deltas, last) in enumerate(found)
    ]


def _content(reply: Reply) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = []
    if reply.reasoning:
        content.append({"type": "thinking", "thinking": "".join(reply.reasoning), "signature": _SIGNATURE})
    if reply.content:
        content.append({"type": "text", "text": "".join(reply.content)})
    if reply.call is not None:
        arguments = orjson.loads(reply.call.arguments)
        content.append({"type": "tool_use", "id": _CALL_ID, "name": reply.call.name, "input": arguments})
    return content


def _stop_reason(reply: Reply) -> str:
    if reply.stop is not None:
        return "stop_sequence"
    return {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}[reply.finish_reason]


def _usage(ask: Ask, output_tokens: int) -> dict[str, int]:
    return {
        "input_tokens": ask.prompt_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": output_tokens,
    }


def _error(refused: RefusedError) -> dict[str, Any]:
    default = "invalid_request_error" if refused.status < 500 else "api_error"
    return {
        "type": "error",
        "error": {"type": _ERROR_TYPES.get(refused.status, default), "message": refused.message},
    }


def _prompt(document: dict[str, Any]) -> tuple[str, int]:
    messages = document.get("messages")
    if messages is None:
        raise RefusedError(400, "messages: Field required", param="messages")
    if not isinstance(messages, list) or not messages:
        raise fields.wrong("messages", "a list that is not empty")
    last, tokens = "", tokenizer.count(fields.text_of(document.get("system"), "system"))
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
            raise fields.wrong(f"messages.{index}.role", "user or assistant; a system prompt is the field `system`")
        text = _message_text(message.get("content"), f"messages.{index}.content")
        tokens += tokenizer.count(text)
        if message["role"] == "user":
            last = text
    return last, tokens


def _message_text(content: object, param: str) -> str:
    if content is None:
        raise RefusedError(400, f"{param}: Field required", param=param)
    text = fields.text_of(content, param)
    if isinstance(content, list):  # what a tool answered is part of the prompt too
        results = [one.get("content") for one in content if one.get("type") == "tool_result"]
        text += "".join(fields.text_of(result, param) for result in results)
    return text


def _call(document: dict[str, Any]) -> Call | None:
    tools = document.get("tools")
    if not isinstance(tools, list) or fields.part(document, "tool_choice").get("type") == "none":
        return None
    own = (tool for tool in tools if isinstance(tool, dict) and "input_schema" in tool)  # others Anthropic runs itself
    return fields.call((tool.get("name"), tool["input_schema"]) for tool in own)
