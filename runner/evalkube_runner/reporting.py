"""Makes the reports of a result and leaves them beside what they are of: those of the only shard or, where there are
several, those of the whole run, by the shard that was told that it came last.

Two shards may both do so: the same results and lines make the same reports, save for what a model says of them.
"""

import asyncio

import orjson

from evalkube_crds import cost, merge
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import EvalResult, PerfResult
from evalkube_crds.seed import evaluation
from evalkube_crds.status import EvalRun, Run
from evalkube_report import html
from evalkube_report.evaluation import evidence
from evalkube_runner.context import RunContext
from evalkube_runner.deliver import Place, Whole
from evalkube_runner.redact import Redactor

__all__ = ["report", "report_whole"]


async def report(run: Run, result: EvalResult | PerfResult, place: Place) -> None:
    """Leave the reports of a whole ``result`` at ``place``, where the lines they show are. Raises RunFailed."""
    if isinstance(run, EvalRun):
        assert isinstance(result, EvalResult)
        await _report_evaluation(run.spec, result, place)
    else:
        assert isinstance(result, PerfResult)
        await _report_load_test(run.spec, result, place)


async def report_whole(run: Run, whole: Whole, context: RunContext, redactor: Redactor) -> None:
    """Leave the reports of all shards of a run. Raises RunFailed, and MergeError or ValidationError for results that
    are not those of one run.
    """
    documents = [await whole.result_of(shard) for shard in range(context.shards)]
    if isinstance(run, EvalRun):
        evaluated = await asyncio.to_thread(_merged_evaluation, documents)
        await _analyse(run.spec, evaluated, context)
        await _report_evaluation(run.spec, redactor.document(evaluated), whole)
    else:
        measured = await asyncio.to_thread(_merged_load_test, documents)
        await _report_points(run.spec, measured, whole)
        await _report_load_test(run.spec, measured, whole)


def _merged_evaluation(documents: list[bytes]) -> EvalResult:
    return merge.merge_results([EvalResult.model_validate_json(document) for document in documents])


def _merged_load_test(documents: list[bytes]) -> PerfResult:
    return merge.merge_results([PerfResult.model_validate_json(document) for document in documents])


async def _report_evaluation(spec: EvalRunSpec, result: EvalResult, place: Place) -> None:
    await place.put("reports/result.json", result.model_dump_json(by_alias=True).encode())
    if result.estimate is not None:
        shown = cost.estimate_document(result.estimate)
        await place.put("reports/estimate.json", orjson.dumps(shown, option=orjson.OPT_INDENT_2))
        return
    for name, document in evaluation.reports(result).items():
        data = orjson.dumps(document, option=orjson.OPT_INDENT_2)
        await place.put(f"reports/{result.model}/{name}.json", data)
    found = await evidence.gathered(result, place.get)
    page = await asyncio.to_thread(html.eval_report, result, spec=spec, samples=found.samples, cells=found.cells)
    await place.put("reports/report.html", page.encode())


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


async def _report_load_test(spec: PerfRunSpec, result: PerfResult, place: Place) -> None:
    await place.put("perf_result.json", result.model_dump_json(by_alias=True).encode())
    page = await asyncio.to_thread(html.perf_report, result, spec=spec)
    await place.put("perf_report.html", page.encode())
