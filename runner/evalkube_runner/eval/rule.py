"""The rule by which a benchmark scores a reply: what of it is said, filters, extraction, comparison. Pure, no I/O.

A reply is foreign text and a filter is the user's pattern: whoever applies a rule does so where it can be stopped
(scorer_worker.py). Judges are judge.py's business.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from evalkube_runner.eval import extract, overlap, score
from evalkube_runner.eval.benchmarks.declaration import AnswerKind, letters

__all__ = ["Rule", "Ruled", "apply", "last_match"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How to score the replies to one question. `asked` is the question's text, as far as it tells it from others.

    `runs_on`: the prompt had worked examples, so a reply may go on to a next one even where it is free text.
    """

    answer: AnswerKind
    targets: tuple[str, ...]
    options: tuple[str, ...] = ()
    asked: str = ""
    runs_on: bool = False
    metrics: tuple[str, ...] = ()
    remove_until: str | None = None
    extract: str | None = None
    remove_whitespace: bool = False


@dataclass(frozen=True, slots=True)
class Ruled:
    """The score of each metric, 0 to 1, and what was read out of the reply (None: nothing)."""

    values: dict[str, float]
    extracted: str | None


def apply(rule: Rule, reply: str, equal: Callable[[str, str], bool]) -> Ruled:
    """The score of a reply. `equal` is asked where only algebra can tell two answers apart."""
    said = _filtered(rule, extract.strip_thinking(reply))
    if rule.answer == "text":
        said = _free_text(rule, said)
        return Ruled(_overlaps(rule, said), said)
    found = _extracted(rule, said)
    right = found is not None and _right(rule, found, equal)
    return Ruled({"acc": float(right)}, found)


def last_match(pattern: str, text: str) -> str | None:
    """The first group (or all) of the last match of `pattern`; None without a match."""
    found = None
    for found in re.finditer(pattern, text, re.DOTALL | re.MULTILINE):  # noqa: B007 - the last one is wanted
        pass
    if found is None:
        return None
    return next((group for group in found.groups() if group is not None), None) if found.re.groups else found.group()


def _filtered(rule: Rule, said: str) -> str:
    if rule.remove_until:
        said = said.rpartition(rule.remove_until)[2]
    if rule.extract:
        said = last_match(rule.extract, said) or ""
    return re.sub(r"\s+", "", said) if rule.remove_whitespace else said.strip()


def _free_text(rule: Rule, said: str) -> str:
    own = extract.answer_of(said)
    if own is not None:
        return own
    return extract.before_next(said, rule.asked)[0].strip() if rule.runs_on else said


def _extracted(rule: Rule, said: str) -> str | None:
    if rule.answer == "number":
        return extract.number(said, rule.asked)
    read = extract.choice if rule.answer == "choice" else extract.choices
    return read(said, letters(len(rule.options)), rule.options, rule.asked)


def _right(rule: Rule, found: str, equal: Callable[[str, str], bool]) -> bool:
    if rule.answer != "number":
        return found in rule.targets
    verdicts = {target: score.same_answer(found, target) for target in rule.targets}
    return any(verdicts.values()) or any(equal(found, target) for target, same in verdicts.items() if same is None)


def _overlaps(rule: Rule, said: str) -> dict[str, float]:
    """The figures of the best reference: that of the highest first metric. None without a reference, to be judged."""
    mine = overlap.tokens(said)
    all_figures = [_figures(mine, overlap.tokens(target)) for target in rule.targets if target]
    names = [name for name in rule.metrics if name in (all_figures[0] if all_figures else ())]
    if not names:
        return {}
    best = max(all_figures, key=lambda figures: figures[names[0]])
    return {name: best[name] for name in names}


def _figures(mine: list[str], theirs: list[str]) -> dict[str, float]:
    figures = {f"bleu-{order}": overlap.bleu(mine, theirs, order) for order in (1, 2, 3, 4)}
    rouge = {
        "1": overlap.rouge_n(mine, theirs, 1),
        "2": overlap.rouge_n(mine, theirs, 2),
        "L": overlap.rouge_l(mine, theirs),
    }
    for name, shared in rouge.items():
        figures |= {f"Rouge-{name}-R": shared.recall, f"Rouge-{name}-P": shared.precision, f"Rouge-{name}-F": shared.f1}
    return figures
