"""The results of runs as values: scores of an evaluation, points of a load test. No I/O here.

The tables are those of the reports (`evalkube_report`).
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from evalkube import errors
from evalkube.models import Run
from evalkube.tabled import Tabled
from evalkube_crds import cluster, summary, thresholds
from evalkube_crds.names import Verdict
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.results import EvalResult, PerfResult, SlaResult
from evalkube_crds.scores import dataset_score
from evalkube_crds.thresholds import Gate
from evalkube_report import sentences, summary_table
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
    "Evaluation",
    "LoadTest",
    "Outcome",
    "outcome_of",
    "result_path",
]

_RESULT_PATHS: Final = ("reports/result.json", "perf_result.json")
"""Where a run leaves its result document."""

_WORST: Final = (Verdict.INVALID, Verdict.DEGRADED, Verdict.VALID)


@dataclass(frozen=True, repr=False)
class Outcome(Tabled):
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

    @abstractmethod
    def statements(self) -> list[Statement]:
        """The result in sentences, the most important one first."""

    def facts(self) -> Sequence[tuple[str, str]]:
        """The run, its model, and the statements."""
        said = ((statement.topic, statement.text) for statement in self.statements())
        return [("Run", self.id), ("Model", self.run.model), *said]

    def rows(self) -> Iterator[tuple[Cell, ...]]:
        """The rows of `summary.csv`, after the head. Of a load test one for each point, with all its figures."""
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
        frame = super().to_frame()
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
