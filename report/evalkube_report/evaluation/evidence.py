"""Reads an evaluation's lines (reviews, predictions, errors) back into the rows of its page.

Memory is bounded: of each subset only the rows are kept that the page shows. A heat map has the cells of all samples. A
line that is torn or of another format is skipped: a report must not fail because of it.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from evalkube_crds import sample_lines
from evalkube_crds.results import EvalResult
from evalkube_report.evaluation import judge_words, rows
from evalkube_report.evaluation.rows import SampleRow
from evalkube_report.lines import records
from evalkube_report.plots.heat_map import Cell

__all__ = ["Evidence", "Get", "gathered", "subset_rows"]

_PER_SUBSET = 200

Get = Callable[[str], Awaitable[bytes | None]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Some samples of a run, and all scored cells of its heat maps by dataset."""

    samples: list[SampleRow] = field(default_factory=list)
    cells: dict[str, list[Cell]] = field(default_factory=dict)


async def gathered(result: EvalResult, get: Get) -> Evidence:
    """The evidence of all subsets. `get` reads an artifact of the run by its path (`Delivery.get`)."""
    found = Evidence()
    for dataset in result.datasets:
        for subset in dataset.subsets:
            kinds = ("reviews", "predictions", "errors")
            lines = [
                await get(sample_lines.path(kind, result.model, dataset.name, subset.name)) or b"" for kind in kinds
            ]
            known = subset_rows(dataset.name, subset.name, dataset.main_metric, *lines)
            found.samples.extend(rows.choose(known, _PER_SUBSET))
            if dataset.heat_map is not None:
                cells = _cells(subset.name, dataset.main_metric, dataset.heat_map, lines[0])
                found.cells.setdefault(dataset.name, []).extend(cells)
    return found


def _cells(subset: str, metric: str, keys: tuple[str, str], reviews: bytes) -> list[Cell]:
    """The position of each scored sample in its benchmark's heat map. `keys`: the metadata keys of the map's axes."""
    found: dict[int, Cell] = {}
    for line in _lines(reviews):
        scored = sample_lines.score_of(line)
        score = None if scored is None else sample_lines.main_score(metric, scored.values)
        if score is None:
            continue
        told = line["sample_score"].get("sample_metadata")
        at: list[Any] = [told.get(key) for key in keys] if isinstance(told, dict) else []
        if len(at) == 2 and all(isinstance(one, int | float) for one in at):
            found[line["index"]] = Cell(subset, at[0], at[1], score)
    return list(found.values())


def subset_rows(
    dataset: str, subset: str, metric: str, reviews: bytes, predictions: bytes, errors: bytes
) -> list[SampleRow]:
    """One row for each sample, by index. A sample with a score is not errored, even if an earlier attempt failed."""
    answered = {line["index"]: line for line in _lines(predictions)}
    found: dict[int, SampleRow] = {}
    for line in _lines(errors):
        found[line["index"]] = _errored(dataset, subset, line, answered.get(line["index"], {}))
    for line in _lines(reviews):
        row = _scored(dataset, subset, metric, line, answered.get(line["index"], {}))
        if row is not None:
            found[line["index"]] = row
    return _with_questions([found[index] for index in sorted(found)])


def _lines(data: bytes) -> Iterator[dict[str, Any]]:
    found = (record for _, _, record in records(data.splitlines()))
    return (record for record in found if isinstance(record.get("index"), int))


def _scored(
    dataset: str, subset: str, metric: str, review: dict[str, Any], prediction: dict[str, Any]
) -> SampleRow | None:
    scored = sample_lines.score_of(review)
    if scored is None:
        return None
    answer = sample_lines.output_of(prediction)
    return SampleRow(
        dataset=dataset,
        subset=subset,
        index=review["index"],
        prompt=_prompt(prediction),
        answer=answer.text if answer is not None else "",
        extracted=str(scored.extracted) if scored.extracted is not None else None,
        target=str(review.get("target", "")),
        score=sample_lines.main_score(metric, scored.values),
        finish_reason=answer.finish_reason if answer is not None else None,
        latency_s=answer.latency_ns / 1e9 if answer is not None else None,
        judges=judge_words.words_of(scored.judging),
    )


def _errored(dataset: str, subset: str, line: dict[str, Any], prediction: dict[str, Any]) -> SampleRow:
    answer = sample_lines.output_of(prediction)
    return SampleRow(
        dataset=dataset,
        subset=subset,
        index=line["index"],
        prompt=_prompt(prediction),
        answer=answer.text if answer is not None else "",
        extracted=None,
        target="",
        score=None,
        error=f"{line.get('error', 'unknown')}: {line.get('message', '')}",
        judges=judge_words.words_of(line.get("judge_summary")),
    )


def _prompt(prediction: dict[str, Any]) -> str:
    messages = prediction.get("messages")
    if not isinstance(messages, list):
        return ""
    texts = [(str(one.get("role")), str(one.get("content"))) for one in messages if isinstance(one, dict)]
    return texts[0][1] if len(texts) == 1 else "\n\n".join(f"[{role}]\n{content}" for role, content in texts)


def _with_questions(found: list[SampleRow]) -> list[SampleRow]:
    """Each row with its question: its prompt without the beginning that all prompts share (instruction, examples)."""
    prompts = [row.prompt for row in found if row.prompt]
    if len(set(prompts)) < 2:
        return found
    shared = _shared_start(min(prompts), max(prompts))  # the first and the last in order differ first
    start = max(shared.rfind(" "), shared.rfind("\n"), shared.rfind(":"), shared.rfind("\N{FULLWIDTH COLON}")) + 1
    return [replace(row, question=row.prompt[start:].strip()) if row.prompt else row for row in found]


def _shared_start(first: str, second: str) -> str:
    size = next((at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), None)
    return first[: min(len(first), len(second)) if size is None else size]
