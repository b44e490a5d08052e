"""The comparison of two evaluations of the same questions: what changed, by how much, by chance or not. Pure.

A run is given by its spec, the reports in its response, and the answers in its reviews. The caller gets these from runs
of a service, or from folders. Questions are paired by their content, not by their position, because a run with another
limit, order, prompt or number of repeats has other positions.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from evalkube_benchmarks.statistics import paired
from evalkube_benchmarks.statistics.paired import Pair
from evalkube_benchmarks.statistics.reviews import Answered, Key, Reviews
from evalkube_crds.intervals import CONFIDENCE, Interval

__all__ = ["MOST_CHANGED", "Incomparable", "Side", "compare", "subsets_of"]

MOST_CHANGED: Final = 100
_DIGITS: Final = 4
_RIGHT: Final = 0.5
_CHANGES_SCORES: Final = ("limit", "repeats", "precision", "dataset_hub", "generation_config", "seed")
"""The fields of a spec that can change a score, apart from the model and the fields of a benchmark.

`judge` counts only where a judge was asked.
"""

Answers = Mapping[Key, Sequence[Answered]]


class Incomparable(Exception):
    """Two runs without anything to compare. The message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two runs. `answers` are by benchmark, then by question (`Reviews.answers`)."""

    name: str
    spec: Mapping[str, Any]
    reports: Mapping[str, Mapping[str, Any]]
    answers: Mapping[str, Answers] = field(default_factory=dict)
    strange: int = 0

    @classmethod
    def of(cls, name: str, spec: Mapping[str, Any], known: Iterable[tuple[Mapping[str, Any], list[Reviews]]]) -> "Side":
        """A run made from the report of each of its benchmarks and the reviews of their subsets."""
        reports: dict[str, Mapping[str, Any]] = {}
        answers: dict[str, dict[Key, list[Answered]]] = {}
        strange = 0
        for report, read in known:
            dataset = report["dataset_name"]
            reports[dataset] = report
            answers[dataset] = {key: found for one in read for key, found in one.answers().items()}
            strange += sum(one.strange for one in read)
        return cls(name=name, spec=spec, reports=reports, answers=answers, strange=strange)

    @property
    def model(self) -> str:
        """The model's name in reports."""
        return next((str(report["model_name"]) for report in self.reports.values()), str(self.spec.get("model", "")))


def subsets_of(report: Mapping[str, Any]) -> list[str]:
    """The subsets in a report, as the paths of reviews name them."""
    metrics = report.get("metrics") or [{"categories": []}]
    return [str(subset["name"]) for category in metrics[0]["categories"] for subset in category["subsets"]]


def compare(baseline: Side, candidate: Side, *, most_changed: int = MOST_CHANGED) -> dict[str, Any]:
    """The comparison, ready for JSON. Raises Incomparable."""
    common = [name for name in baseline.reports if name in candidate.reports]
    if not common:
        raise Incomparable(
            f"the runs have no benchmark in common: {', '.join(baseline.reports) or 'none'} and "
            f"{', '.join(candidate.reports) or 'none'}"
        )
    found = {name: _benchmark(name, baseline, candidate, most_changed) for name in common}
    tested = [one for one in found.values() if one["p_value"] is not None]
    if not tested:
        raise Incomparable(f"the runs have no scored question of {', '.join(common)} in common")
    for one, p_value in zip(tested, paired.holm([one["p_value"] for one in tested]), strict=True):
        one["p_value_holm"] = p_value
    return {
        "baseline": {"run": baseline.name, "model": baseline.model},
        "candidate": {"run": candidate.name, "model": candidate.model},
        "confidence": CONFIDENCE,
        "benchmarks": found,
        "only_baseline": [name for name in baseline.reports if name not in common],
        "only_candidate": [name for name in candidate.reports if name not in common],
        "differences": _differences(baseline, candidate, common),
        "warnings": list(_unread(baseline)) + list(_unread(candidate)),
    }


@dataclass(frozen=True, slots=True)
class _Both:
    """One question with the scores and answers of both runs."""

    baseline: Sequence[Answered]
    candidate: Sequence[Answered]
    metric: str

    def pair(self) -> Pair:
        values = [[one.values[self.metric] for one in side] for side in (self.baseline, self.candidate)]
        alone = all(len(side) == 1 and side[0] in (0.0, 1.0) for side in values)
        weight = max(one.weights.get(self.metric, 1) for one in self.baseline)
        before, after = (math.fsum(side) / len(side) for side in values)
        return Pair(before, after, weight, verdict=alone)


def _benchmark(name: str, baseline: Side, candidate: Side, most_changed: int) -> dict[str, Any]:
    before, after = baseline.answers.get(name, {}), candidate.answers.get(name, {})
    metric = _metric(before, after)
    both = [
        _Both(mine, others, metric)
        for key in before
        if (mine := _with(before[key], metric)) and (others := _with(after.get(key, ()), metric))
    ]
    pairs = [one.pair() for one in both]
    changed = [(one, pair) for one, pair in zip(both, pairs, strict=True) if pair.baseline != pair.candidate]
    return {
        "metric": metric,
        "questions": len(both),
        "only_baseline": len(before) - len(both),
        "only_candidate": len(after) - len(both),
        **_figures(pairs),
        "right_to_wrong": sum(pair.baseline > _RIGHT >= pair.candidate for _, pair in changed),
        "wrong_to_right": sum(pair.candidate > _RIGHT >= pair.baseline for _, pair in changed),
        "lower": sum(pair.candidate < pair.baseline for _, pair in changed),
        "higher": sum(pair.candidate > pair.baseline for _, pair in changed),
        "changed": [_change(one, pair) for one, pair in _in_turn(changed)[:most_changed]],
        "warnings": list(_warnings(name, baseline, candidate, (len(before), len(both), len(after)))),
    }


