"""DashScope's own text generation. Pure.

Sources: https://help.aliyun.com/zh/model-studio/qwen-api-via-dashscope (request, response, streams) and
.../zh/model-studio/error-code. The header `X-DashScope-SSE: enable`, or `Accept: text/event-stream`, asks for a stream.
Without `parameters.incremental_output` each event has all text so far. `min_tokens` and `ignore_eos` in `parameters`
are the mock's own, for load of a fixed length.
"""

import dataclasses
from typing import Any

import orjson

from evalkube_mock import tokenizer
from evalkube_mock.dialects import fields
from evalkube_mock.dialects.model import (
    JSON,
    Ask,
    Call,
    Endpoint,
    Event,
    Headers,
    RefusedError,
    Reply,
    Script,
    header,
)
from evalkube_mock.dialects.openai_api import bearer

__all__ = ["DashScope"]

_GENERATION = Endpoint("generation")
_PATH = "/api/v1/services/aigc/text-generation/generation"
_MAX_CHOICES = 4
_MAX_CUMULATIVE = 2048  # tokens of a stream that repeats itself: its bytes grow with the square
_CALL_ID = "call_0"
_EVENTS = b"text/event-stream;charset=UTF-8"
_TEXT, _MESSAGE, _INCREMENTAL, _CUMULATIVE = "text", "message", "incremental", "cumulative"
_CODES = {
    400: "InvalidParameter",
    401: "InvalidApiKey",
    403: "AccessDenied",
    404: "ModelNotFound",
    408: "RequestTimeOut",
    429: "Throttling.RateQuota",
    503: "ModelUnavailable",
}


