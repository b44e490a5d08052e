"""Makes the reports of a result and leaves them beside what they are of: those of the only shard or, where there are
several, those of the whole run, by the shard that was told that it came last.

Two shards may both do so: the same results and lines make the same reports, save for what a model says of them.
"""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import orjson

from evalkube_crds import cost, merge, sample_lines
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import DatasetResult, EvalResult, PerfResult, SubsetResult
from evalkube_crds.seed import evaluation
from evalkube_crds.status import EvalRun, Run
from evalkube_report import csv_file, html, junit, summary_table
from evalkube_report.evaluation import evidence
from evalkube_report.evaluation.evidence import Evidence
from evalkube_report.requests import index as request_index
from evalkube_report.requests.series import Series, series
from evalkube_report.samples import index as sample_index
from evalkube_runner import indexing
from evalkube_runner.context import RunContext
from evalkube_runner.deliver import Place, Whole
from evalkube_runner.packing import SUFFIX
from evalkube_runner.redact import Redactor

__all__ = ["MOST_TABLED", "report", "report_whole"]

_LOG: Final = logging.getLogger("evalkube.runner")

MOST_TABLED: Final = 200_000
"""Requests of a point that has a `requests.csv`; of more, a spreadsheet could not show it, and there is the index."""

_INTERVALS: Final = 150
"""Of a report's plots over time, at most: more could not be told apart."""
_LEAST_INTERVALS: Final = 12
_REQUESTS_OF_ONE: Final = 25

Key = TypeVar("Key", int, str)


async def report(run: Run, result: EvalResult | PerfResult, place: Place, scratch: Path) -> None:
    """Leave the reports of a whole `result` at `place`, where the lines they show are. Raises RunFailed."""
    await _report(run, result, place, scratch, shards=1)


async def report_whole(run: Run, whole: Whole, context: RunContext, redactor: Redactor) -> None:
    """Leave the reports of all shards of a run. Raises RunFailed, and MergeError or ValidationError for results that
    are not those of one run.
    """
    documents = [await whole.result_of(shard) for shard in range(context.shards)]
    result: EvalResult | PerfResult
    if isinstance(run, EvalRun):
        evaluated = await asyncio.to_thread(_merged_evaluation, documents)
        await _analyse(run.spec, evaluated, context)
        result = redactor.document(evaluated)
    else:
        result = await asyncio.to_thread(_merged_load_test, documents)
        await _report_points(run.spec, result, whole)
    await _report(run, result, whole, context.scratch, shards=context.shards)


def _merged_evaluation(documents: list[bytes]) -> EvalResult:
    return merge.merge_results([EvalResult.model_validate_json(document) for document in documents])


def _merged_load_test(documents: list[bytes]) -> PerfResult:
    return merge.merge_results([PerfResult.model_validate_json(document) for document in documents])


async def _report(run: Run, result: EvalResult | PerfResult, place: Place, scratch: Path, *, shards: int) -> None:
    names = _EVALUATION if isinstance(result, EvalResult) else _LOAD_TEST
    for path, data in (await asyncio.to_thread(_documents, run, result, names)).items():
        await place.put(path, data)
    if isinstance(run, EvalRun):
        assert isinstance(result, EvalResult)
        await _report_evaluation(run.spec, result, place, scratch)
    else:
        assert isinstance(result, PerfResult)
        await _report_load_test(run.spec, result, place, scratch, shards)


@dataclass(frozen=True, slots=True)
class _Names:
    """Paths of what every run leaves."""

    run: str
    result: str
    summary: str
    junit: str


_EVALUATION: Final = _Names("reports/run.json", "reports/result.json", "reports/summary.csv", "reports/junit.xml")
_LOAD_TEST: Final = _Names("perf_run.json", "perf_result.json", "summary.csv", "junit.xml")


def _documents(run: Run, result: EvalResult | PerfResult, names: _Names) -> dict[str, bytes]:
    """The documents that are made of a result alone. Annotations are for those who run the service."""
    shown = run.model_copy(update={"metadata": run.metadata.model_copy(update={"annotations": {}})})
    return {
        names.run: shown.model_dump_json(by_alias=True, indent=2).encode(),
        names.result: result.model_dump_json(by_alias=True).encode(),
        names.summary: b"".join(csv_file.encoded(summary_table.rows(result))),
        names.junit: junit.document(result, run.spec.thresholds),
    }


async def _report_evaluation(spec: EvalRunSpec, result: EvalResult, place: Place, scratch: Path) -> None:
    if result.estimate is not None:
        shown = cost.estimate_document(result.estimate)
        await place.put("reports/estimate.json", orjson.dumps(shown, option=orjson.OPT_INDENT_2))
        return
    for name, document in evaluation.reports(result).items():
        data = orjson.dumps(document, option=orjson.OPT_INDENT_2)
        await place.put(f"reports/{result.model}/{name}.json", data)
    found = await _index_samples(spec, result, place, scratch)
    draw = partial(html.eval_report, result, spec=spec, samples=found.samples, cells=found.cells)
    await _put_page(place, "reports/report.html", draw)


