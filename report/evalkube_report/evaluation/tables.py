"""The tables of an evaluation, as values (`table.Table`). Pure; numbers are formatted here and nowhere later."""

from collections.abc import Iterable, Sequence

from evalkube_crds import cost, weighted_index
from evalkube_crds.histogram import Histogram
from evalkube_crds.intervals import Interval
from evalkube_crds.results import DatasetResult, EvalResult, SubsetResult
from evalkube_report import formats
from evalkube_report.evaluation import totals
from evalkube_report.evaluation.totals import Tally
from evalkube_report.table import Row, Table

__all__ = [
    "category_table",
    "collection_table",
    "cost_table",
    "error_table",
    "judging_table",
    "latency_table",
    "precision_table",
    "subset_table",
    "summary_table",
    "usage_table",
]

_TROUBLES = ("errored", "truncated", "empty", "reused")


def summary_table(result: EvalResult) -> Table:
    """One row per dataset and metric, the main metric first."""
    counted = _counted(subset for dataset in result.datasets for subset in dataset.subsets)
    rows = []
    for dataset in result.datasets:
        for metric in totals.metrics_of(dataset):
            total = totals.tally(dataset.subsets, metric)
            means = (formats.score(total.score), interval_text(total.interval))
            cells = (*means, formats.score(total.macro), interval_text(total.macro_interval))
            counts = _counts(total, counted) if metric == dataset.main_metric else ("",) * len(counted)
            rows.append(Row((dataset.pretty_name, metric, *cells, *counts)))
    columns = ("Dataset", "Metric", "Score", "95 % interval", "Macro score", "its interval", *_titles(counted))
    return Table("Scores", columns, tuple(rows), words=2)


def category_table(dataset: DatasetResult) -> Table | None:
    """One row per category; None when there is only one."""
    groups = totals.by_category(dataset)
    if len(groups) < 2:
        return None
    rows = [
        Row((" / ".join(name), formats.count(len(subsets)), *_scores(subsets, dataset)))
        for name, subsets in groups.items()
    ]
    return Table(f"{dataset.pretty_name} by category", ("Category", "Subsets", *_score_columns(dataset)), tuple(rows))


def subset_table(dataset: DatasetResult) -> Table:
    """One row for each subset. If there are several, a last row has their total."""
    several = len(totals.by_category(dataset)) > 1
    rows = []
    for subset in dataset.subsets:
        names = (subset.name, " / ".join(subset.category)) if several else (subset.name,)
        rows.append(Row((*names, *_scores([subset], dataset))))
    if len(rows) > 1:
        names = ("All subsets", "") if several else ("All subsets",)
        rows.append(Row((*names, *_scores(dataset.subsets, dataset)), mark="total"))
    columns = (("Subset", "Category") if several else ("Subset",)) + _score_columns(dataset)
    return Table(f"{dataset.pretty_name} by subset", columns, tuple(rows), words=2 if several else 1)


def _score_columns(dataset: DatasetResult) -> tuple[str, ...]:
    main, *others = totals.metrics_of(dataset)
    return (main, "95 % interval", *others, *_titles(_counted(dataset.subsets)))


def _scores(subsets: Sequence[SubsetResult], dataset: DatasetResult) -> tuple[str, ...]:
    main, *others = totals.metrics_of(dataset)
    total = totals.tally(subsets, main)
    further = (formats.score(totals.tally(subsets, metric).score) for metric in others)
    return (
        formats.score(total.score),
        interval_text(total.interval),
        *further,
        *_counts(total, _counted(dataset.subsets)),
    )


def interval_text(interval: Interval | None) -> str:
    """The interval of a score as "0.7912 to 0.8340"."""
    return formats.DASH if interval is None else f"{formats.score(interval.low)} to {formats.score(interval.high)}"


def _counted(subsets: Iterable[SubsetResult]) -> tuple[str, ...]:
    """The columns of counts: samples, scored samples, and each kind of failure that occurred."""
    found = totals.tally(list(subsets), "")
    return ("requested", "scored", *(name for name in _TROUBLES if getattr(found, name)))


def _titles(counted: Sequence[str]) -> tuple[str, ...]:
    return tuple("Samples" if name == "requested" else name.capitalize() for name in counted)


def _counts(total: Tally, counted: Sequence[str]) -> tuple[str, ...]:
    causes = ", ".join(f"{cause} {times:,}" for cause, times in total.causes.items())
    shown = {name: formats.count(getattr(total, name)) for name in counted}
    if causes:
        shown["errored"] += f" ({causes})"
    return tuple(shown.values())


def error_table(result: EvalResult) -> Table | None:
    """Errored samples by dataset and cause; None when there are none."""
    rows = []
    for dataset in result.datasets:
        total = totals.tally(dataset.subsets, dataset.main_metric)
        for cause, times in total.causes.items():
            share = formats.percent(times / total.requested if total.requested else None)
            rows.append(Row((dataset.pretty_name, str(cause), formats.count(times), share)))
    columns = ("Dataset", "Cause", "Samples", "Share of all")
    return Table("Samples without a score, by cause", columns, tuple(rows), words=2) if rows else None


