"""The values that the template of an evaluation's page uses. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalkube_crds import summary
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.intervals import Interval
from evalkube_crds.names import SampleState
from evalkube_crds.results import DatasetResult, EvalResult
from evalkube_report import configuration, formats, sentences
from evalkube_report.evaluation import rows, states, tables, totals
from evalkube_report.evaluation.rows import SampleRow
from evalkube_report.evaluation.states import StateBar
from evalkube_report.plots.distributions import distribution
from evalkube_report.plots.drawing import Shown, score_bar, shown
from evalkube_report.plots.heat_map import Cell, heat_maps
from evalkube_report.plots.svg import Svg
from evalkube_report.plots.values import Axis, Entry, Intervals
from evalkube_report.table import Table

__all__ = ["Headline", "context", "headline", "score_plot"]

_MOST_SAMPLES = 200
_LONGEST_TEXT = 8_000
_LONGEST_JUDGING = 6_000
_LONGEST_EXCERPT = 160
_MOST_MARKS = 100


@dataclass(frozen=True, slots=True)
class Headline:
    """The headline figures of a dataset."""

    name: str
    description: str
    score: str
    bar: Svg
    interval: str
    note: str
    states: StateBar | None


@dataclass(frozen=True, slots=True)
class Section:
    """The section of a dataset below the headlines."""

    name: str
    description: str
    revision: str | None
    analysis: str | None
    categories: Table | None
    subsets: Table
    maps: tuple[Shown, ...]
    plots: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample, clipped. `order`: the keys by which the browser sorts its row."""

    state: str
    word: str
    place: str
    excerpt: str
    extracted: str
    target: str
    score: str
    finish: str
    latency: str
    prompt: str
    answer: str
    error: str | None
    judges: str | None
    score_key: float
    latency_key: float


def context(
    result: EvalResult, spec: EvalRunSpec, samples: Sequence[SampleRow], cells: Mapping[str, Sequence[Cell]]
) -> dict[str, Any]:
    """The names that the template `eval.html.j2` uses."""
    chosen = [_sample(row) for row in rows.choose(samples, _MOST_SAMPLES)]
    return {
        "title": spec.model_id or result.model,
        "facts": _facts(result, spec),
        "headlines": [headline(dataset) for dataset in result.datasets],
        "statements": sentences.beside_scores(result, spec.thresholds),
        "by_state": states.table(result),
        "missing": result.of_shards - len(result.shards),
        "summary": tables.summary_table(result),
        "sections": [_section(dataset, cells.get(dataset.name, ())) for dataset in result.datasets],
        "precision": tables.precision_table(result),
        "errors": tables.error_table(result),
        "usage": tables.usage_table(result),
        "cost": tables.cost_table(result),
        "collections": tables.collection_table(result),
        "latency": tables.latency_table(result),
        "judging": tables.judging_table(result),
        "settings": configuration.settings_of(spec),
        "samples": chosen,
        "samples_of": formats.count(max(len(samples), summary.requested(result))),
        "states": {state: (states.WORDS[state], n) for state in SampleState if (n := _times(chosen, state))},
        "repeats": spec.repeats,
    }


def _times(samples: Sequence[Sample], state: str) -> int:
    return sum(sample.state == state for sample in samples)


def _facts(result: EvalResult, spec: EvalRunSpec) -> list[tuple[str, str]]:
    span = (result.ended_at_ns - result.started_at_ns) / 1e9 if result.started_at_ns > 0 else None
    return [
        ("Model", result.model),
        ("Endpoint", configuration.host_of(spec.api_url)),
        ("Started", formats.moment(result.started_at_ns)),
        ("Duration", formats.duration(span)),
        ("Data", _data_source(result, spec)),
        ("Seed", str(spec.seed)),
        ("Run", result.run_id),
    ]


_HUBS = {
    "modelscope": "ModelScope",
    "huggingface": "Hugging Face",
    "local": "local files",
    "sample": "built-in sample items",
}


def _data_source(result: EvalResult, spec: EvalRunSpec) -> str:
    sources: dict[str, list[str]] = {}
    for dataset in result.datasets:
        sources.setdefault(_HUBS[dataset.source or spec.dataset_hub], []).append(dataset.name)
    if len(sources) <= 1:
        return next(iter(sources), _HUBS[spec.dataset_hub])
    return "; ".join(f"{source} ({', '.join(names)})" for source, names in sources.items())


