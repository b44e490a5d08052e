"""The results of runs as values: scores of an evaluation, points of a load test, a comparison. No I/O here.

The tables are those of the reports (`evalkube_report`). Only `to_frame` needs pandas.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from evalkube import errors, html
from evalkube.models import Run
from evalkube_crds import cluster, summary, thresholds
from evalkube_crds.names import Verdict
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.results import EvalResult, PerfResult, SlaResult
from evalkube_crds.scores import dataset_score
from evalkube_crds.thresholds import Gate
from evalkube_report import comparison as report_comparison
from evalkube_report import sentences, summary_table
from evalkube_report.comparison import tables as comparison
from evalkube_report.csv_file import Cell
from evalkube_report.evaluation import expected
from evalkube_report.evaluation import tables as evaluation
from evalkube_report.load_test import server_section, service_levels, steady_section
from evalkube_report.load_test import tables as load_test
from evalkube_report.sentences import Statement
from evalkube_report.table import Table

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Comparison",
    "Evaluation",
    "LoadComparison",
    "LoadTest",
    "Outcome",
    "outcome_of",
    "result_path",
]

_RESULT_PATHS: Final = ("reports/result.json", "perf_result.json")
"""Where a run leaves its result document."""

_WORST: Final = (Verdict.INVALID, Verdict.DEGRADED, Verdict.VALID)


@dataclass(frozen=True, repr=False)
class Outcome:
    """The result of a run.

    `answer`: the service's answer (EvalScope's keys). `run`: the run at its end. `result`: the result document;
    everything here is computed from it.
    """

    run: Run
    answer: Mapping[str, Any]
    result: EvalResult | PerfResult

    def __repr__(self) -> str:
        """The run's id with its headline figures."""
        shown = ", ".join(f"{name}={value:.4g}" for name, value in list(self.summary.items())[:3])
        return f"<{type(self).__name__} {self.id}: {shown}>"

    @property
    def id(self) -> str:
        """The run's id."""
        return self.run.id

    @property
    def output_dir(self) -> str | None:
        """The folder of the run's files, on the machine of the service."""
        return self.run.output_dir

    @property
    def summary(self) -> dict[str, float]:
        """All figures by name: `gsm8k/mean_acc`, `parallel_8_number_100/ttft_p99_s`."""
        return summary.summary(self.result)

    @property
    def thresholds(self) -> list[Gate]:
        """The run's thresholds with the measured values. A threshold that names no dataset or point is listed once for
        each.
        """
        given = self.run.spec.get("thresholds") or []
        wanted = [cluster.Threshold.model_validate(dict(one), by_name=True) for one in given]
        return list(thresholds.gates(wanted, self.summary))

    @property
    def requested(self) -> int:
        """The number of samples, requests or conversations that were asked for."""
        return summary.requested(self.result)

    @property
    def failed(self) -> int:
        """The number of samples, requests or conversations that failed."""
        return summary.failed(self.result)

    def tables(self) -> list[Table]:
        """The result as tables, the most important one first."""
        raise NotImplementedError

    def statements(self) -> list[Statement]:
        """The result in sentences, the most important one first."""
        raise NotImplementedError

    def rows(self) -> Iterator[tuple[Cell, ...]]:
        """The rows of `summary.csv`, after the head."""
        return summary_table.rows(self.result)

    def document(self) -> dict[str, Any]:
        """The run, its figures by name, and its thresholds, ready for JSON."""
        kept = {"id", "kind", "model", "phase", "created_at", "started_at", "completed_at", "output_dir", "tags"}
        run = self.run.model_dump(mode="json", include=kept)
        return {
            **run,
            "requested": self.requested,
            "failed": self.failed,
            "summary": self.summary,
            "thresholds": [asdict(gate) for gate in self.thresholds],
        }

    def _repr_html_(self) -> str:
        """The result as HTML for a notebook."""
        said = {statement.topic: statement.text for statement in self.statements()}
        return html.page({"Run": self.id, "Model": self.run.model, **said}, self.tables()[:2])


