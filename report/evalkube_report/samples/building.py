"""Makes the index of an evaluation's samples from its lines, subset by subset.

Memory holds the index and one line.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np

from evalkube_crds import sample_lines
from evalkube_crds.names import ErrorClass, SampleState
from evalkube_crds.result_parts import NANO
from evalkube_crds.results import EvalResult
from evalkube_report import lines
from evalkube_report.samples.index import DTYPE, STATES, Index, Rows

__all__ = ["Builder"]

_NAN: Final = float("nan")
_ERRORS: Final = {str(error): place for place, error in enumerate(ErrorClass, start=1)}
_STATES: Final = {state: place for place, state in enumerate(STATES)}
_MOST_INDEX: Final = np.iinfo(np.uint32).max

_Place: TypeAlias = tuple[int, int]
"""Offset and length of a line; length 0: there is none."""
_NOWHERE: Final[_Place] = (0, 0)


@dataclass(slots=True)
class _Sample:
    state: int
    error: int = 0
    score: float = _NAN
    latency_s: float = _NAN
    review: _Place = _NOWHERE
    prediction: _Place = _NOWHERE
    failure: _Place = _NOWHERE


@dataclass(slots=True)
class Builder:
    """Builds an index. `result`: the result of the whole run. `repeats`: how often each question was asked."""

    result: EvalResult
    repeats: int
    _parts: list[Rows] = field(default_factory=list)

    def add(
        self,
        dataset: int,
        subset: int,
        *,
        reviews: Iterable[bytes] = (),
        predictions: Iterable[bytes] = (),
        errors: Iterable[bytes] = (),
    ) -> Index:
        """Adds all lines of one subset, with their line ends, and returns the index of this subset.

        Of lines about one sample the last one counts. A sample that has a score is not errored, whatever an earlier
        attempt said. Lines beyond the run's own samples, of an earlier run in the same folder that had more, are none
        of them; where the run could end early, its samples are not the first ones, and all lines count.
        """
        of = self.result.datasets[dataset]
        most = (of.subsets[subset].requested if of.precision is None else 0) or _MOST_INDEX + 1
        found: dict[int, _Sample] = {}
        _add_errors(found, errors)
        _add_reviews(found, reviews, self.result.datasets[dataset].main_metric)
        _add_predictions(found, predictions)
        rows = _rows({index: sample for index, sample in found.items() if index < most})
        rows["dataset"], rows["subset"] = dataset, subset
        rows["repeat"] = rows["index"] % max(self.repeats, 1)
        self._parts.append(rows)
        return self._of(rows)

    def index(self) -> Index:
        """The index of all added lines."""
        return self._of(np.concatenate(self._parts) if self._parts else np.zeros(0, DTYPE))

    def _of(self, rows: Rows) -> Index:
        return Index(
            rows=rows,
            model=self.result.model,
            datasets=tuple(dataset.name for dataset in self.result.datasets),
            subsets=tuple(tuple(subset.name for subset in dataset.subsets) for dataset in self.result.datasets),
        )


def _add_errors(found: dict[int, _Sample], given: Iterable[bytes]) -> None:
    for offset, length, line in lines.records(given):
        index = _index(line)
        if index is not None:
            error = _ERRORS.get(str(line.get("error")), 0)
            found[index] = _Sample(_STATES[SampleState.ERRORED], error, failure=(offset, length))


def _add_reviews(found: dict[int, _Sample], given: Iterable[bytes], metric: str) -> None:
    for offset, length, line in lines.records(given):
        index, score = _index(line), sample_lines.score_of(line)
        if index is None or score is None:
            continue
        value = sample_lines.main_score(metric, score.values)
        state = sample_lines.state_of(value, score.extracted, judged=bool(score.judging))
        found[index] = _Sample(_STATES[state], score=_NAN if value is None else value, review=(offset, length))


def _add_predictions(found: dict[int, _Sample], given: Iterable[bytes]) -> None:
    for offset, length, line in lines.records(given):
        index = _index(line)
        known = found.get(index) if index is not None else None
        output = sample_lines.output_of(line)
        if known is not None and output is not None:
            known.prediction, known.latency_s = (offset, length), output.latency_ns / NANO


def _index(line: dict[str, Any]) -> int | None:
    index = line.get("index")
    return index if type(index) is int and 0 <= index <= _MOST_INDEX else None


def _rows(found: dict[int, _Sample]) -> Rows:
    order = sorted(found)
    samples = [found[index] for index in order]
    rows = np.zeros(len(order), DTYPE)
    rows["index"] = order
    for name in ("state", "error", "score", "latency_s"):
        rows[name] = [getattr(sample, name) for sample in samples]
    for name, place in (("review", "review"), ("prediction", "prediction"), ("error", "failure")):
        places = np.array([getattr(sample, place) for sample in samples], dtype=np.uint64).reshape(-1, 2)
        rows[f"{name}_offset"], rows[f"{name}_length"] = places[:, 0], places[:, 1]
    return rows
