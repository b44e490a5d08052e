"""Gemini's generateContent and streamGenerateContent. Pure.

Sources: https://ai.google.dev/api/generate-content (request, response, usage), .../docs/troubleshooting (errors) and
.../docs/thinking. The path has the model. Without `alt=sse` a stream is one JSON array that comes in parts. The mock's
reasoning comes as parts with `thought`, even if the request does not ask for it. `minTokens` and `ignoreEos` are the
mock's own, for load of a fixed length.
"""

from typing import Any
from urllib.parse import parse_qs, unquote

import orjson

from evalkube_mock import tokenizer
from evalkube_mock.dialects import fields
from evalkube_mock.dialects.model import (
    EVENT_STREAM,
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
from evalkube_mock.dialects.openai_api import listed

__all__ = ["Gemini"]

_METHODS = {"generateContent": False, "streamGenerateContent": True}
_PREFIXES = ("/v1beta/models/", "/v1/models/")
_MAX_CHOICES = 8
_ARRAY = "array"
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_KEY_INVALID = "API_KEY_INVALID"


class Gemini:
    """See the protocol `Dialect`."""

    name = "gemini"

    def endpoint(self, path: str, query: str) -> Endpoint | None:
        prefix = next((one for one in _PREFIXES if path.startswith(one)), None)
        if prefix is None:
            return None
        model, _, method = unquote(path.removeprefix(prefix)).rpartition(":")
        if method not in _METHODS or not model:
            return None
        stream = _METHODS[method]
        variant = _ARRAY if stream and "alt=sse" not in query.split("&") else ""
        return Endpoint("generateContent", model=model, stream=stream, variant=variant)

    def claims(self, path: str, headers: Headers) -> bool:
        return path.startswith("/v1beta/") or header(headers, b"x-goog-api-key") is not None

    def credential(self, headers: Headers, query: str) -> str | None:
        return header(headers, b"x-goog-api-key") or parse_qs(query).get("key", [None])[0]

    def wrong_key(self, key: str | None) -> RefusedError:
        if key is None:
            return RefusedError(403, "Method doesn't allow unregistered callers. Please use API Key.")
        return RefusedError(400, "API key not valid. Please pass a valid API key.", code=_KEY_INVALID)

    def read(self, endpoint: Endpoint, headers: Headers, body: bytes) -> Ask:
        document = _camel(fields.document(body))
        prompt, prompt_tokens = _prompt(document)
        config = _camel(fields.part(document, "generationConfig"))
        return Ask(
            endpoint=endpoint.name,
            model=endpoint.model,
            prompt=prompt,
            prompt_tokens=prompt_tokens,
            stream=endpoint.stream,
            max_tokens=fields.integer(config, "maxOutputTokens", 1),
            min_tokens=fields.integer(config, "minTokens", 0) or 0,
            ignore_eos=fields.flag(config, "ignoreEos"),
            choices=fields.integer(config, "candidateCount", 1, _MAX_CHOICES) or 1,
            stop=fields.stop_texts(config, "stopSequences"),
            call=_call(document),
            streams_calls=False,  # a call comes as one part
            variant=endpoint.variant,
        )

    def stamp(self, ask: Ask, number: int, created: int) -> bytes:
        return b'"responseId":"%024x","usageMetadata":{"promptTokenCount":%d,' % (number, ask.prompt_tokens)

    def script(self, ask: Ask, reply: Reply, *, role: bool) -> Script:
        found = [_part(text, thought=True) for text in reply.reasoning]
        found += [_part(text) for text in reply.content]
        if reply.call is not None:
            found.append(_call_part(reply.call))
        thoughts = len(reply.reasoning)
        tokens: list[tuple[Event, ...]] = []
        for index, part in enumerate(found):
            # Without the total: with it each event would differ from prompt to prompt. The last event has it.
            counts = _counts(ask, min(index + 1, thoughts), max(index + 1 - thoughts, 0))
            tokens.append((_event(ask, _candidates(ask, [part], None), counts, index),))
        content_type = b"application/json; charset=UTF-8" if ask.variant == _ARRAY else EVENT_STREAM
        return Script((), tuple(tokens), (), content_type)

    def ending(self, ask: Ask, reply: Reply) -> tuple[Event, ...]:
        candidates = _candidates(ask, [_part("")], _finish_reason(reply))
        last = _event(ask, candidates, _all_counts(ask, reply), reply.tokens)
        return (last, (b"]",)) if ask.variant == _ARRAY else (last,)

    def whole(self, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
        parts = [_part("".join(reply.reasoning), thought=True)] if reply.reasoning else []
        parts += [_part("".join(reply.content))] if reply.content else []
        parts += [_call_part(reply.call)] if reply.call is not None else []
        document = _document(_candidates(ask, parts, _finish_reason(reply)), _all_counts(ask, reply), ask.model)
        return self.stamp(ask, number, created).join(document)

    def error(self, refused: RefusedError, number: int) -> bytes:
        default = "INVALID_ARGUMENT" if refused.status < 500 else "INTERNAL"
        status = _STATUSES.get(refused.status, default)
        error: dict[str, Any] = {"code": refused.status, "message": refused.message, "status": status}
        if refused.code == _KEY_INVALID:
            info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": _KEY_INVALID}
            error["details"] = [{**info, "domain": "googleapis.com"}]
        return orjson.dumps({"error": error})

    def refusal(self, refused: RefusedError, number: int, headers: Headers) -> tuple[bytes, bytes]:
        return JSON, self.error(refused, number)

    def error_events(self, ask: Ask, reply: Reply, sent: int, refused: RefusedError) -> tuple[Event, ...]:
        error = self.error(refused, 0)
        if ask.variant == _ARRAY:
            return ((b"[" if not sent else b",\r\n",), (error + b"]",))
        return ((b"data: " + error + b"\r\n\r\n",),)

    def models(self, path: str, model: str, created: int) -> tuple[str, bytes] | None:
        one = {
            "name": f"models/{model}",
            "version": "001",
            "displayName": model,
            "inputTokenLimit": 1 << 20,
            "outputTokenLimit": 1 << 20,
            "supportedGenerationMethods": list(_METHODS),
        }
        root = "/v1beta/models" if path.startswith("/v1beta/") else "/v1/models"
        return listed(path, root, one, {"models": [one]})


def _event(ask: Ask, candidates: list[dict[str, Any]], counts: bytes, number: int) -> Event:
    before, after = _document(candidates, counts, ask.model)
    if ask.variant == _ARRAY:
        return ((b",\r\n" if number else b"[") + before, after)
    return (b"data: " + before, after + b"\r\n\r\n")  # the real one ends its lines so


def _document(candidates: list[dict[str, Any]], counts: bytes, model: str) -> tuple[bytes, bytes]:
    """Renders a response around its stamp."""
    before = b'{"candidates":%s,"modelVersion":%s,' % (orjson.dumps(candidates), orjson.dumps(model))
    return before, counts + b"}}"


def _candidates(ask: Ask, parts: list[dict[str, Any]], reason: str | None) -> list[dict[str, Any]]:
    end = {} if reason is None else {"finishReason": reason}
    return [{"content": {"parts": parts, "role": "model"}, **end, "index": index} for index in range(ask.choices)]


def _part(text: str, *, thought: bool = False) -> dict[str, Any]:
    return {"text": text, "thought": True} if thought else {"text": text}


def _call_part(call: Call) -> dict[str, Any]:
    return {"functionCall": {"name": call.name, "args": orjson.loads(call.arguments)}}


def _finish_reason(reply: Reply) -> str:
    return "MAX_TOKENS" if reply.finish_reason == "length" else "STOP"


def _counts(ask: Ask, thoughts: int, candidates: int) -> bytes:
    found = b'"candidatesTokenCount":%d' % (candidates * ask.choices)
    return found + (b',"thoughtsTokenCount":%d' % (thoughts * ask.choices) if thoughts else b"")


def _all_counts(ask: Ask, reply: Reply) -> bytes:
    thoughts = len(reply.reasoning)
    total = ask.prompt_tokens + reply.tokens * ask.choices
    return _counts(ask, thoughts, reply.tokens - thoughts) + b',"totalTokenCount":%d' % total


def _camel(found: dict[str, Any]) -> dict[str, Any]:
    """The fields by their names in JSON; protobuf's own names (max_output_tokens) are accepted too."""
    return {_camel_name(name) if "_" in name else name: value for name, value in found.items()}


def _camel_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _prompt(document: dict[str, Any]) -> tuple[str, int]:
    contents = document.get("contents")
    if isinstance(contents, dict):
        contents = [contents]
    if not isinstance(contents, list) or not contents:
        raise RefusedError(400, "* GenerateContentRequest.contents: contents is not specified", param="contents")
    system = fields.part(document, "systemInstruction")
    last, tokens = "", tokenizer.count(_text(system, "systemInstruction"))
    for index, content in enumerate(contents):
        if not isinstance(content, dict) or content.get("role", "user") not in ("user", "model", "function"):
            raise fields.wrong(f"contents[{index}].role", "user or model")
        text = _text(content, f"contents[{index}]")
        tokens += tokenizer.count(text)
        if content.get("role", "user") == "user":
            last = text
    return last, tokens


def _text(content: dict[str, Any], param: str) -> str:
    found = content.get("parts")
    return fields.text_of([found] if isinstance(found, dict) else found, f"{param}.parts")


def _call(document: dict[str, Any]) -> Call | None:
    tools = document.get("tools")
    if not isinstance(tools, list):
        return None
    config = _camel(fields.part(_camel(fields.part(document, "toolConfig")), "functionCallingConfig"))
    if config.get("mode") == "NONE":
        return None
    lists = (_camel(tool).get("functionDeclarations") for tool in tools if isinstance(tool, dict))
    functions = (_camel(one) for found in lists if isinstance(found, list) for one in found if isinstance(one, dict))
    return fields.call((one.get("name"), one.get("parameters") or one.get("parametersJsonSchema")) for one in functions)
