"""Reads answers in Gemini's dialect, from an object of JSON. No bytes and no I/O here.

Reference: https://ai.google.dev/api/generate-content (GenerateContentResponse, UsageMetadata) and
.../gemini-api/docs/thinking. A stream has no end mark: its finish reasons are, and the end of the body.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from evalkube_crds.names import ErrorClass
from evalkube_runner.wire import faults, finish, usage
from evalkube_runner.wire.answer import ChoiceSaid, Fault, Kind, Said, Usage
from evalkube_runner.wire.grammar import NAMELESS, Grammar, varying

__all__ = ["GRAMMAR", "said"]

_NO_REASON: Final = "FINISH_REASON_UNSPECIFIED"
_TEXT: Final = "TEXT"


def said(found: Mapping[str, Any], name: bytes = b"") -> Said:
    """The content of one event of a stream, or of a whole answer."""
    candidates = found.get("candidates")
    if "error" in found or candidates is None:
        error = faults.in_object(found, answers="usageMetadata" in found or "promptFeedback" in found)
        if error is not None:
            return Said(fault=Fault(ErrorClass.ERROR_IN_STREAM, error))
    if not candidates:
        return Said(_blocked(found.get("promptFeedback")), _usage(found.get("usageMetadata")))
    if not isinstance(candidates, list) or not all(isinstance(one, dict) for one in candidates):
        return Said(fault=Fault(ErrorClass.PARSE, "the server sent candidates that are no list of objects"))
    choices = tuple([_candidate(one, at) for at, one in enumerate(candidates)])
    return Said(choices, _usage(found.get("usageMetadata")))


def _blocked(feedback: object) -> tuple[ChoiceSaid, ...]:
    """The end of an answer to a prompt that was blocked: it has no candidates, and the reason for that."""
    reason = finish.reason_of(feedback.get("blockReason")) if isinstance(feedback, dict) else None
    return (ChoiceSaid(0, finish_reason=reason),) if reason else ()


def _candidate(candidate: Mapping[str, Any], at: int) -> ChoiceSaid:
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    pieces, blank = _pieces(parts if isinstance(parts, list) else [])
    index = candidate.get("index")
    reason = candidate.get("finishReason")
    return ChoiceSaid(
        choice=index if type(index) is int else at,
        pieces=pieces,
        blank=blank,
        finish_reason=None if reason == _NO_REASON else finish.reason_of(reason),
        bare=content is None and reason is None,
    )


def _pieces(parts: list[object]) -> tuple[tuple[tuple[Kind, str], ...], bool]:
    """The pieces of a candidate by kind, and whether an empty text stands where one would."""
    pieces: dict[Kind, str] = {}
    blank = False
    for part in parts:
        if not isinstance(part, dict):
            continue
        text = part.get("text")
        kind: Kind = "reasoning" if part.get("thought") is True else "content"
        if not isinstance(text, str):
            kind, text = "tool_calls", _call(part)
        elif not text:
            blank |= "thoughtSignature" not in part
        if text:
            pieces[kind] = pieces.get(kind, "") + text
    return tuple(pieces.items()), blank and not pieces


def _call(part: Mapping[str, Any]) -> str:
    """The words of a call: of a function, or of code that the server runs."""
    code = part.get("executableCode")
    if isinstance(code, dict):
        return str(code.get("code") or "")
    call = part.get("functionCall")
    if not isinstance(call, dict):
        return ""
    given = call.get("args") or call.get("partialArgs")
    return f"{call.get('name') or ''}{orjson.dumps(given).decode() if given else ''}"


def _usage(stated: object) -> Usage | None:
    """The counts so far. Candidates' own have no thoughts in them; tokens of sound and pictures are left out."""
    if not isinstance(stated, dict):
        return None
    thoughts, spoken = stated.get("thoughtsTokenCount"), stated.get("candidatesTokenCount")
    details = stated.get("candidatesTokensDetails")
    if type(spoken) is int and isinstance(details, list):
        others = [one.get("tokenCount") for one in details if isinstance(one, dict) and one.get("modality") != _TEXT]
        other = sum(count for count in others if type(count) is int and count > 0)
        spoken = spoken - other if other <= spoken else spoken
    return usage.summed(
        (stated.get("promptTokenCount"), stated.get("toolUsePromptTokenCount")),
        (spoken, thoughts),
        cached=stated.get("cachedContentTokenCount"),
        reasoning=thoughts,
    )


GRAMMAR = Grammar(
    begin=lambda: said,
    names=NAMELESS,
    keys=("candidates", "usageMetadata", "promptFeedback", "error"),
    ends="a finishReason",
    needs="candidates",
    varies=varying(numbers=("candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount", "tokenCount")),
)
