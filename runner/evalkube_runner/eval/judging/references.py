"""The answers that pairwise judges compare with: those of an earlier run, of a file, or of the data set.

An answer belongs to the sample whose question it answers: by the text of the question, or by the message that put it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from evalkube_benchmarks.benchmark import Message
from evalkube_crds.judge_contract import ReferenceAnswers
from evalkube_crds.paths import PathRefused, Readable
from evalkube_runner.errors import invalid
from evalkube_runner.eval import sampling
from evalkube_runner.eval.plan import DatasetPlan
from evalkube_runner.eval.sampling import Item

__all__ = ["Others", "load"]

_FIELD = "judge.contract.reference.answers"
_QUESTIONS = ("question", "query", "prompt", "instruction", "problem", "input")
_ANSWERS = ("answer", "response", "output", "prediction", "completion", "model_answer", "reply")
_MOST_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Others:
    """The other answers by question; several answers to one question are in their order."""

    kept: Mapping[str, Sequence[str]] | None = None

    def of(self, item: Item, messages: Sequence[Message], repeat: int) -> str | None:
        """The answer to compare an item's answer with; of several the one of the same repeat. None without any."""
        if self.kept is None:
            return item.question.target or None
        for asked in _asked(item, messages):
            if found := self.kept.get(asked):
                return found[repeat % len(found)]
        return None


def _asked(item: Item, messages: Sequence[Message]) -> Iterator[str]:
    """The keys of a sample: its prompt, and its question."""
    last = messages[-1].content
    if isinstance(last, str):
        yield _plain(last)
    yield _plain(item.question.text)


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def load(plan: DatasetPlan, items: Sequence[Item], readable: Readable) -> Others:
    """The answers that a contract names (blocking). Raises RunFailed(InvalidSpec) where none is to a question here."""
    reference = plan.contract.reference if plan.contract is not None else None
    if reference is None or reference.answers is None:
        if plan.compared and items and not any(item.question.target for item in items):
            raise invalid(
                _FIELD, f"{plan.benchmark.name} has no reference answers to compare with; name a folder or a file here"
            )
        return Others()
    name = reference.answers
    try:
        place = readable.find(name)
    except PathRefused as refused:
        raise invalid(_FIELD, f"{name}: {refused}") from None
    found: dict[str, list[str]] = {}
    for line in _lines(plan, reference, place):
        if (pair := _pair(line)) is not None:
            found.setdefault(_plain(pair[0]), []).append(pair[1])
    others = Others(found)
    if items and not any(others.of(item, sampling.messages_of(item), 0) is not None for item in items):
        count = sum(map(len, found.values()))
        raise invalid(_FIELD, f"{name}: none of its {count} answers is to a question of {plan.benchmark.name}")
    return others


def _lines(plan: DatasetPlan, reference: ReferenceAnswers, place: Path) -> Iterator[Mapping[str, Any]]:
    files = [place] if place.is_file() else _of_run(plan, reference, place)
    for path in files:
        if path.stat().st_size > _MOST_BYTES:
            raise invalid(_FIELD, f"{path.name}: is larger than {_MOST_BYTES >> 30} GiB")
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            if not line.strip():
                continue
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError:
                record = None
            if isinstance(record, dict):
                yield record
            elif place.is_file():  # the last line of a run may be torn
                raise invalid(_FIELD, f"{path.name}, line {number}: is no JSON object")


def _of_run(plan: DatasetPlan, reference: ReferenceAnswers, folder: Path) -> list[Path]:
    """The predictions of one model of an earlier run, for the subsets of this one. Raises RunFailed(InvalidSpec)."""
    names = [f"{plan.benchmark.name}_{subset.name}.jsonl" for subset in plan.subsets]
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("predictions/*/*.jsonl")):
        if path.name in names and path.resolve().is_relative_to(folder):
            found.setdefault(path.parent.name, []).append(path)
    if reference.model is not None:
        found = {model: paths for model, paths in found.items() if model == reference.model}
    if len(found) == 1:
        return next(iter(found.values()))
    if not found:
        whose = f" of model {reference.model!r}" if reference.model is not None else ""
        raise invalid(_FIELD, f"{folder.name} has no predictions{whose} for {plan.benchmark.name}")
    raise invalid(_FIELD, f"has answers of {', '.join(found)}; name one in judge.contract.reference.model")


def _pair(record: Mapping[str, Any]) -> tuple[str, str] | None:
    """The question and the answer of a line; None where it has neither."""
    try:
        if "model_output" in record:  # a prediction, of a run of ours or of EvalScope's
            answer = record["model_output"]["choices"][0]["message"]["content"]
            asked = _last(record["messages"], "user")
        else:
            answer = _first(record, _ANSWERS) or _last(record.get("messages", []), "assistant")
            asked = _last(record["messages"], "user") if "messages" in record else _first(record, _QUESTIONS)
    except (KeyError, IndexError, TypeError):
        return None
    return (asked, answer) if isinstance(asked, str) and isinstance(answer, str) and answer else None


def _first(record: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((record[name] for name in names if name in record), None)


def _last(messages: Sequence[Mapping[str, Any]], role: str) -> Any:
    return next((one["content"] for one in reversed(messages) if one["role"] == role), None)
