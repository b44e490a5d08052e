"""The values that the comparison page shows. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from evalkube_api import errors
from evalkube_api.ui import addresses, overlays, texts
from evalkube_api.ui.addresses import Address
from evalkube_api.ui.charts import Chart, charts, live_charts
from evalkube_api.ui.overlays import Named
from evalkube_api.ui.paging import Choice, Pager
from evalkube_crds.figures import LATENCY, OUTPUT_TPS, RPS, SUCCESS_RATE, TPOT, TTFT
from evalkube_crds.names import Kind, Phase, Verdict
from evalkube_crds.status import Run
from evalkube_report import comparison, formats
from evalkube_report.comparison import Delta, LoadComparison, Versus, tables
from evalkube_report.load_test import tables as load_tables
from evalkube_report.table import Table

__all__ = [
    *("MOST", "PAGE", "PARAMETERS", "EvaluationPair", "Flip", "Matrix", "Side", "add_choices", "flips", "load_tests"),
    *("name_of", "named", "pair", "runs_of", "sides", "spec_table"),
]

MOST: Final = 6
"""Runs on one page: as many as plots can tell apart."""
PAGE: Final = 50

PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "runs": (),
    "add": (),
    "against": (),
    "benchmark": (),
    "change": ("better", "worse"),
    "load": (),
    "page": (),
}
_LETTERS: Final = "ABCDEFGH"


def runs_of(asked: Mapping[str, str]) -> list[str]:
    """The runs that the URL names, each once. Raises errors.InvalidRequest for too many."""
    found = list(dict.fromkeys(one for name in ("runs", "add") for one in asked.get(name, "").split(",") if one))
    if len(found) > MOST:
        raise errors.InvalidRequest.because(f"names {len(found)} runs; at most {MOST} can be compared", "runs")
    return found


def name_of(place: int, run: Run) -> str:
    """A short name for plots and columns: "B: qwen-plus"."""
    return f"{_LETTERS[place]}: {texts.excerpt(run.spec.model_id or run.spec.model, 40)}"


def named(runs: Sequence[Run]) -> list[str]:
    """The short names of all runs; the first run is the baseline."""
    return [name_of(place, run) for place, run in enumerate(runs)]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the runs. `trouble`: why its figures are doubtful or cannot be compared. `mark`: how serious that is."""

    letter: str
    run_id: str
    href: str
    model: str
    created: str
    figures: str
    trouble: str
    mark: str
    is_baseline: bool
    remove: str
    promote: str | None


def sides(runs: Sequence[Run], here: Address) -> tuple[Side, ...]:
    """All runs of the page, the baseline first."""
    ids = [run.metadata.name for run in runs]
    return tuple(_side(place, run, ids, here, runs[0].kind) for place, run in enumerate(runs))


def _side(place: int, run: Run, ids: list[str], here: Address, kind: Kind) -> Side:
    run_id = run.metadata.name
    others = [one for one in ids if one != run_id]
    trouble, mark = _trouble(run, kind)
    return Side(
        letter=_LETTERS[place],
        run_id=run_id,
        href=addresses.run(run_id),
        model=run.spec.model_id or run.spec.model,
        created=run.metadata.creation_timestamp.strftime("%Y-%m-%d %H:%M"),
        figures=_figures(run),
        trouble=trouble,
        mark=mark,
        is_baseline=place == 0,
        remove=addresses.compare(others),
        promote=addresses.compare([run_id, *others]) if place else None,
    )


def _trouble(run: Run, kind: Kind) -> tuple[str, str]:
    if run.kind != kind:
        return "is of another kind than the baseline, so it is not compared", "invalid"
    if run.status.phase is not Phase.SUCCEEDED:
        return f"has no result: it is {run.status.phase}", "invalid"
    verdict = run.status.columns.verdict
    if verdict == Verdict.INVALID:
        return "its figures are not valid: the load generator could not keep up", "invalid"
    if verdict == Verdict.DEGRADED:
        return "read its figures with care: the load generator was under strain, or requests failed", "degraded"
    failed = run.status.progress.failed if run.status.progress is not None else 0
    if failed and kind == Kind.EVAL_RUN:
        return f"{formats.count(failed)} samples have no score", "degraded"
    return "", ""


