"""Reads answers of DashScope's text generation, from an object of JSON. No bytes and no I/O here.

Reference: https://help.aliyun.com/zh/model-studio/qwen-api-via-dashscope and .../error-code. A choice is as in chat
completions, or one text; a finish reason is "null" until there is one; errors come as {code, message, request_id}, with
whatever status. The counts in each event are of all that has come.

A stream is of pieces where `incremental_output` was asked for and the model knows it. Of others each event has all text
so far: that shows in what follows the first text, and such events are told apart one by one, none by its frame.
"""

from collections.abc import Mapping
from typing import Any, Final

from evalkube_crds.names import ErrorClass
from evalkube_runner.wire import faults, sse, usage
from evalkube_runner.wire.answer import ChoiceSaid, Fault, Kind, Said, clip
from evalkube_runner.wire.decoding import NotJson, loads
from evalkube_runner.wire.grammar import NAMELESS, Grammar, varying
from evalkube_runner.wire.openai_answers import broken, choice_said

__all__ = ["GRAMMAR", "words_of"]

_LIKELY: Final = 8
"""Characters that do not stand at the beginning of two pieces by chance; with fewer a third event decides."""

_HALF: Final = "\ufffd"  # of a character, in a text that ends within one: the next event has it whole

_Text = tuple[int, Kind]


class _Saying:
    """What the events of one answer say, whether they have pieces or all text so far.

    `_repeats`: whether they repeat it; None until that is known. It shows in the first text that begins (`_first`). A
    second event that may be either is held back (`_held`).
    """

    __slots__ = ("_far", "_first", "_held", "_repeats")

    def __init__(self) -> None:
        self._repeats: bool | None = None
        self._far: dict[_Text, str] = {}
        self._first: _Text | None = None
        self._held = ""

    def __call__(self, found: Mapping[str, Any], name: bytes) -> Said:
        output = found.get("output")
        error = _error(found, name, answers=isinstance(output, dict))
        if error is not None:
            return Said(fault=Fault(ErrorClass.ERROR_IN_STREAM, error))
        if not isinstance(output, dict):
            return Said(usage=usage.stated(found)) if output is None else broken("an output that is no object")
        choices = output.get("choices")
        if choices is None:
            choices = [output] if "text" in output else []
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            return broken("choices that are no list of objects")
        said = [choice_said(choice, at) for at, choice in enumerate(choices)]
        new = [made for choice in said if (made := self._new(choice)) is not None]
        if len(new) < len(said):
            return broken("a text that neither repeats nor goes on from what it said before")
        return Said(tuple(new), usage.stated(found), unlike=not self._in_pieces)

    @property
    def _in_pieces(self) -> bool:
        return self._repeats is False

    def _new(self, said: ChoiceSaid) -> ChoiceSaid | None:
        """The new part of a choice whose text repeats what was said before; None where it does not go on from that."""
        first = self._first
        if self._repeats is None and first is not None and first[0] == said.choice:
            self._repeats = repeats = self._decided(said, first)
            if self._held and repeats is not None:
                said = said._replace(late=self._released(first))
        if self._in_pieces and not said.late:
            return said
        if not self._repeats:
            return self._as_it_is(said)
        pieces: list[tuple[Kind, str]] = []
        for kind, text in said.pieces:
            far = self._far.get((said.choice, kind), "")
            if not text.startswith(far):
                return None
            self._far[said.choice, kind] = whole = text if said.finish_reason else text.rstrip(_HALF)
            if len(whole) > len(far):
                pieces.append((kind, whole[len(far) :]))
        return said._replace(pieces=tuple(pieces), blank=not pieces)

    def _as_it_is(self, said: ChoiceSaid) -> ChoiceSaid:
        """The content of a choice whose text is all new, as far as is known; what is held back is counted, and told
        later.
        """
        pieces: dict[Kind, str] = dict(said.pieces)
        if self._first is None and pieces:
            self._first = (said.choice, next(iter(pieces)))
        if self._held and self._first is not None and self._first[0] == said.choice:
            pieces[self._first[1]] = ""
        for kind, text in pieces.items():
            if text:
                self._far[said.choice, kind] = text.rstrip(_HALF)
        return said._replace(pieces=tuple(pieces.items()))

    def _decided(self, said: ChoiceSaid, first: _Text) -> bool | None:
        """Whether events repeat the text that began first, as far as this one tells."""
        before = self._held or self._far[first]
        text = dict(said.pieces).get(first[1], "")
        told = bool(self._held) or said.finish_reason is not None
        if text == before:
            return told or len(said.pieces) > 1
        if not text.startswith(before):
            return False
        if told or len(before) >= _LIKELY or self._several():
            return True
        self._held = text
        return None

    def _released(self, first: _Text) -> tuple[tuple[Kind, str], ...]:
        """The pieces that were held back, now that it is known what they are."""
        held, far = self._held, self._far[first]
        self._held, self._far[first] = "", held
        return ((first[1], held[len(far) :] if self._repeats else held),)

    def _several(self) -> bool:
        return len({choice for choice, _ in self._far}) > 1


def _error(found: Mapping[str, Any], name: bytes, *, answers: bool) -> str | None:
    """The words of an error, behind its code; None where an event is none. `answers`: it has an output."""
    erring = b"error" in name.lower()
    code = found.get("code")
    if not answers or erring or (isinstance(code, str) and code and code.lower() not in ("success", "ok", "200")):
        words = faults.in_object(found)
        if words is None and (erring or found.get("code")):
            words = faults.words(found)
        return None if words is None else _coded(found, words)
    return faults.in_object(found, answers=True)


def _coded(found: Mapping[str, Any], words: str) -> str:
    """An error's words behind its code."""
    code = found.get("code")
    return clip(f"{code}: {words}") if isinstance(code, str) and code and code not in words else words


def words_of(body: bytes) -> str:
    """The text for people in the body of an HTTP error."""
    words = faults.in_body(body)
    try:
        found = loads(body)
    except NotJson:
        event = sse.parse(body.strip().replace(b"\r\n", b"\n").split(b"\n\n")[0])
        try:
            found = loads(event.data) if event is not None else None
        except NotJson:
            return words
    return _coded(found, words) if isinstance(found, dict) else words


GRAMMAR = Grammar(
    begin=_Saying,
    names=NAMELESS | {b"result", b"error"},
    keys=("output", "code"),
    ends="a finish reason",
    needs="output",
    varies=varying(numbers=("output_tokens", "total_tokens", "reasoning_tokens", "text_tokens"), lines=("id",)),
)