def headline(dataset: DatasetResult) -> Headline:
    """The headline figures of a benchmark."""
    total = totals.tally(dataset.subsets, dataset.main_metric)
    share = total.score if total.score is not None and 0 <= total.score <= 1 else None
    counts = {"errored": total.errored, "truncated": total.truncated, "empty": total.empty}
    notes = [f"{formats.count(total.scored)} of {formats.count(total.requested)} samples scored"]
    notes += [f"{formats.count(times)} {name}" for name, times in counts.items() if times]
    return Headline(
        name=dataset.pretty_name,
        description=dataset.description,
        score=formats.percent(share) if share is not None else formats.significant(total.score),
        bar=score_bar(share, total.interval, f"{dataset.pretty_name}, {dataset.main_metric}"),
        interval=f"{dataset.main_metric}{f', 95 % interval {_ends(total.interval)}' if total.interval else ''}",
        note=", ".join(notes),
        states=states.bar(total.states, f"{dataset.pretty_name}: samples by class"),
    )


def _ends(interval: Interval) -> str:
    return f"{formats.percent(interval.low)} to {formats.percent(interval.high)}"


def _section(dataset: DatasetResult, cells: Sequence[Cell]) -> Section:
    tokens = formats.Unit("tokens")
    drawn = [
        score_plot(dataset),
        distribution(dataset.latency_ns, "Latency"),
        distribution(dataset.ttft_ns, "Time to first token"),
        distribution(dataset.output_tokens, "Output tokens", unit=tokens),
    ]
    return Section(
        name=dataset.pretty_name,
        description=dataset.description,
        revision=dataset.revision,
        analysis=None if dataset.analysis is None else formats.clipped(dataset.analysis, 4 * _LONGEST_TEXT),
        categories=tables.category_table(dataset),
        subsets=tables.subset_table(dataset),
        maps=tuple(map(shown, heat_maps(cells, dataset.heat_map, dataset.main_metric))) if dataset.heat_map else (),
        plots=tuple(shown(plot) for plot in drawn if plot is not None),
    )


def score_plot(dataset: DatasetResult) -> Intervals | None:
    """The score of each category with its interval; of each subset if there is only one category."""
    groups = {" / ".join(name): subsets for name, subsets in totals.by_category(dataset).items()}
    if len(groups) < 2:
        groups = {subset.name: [subset] for subset in dataset.subsets}
    found = {name: totals.tally(subsets, dataset.main_metric) for name, subsets in groups.items()}
    entries = [Entry(name, one.score, one.interval) for name, one in found.items() if one.score is not None]
    if len(entries) < 2:
        return None
    shares = all(0 <= entry.value <= 1 for entry in entries)
    axis = Axis(dataset.main_metric)
    return Intervals("Scores with their 95 % intervals", axis, tuple(entries[:_MOST_MARKS]), percent=shares)


def _sample(row: SampleRow) -> Sample:
    question = (row.question if row.question is not None else row.prompt) or row.error or ""
    excerpt = " ".join(question[: 4 * _LONGEST_EXCERPT].split())
    latency_ns = None if row.latency_s is None else row.latency_s * 1e9
    return Sample(
        state=(state := rows.state_of(row)),
        word=states.WORDS[state],
        place=formats.clipped(f"{row.dataset} / {row.subset}", _LONGEST_EXCERPT) + f" #{row.index}",
        excerpt=excerpt[:_LONGEST_EXCERPT] + ("..." if len(excerpt) > _LONGEST_EXCERPT else ""),
        extracted=formats.clipped(row.extracted, _LONGEST_EXCERPT) if row.extracted else formats.DASH,
        target=formats.clipped(row.target, _LONGEST_EXCERPT) or formats.DASH,
        score=formats.DASH if row.score is None else f"{row.score:.4g}",
        finish=formats.clipped(row.finish_reason, 40) if row.finish_reason else formats.DASH,
        latency=formats.timed(latency_ns),
        prompt=formats.clipped(row.prompt, _LONGEST_TEXT),
        answer=formats.clipped(row.answer, _LONGEST_TEXT),
        error=None if row.error is None else formats.clipped(row.error, _LONGEST_TEXT),
        judges=None if row.judges is None else formats.clipped(row.judges, _LONGEST_JUDGING),
        score_key=-1.0 if row.score is None else row.score,
        latency_key=-1.0 if row.latency_s is None else row.latency_s,
    )