@dataclass(frozen=True, repr=False)
class Evaluation(Outcome):
    """The result of an evaluation."""

    result: EvalResult

    @property
    def scores(self) -> dict[str, float]:
        """The score of each dataset by its main metric. A dataset without a score is left out."""
        found = {dataset.name: dataset_score(dataset) for dataset in self.result.datasets}
        return {name: score for name, score in found.items() if score is not None}

    def statements(self) -> list[Statement]:
        """The score of each benchmark, and the samples that are missing from it. Empty for a dry run."""
        return [] if self.result.estimate is not None else sentences.of_evaluation(self.result)

    def tables(self) -> list[Table]:
        """The table of scores, then the other tables."""
        if self.result.estimate is not None:
            return [expected.estimate_table(self.result.estimate)]
        found = [evaluation.summary_table(self.result), evaluation.precision_table(self.result)]
        found += [evaluation.category_table(dataset) for dataset in self.result.datasets]
        made = (
            evaluation.error_table,
            evaluation.judging_table,
            evaluation.collection_table,
            evaluation.cost_table,
            evaluation.usage_table,
        )
        return [table for table in (*found, *(make(self.result) for make in made)) if table is not None]

    def to_frame(self, *, subsets: bool = False) -> "pd.DataFrame":
        """One row for each dataset and metric: score, 95 % interval, samples. With `subsets`, also rows of subsets."""
        head, *rows = self.rows()
        frame = _pandas().DataFrame(rows, columns=head)
        return frame if subsets else frame[frame["subset"] == ""].reset_index(drop=True)


@dataclass(frozen=True, repr=False)
class LoadTest(Outcome):
    """The result of a load test."""

    result: PerfResult

    @property
    def points(self) -> dict[str, PerfPoint]:
        """The points of the sweep by name."""
        return {point.name: point for point in self.result.points}

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all points: whether the load generator was healthy."""
        seen = {point.verdict for point in self.result.points}
        return next((verdict for verdict in _WORST if verdict in seen), Verdict.VALID)

    @property
    def verdict_reasons(self) -> dict[str, list[str]]:
        """The reasons why a point is not valid, by point."""
        return {point.name: list(point.verdict_reasons) for point in self.result.points if point.verdict_reasons}

    @property
    def sla(self) -> SlaResult | None:
        """The answer of a search for a service level; None if there was no search."""
        return self.result.sla

    def statements(self) -> list[Statement]:
        """Sentences about verdict, service level, and saturation."""
        return sentences.of_load_test(self.result)

    def tables(self) -> list[Table]:
        """The answer of a search, throughput and times of every point, then the other tables."""
        found = [
            service_levels.answers_table(self.result),
            load_test.summary_table(self.result),
            load_test.times_table(self.result),
            steady_section.sweep_table(self.result),
            *service_levels.probes_tables(self.result),
            *(load_test.error_table(point) for point in self.result.points),
        ]
        seen = [server_section.section(point) for point in self.result.points]
        found += [table for section in seen if section is not None for table in section.tables]
        return [table for table in found if table is not None]

    def to_frame(self) -> "pd.DataFrame":
        """One row for each point, with all its figures (rps, ttft_p99_s ...)."""
        head, *rows = self.rows()
        return _pandas().DataFrame(rows, columns=head)


@dataclass(frozen=True)
class Comparison:
    """Two evaluations compared over the questions that both were asked. `document` is the service's answer."""

    document: Mapping[str, Any] = field(repr=False)

    @property
    def benchmarks(self) -> Mapping[str, Mapping[str, Any]]:
        """Scores, difference, interval and p-value of each benchmark that both runs have."""
        found: Mapping[str, Mapping[str, Any]] = self.document["benchmarks"]
        return found

    @property
    def warnings(self) -> list[str]:
        """Reasons to doubt the comparison."""
        own = [f"{name}: {warning}" for name, one in self.benchmarks.items() for warning in one["warnings"]]
        return [*self.document["warnings"], *own]

    def tables(self) -> list[Table]:
        """The table of scores and differences, then the questions that changed."""
        changed = (comparison.changed_table(self.document, name) for name in self.benchmarks)
        return [comparison.score_table(self.document), *(table for table in changed if table is not None)]

    def names(self) -> list[str]:
        """The names of the compared runs."""
        return [
            f"{side.capitalize()}: {self.document[side]['run']} ({self.document[side]['model']})" for side in _SIDES
        ]

    def rows(self) -> Iterator[tuple[Cell, ...]]:
        """A row for each benchmark, after the head."""
        kept = ("metric", "questions", "baseline_score", "candidate_score", "difference", "p_value", "p_value_holm")
        yield ("benchmark", *kept, "low", "high")
        for name, one in self.benchmarks.items():
            yield (name, *(one[key] for key in kept), *(one["interval"] or (None, None)))

    def to_frame(self) -> "pd.DataFrame":
        """One row for each benchmark."""
        head, *rows = self.rows()
        return _pandas().DataFrame(rows, columns=head)

    def _repr_html_(self) -> str:
        """The comparison as HTML for a notebook."""
        names = {side.capitalize(): f"{self.document[side]['run']} ({self.document[side]['model']})" for side in _SIDES}
        return html.page(names, self.tables()[:2])


