"""OpenAI's responses. Pure.

Sources: https://platform.openai.com/docs/api-reference/responses/create and .../responses-streaming. The mock's
reasoning comes as text of the model (`response.reasoning_text.delta`, as vLLM and open models send it). If the request
asks for a summary, it comes as one (`response.reasoning_summary_text.delta`). `min_tokens` and `ignore_eos` have vLLM's
meaning, for load of a fixed length. Nothing is stored, so `previous_response_id` has no effect.
"""

import itertools
from typing import Any

import orjson

from evalkube_mock import tokenizer
from evalkube_mock.dialects import fields, sse
from evalkube_mock.dialects.model import (
    Ask,
    Block,
    Call,
    Endpoint,
    Event,
    Headers,
    RefusedError,
    Reply,
    Script,
    script_of,
)
from evalkube_mock.dialects.openai_api import OpenAIApi

__all__ = ["Responses"]

_RESPONSES = Endpoint("responses")
_CALL_ID = "call_0"
_SUMMARY = "summary"


class Responses(OpenAIApi):
    """See the protocol `Dialect`."""

    name = "openai_responses"

    def endpoint(self, path: str, query: str) -> Endpoint | None:
        return _RESPONSES if path == "/v1/responses" else None

    def read(self, endpoint: Endpoint, headers: Headers, body: bytes) -> Ask:
        document = fields.document(body)
        model = fields.model(document)
        prompt, prompt_tokens = _prompt(document)
        reasoning = fields.part(document, "reasoning")
        return Ask(
            endpoint=endpoint.name,
            model=model,
            prompt=prompt,
            prompt_tokens=prompt_tokens,
            stream=fields.flag(document, "stream"),
            max_tokens=fields.integer(document, "max_output_tokens", 1),
            min_tokens=fields.integer(document, "min_tokens", 0) or 0,
            ignore_eos=fields.flag(document, "ignore_eos"),
            call=_call(document),
            variant=_SUMMARY if reasoning.get("summary") or reasoning.get("generate_summary") else "",
        )

    def stamp(self, ask: Ask, number: int, created: int) -> bytes:
        return b'"id":"resp_%024x","created_at":%d,' % (number, created)

    def script(self, ask: Ask, reply: Reply, *, role: bool) -> Script:
        opening: tuple[Event, ...] = (
            _bearing("response.created", 0, _body(ask, "in_progress", [])),
            _bearing("response.in_progress", 1, _body(ask, "in_progress", [])),
        )
        numbers = itertools.count(len(opening))

        def numbered(documents: list[dict[str, Any]]) -> tuple[Event, ...]:
            return tuple((sse.named({**document, "sequence_number": next(numbers)}),) for document in documents)

        items = _items(ask, reply)
        streams = [_stream_of(index, item, reply) for index, item in enumerate(items)]
        return script_of(opening, [Block(*map(numbered, stream)) for stream in streams], ())

    def ending(self, ask: Ask, reply: Reply) -> tuple[Event, ...]:
        last = _finished(ask, reply)
        before = 2 + reply.tokens + 5 * bool(reply.reasoning) + 5 * bool(reply.content) + 3 * bool(reply.arguments)
        return (_bearing(f"response.{last['status']}", before, last),)

    def whole(self, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
        return b"{" + self.stamp(ask, number, created) + orjson.dumps(_finished(ask, reply))[1:]

    def error_events(self, ask: Ask, reply: Reply, sent: int, refused: RefusedError) -> tuple[Event, ...]:
        script = self.script(ask, reply, role=True)
        number = len(script.opening) + sum(map(len, script.tokens[:sent]))
        code = refused.code or self.error_object(refused)["type"]
        told = {"code": code, "message": refused.message, "param": refused.param, "sequence_number": number}
        failed = {**_body(ask, "failed", []), "error": {"code": code, "message": refused.message}}
        return ((sse.named({"type": "error", **told}),), _bearing("response.failed", number + 1, failed))


def _bearing(kind: str, number: int, body: dict[str, Any]) -> Event:
    """Renders an event with the complete response, whose first fields are the stamp."""
    head = f'event: {kind}\ndata: {{"type":"{kind}","sequence_number":{number},"response":{{'
    return (head.encode(), orjson.dumps(body)[1:] + b"}\n\n")


def _body(ask: Ask, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "object": "response",
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": ask.max_tokens,
        "model": ask.model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None,
        "metadata": {},
    }


def _finished(ask: Ask, reply: Reply) -> dict[str, Any]:
    cut = reply.finish_reason == "length"
    body = _body(ask, "incomplete" if cut else "completed", _items(ask, reply))
    body["usage"] = {
        "input_tokens": ask.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": reply.tokens,
        "output_tokens_details": {"reasoning_tokens": len(reply.reasoning)},
        "total_tokens": ask.prompt_tokens + reply.tokens,
    }
    if cut:
        body["incomplete_details"] = {"reason": "max_output_tokens"}
    return body


def _items(ask: Ask, reply: Reply) -> list[dict[str, Any]]:
    """The finished items of the output. Their ids are unique only inside their response."""
    items: list[dict[str, Any]] = []
    if reply.reasoning:
        text = "".join(reply.reasoning)
        summary = [{"type": "summary_text", "text": text}] if ask.variant == _SUMMARY else []
        items.append({"type": "reasoning", "id": "rs_0", "summary": summary})
        if not summary:
            items[0]["content"] = [{"type": "reasoning_text", "text": text}]
    if reply.content:
        part = {"type": "output_text", "text": "".join(reply.content), "annotations": []}
        items.append({"type": "message", "id": "msg_0", "role": "assistant", "content": [part]})
    if reply.call is not None:
        named = {"name": reply.call.name, "arguments": reply.call.arguments}
        items.append({"type": "function_call", "id": "fc_0", "call_id": _CALL_ID, **named})
    for item in items:
        item["status"] = "completed"
    if items and reply.finish_reason == "length":
        items[-1]["status"] = "incomplete"
    return items


def _stream_of(index: int, item: dict[str, Any], reply: Reply) -> tuple[list[dict[str, Any]], ...]:
    """The events of an item: its announcement, one per token, its end."""
    at = {"output_index": index, "item_id": item["id"]}
    empty = {**item, "status": "in_progress"}
    if item["type"] == "function_call":
        empty["arguments"] = ""
        kind, texts, part, name = "response.function_call_arguments", reply.arguments, None, "arguments"
    elif item["type"] == "message":
        empty["content"] = []
        kind, texts, part, name = "response.output_text", reply.content, item["content"][0], "text"
        at["content_index"] = 0
    elif item["summary"]:
        empty["summary"] = []
        kind, texts, part, name = "response.reasoning_summary_text", reply.reasoning, item["summary"][0], "text"
        at["summary_index"] = 0
    else:
        empty["content"] = []
        kind, texts, part, name = "response.reasoning_text", reply.reasoning, item["content"][0], "text"
        at["content_index"] = 0
    more: dict[str, Any] = {"logprobs": []} if kind == "response.output_text" else {}
    start = [{"type": "response.output_item.added", "output_index": index, "item": empty}]
    whole = part["text"] if part is not None else item["arguments"]
    stop = [{"type": f"{kind}.done", **at, **more, name: whole}]
    if part is not None:
        parts = "response.reasoning_summary_part" if "summary_index" in at else "response.content_part"
        start.append({"type": f"{parts}.added", **at, "part": {**part, "text": ""}})
        stop.append({"type": f"{parts}.done", **at, "part": part})
    else:
        stop[0]["name"] = item["name"]
    stop.append({"type": "response.output_item.done", "output_index": index, "item": item})
    return start, [{"type": f"{kind}.delta", **at, **more, "delta": text} for text in texts], stop


def _prompt(document: dict[str, Any]) -> tuple[str, int]:
    given = document.get("input")
    tokens = tokenizer.count(fields.text_of(document.get("instructions"), "instructions"))
    if given is None:
        raise fields.missing("input")
    if isinstance(given, str):
        return given, tokens + tokenizer.count(given)
    if not isinstance(given, list) or not given:
        raise fields.wrong("input", "a text or a list of items that is not empty")
    last = ""
    for index, item in enumerate(given):
        if not isinstance(item, dict):
            raise fields.wrong(f"input[{index}]", "an object")
        content = item.get("output") if item.get("type") == "function_call_output" else item.get("content")
        text = fields.text_of(content, f"input[{index}].content")
        tokens += tokenizer.count(text)
        if item.get("role") == "user":
            last = text
    return last, tokens


def _call(document: dict[str, Any]) -> Call | None:
    tools = document.get("tools")
    if not isinstance(tools, list) or document.get("tool_choice") == "none":
        return None
    functions = (tool for tool in tools if isinstance(tool, dict) and tool.get("type") == "function")
    return fields.call((one.get("name"), one.get("parameters")) for one in functions)
