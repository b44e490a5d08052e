"""Reads answers of OpenAI's responses, from an object of JSON. No bytes and no I/O here.

Reference: https://platform.openai.com/docs/api-reference/responses-streaming and .../responses/object, and what vLLM,
SGLang and gateways make of it: reasoning as text and not as a summary, events without a type of their own, a text that
comes with the end of its part or of the response alone, [DONE] at the end.

Only a piece of a text is one: what announces or repeats items is none. All items of an output are one choice.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from evalkube_crds.names import ErrorClass
from evalkube_runner.wire import faults, finish, usage
from evalkube_runner.wire.answer import ChoiceSaid, Fault, Kind, Said
from evalkube_runner.wire.grammar import NAMELESS, Grammar, varying
from evalkube_runner.wire.openai_answers import broken

__all__ = ["GRAMMAR"]

_TEXTS: Final[Mapping[str, Kind]] = {
    "response.output_text": "content",
    "response.refusal": "refusal",
    "response.reasoning_text": "reasoning",
    "response.reasoning_summary_text": "reasoning",
    "response.reasoning": "reasoning",  # before it had two names
    "response.reasoning_summary": "reasoning",
    "response.function_call_arguments": "tool_calls",
    "response.custom_tool_call_input": "tool_calls",
    "response.mcp_call_arguments": "tool_calls",
    "response.code_interpreter_call_code": "tool_calls",
    "response.shell_call_command": "tool_calls",
    "response.audio.transcript": "content",
}
"""Texts that are streamed: each in events `.delta`, and once more in `.done`."""

_OPENING: Final = ("response.created", "response.queued", "response.in_progress")
_ENDING: Final = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")
_ITEMS: Final = ("response.output_item.added", "response.output_item.done")
_PARTS: Final = tuple(
    f"response.{part}.{when}" for part in ("content_part", "reasoning_summary_part") for when in ("added", "done")
)
_CALLS: Final = {
    "function_call": "arguments",
    "custom_tool_call": "input",
    "mcp_call": "arguments",
    "code_interpreter_call": "code",
}
_UNFINISHED: Final = ("queued", "in_progress")

_FAILINGS: Final = ("incomplete", "failed", "cancelled")


class _Saying:
    """The contents of the events of one answer. It knows which texts have begun, so that none that is repeated counts
    twice, and the names of functions, which come before what they are called with.
    """

    __slots__ = ("_begun", "_names")

    def __init__(self) -> None:
        self._begun: set[tuple[Kind, object]] = set()
        self._names: dict[object, str] = {}

    def __call__(self, found: Mapping[str, Any], name: bytes) -> Said:
        kind = found.get("type")
        if not isinstance(kind, str):
            if "output" in found and not name:
                return self._whole(found)
            kind = name.decode("utf-8", "replace")
        what, _, when = kind.rpartition(".")
        text_kind = _TEXTS.get(what)
        if text_kind is not None:
            return self._text(found, text_kind, when)
        if kind in _OPENING:
            return _OPENED
        if kind in _ENDING:
            return self._ended(found, when)
        if kind in _ITEMS:
            return self._item(found, when)
        return self._other(found, kind)

    def _other(self, found: Mapping[str, Any], kind: str) -> Said:
        """Read an event that bears no text: an error, unless it is one of many that tell of a response's progress."""
        error = faults.in_object(found, answers=kind.startswith("response.") or kind not in ("", "message", "error"))
        if error is None and "error" in kind.lower():
            error = faults.words(found)
        if error is None and "choices" in found:
            return Said(fault=Fault(ErrorClass.PARSE, "the server answers with chat completions; set api to openai"))
        return Said() if error is None else Said(fault=Fault(ErrorClass.ERROR_IN_STREAM, error))

    def _text(self, found: Mapping[str, Any], kind: Kind, when: str) -> Said:
        """Read a piece of a text, or the whole text, which counts where no piece came before."""
        item = found.get("output_index")
        if when != "delta":
            text = next((found[name] for name in _REPEATED if isinstance(found.get(name), str)), "")
            if not text or self._has_begun(item, kind):
                return Said()
        else:
            text = found.get("delta")
            if not isinstance(text, str):
                return broken("a piece of an answer that is no text")
            if not text:
                return _BLANK
        self._begun.add((kind, item))
        return _piece(kind, self._names.pop(item, "") + text if kind == "tool_calls" else text)

    def _item(self, found: Mapping[str, Any], when: str) -> Said:
        """Read an item that is announced, or has ended: its texts that were not streamed."""
        item, index = found.get("item"), found.get("output_index")
        if not isinstance(item, dict):
            return broken("an item of its output that is no object")
        if when == "added":
            if item.get("type") in _CALLS and isinstance(item.get("name"), str):
                self._names[index] = item["name"]
            return _OPENED
        if self._has_begun(index):
            return Said()
        pieces = _joined(_pieces(item))
        self._names.pop(index, None)
        self._begun.update((kind, index) for kind, _ in pieces)
        return Said((ChoiceSaid(0, pieces),)) if pieces else Said()

    def _has_begun(self, item: object, kind: Kind | None = None) -> bool:
        """Whether a piece has come of an item (of any, where it is not said which), of one kind or of any."""
        return any(item in (None, of) and kind in (None, begun) for begun, of in self._begun)

    def _ended(self, found: Mapping[str, Any], how: str) -> Said:
        """Read the response at the end of a stream: why it ended, and its tokens; its texts were streamed."""
        response = found.get("response")
        response = dict(response if isinstance(response, dict) else found)
        if response.get("status") not in _FAILINGS:
            response["status"] = how
        if response.get("output") is None:
            response["output"] = []
        said = self._whole(response)
        if self._begun and said.choices:
            said = said._replace(choices=(said.choices[0]._replace(pieces=()),))
        return said._replace(over=True)

    def _whole(self, response: Mapping[str, Any]) -> Said:
        """The content of a whole response: its texts, why it ended, and its tokens."""
        output, status = response.get("output"), response.get("status")
        error = faults.in_object(response, answers=True)
        if error is not None or status == "failed":
            return Said(fault=Fault(ErrorClass.ERROR_IN_STREAM, error or "the response failed"))
        if status in _UNFINISHED:
            return Said(fault=Fault(ErrorClass.PARSE, f"the response is not over ({status}); leave out background"))
        if not isinstance(output, list):
            return broken("an output that is no list") if output is not None else Said(usage=usage.stated(response))
        pieces = _joined(piece for item in output for piece in _pieces(item))
        calls = any(kind == "tool_calls" for kind, *_ in (*pieces, *self._begun))
        reason = _reason(response, status, calls=calls)
        return Said((ChoiceSaid(0, pieces, finish_reason=reason),), usage.stated(response))


