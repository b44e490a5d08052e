"""Reads answers of rerankers: documents by their index, each with its relevance. No bytes and no I/O here.

Reference: https://docs.cohere.com/v2/reference/rerank, https://jina.ai/reranker.
"""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

from evalkube_crds.names import ErrorClass
from evalkube_runner.wire import faults
from evalkube_runner.wire.answer import Fault, Said
from evalkube_runner.wire.grammar import NAMELESS, Grammar
from evalkube_runner.wire.prompt_usage import prompt_usage

__all__ = ["grammar_of"]


def grammar_of(asked: int) -> Grammar:
    """The grammar of an answer that ranks `asked` documents."""
    return Grammar(
        begin=lambda: partial(_said, asked),
        names=NAMELESS,
        keys=("results",),
        ends="its results",
        needs="results",
        streams=False,
    )


def _said(asked: int, found: Mapping[str, Any], name: bytes) -> Said:
    results = found.get("results")
    error = faults.in_object(found, answers=bool(results))
    if error is not None:
        return Said(fault=Fault(ErrorClass.ERROR_IN_STREAM, error))
    if not isinstance(results, list) or not results:
        return Said()
    wrong = _wrong(results, asked)
    if wrong is not None:
        return Said(fault=Fault(ErrorClass.PARSE, wrong))
    return Said(usage=prompt_usage(found), items=len(results))


def _wrong(results: list[Any], asked: int) -> str | None:
    """The fault of `results` that are not a ranking of the documents, in words. There may be fewer (`top_n`)."""
    places: set[int] = set()
    for at, one in enumerate(results):
        place = one.get("index") if isinstance(one, dict) else None
        if type(place) is not int:
            return f"result {at} has no index of a document"
        if not 0 <= place < asked:
            return f"result {at} is of document {place}, and documents 0 to {asked - 1} were sent"
        if place in places:
            return f"document {place} is ranked twice"
        places.add(place)
        if not _is_number(one.get("relevance_score")):
            return f"result {at} has no relevance_score"
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