def precision_table(result: EvalResult) -> Table | None:
    """The samples that an early end by precision asked and saved; None for other evaluations."""
    rows = []
    for dataset in result.datasets:
        found = dataset.precision
        if found is not None:
            score = totals.tally(dataset.subsets, dataset.main_metric).score
            ends = interval_text(Interval(found.low, found.high))
            asked = f"{formats.count(found.asked_questions)} of {formats.count(found.of_questions)}"
            ended = found.note or ("early" if found.saved_samples else "all asked")
            cells = (
                formats.score(score),
                ends,
                f"{found.wanted:g}",
                ended,
                asked,
                formats.count(found.saved_samples),
            )
            rows.append(Row((dataset.pretty_name, *cells)))
    columns = (
        "Dataset",
        "Score",
        "Score of all questions",
        "Half-width wanted",
        "End",
        "Questions",
        "Samples saved",
    )
    return Table("Precision", columns, tuple(rows)) if rows else None


def usage_table(result: EvalResult) -> Table | None:
    """The tokens that the endpoint reported; None if it reported none."""
    used = [dataset for dataset in result.datasets if dataset.usage.samples]
    if not used:
        return None
    rows = [Row((dataset.pretty_name, *_usage([dataset]))) for dataset in used]
    if len(rows) > 1:
        rows.append(Row(("All datasets", *_usage(used)), mark="total"))
    columns = (
        "Dataset",
        "Answers",
        "Prompt",
        "Completion",
        "of it reasoning",
        "Prompt, cached",
        "Completion per answer",
    )
    return Table("Tokens, as the endpoint counted them", columns, tuple(rows))


def _usage(datasets: Sequence[DatasetResult]) -> tuple[str, ...]:
    usages = [dataset.usage for dataset in datasets]
    samples, completion = sum(usage.samples for usage in usages), sum(usage.completion_tokens for usage in usages)
    return (
        formats.count(samples),
        formats.count(sum(usage.prompt_tokens for usage in usages)),
        formats.count(completion),
        formats.count(sum(usage.reasoning_tokens for usage in usages)),
        formats.count(sum(usage.cached_tokens for usage in usages)),
        formats.significant(completion / samples),
    )


def judging_table(result: EvalResult) -> Table | None:
    """The judges' work for each dataset, and their tokens; None if there were no judges."""
    rows = []
    for dataset in result.datasets:
        if (judging := dataset.judging) is None:
            continue
        counts = (judging.judgements, judging.unreadable, judging.failed, judging.asked_again, judging.inconsistent)
        used = (judging.usage.prompt_tokens, judging.usage.completion_tokens)
        rows.append(Row((dataset.pretty_name, *map(formats.count, (*counts, *used)))))
    columns = (
        *("Dataset", "Judgements", "Excluded: unreadable", "Excluded: failed", "Asked once more"),
        *("Orders disagreed", "Prompt tokens", "Completion tokens"),
    )
    return Table("Judges", columns, tuple(rows)) if rows else None


def cost_table(result: EvalResult) -> Table | None:
    """The cost of the tokens; None if no price is known."""
    shown = cost.document(result)
    if shown is None:
        return None
    rows = [Row((name, _money(value))) for name, value in shown["datasets"].items()]
    rows += [Row((f"judge {judge['model']}", _money(judge["cost"]))) for judge in shown["judges"]]
    rows.append(Row(("All", _money(shown["total"])), mark="total"))
    return Table("Cost, in the currency of the prices", ("What", "Cost"), tuple(rows))


def collection_table(result: EvalResult) -> Table | None:
    """The index of each collection with its members; None without a collection."""
    rows = []
    for name, one in weighted_index.document(result).items():
        for member, of in one["members"].items():
            rows.append(Row((name, member, f"{of['weight']:g}", formats.score(of["score"]))))
        rows.append(Row((name, "index", "", formats.score(one["index"])), mark="total"))
    return Table("Collections", ("Collection", "Dataset", "Weight", "Score"), tuple(rows), words=2) if rows else None


def _money(value: float | None) -> str:
    return formats.DASH if value is None else f"{value:,.6g}"


_PERCENTS = (50, 75, 90, 95, 99)


def latency_table(result: EvalResult) -> Table | None:
    """Percentiles of latency and, if answers were streamed, of TTFT; None if nothing was timed."""
    timed = [
        (f"{dataset.pretty_name}: {name}", histogram)
        for dataset in result.datasets
        for name, histogram in (("latency", dataset.latency_ns), ("time to first token", dataset.ttft_ns))
        if histogram.count
    ]
    if not timed:
        return None
    unit = formats.time_unit(histogram.high for _, histogram in timed)
    columns = ("Time", "Samples", "Mean", "Min", *(f"p{percent}" for percent in _PERCENTS), "Max")
    rows = tuple(Row((name, formats.count(times.count), *_times(times, unit))) for name, times in timed)
    return Table(f"Response times, in {unit.name}", columns, rows)


def _times(histogram: Histogram, unit: formats.Unit) -> tuple[str, ...]:
    values = [histogram.mean, histogram.low, *histogram.percentiles(_PERCENTS), histogram.high]
    return tuple(unit.show(value) for value in values)