_REPEATED = ("text", "refusal", "arguments", "input", "code", "command")
_OPENED = Said((ChoiceSaid(0, opening=True),))
_BLANK = Said((ChoiceSaid(0, blank=True),))


def _piece(kind: Kind, text: str) -> Said:
    return Said((ChoiceSaid(0, ((kind, text),)),))


def _reason(response: Mapping[str, Any], status: object, *, calls: bool) -> str | None:
    """The finish reason, in the words of chat completions where the API has none."""
    details = response.get("incomplete_details")
    if isinstance(details, dict) and (reason := finish.reason_of(details)) is not None:
        return reason
    if status in (None, "completed"):
        return "tool_calls" if calls else "stop"
    return finish.reason_of(status)


def _joined(pieces: Iterator[tuple[Kind, str]]) -> tuple[tuple[Kind, str], ...]:
    """The texts joined to one of each kind."""
    found: dict[Kind, str] = {}
    for kind, text in pieces:
        found[kind] = found.get(kind, "") + text
    return tuple(found.items())


def _pieces(item: object) -> Iterator[tuple[Kind, str]]:
    """The texts of an item of an output; none of those that a server's own tools leave (searches, pictures)."""
    if not isinstance(item, dict):
        return
    kind = item.get("type")
    if kind in _CALLS:
        words = (item.get("name"), item.get(_CALLS[kind]))
        yield "tool_calls", "".join(word for word in words if isinstance(word, str))
    elif kind in ("message", "reasoning", None):
        said: Kind = "reasoning" if kind == "reasoning" else "content"
        for part in (*_list(item.get("summary")), *_list(item.get("content"))):
            if isinstance(part, str) and part:
                yield said, part
            elif isinstance(part, dict):
                refusal = part.get("refusal")
                text = part.get("text") if refusal is None else refusal
                if isinstance(text, str) and text:
                    yield (said if refusal is None else "refusal"), text


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


GRAMMAR = Grammar(
    begin=_Saying,
    names=NAMELESS
    | {name.encode() for name in (*_OPENING, *_ENDING, *_ITEMS, *_PARTS, "error")}
    | {f"{name}.{when}".encode() for name in _TEXTS for when in ("delta", "done")},
    keys=("type",),
    ends="response.completed or [DONE]",
    needs="output",
    varies=varying(numbers=("sequence_number",), words=("obfuscation",)),
)
