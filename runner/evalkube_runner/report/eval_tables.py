"""The tables of an evaluation, as values (``grid.Table``). Pure; numbers are formatted here and nowhere later."""

from collections.abc import Sequence

from evalkube_crds.histogram import Histogram
from evalkube_crds.results import DatasetResult, EvalResult, SubsetResult
from evalkube_runner.report import formats, scoring
from evalkube_runner.report.grid import Row, Table
from evalkube_runner.report.scoring import Tally

__all__ = [
    "category_table",
    "error_table",
    "judging_table",
    "latency_table",
    "subset_table",
    "summary_table",
    "usage_table",
]

_COUNTS = ("Samples", "Scored", "Errored", "Truncated", "Empty", "Reused")


def summary_table(result: EvalResult, *, repeats: int = 1) -> Table:
    """One row per dataset and metric, the main metric first."""
    rows = []
    for dataset in result.datasets:
        for metric in scoring.metrics_of(dataset):
            total = scoring.tally(dataset.subsets, metric, repeats=repeats)
            cells = (formats.score(total.score), interval_text(total), formats.score(total.macro))
            rows.append(Row((dataset.pretty_name, metric, *cells, *_counts(total))))
    columns = ("Dataset", "Metric", "Score", "95 % interval", "Macro score", *_COUNTS)
    return Table("Scores", columns, tuple(rows), words=2)


def category_table(dataset: DatasetResult, *, repeats: int = 1) -> Table | None:
    """One row per category; None when there is only one."""
    groups = scoring.by_category(dataset)
    if len(groups) < 2:
        return None
    rows = [
        Row((" / ".join(name), formats.count(len(subsets)), *_scores(subsets, dataset, repeats)))
        for name, subsets in groups.items()
    ]
    return Table(f"{dataset.pretty_name} by category", ("Category", "Subsets", *_score_columns(dataset)), tuple(rows))


def subset_table(dataset: DatasetResult, *, repeats: int = 1) -> Table:
    """One row per subset and, where there are several, their total."""
    several = len(scoring.by_category(dataset)) > 1
    rows = []
    for subset in dataset.subsets:
        names = (subset.name, " / ".join(subset.category)) if several else (subset.name,)
        rows.append(Row((*names, *_scores([subset], dataset, repeats))))
    if len(rows) > 1:
        names = ("All subsets", "") if several else ("All subsets",)
        rows.append(Row((*names, *_scores(dataset.subsets, dataset, repeats)), mark="total"))
    columns = (("Subset", "Category") if several else ("Subset",)) + _score_columns(dataset)
    return Table(f"{dataset.pretty_name} by subset", columns, tuple(rows), words=2 if several else 1)


def _score_columns(dataset: DatasetResult) -> tuple[str, ...]:
    main, *others = scoring.metrics_of(dataset)
    return (main, "95 % interval", *others, *_COUNTS)


def _scores(subsets: Sequence[SubsetResult], dataset: DatasetResult, repeats: int) -> tuple[str, ...]:
    main, *others = scoring.metrics_of(dataset)
    total = scoring.tally(subsets, main, repeats=repeats)
    further = (formats.score(scoring.tally(subsets, metric).score) for metric in others)
    return (formats.score(total.score), interval_text(total), *further, *_counts(total))


def interval_text(total: Tally) -> str:
    """The interval of a score as "0.7912 to 0.8340"."""
    if total.interval is None:
        return formats.DASH
    return f"{formats.score(total.interval[0])} to {formats.score(total.interval[1])}"


def _counts(total: Tally) -> tuple[str, ...]:
    causes = ", ".join(f"{cause} {times:,}" for cause, times in total.causes.items())
    errored = formats.count(total.errored) + (f" ({causes})" if causes else "")
    return (
        formats.count(total.requested),
        formats.count(total.scored),
        errored,
        formats.count(total.truncated),
        formats.count(total.empty),
        formats.count(total.reused),
    )


def error_table(result: EvalResult) -> Table | None:
    """Errored samples by dataset and cause; None when there are none."""
    rows = []
    for dataset in result.datasets:
        total = scoring.tally(dataset.subsets, dataset.main_metric)
        for cause, times in total.causes.items():
            share = formats.percent(times / total.requested if total.requested else None)
            rows.append(Row((dataset.pretty_name, str(cause), formats.count(times), share)))
    columns = ("Dataset", "Cause", "Samples", "Share of all")
    return Table("Samples without a score, by cause", columns, tuple(rows), words=2) if rows else None


def usage_table(result: EvalResult) -> Table | None:
    """Tokens as the endpoint reported them; None when it reported none."""
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
    """What the judges of each dataset did, and their tokens; None where there were none."""
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


_PERCENTS = (50, 75, 90, 95, 99)


def latency_table(result: EvalResult) -> Table | None:
    """Percentiles of latency and, where answers were streamed, TTFT; None when nothing was timed."""
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
