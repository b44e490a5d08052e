"""The report of one data set in a merged result: EvalScope's keys (version 1), and ours beside them. Pure.

Percentiles and means are computed here, after merging. Scores are rounded to 4 digits here and nowhere else.
"""

from collections.abc import Sequence
from typing import Any

from evalkube_crds import cost, score_intervals, weighted_index
from evalkube_crds.histogram import Histogram
from evalkube_crds.intervals import Interval
from evalkube_crds.result_parts import NANO
from evalkube_crds.results import DatasetResult, EvalResult, Judgements, ScoreSum, SubsetResult, TokenUsage

__all__ = ["beside", "dataset_report", "reports"]

_DIGITS = 4
_PERCENTS = (25, 50, 75, 90, 99)


def reports(result: EvalResult) -> dict[str, dict[str, Any]]:
    """The reports by dataset name."""
    return {dataset.name: dataset_report(result.model, dataset) for dataset in result.datasets}


def beside(result: EvalResult) -> dict[str, Any]:
    """The values that belong to the whole run, each only if there is one."""
    shown = {
        "cost": cost.document(result),
        "collections": weighted_index.document(result),
        "estimate": None if result.estimate is None else cost.estimate_document(result.estimate),
        "at_once": [one.model_dump(by_alias=False) for one in result.at_once],
        "sandbox": result.sandbox,
    }
    return {name: value for name, value in shown.items() if value}


def dataset_report(model: str, dataset: DatasetResult) -> dict[str, Any]:
    """One report, ready for JSON. A score over no sample is null."""
    names = list(dict.fromkeys(name for subset in dataset.subsets for name in subset.metrics))
    if dataset.main_metric in names:
        names.remove(dataset.main_metric)
        names.insert(0, dataset.main_metric)
    metrics = [_metric(name, dataset.subsets) for name in names]
    report = {
        "name": f"{model}@{dataset.name}",
        "dataset_name": dataset.name,
        "dataset_pretty_name": dataset.pretty_name,
        "dataset_description": dataset.description,
        "model_name": model,
        "score": metrics[0]["score"] if metrics else None,
        "interval": metrics[0]["interval"] if metrics else None,
        "metrics": metrics,
        "analysis": dataset.analysis if dataset.analysis is not None else "N/A",
        "requested": sum(subset.requested for subset in dataset.subsets),
        "scored": sum(subset.scored for subset in dataset.subsets),
        "errored": sum(sum(subset.errored.values()) for subset in dataset.subsets),
        "errors": _errors(dataset.subsets),
        "states": _states(dataset.subsets),
        "truncated": sum(subset.truncated for subset in dataset.subsets),
        "empty": sum(subset.empty for subset in dataset.subsets),
        "reused": sum(subset.reused for subset in dataset.subsets),
        "usage": _usage(dataset.usage),
        "dataset_revision": dataset.revision,
    }
    if dataset.judging is not None:
        report["judge_summary"] = _judging(dataset.judging)
    if dataset.precision is not None:
        report["precision"] = dataset.precision.model_dump(mode="json", by_alias=False)
    if dataset.latency_ns.count:
        report["perf_metrics"] = {"summary": _perf(dataset)}
    return report


def _metric(name: str, subsets: Sequence[SubsetResult]) -> dict[str, Any]:
    categories: dict[tuple[str, ...], list[SubsetResult]] = {}
    for subset in subsets:
        categories.setdefault(tuple(subset.category), []).append(subset)
    return {
        "name": name,
        **_averages(name, subsets),
        "categories": [
            {
                "name": list(category),
                **_averages(name, members),
                "subsets": [_subset(name, subset) for subset in members],
            }
            for category, members in categories.items()
        ],
    }


def _averages(name: str, subsets: Sequence[SubsetResult]) -> dict[str, Any]:
    """The averages: `score` weighs all samples equally, `macro_score` all subsets that have one."""
    sums = [_sum(name, subset) for subset in subsets]
    whole = ScoreSum.joined(sums)
    means = [one.mean for one in sums if one.mean is not None]
    return {
        "num": whole.count,
        "score": _rounded(whole.mean),
        "interval": _ends(score_intervals.of_sum(whole)),
        "macro_score": _rounded(sum(means) / len(means)) if means else None,
        "macro_interval": _ends(score_intervals.macro(sums)),
    }


def _ends(interval: Interval | None) -> list[float] | None:
    """The low and the high end of a 95 % interval."""
    return None if interval is None else [round(end, _DIGITS) for end in interval]


def _subset(name: str, subset: SubsetResult) -> dict[str, Any]:
    one = _sum(name, subset)
    return {
        "name": subset.name,
        "score": _rounded(one.mean),
        "interval": _ends(score_intervals.of_sum(one)),
        "num": one.count,
    }


def _sum(name: str, subset: SubsetResult) -> ScoreSum:
    return subset.metrics.get(name, ScoreSum())


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, _DIGITS)


def _errors(subsets: Sequence[SubsetResult]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for subset in subsets:
        for error, count in subset.errored.items():
            counts[str(error)] = counts.get(str(error), 0) + count
    return counts


def _states(subsets: Sequence[SubsetResult]) -> dict[str, int]:
    """The numbers of finished samples by state; empty if the result does not have them."""
    if not any(subset.states for subset in subsets):
        return {}
    counts: dict[str, int] = {}
    for subset in subsets:
        for state, count in subset.by_state.items():
            counts[str(state)] = counts.get(str(state), 0) + count
    return counts


def _judging(judging: Judgements) -> dict[str, Any]:
    return {**judging.model_dump(exclude={"usage"}), "excluded": judging.excluded, "usage": _usage(judging.usage)}


def _usage(usage: TokenUsage) -> dict[str, int]:
    return {**usage.model_dump(), "total_tokens": usage.prompt_tokens + usage.completion_tokens}


def _perf(dataset: DatasetResult) -> dict[str, Any]:
    latency, tokens = dataset.latency_ns, dataset.output_tokens
    perf: dict[str, Any] = {"n_samples": latency.count, "latency": _seconds(latency)}
    if tokens.count:
        # Tokens per second of one answer, averaged by its time: all tokens over all time spent waiting.
        perf["throughput"] = {
            "avg_output_tps": round(tokens.total * NANO / latency.total, _DIGITS) if latency.total else None
        }
        perf["usage"] = {"output_tokens": _spread(tokens, 1)}
    if dataset.ttft_ns.count:
        perf["ttft"] = _seconds(dataset.ttft_ns)
    return perf


def _seconds(histogram: Histogram) -> dict[str, float | None]:
    return _spread(histogram, NANO)


def _spread(histogram: Histogram, unit: int) -> dict[str, float | None]:
    def shown(value: float | None) -> float | None:
        return None if value is None else round(value / unit, 6)

    percentiles = zip(_PERCENTS, histogram.percentiles(_PERCENTS), strict=True)
    return {
        "mean": shown(histogram.mean),
        "std": shown(histogram.deviation),
        "min": shown(histogram.low),
        **{f"{percent}%": shown(value) for percent, value in percentiles},
        "max": shown(histogram.high),
    }
