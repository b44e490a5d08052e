"""The pages: complete in themselves, and safe whatever a model said."""

import re
import time
from html.parser import HTMLParser

import pytest

from evalkube_crds import verdict
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.histogram import Histogram
from evalkube_crds.names import ErrorClass, TokenBasis, Verdict
from evalkube_crds.perf_point import ClientHealth, PerfPoint, PerfSeries
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import DatasetResult, EvalResult, PerfResult, ScoreSum, SubsetResult, TokenUsage
from evalkube_report import html
from evalkube_report.evaluation.rows import SampleRow

_S = 1_000_000_000
_EVIL = "</pre></script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\x00\x1b\ud800"


class _Page(HTMLParser):
    """What a browser would find: elements with their attributes, and whether all of them are closed in order."""

    _VOID = frozenset({"meta", "br", "input"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self._VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self._open):
            self.text += data + " "

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.found)


def _histogram(*values: int) -> Histogram:
    histogram = Histogram()
    histogram.extend(values)
    return histogram


def _eval_result(*, subsets: int = 1, name: str = "GSM8K", samples: int = 100) -> EvalResult:
    share = [
        SubsetResult(
            name=f"subset {number}",
            category=[f"category {number % 4}"],
            metrics={"mean_acc": ScoreSum(count=samples, total_nano=samples * 9 // 10 * _S)},
            requested=samples + 1,
            scored=samples,
            errored={ErrorClass.TOTAL_TIMEOUT: 1},
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
        latency_ns=_histogram(*(value * _S // 50 for value in range(1, 400))),
        analysis=name,
    )
    return EvalResult(run_id="run-1", model=name, datasets=[dataset], started_at_ns=_S, ended_at_ns=90 * _S)


def _eval_spec() -> EvalRunSpec:
    return EvalRunSpec(model="qwen-plus", api_url="https://user.test/v1", datasets=["gsm8k"])


def _point(parallel: int = 10, *, succeeded: int = 100, failed: int = 0, verdict: Verdict = Verdict.VALID) -> PerfPoint:
    times = _histogram(*(200_000_000 + value * 1_000_000 for value in range(succeeded)))
    names = ("latency_ns", "ttft_ns", "tpot_ns", "itl_ns", "output_tokens")
    return PerfPoint(
        name=f"parallel_{parallel}_number_{succeeded + failed}",
        number=succeeded + failed,
        parallel=parallel,
        succeeded=succeeded,
        failed=failed,
        errors={ErrorClass.STATUS_5XX: failed} if failed else {},
        error_samples={ErrorClass.STATUS_5XX: _EVIL} if failed else {},
        token_basis={TokenBasis.USAGE: succeeded} if succeeded else {},
        output_tokens=100 * succeeded,
        histograms=dict.fromkeys(names, times) if succeeded else {},
        started_at_ns=_S,
        ended_at_ns=11 * _S,
        series=PerfSeries(sent=[10] * 10, succeeded=[10] * 10, failed=[0] * 10, output_tokens=[1000] * 10),
        health=ClientHealth(processes=1, cpu_ns=_S, wall_ns=10 * _S, offered=100, sent=100),
        verdict=verdict,
        verdict_reasons=[f"the reason {_EVIL}"] if verdict is not Verdict.VALID else [],
    )


def _perf_page(*points: PerfPoint, title: str | None = None) -> str:
    spec = PerfRunSpec(model="qwen-plus", url="http://user.test/v1/chat/completions")
    return html.perf_report(PerfResult(run_id="run-1", model="m", title=title, points=list(points)), spec=spec)


def _sample(index: int, text: str, score: float | None = 0.0) -> SampleRow:
    error = text if score is None else None
    return SampleRow(text, text, index, text, text, text, text, score, error, text, 1.0, judges=text)


_PAGES = {
    "eval": lambda: html.eval_report(_eval_result(), spec=_eval_spec(), samples=[_sample(0, "x")]),
    "eval without a dataset": lambda: html.eval_report(EvalResult(run_id="r", model="m"), spec=_eval_spec()),
    "eval all errored": lambda: html.eval_report(_eval_result(samples=0), spec=_eval_spec()),
    "perf": lambda: _perf_page(_point()),
    "perf sweep": lambda: _perf_page(*(_point(parallel) for parallel in (1, 2, 4, 8))),
    "perf all failed": lambda: _perf_page(_point(succeeded=0, failed=5)),
    "perf one request": lambda: _perf_page(_point(succeeded=1)),
    "perf without a point": lambda: _perf_page(),
    "perf not valid": lambda: _perf_page(_point(verdict=Verdict.INVALID), _point(20, verdict=Verdict.DEGRADED)),
}


@pytest.mark.parametrize("name", _PAGES)
def test_pages_are_whole_and_fetch_nothing(name: str) -> None:
    """Well-formed, nothing loaded from anywhere, no word of a machine where a number should be."""
    page = _Page(_PAGES[name]())
    assert not any({"src", "href", "action", "srcset"} & set(attributes) for _, attributes in page.found)
    assert page.count("script") == page.count("style") == page.count("h1") == 1
    assert not re.search(r"\b(None|nan|inf|null|undefined)\b", page.text, re.IGNORECASE)


@pytest.mark.parametrize("name", _PAGES)
def test_pages_are_accessible(name: str) -> None:
    """Every drawing has a title and a description, every column and row a head."""
    page = _Page(_PAGES[name]())
    assert page.count("svg") == page.count("desc")
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in page.found if tag == "th")
    assert page.count("table") == page.count("caption")


def test_what_a_model_said_is_never_markup() -> None:
    """Answers, names and errors with markup in them are shown as text, in the page of an evaluation."""
    samples = [_sample(0, _EVIL), _sample(1, _EVIL, None)]
    text = html.eval_report(_eval_result(name=_EVIL), spec=_eval_spec(), samples=samples)
    page = _Page(text)
    assert (page.count("script"), page.count("img")) == (1, 0)
    assert "<script>alert(1)</script>" in page.text
    assert not any(name.startswith("on") for _, attributes in page.found for name in attributes)


def test_what_a_server_said_is_never_markup() -> None:
    """The same in the page of a load test."""
    page = _Page(_perf_page(_point(failed=3, verdict=Verdict.INVALID), title=_EVIL))
    assert (page.count("script"), page.count("img")) == (1, 0)
    assert not any(name.startswith("on") for _, attributes in page.found for name in attributes)


def test_text_that_is_no_text_can_be_written() -> None:
    """Half a surrogate pair and control characters from a model do not break the file."""
    page = html.eval_report(_eval_result(), spec=_eval_spec(), samples=[_sample(0, _EVIL)])
    assert not set(page.encode().decode()) & {"\x00", "\x1b", "\ud800"}


def test_only_the_pages_own_script_may_run() -> None:
    """The policy names the script by its hash; a browser runs nothing else."""
    page = _Page(_PAGES["eval"]())
    policy = next(a["content"] for _, a in page.found if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert re.search(r"script-src 'sha256-[\w+/]{43}='", policy)


def test_an_invalid_point_is_loud() -> None:
    """The first thing said, with the reasons; the row marked, and its figures in no headline."""
    text = _perf_page(_point(1), _point(512, succeeded=900, verdict=Verdict.INVALID))
    page = _Page(text)
    first = page.text.index("Not valid at 1 of 2 loads: the load generator could not keep up")
    assert first < page.text.index("Success")
    assert page.text.index("parallel_512_number_900: the reason") > first
    assert sum(attributes.get("class") == "invalid" for tag, attributes in page.found if tag == "tr") == 2
    assert "at parallel_1_number_100" in page.text
    assert "at parallel_512_number_900" not in page.text


def test_missing_shards_are_said() -> None:
    """A partial result does not pass for a whole one."""
    result = _eval_result().model_copy(update={"of_shards": 4})
    assert "3 of the run's shards are not in this report" in _Page(html.eval_report(result, spec=_eval_spec())).text


def test_many_samples_are_bounded() -> None:
    """Ten thousand long answers make a page that a browser can still open."""
    samples = [_sample(index, "x" * 50_000) for index in range(1_000)]
    page = html.eval_report(_eval_result(), spec=_eval_spec(), samples=samples)
    assert page.count("<tbody data-state") == 200
    assert len(page) < 5_000_000


def test_reports_are_fast() -> None:
    """52 subsets and 200 samples: a fraction of a second, measured as CPU because the machine is shared."""
    samples = [_sample(index, "x" * 2_000) for index in range(1_000)]
    html.eval_report(_eval_result(), spec=_eval_spec())  # templates are compiled once
    started = time.process_time()
    html.eval_report(_eval_result(subsets=52), spec=_eval_spec(), samples=samples)
    assert time.process_time() - started < 0.6


def test_a_point_that_was_left_out_says_so() -> None:
    """Nothing was measured of it; the page has its reason, and the figures of the others."""
    left_out = PerfPoint(name="parallel_20_number_5", number=5, parallel=20, stopped=["not measured: gone"])
    left_out.verdict, left_out.verdict_reasons = verdict.judge_point(left_out)
    page = _perf_page(_point(), left_out)
    assert "not measured: gone" in page
    assert "nan" not in page.lower().split()
