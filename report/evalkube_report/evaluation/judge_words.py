"""The questions to judges about a sample and their answers, as text for its page. Pure.

The text comes from a stored line and is untrusted. A part with another shape is skipped.
"""

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["words_of"]


def words_of(summary: Any) -> str | None:
    """The text of a `judge_summary`, answers before questions; None if no judge was asked."""
    if not isinstance(summary, Mapping) or not summary.get("judgements"):
        return None
    said = list(_said(summary["judgements"]))
    parts = [*said, *_asked(summary.get("prompts"))] if said else []
    return "\n\n".join(parts) or None


def _asked(prompts: Any) -> Iterator[str]:
    for prompt in prompts if isinstance(prompts, list) else ():
        messages = [one for one in prompt if isinstance(one, Mapping)] if isinstance(prompt, list) else []
        yield "\n\n".join(f"[asked as {one.get('role')}]\n{one.get('content')}" for one in messages)


def _said(judgements: Any) -> Iterator[str]:
    for one in judgements if isinstance(judgements, list) else ():
        if not isinstance(one, Mapping):
            continue
        place = f", repeat {one['repeat'] + 1}" if isinstance(one.get("repeat"), int) and one["repeat"] else ""
        swapped = ", answers swapped" if one.get("swapped") is True else ""
        attempts = [each.get("said") for each in one.get("attempts") or () if isinstance(each, Mapping)]
        said = "\n[asked once more]\n".join(str(each) for each in attempts)
        yield f"[{one.get('judge')}{place}{swapped}: {_outcome(one)}]\n{said}".rstrip()


def _outcome(judgement: Mapping[str, Any]) -> str:
    verdict = judgement.get("verdict")
    if not isinstance(verdict, Mapping):
        return f"excluded, {judgement.get('failure') or 'unreadable'}"
    named = {name: value for name, value in verdict.items() if name not in ("score", "label")}
    parts = [str(verdict["label"])] if verdict.get("label") is not None else []
    parts += [f"{name} {value:.4g}" for name, value in named.items() if isinstance(value, int | float)]
    if isinstance(verdict.get("score"), int | float):
        parts.append(f"score {verdict['score']:.4g}")
    return ", ".join(parts)