class DashScope:
    """See the protocol `Dialect`."""

    name = "dashscope"

    def endpoint(self, path: str, query: str) -> Endpoint | None:
        return _GENERATION if path == _PATH else None

    def claims(self, path: str, headers: Headers) -> bool:
        return path.startswith("/api/v1/")

    def credential(self, headers: Headers, query: str) -> str | None:
        return bearer(headers)

    def wrong_key(self, key: str | None) -> RefusedError:
        return RefusedError(401, "No API-key provided." if key is None else "Invalid API-key provided.")

    def read(self, endpoint: Endpoint, headers: Headers, body: bytes) -> Ask:
        document = fields.document(body)
        model = fields.model(document)
        parameters = fields.part(document, "parameters")
        prompt, prompt_tokens = _prompt(fields.part(document, "input"))
        result_format = parameters.get("result_format")
        if result_format not in (None, _TEXT, _MESSAGE):
            raise fields.wrong("parameters.result_format", "text or message")
        incremental = fields.flag(parameters, "incremental_output")
        return Ask(
            endpoint=endpoint.name,
            model=model,
            prompt=prompt,
            prompt_tokens=prompt_tokens,
            stream=_wants_stream(headers),
            max_tokens=fields.integer(parameters, "max_tokens", 1),
            min_tokens=fields.integer(parameters, "min_tokens", 0) or 0,
            ignore_eos=fields.flag(parameters, "ignore_eos"),
            choices=fields.integer(parameters, "n", 1, _MAX_CHOICES) or 1,
            stop=fields.stop_texts(parameters, "stop"),
            call=_call(parameters),
            variant=f"{result_format or ''} {_INCREMENTAL if incremental else _CUMULATIVE}",
        )

    def stamp(self, ask: Ask, number: int, created: int) -> bytes:
        return b'"request_id":"%s","usage":{"input_tokens":%d,' % (_request_id(number).encode(), ask.prompt_tokens)

    def script(self, ask: Ask, reply: Reply, *, role: bool) -> Script:
        cumulative = _is_cumulative(ask)
        if cumulative and reply.tokens > _MAX_CUMULATIVE:
            message = f"A stream of over {_MAX_CUMULATIVE} tokens needs parameters.incremental_output."
            raise RefusedError(400, message, param="parameters.incremental_output")
        texts = [*reply.reasoning, *reply.content, *reply.arguments]
        bounds = (len(reply.reasoning), len(reply.reasoning) + len(reply.content))
        tokens: list[tuple[Event, ...]] = []
        for index in range(len(texts)):
            first = 0 if cumulative else index
            reasoning = "".join(texts[first : min(index + 1, bounds[0])])
            content = "".join(texts[max(first, bounds[0]) : min(index + 1, bounds[1])])
            arguments = "".join(texts[max(first, bounds[1]) : index + 1])
            said = _Said(reasoning, content, arguments, named=cumulative or index == bounds[1])
            # Without the total: with it each event would differ from prompt to prompt. The last event has it.
            counts = _counts(ask, index + 1, min(index + 1, bounds[0]))
            tokens.append((_event(index + 1, _output(ask, reply, said, "null"), counts),))
        return Script((), tuple(tokens), (), _EVENTS)

    def ending(self, ask: Ask, reply: Reply) -> tuple[Event, ...]:
        said = _everything(reply) if _is_cumulative(ask) else _Said()
        return (_event(reply.tokens + 1, _output(ask, reply, said, reply.finish_reason), _all_counts(ask, reply)),)

    def whole(self, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
        output = _output(ask, reply, _everything(reply), reply.finish_reason)
        return self.stamp(ask, number, created).join(_document(output, _all_counts(ask, reply)))

    def error(self, refused: RefusedError, number: int) -> bytes:
        code = _CODES.get(refused.status, "InvalidParameter" if refused.status < 500 else "InternalError")
        return orjson.dumps({"code": code, "message": refused.message, "request_id": _request_id(number)})

    def refusal(self, refused: RefusedError, number: int, headers: Headers) -> tuple[bytes, bytes]:
        error = self.error(refused, number)
        # As the real one: who asked for a stream gets an event, under the error's own status.
        return (_EVENTS, _error_event(1, refused.status, error)) if _wants_stream(headers) else (JSON, error)

    def error_events(self, ask: Ask, reply: Reply, sent: int, refused: RefusedError) -> tuple[Event, ...]:
        return ((_error_event(sent + 1, refused.status, self.error(refused, 0)),),)

    def models(self, path: str, model: str, created: int) -> tuple[str, bytes] | None:
        return None  # the real one lists none


@dataclasses.dataclass(frozen=True, slots=True)
class _Said:
    """The part of the reply that an event has."""

    reasoning: str = ""
    content: str = ""
    arguments: str = ""
    named: bool = False  # the call's name is told


def _everything(reply: Reply) -> _Said:
    return _Said("".join(reply.reasoning), "".join(reply.content), "".join(reply.arguments), named=True)


def _wants_stream(headers: Headers) -> bool:
    asked = (header(headers, b"x-dashscope-sse") or "").lower()
    return asked == "enable" or "text/event-stream" in (header(headers, b"accept") or "")


def _error_event(number: int, status: int, error: bytes) -> bytes:
    return b"id:%d\nevent:error\n:HTTP_STATUS/%d\ndata:%s\n\n" % (number, status, error)


def _is_cumulative(ask: Ask) -> bool:
    return ask.variant.endswith(_CUMULATIVE)


def _output(ask: Ask, reply: Reply, said: _Said, reason: str) -> dict[str, Any]:
    result_format = ask.variant.partition(" ")[0]
    # Models that reason or call tools have only this form.
    if result_format != _MESSAGE and (result_format or not (reply.reasoning or reply.call)):
        return {"text": said.reasoning + said.content, "finish_reason": reason}
    message: dict[str, Any] = {"role": "assistant", "content": said.content}
    if reply.reasoning:
        message["reasoning_content"] = said.reasoning
    if reply.call is not None and (said.arguments or said.named):
        function = {"name": reply.call.name if said.named else "", "arguments": said.arguments}
        message["tool_calls"] = [{"index": 0, "id": _CALL_ID, "type": "function", "function": function}]
    return {"choices": [{"finish_reason": reason, "index": index, "message": message} for index in range(ask.choices)]}


def _event(number: int, output: dict[str, Any], counts: bytes) -> Event:
    before, after = _document(output, counts)
    return (b"id:%d\nevent:result\n:HTTP_STATUS/200\ndata:%s" % (number, before), after + b"\n\n")


def _document(output: dict[str, Any], counts: bytes) -> tuple[bytes, bytes]:
    """Renders a response around its stamp."""
    return b'{"output":%s,' % orjson.dumps(output), counts + b"}}"


def _counts(ask: Ask, tokens: int, reasoning: int) -> bytes:
    found = b'"output_tokens":%d' % (tokens * ask.choices)
    details = b',"output_tokens_details":{"reasoning_tokens":%d}' % (reasoning * ask.choices) if reasoning else b""
    return found + details


def _all_counts(ask: Ask, reply: Reply) -> bytes:
    total = ask.prompt_tokens + reply.tokens * ask.choices
    return _counts(ask, reply.tokens, len(reply.reasoning)) + b',"total_tokens":%d' % total


def _request_id(number: int) -> str:
    return f"00000000-0000-4000-{0x8000 | number >> 48 & 0x3FFF:04x}-{number & (1 << 48) - 1:012x}"


def _prompt(given: dict[str, Any]) -> tuple[str, int]:
    messages, prompt = given.get("messages"), given.get("prompt")
    if messages is None:
        if not isinstance(prompt, str):
            raise RefusedError(400, 'Either "prompt" or "messages" must exist and cannot both be none', param="input")
        return prompt, tokenizer.count(prompt)
    if not isinstance(messages, list) or not messages:
        raise fields.wrong("input.messages", "a list that is not empty")
    last, tokens = "", 0
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise fields.wrong(f"input.messages[{index}]", "an object with a role")
        text = fields.text_of(message.get("content"), f"input.messages[{index}].content")
        tokens += tokenizer.count(text)
        if message["role"] == "user":
            last = text
    return last, tokens


def _call(parameters: dict[str, Any]) -> Call | None:
    tools = parameters.get("tools")
    if not isinstance(tools, list) or parameters.get("tool_choice") == "none":
        return None
    functions = [tool.get("function") for tool in tools if isinstance(tool, dict)]
    return fields.call((one.get("name"), one.get("parameters")) for one in functions if isinstance(one, dict))