async def _put_page(place: Place, path: str, draw: Callable[[], str]) -> None:
    """Leave the page that `draw` makes. One that cannot be drawn is left out, and the log says why: the result stands
    without it.
    """
    try:
        page = (await asyncio.to_thread(draw)).encode()
    except Exception:
        _LOG.exception("the run has no %s: a fault of evalkube's own; all else that it leaves is there", path)
        return
    await place.put(path, page)


async def _index_samples(spec: EvalRunSpec, result: EvalResult, place: Place, scratch: Path) -> Evidence:
    """The index of all samples and their table; what the page shows of them. Memory holds one subset of them at most,
    and of that no more than a page may show.
    """
    table, found = scratch / "samples.csv", Evidence()
    with closing(await asyncio.to_thread(indexing.SampleTables, result, spec.repeats, table)) as tables:
        for at, dataset in enumerate(result.datasets):
            for number, subset in enumerate(dataset.subsets):
                paths = {
                    kind: sample_lines.path(kind, result.model, dataset.name, subset.name) for kind in indexing.LINES
                }
                async with _files(place, scratch, paths) as files:
                    shown = await asyncio.to_thread(tables.add, at, number, files)
                seen = await evidence.gathered(_only(result, dataset, subset), _getting(shown))
                found.samples.extend(seen.samples)
                for name, cells in seen.cells.items():
                    found.cells.setdefault(name, []).extend(cells)
    await place.put(sample_index.PATH, await asyncio.to_thread(tables.index))
    await place.put_file("reports/samples.csv", table)
    return found


def _only(result: EvalResult, dataset: DatasetResult, subset: SubsetResult) -> EvalResult:
    part = dataset.model_copy(update={"subsets": [subset]})
    return result.model_copy(update={"datasets": [part]})


def _getting(shown: Mapping[str, bytes]) -> evidence.Get:
    async def get(path: str) -> bytes | None:
        return shown.get(path)

    return get


@asynccontextmanager
async def _files(place: Place, scratch: Path, paths: Mapping[Key, str]) -> AsyncIterator[dict[Key, Path]]:
    """The files of those artifacts that there are; copies of them go at the end."""
    with tempfile.TemporaryDirectory(dir=scratch, prefix="read-back-") as folder:
        copies = {key: Path(folder) / str(at) for at, key in enumerate(paths)}
        found = {key: await place.file(path, copies[key]) for key, path in paths.items()}
        yield {key: path for key, path in found.items() if path is not None}


async def _analyse(spec: EvalRunSpec, result: EvalResult, context: RunContext) -> None:
    from evalkube_runner.eval import analysis  # a load test does without this half

    if spec.analysis_report and not spec.dry_run:
        await analysis.add_analysis(result, spec, context)


async def _report_points(spec: PerfRunSpec, result: PerfResult, place: Place) -> None:
    """What a single shard leaves of each point as soon as it is measured."""
    from evalkube_runner.perf.point import documents  # an evaluation does without this half

    for point in result.points:
        for path, data in documents(point, spec).items():
            await place.put(path, data)


async def _report_load_test(spec: PerfRunSpec, result: PerfResult, place: Place, scratch: Path, shards: int) -> None:
    over_time: dict[str, Series] = {}
    for point in result.points:
        index = await _index_requests(point, place, scratch, shards)
        if index is not None:
            over_time[point.name] = await asyncio.to_thread(_over_time, index)
    await _put_page(place, "perf_report.html", partial(html.perf_report, result, spec=spec, requests=over_time))


def _over_time(index: bytes) -> Series:
    """In so many intervals that percentiles of each tell something."""
    found = request_index.load(index)
    return series(found, min(_INTERVALS, max(_LEAST_INTERVALS, len(found.rows) // _REQUESTS_OF_ONE)))


async def _index_requests(point: PerfPoint, place: Place, scratch: Path, shards: int) -> bytes | None:
    """The index of a point's requests and, where they are not too many, their table. None of one never measured."""
    requests = point.succeeded + point.failed + point.warmup
    table = scratch / "requests.csv" if requests <= MOST_TABLED else None
    for lines in (f"{point.name}/requests.jsonl", f"{point.name}/requests.jsonl{SUFFIX}"):
        paths = {shard: f"shards/{shard}/{lines}" if shards > 1 else lines for shard in range(shards)}
        async with _files(place, scratch, paths) as files:
            if not files:
                continue
            index = await asyncio.to_thread(indexing.index_requests, point.name, lines, files.items(), table)
        await place.put(request_index.path(point.name), index)
        if table is not None:
            await place.put_file(f"{point.name}/requests.csv", table)
        return index
    return None
