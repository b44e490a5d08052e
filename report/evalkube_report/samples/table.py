"""`samples.csv`: a row for each sample of an evaluation, read line by line with the index."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from evalkube_crds import sample_lines
from evalkube_crds.results import EvalResult
from evalkube_report import formats
from evalkube_report.csv_file import Cell
from evalkube_report.index_file import Slice
from evalkube_report.samples import page, sample
from evalkube_report.samples.index import Index
from evalkube_report.samples.sample import Sample

__all__ = ["MOST_TEXT", "head", "rows"]

MOST_TEXT: Final = 2000
"""Characters of a question or an answer; of a longer one both ends. A cell of a spreadsheet holds 32,767."""

_BEFORE: Final = ("dataset", "subset", "index", "repeat", "state", "score")
_AFTER: Final = (
    *("question", "answer", "extracted", "target", "error", "error_message", "finish_reason", "latency_s", "ttft_s"),
    *("input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens", "attempts"),
)


def head(result: EvalResult) -> tuple[Cell, ...]:
    """The names of the columns."""
    return (*_BEFORE, *(f"metric_{name}" for name in _metrics(result)), *_AFTER)


def rows(index: Index, result: EvalResult, read: Callable[[Slice], bytes]) -> Iterator[tuple[Cell, ...]]:
    """The rows of all samples, in the order of the index. `read` gives the bytes of a part of an artifact."""
    metrics = _metrics(result)
    mains = {dataset.name: dataset.main_metric for dataset in result.datasets}
    for row in range(len(index.rows)):
        entry = page.entry(index, row)
        found = sample.read(entry, {kind: read(place) for kind, place in index.slices(row).items()})
        yield _cells(found, _score(found, mains), metrics)


def _metrics(result: EvalResult) -> list[str]:
    """The names of the metrics of single samples. Metrics over repeats (pass@2) are not among them."""
    names = (name for dataset in result.datasets for subset in dataset.subsets for name in subset.metrics)
    return list(dict.fromkeys(name.removeprefix("mean_") for name in names if name.startswith("mean_")))


def _cells(found: Sample, score: float | None, metrics: list[str]) -> tuple[Cell, ...]:
    entry = found.entry
    return (
        *(entry.dataset, entry.subset, entry.index, entry.repeat, entry.state, score),
        *(found.scores.get(name) for name in metrics),
        *(_clipped(found.question), _clipped(found.answer), _clipped(found.extracted), _clipped(found.target)),
        *(entry.error, _clipped(found.error_message), found.finish_reason, found.latency_s, found.ttft_s),
        *(found.input_tokens, found.output_tokens, found.reasoning_tokens, found.cached_tokens, found.attempts),
    )


def _score(found: Sample, mains: Mapping[str, str]) -> float | None:
    """The score with all its digits: the index has seven."""
    return sample_lines.main_score(mains[found.entry.dataset], found.scores)


def _clipped(text: str | None) -> str | None:
    return None if text is None else formats.clipped(text, MOST_TEXT)
