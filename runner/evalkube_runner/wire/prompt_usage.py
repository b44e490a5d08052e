"""Token counts of answers that generate nothing: the tokens of the request that were read. No I/O here.

They stand in `usage` (OpenAI, vLLM: `prompt_tokens`; Jina: `total_tokens`, alone or beside it), or in Cohere's
`meta.tokens` and `meta.billed_units`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from evalkube_runner.wire import usage
from evalkube_runner.wire.answer import Usage

__all__ = ["prompt_usage"]


def prompt_usage(found: Mapping[str, Any]) -> Usage | None:
    """The tokens of the request in a whole answer; None where it states none. A zero states nothing."""
    doubtful = False
    for part in _places(found):
        total = {"prompt_tokens": part.get("total_tokens")}
        for given in (part, total):
            stated = usage.stated({"usage": {**given, "completion_tokens": None, "total_tokens": None}})
            if stated is not None and stated.prompt_tokens:
                return Usage(stated.prompt_tokens, cached_tokens=stated.cached_tokens)
            doubtful |= stated is not None and stated.doubtful
    return Usage(doubtful=True) if doubtful else None


def _places(found: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    meta = found.get("meta")
    inner = [meta.get("tokens"), meta.get("billed_units")] if isinstance(meta, dict) else []
    for part in (found.get("usage"), *inner):
        if isinstance(part, dict):
            yield part
