"""Pages of reports: of what a run may have measured, sad rows included."""

from collections.abc import Callable, Mapping
from typing import Final

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.histogram import Histogram
from evalkube_crds.names import ErrorClass, SampleState, TokenBasis, Verdict
from evalkube_crds.perf_point import ClientHealth, PerfPoint, PerfSeries
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import DatasetResult, EvalResult, PerfResult, ScoreSum, SubsetResult, TokenUsage
from evalkube_report import html
from evalkube_report.evaluation.rows import SampleRow

__all__ = ["EVIL", "PAGES", "eval_result", "eval_spec", "perf_page", "point", "sample"]

_S = 1_000_000_000
EVIL = "</pre></script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\x00\x1b\ud800"


def histogram(*values: int) -> Histogram:
    histogram = Histogram()
    histogram.extend(values)
    return histogram


def eval_result(*, subsets: int = 1, name: str = "GSM8K", samples: int = 100) -> EvalResult:
    share = [
        SubsetResult(
            name=f"subset {number}",
            category=[f"category {number % 4}"],
            metrics={"mean_acc": ScoreSum(count=samples, total_nano=samples * 9 // 10 * _S)},
            requested=samples + 1,
            scored=samples,
            errored={ErrorClass.TOTAL_TIMEOUT: 1},
            states={SampleState.RIGHT: samples * 9 // 10, SampleState.NO_ANSWER: samples - samples * 9 // 10},
        )
        for number in range(subsets)
    ]
    dataset = DatasetResult(
        name="gsm8k",
        pretty_name=name,
        description=name,
        main_metric="mean_acc",
        subsets=share,
        usage=TokenUsage(samples=samples, prompt_tokens=61_200, completion_tokens=18_300),
        latency_ns=histogram(*(value * _S // 50 for value in range(1, 400))),
        analysis=name,
    )
    return EvalResult(run_id="run-1", model=name, datasets=[dataset], started_at_ns=_S, ended_at_ns=90 * _S)


def eval_spec() -> EvalRunSpec:
    return EvalRunSpec(model="qwen-plus", api_url="https://user.test/v1", datasets=["gsm8k"])


def point(parallel: int = 10, *, succeeded: int = 100, failed: int = 0, verdict: Verdict = Verdict.VALID) -> PerfPoint:
    times = histogram(*(200_000_000 + value * 1_000_000 for value in range(succeeded)))
    names = ("latency_ns", "ttft_ns", "tpot_ns", "itl_ns", "output_tokens")
    return PerfPoint(
        name=f"parallel_{parallel}_number_{succeeded + failed}",
        number=succeeded + failed,
        parallel=parallel,
        succeeded=succeeded,
        failed=failed,
        errors={ErrorClass.STATUS_5XX: failed} if failed else {},
        error_samples={ErrorClass.STATUS_5XX: EVIL} if failed else {},
        token_basis={TokenBasis.USAGE: succeeded} if succeeded else {},
        output_tokens=100 * succeeded,
        histograms=dict.fromkeys(names, times) if succeeded else {},
        started_at_ns=_S,
        ended_at_ns=11 * _S,
        series=PerfSeries(sent=[10] * 10, succeeded=[10] * 10, failed=[0] * 10, output_tokens=[1000] * 10),
        health=ClientHealth(processes=1, cpu_ns=_S, wall_ns=10 * _S, offered=100, sent=100),
        verdict=verdict,
        verdict_reasons=[f"the reason {EVIL}"] if verdict is not Verdict.VALID else [],
    )


def perf_page(*points: PerfPoint, title: str | None = None) -> str:
    spec = PerfRunSpec(model="qwen-plus", url="http://user.test/v1/chat/completions")
    return html.perf_report(PerfResult(run_id="run-1", model="m", title=title, points=list(points)), spec=spec)


def sample(index: int, text: str, score: float | None = 0.0) -> SampleRow:
    error = text if score is None else None
    return SampleRow(text, text, index, text, text, text, text, score, error, text, 1.0, judges=text)


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "eval": lambda: html.eval_report(
        eval_result(), spec=eval_spec(), samples=[sample(0, "x"), sample(1, "y", 1.0), sample(2, "z", None)]
    ),
    "eval without a dataset": lambda: html.eval_report(EvalResult(run_id="r", model="m"), spec=eval_spec()),
    "eval all errored": lambda: html.eval_report(eval_result(samples=0), spec=eval_spec()),
    "perf": lambda: perf_page(point()),
    "perf sweep": lambda: perf_page(*(point(parallel) for parallel in (1, 2, 4, 8))),
    "perf all failed": lambda: perf_page(point(succeeded=0, failed=5)),
    "perf one request": lambda: perf_page(point(succeeded=1)),
    "perf without a point": lambda: perf_page(),
    "perf not valid": lambda: perf_page(point(verdict=Verdict.INVALID), point(20, verdict=Verdict.DEGRADED)),
}