def _metric(*sides: Answers) -> str:
    """The main metric of the first run that has one."""
    return next((answers[0].main for side in sides for answers in side.values() if answers), "")


def _with(answers: Iterable[Answered], metric: str) -> list[Answered]:
    return [one for one in answers if metric in one.values]


def _figures(pairs: Sequence[Pair]) -> dict[str, Any]:
    if not pairs:
        none = dict.fromkeys(("baseline_score", "candidate_score", "difference", "interval", "test", "p_value"))
        return {**none, "p_value_holm": None}
    whole = sum(pair.weight for pair in pairs) or 1
    found = paired.difference(pairs)
    return {
        "baseline_score": round(math.fsum(pair.weight * pair.baseline for pair in pairs) / whole, _DIGITS),
        "candidate_score": round(math.fsum(pair.weight * pair.candidate for pair in pairs) / whole, _DIGITS),
        "difference": round(found.value, _DIGITS),
        "interval": _ends(found.interval),
        "test": found.test,
        "p_value": found.p_value,
        "p_value_holm": None,
    }


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [round(end, _DIGITS) for end in interval]


def _in_turn(changed: Sequence[tuple[_Both, Pair]]) -> list[tuple[_Both, Pair]]:
    """The questions that changed most, worse and better ones in turn, so that a short list shows both."""
    sides: dict[bool, list[tuple[_Both, Pair]]] = defaultdict(list)
    for one, pair in sorted(changed, key=lambda item: -abs(item[1].candidate - item[1].baseline)):
        sides[pair.candidate > pair.baseline].append((one, pair))
    ranked = [(rank, better, item) for better, items in sides.items() for rank, item in enumerate(items)]
    return [item for _, _, item in sorted(ranked, key=lambda entry: entry[:2])]


def _change(one: _Both, pair: Pair) -> dict[str, Any]:
    before, after = one.baseline[0], one.candidate[0]
    return {
        "subset": before.subset,
        "question": before.text,
        "target": before.target,
        "baseline": {"index": before.index, "score": round(pair.baseline, _DIGITS), "extracted": before.extracted},
        "candidate": {"index": after.index, "score": round(pair.candidate, _DIGITS), "extracted": after.extracted},
    }


def _warnings(name: str, baseline: Side, candidate: Side, counts: tuple[int, int, int]) -> Iterator[str]:
    before, both, after = counts
    if both < max(before, after):
        yield f"{both} questions are in both runs, of {before} and {after}; the figures are only of these"
    revisions = [side.reports[name].get("dataset_revision") for side in (baseline, candidate)]
    if revisions[0] != revisions[1]:
        yield f"the data have different revisions: {revisions[0]} and {revisions[1]}"
    for side in (baseline, candidate):
        report = side.reports[name]
        if report.get("errored"):
            yield f"{side.name}: {report['errored']} samples have no score"
        ended = report.get("precision") or {}
        if ended.get("saved_samples"):
            yield f"{side.name}: ended early, {ended['saved_samples']} samples were not asked"
        held = sum(map(len, side.answers.get(name, {}).values()))
        if held != report.get("scored", held):
            yield f"{side.name}: its reviews have {held} scores, but its result has {report['scored']}"


def _unread(side: Side) -> Iterator[str]:
    if side.strange:
        yield f"{side.name}: {side.strange} lines of its reviews cannot be read"


def _differences(baseline: Side, candidate: Side, common: Sequence[str]) -> list[dict[str, Any]]:
    """The differences between the specs that can change a score of the common benchmarks, by field."""
    found = []
    judged = any("judge_summary" in side.reports[name] for side in (baseline, candidate) for name in common)
    fields = (*_CHANGES_SCORES, "judge") if judged else _CHANGES_SCORES
    pairs = [(name, baseline.spec.get(name), candidate.spec.get(name)) for name in fields]
    mine, theirs = (side.spec.get("dataset_args") or {} for side in (baseline, candidate))
    pairs += [(f"dataset_args.{name}", mine.get(name), theirs.get(name)) for name in common]
    for name, one, other in pairs:
        found += [
            {"field": leaf, "baseline": this, "candidate": that} for leaf, this, that in _leaves(name, one, other)
        ]
    return found


def _leaves(name: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, Mapping) or isinstance(other, Mapping):
        mine, theirs = (side if isinstance(side, Mapping) else {} for side in (one, other))
        for key in dict.fromkeys([*mine, *theirs]):
            yield from _leaves(f"{name}.{key}", mine.get(key), theirs.get(key))
    elif one != other:
        yield name, one, other