def _figures(run: Run) -> str:
    said = [(word, getattr(run.status.columns, word)) for word in ("score", "rps", "verdict")]
    names = {"score": "score", "rps": "requests/s", "verdict": ""}
    return ", ".join(f"{names[word]} {value}".strip() for word, value in said if value) or formats.DASH


def add_choices(listed: Sequence[tuple[str, str, str]], ids: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Runs that can be added to the comparison: id and label. `listed`: id, model and time."""
    return tuple((run_id, f"{model}, {at}, {run_id}") for run_id, model, at in listed if run_id not in ids)


def spec_table(runs: Sequence[Run]) -> Table | None:
    """The table of settings that differ."""
    return comparison.differences([(name, run.spec) for name, run in zip(named(runs), runs, strict=True)])


# --------------------------------------------------------------------------------------------------------- load tests


@dataclass(frozen=True, slots=True)
class Cell:
    """The difference of a figure at one load. `outcome`: better, worse, noise or unknown. `text`: its size."""

    outcome: str
    text: str
    title: str


@dataclass(frozen=True, slots=True)
class Matrix:
    """A candidate against the baseline: figures by load. `rows`: the name of a figure with its cell for each load."""

    caption: str
    loads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


_MATRIX: Final = (
    RPS,
    OUTPUT_TPS,
    *(time.figure(at) for time in (TTFT, TPOT, LATENCY) for at in (50, 99)),
    SUCCESS_RATE,
)


def load_tests(tests: Sequence[Named], found: LoadComparison, here: Address) -> dict[str, Any]:
    """The names that `compare.html.j2` uses of load tests. All figures are shown for the load that the URL names."""
    loads = list(dict.fromkeys(load_tables.load_text(point) for _, result in tests for point in result.points))
    load = here.query.get("load") or _common(tests, loads)
    if load is not None and load not in loads:
        raise errors.InvalidRequest.because(f"must be one of {', '.join(loads)}", "load")
    alone = replace(
        found,
        candidates=tuple(
            replace(versus, points=tuple(point for point in versus.points if point.load == load))
            for versus in found.candidates
        ),
    )
    return {
        "warnings": [warning for versus in found.candidates for warning in versus.warnings],
        "matrices": tuple(_matrix(versus, found.baseline.run) for versus in found.candidates),
        "curves": charts(overlays.curves(tests)),
        "loads": tuple(Choice(one, None, str(here.but(load=one)), one == load) for one in loads),
        "load": load,
        "tables": tables.load_tables(alone),
        "differences": charts(tables.load_plots(alone)),
        "spreads": live_charts(overlays.spreads(tests, load) if load else []),
    }


def _matrix(versus: Versus, baseline: str) -> Matrix:
    rows = []
    for figure in _MATRIX:
        deltas = [
            next((one for one in point.deltas if one.figure.name == figure.name), None) for point in versus.points
        ]
        if any(delta is not None and delta.difference is not None for delta in deltas):
            rows.append((figure.title, tuple(_cell(delta) for delta in deltas)))
    return Matrix(f"{versus.candidate.run} against {baseline}", tuple(one.load for one in versus.points), tuple(rows))


def _cell(delta: Delta | None) -> Cell:
    if delta is None or delta.difference is None:
        return Cell("unknown", formats.DASH, "not measured in both runs")
    values = " to ".join(load_tables.shown(delta.figure, value) for value in (delta.baseline, delta.candidate))
    return Cell(delta.outcome, formats.change(delta.ratio), f"{values}. {delta.reason}".rstrip(". "))


def _common(tests: Sequence[Named], loads: Sequence[str]) -> str | None:
    """The highest load that all tests have."""
    have = [{load_tables.load_text(point) for point in result.points} for _, result in tests]
    return next((load for load in reversed(loads) if all(load in one for one in have)), None)


# -------------------------------------------------------------------------------------------------------- evaluations


@dataclass(frozen=True, slots=True)
class EvaluationPair:
    """The baseline and one other evaluation."""

    name: str
    run_id: str
    table: Table
    plot: Chart | None
    notes: tuple[str, ...]


def pair(document: Mapping[str, Any], names: tuple[str, str]) -> EvaluationPair:
    """The comparison of two evaluations as the page shows it.

    `document`: the answer of `statistics.comparison.compare`. `names`: the names of the baseline and the other run.
    """
    run_id = document["candidate"]["run"]
    shown = {
        **document,
        "baseline": {**document["baseline"], "run": names[0]},
        "candidate": {**document["candidate"], "run": names[1]},
    }
    plot = tables.score_plot(shown)
    return EvaluationPair(
        name=names[1],
        run_id=run_id,
        table=tables.score_table(shown),
        plot=None if plot is None else charts([plot])[0],
        notes=tuple(_notes(document, names)),
    )


def _notes(document: Mapping[str, Any], names: tuple[str, str]) -> Iterator[str]:
    yield from document["warnings"]
    for name, one in document["benchmarks"].items():
        yield from (f"{name}: {warning}" for warning in one["warnings"])
    for side, at in (("only_baseline", 0), ("only_candidate", 1)):
        if document[side]:
            yield f"only in {names[at]}: {', '.join(document[side])}"


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer of one run to a question."""

    extracted: str
    score: str
    href: str


@dataclass(frozen=True, slots=True)
class Flip:
    """A question whose score changed."""

    benchmark: str
    subset: str
    question: str
    target: str
    outcome: str
    before: Answered
    after: Answered


def flips(document: Mapping[str, Any], here: Address, *, page: int) -> dict[str, Any]:
    """The questions whose score changed, on the page of the list that the URL names."""
    benchmark, change = here.query.get("benchmark"), here.query.get("change")
    ids = (document["baseline"]["run"], document["candidate"]["run"])
    names = list(document["benchmarks"])
    every = [
        (name, one) for name in names if benchmark in (None, name) for one in document["benchmarks"][name]["changed"]
    ]
    outcomes = [_outcome(one) for _, one in every]
    wanted = [item for item, outcome in zip(every, outcomes, strict=True) if change in (None, outcome)]
    start = (page - 1) * PAGE
    listed = here.but(page=None)
    return {
        "flips": [_flip(name, one, ids) for name, one in wanted[start : start + PAGE]],
        "pager": Pager.of(here, start=start, shown=len(wanted[start : start + PAGE]), total=len(wanted), size=PAGE),
        "changes": (
            Choice("all changes", len(every), str(listed.but(change=None)), change is None),
            Choice("better", outcomes.count("better"), str(listed.but(change="better")), change == "better", "right"),
            Choice("worse", outcomes.count("worse"), str(listed.but(change="worse")), change == "worse", "wrong"),
        ),
        "benchmarks": tuple(_benchmarks(document, names, listed)) if len(names) > 1 else (),
    }


def _benchmarks(document: Mapping[str, Any], names: Sequence[str], here: Address) -> Iterator[Choice]:
    chosen = here.query.get("benchmark")
    yield Choice("all benchmarks", None, str(here.but(benchmark=None)), chosen is None)
    for name in names:
        times = len(document["benchmarks"][name]["changed"])
        yield Choice(name, times, str(here.but(benchmark=name)), chosen == name)


def _outcome(one: Mapping[str, Any]) -> str:
    return "better" if one["candidate"]["score"] > one["baseline"]["score"] else "worse"


def _flip(benchmark: str, one: Mapping[str, Any], ids: tuple[str, str]) -> Flip:
    subset = str(one["subset"])
    before, after = (
        Answered(
            extracted=texts.excerpt(str(side["extracted"]), 80) if side["extracted"] else "no answer found",
            score=f"{side['score']:.4g}",
            href=addresses.sample(run_id, benchmark, subset, side["index"]),
        )
        for side, run_id in zip((one["baseline"], one["candidate"]), ids, strict=True)
    )
    return Flip(
        benchmark=benchmark,
        subset=subset,
        question=texts.excerpt(str(one["question"]), 160),
        target=texts.excerpt(str(one["target"]), 80),
        outcome=_outcome(one),
        before=before,
        after=after,
    )