@dataclass(frozen=True)
class LoadComparison:
    """Load tests compared at the loads that all have: the first one with each of the others."""

    compared: report_comparison.LoadComparison = field(repr=False)

    @property
    def document(self) -> dict[str, Any]:
        """The figures by name, ready for JSON. An unknown figure is null."""
        return self.compared.document()

    @property
    def warnings(self) -> list[str]:
        """Reasons to doubt the comparison."""
        return [f"{one.candidate.run}: {warning}" for one in self.compared.candidates for warning in one.warnings]

    def tables(self) -> list[Table]:
        """A table for each load and candidate."""
        return comparison.load_tables(self.compared)

    def names(self) -> list[str]:
        """The names of the compared runs."""
        sides = [
            ("Baseline", self.compared.baseline),
            *(("Candidate", one.candidate) for one in self.compared.candidates),
        ]
        return [f"{name}: {side.run} ({side.model})" for name, side in sides]

    def rows(self) -> Iterator[tuple[Cell, ...]]:
        """A row for each candidate, load and figure, after the head."""
        yield ("candidate", "load", "figure", "baseline", "value", "difference", "ratio", "low", "high", "outcome")
        for one in self.compared.candidates:
            for point in one.points:
                for delta in point.deltas:
                    values = (delta.baseline, delta.candidate, delta.difference, delta.ratio)
                    name = delta.figure.name
                    yield (
                        one.candidate.run,
                        point.load,
                        name,
                        *values,
                        *(delta.interval or (None, None)),
                        delta.outcome,
                    )

    def to_frame(self) -> "pd.DataFrame":
        """One row for each candidate, load and figure."""
        head, *rows = self.rows()
        return _pandas().DataFrame(rows, columns=head)

    def _repr_html_(self) -> str:
        """The comparison as HTML for a notebook."""
        return html.page({"Baseline": self.compared.baseline.run}, self.tables()[:3])


_SIDES: Final = ("baseline", "candidate")


def result_path(paths: Iterable[str]) -> str | None:
    """The path of the result document among a run's files; None if there is none."""
    return next((path for path in paths if path in _RESULT_PATHS), None)


def outcome_of(run: Run, answer: Mapping[str, Any], document: bytes | None) -> Evaluation | LoadTest:
    """The result of an ended run as a value. Raises errors.ServiceFailed if its document is missing or unreadable."""
    if document is None:
        raise errors.ServiceFailed(
            f"run {run.id} left no result document ({' or '.join(_RESULT_PATHS)}): its service is of an earlier version"
        )
    try:
        if run.kind == "eval":
            return Evaluation(run, answer, EvalResult.model_validate_json(document))
        return LoadTest(run, answer, PerfResult.model_validate_json(document))
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise errors.ServiceFailed(f"the result document of run {run.id} cannot be read: {where}") from None


def _pandas() -> Any:
    try:
        import pandas as pd  # nothing else here needs it
    except ImportError:
        raise ImportError("to_frame needs pandas: pip install pandas") from None
    return pd
