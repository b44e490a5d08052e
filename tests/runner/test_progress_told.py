"""What a run tells of its progress while it works: real loads, real evaluations, every report that left the runner."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count, groupby, pairwise
from pathlib import Path
from typing import Any

import pytest
import uvloop

from evalkube_crds import live
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.live import ShardProgress
from evalkube_crds.progress import ProgressState
from evalkube_crds.results import EvalResult, PerfResult, Progress
from evalkube_crds.summary import summary
from evalkube_runner.deliver import FileDelivery
from evalkube_runner.eval.run import evaluate
from evalkube_runner.perf import sweep
from fakes import load_tests, scripted_endpoint
from fakes.mock_model import running_mock
from fakes.scripted_endpoint import Says, says


class Recorder(FileDelivery):
    """Keeps every progress that was told."""

    def __init__(self, folder: Path, pipeline: str) -> None:
        super().__init__(folder / "artifacts", folder / "control", pipeline=pipeline)
        self.told: list[Progress] = []
        self.measured: EvalResult | PerfResult | None = None

    async def progress(self, progress: Progress, *, state: ProgressState = "running") -> None:
        """See `Delivery.progress`."""
        self.told.append(progress)
        await super().progress(progress, state=state)

    @property
    def stages(self) -> list[str | None]:
        """What was done, one after the other."""
        return [stage for stage, _ in groupby(one.stage for one in self.told)]

    def check(self) -> None:
        """Before anything is smoothed on the way out: forward only, within its total, with a time for an estimate."""
        for before, after in pairwise(one for one in self.told if one.done or one.total):  # others name a stage
            assert after.done >= before.done, self.told
            assert after.failed >= before.failed, self.told
        for one in self.told:
            assert not one.total or one.done <= one.total, one
            assert one.eta_seconds is None or one.eta_seconds >= 0, one
            assert one.failed <= one.done, one

    def seen(self, name: str) -> list[float]:
        """The values of a live figure, one after the other."""
        return [one.figures[name] for one in self.told if name in one.figures]


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    """A model whose answers take 50 ms."""
    with running_mock("--ttft-ms", "20", "--itl-ms", "10", "--tokens", "4") as url:
        yield url


def load(folder: Path, url: str, *, shards: int = 1, **fields: Any) -> Recorder:
    """What the first of so many shards told; `measured` is its result."""
    context = load_tests.context(folder, shards=shards)
    recorder = Recorder(folder, "perf")
    wanted = load_tests.spec(url, **fields)
    recorder.measured = load_tests.run(sweep.load_test(wanted, replace(context, delivery=recorder)))
    recorder.check()
    return recorder


def test_a_sweep_goes_forward(tmp_path: Path, mock: str) -> None:
    """Over points of other sizes and numbers of processes, warm-up and pauses."""
    fields: dict[str, Any] = {"parallel": [600, 2], "number": [900, 40], "warmup_num": 10, "sleep_interval": 0.7}
    told = load(tmp_path, mock, **fields)
    assert {one.total for one in told.told if one.total} == {940}
    assert (told.told[-1].done, told.told[-1].eta_seconds) == (940, 0.0)
    first, second = "parallel_600_number_900", "parallel_2_number_40"
    assert told.stages[:3] == ["loading data", "testing the connection", f"preparing {first}"]
    pause = told.stages.index(f"pause before {second}")
    assert told.stages[pause - 1] == first
    assert told.stages[pause + 1] == f"preparing {second}"
    assert told.stages[-1] == second
    etas = [one.eta_seconds for one in told.told if one.stage == second and one.eta_seconds is not None]
    assert etas
    assert max(etas) < 10  # 40 requests of 50 ms, two at a time, on a machine that may be busy


def test_a_load_is_seen_while_it_goes_on(tmp_path: Path, mock: str) -> None:
    """Requests and tokens per second, in flight, times to first token; between two points nothing is in flight."""
    fields: dict[str, Any] = {
        "parallel": [4, 2],
        "number": [100_000, 2],
        "duration": 3,
        "sleep_interval": 0.7,
        "warmup_num": 4,
    }
    told = load(tmp_path, mock, **fields)
    assert max(told.seen("rps")) > 0
    assert max(told.seen("output_tps")) > max(told.seen("rps"))
    assert max(told.seen("in_flight")) in range(1, 5)
    assert min(told.seen("ttft_p50_s")) >= 0.02 / 1.02
    assert all(one.figures == {"in_flight": 0} for one in told.told if (one.stage or "").startswith("pause before"))
    assert isinstance(told.measured, PerfResult)
    first = told.measured.points[0]
    last = [one for one in told.told if one.stage == first.name][-1]
    for name in ("latency", "ttft"):
        exact_ns = first.histograms[f"{name}_ns"].percentile(50)
        assert exact_ns is not None
        assert last.figures[f"{name}_p50_s"] == pytest.approx(exact_ns / 1e9, rel=0.02)
    assert (last.failed, last.figures["in_flight"]) == (0, 0)


def test_a_shard_tells_what_adds_up(tmp_path: Path, mock: str) -> None:
    """Beside its own figures; who is alone need not."""
    told = load(tmp_path, mock, shards=2, parallel=2, number=8).told[-1]
    assert isinstance(told, ShardProgress)
    assert told.live is not None
    assert live.figures(told.live) == told.figures
    assert sum(told.live.times["ttft"].counts) == told.done == 4
    assert type(load(tmp_path / "alone", mock, parallel=2, number=8).told[-1]) is Progress


def test_failures_are_counted_while_they_happen(tmp_path: Path) -> None:
    """Over the points of a sweep."""
    with running_mock("--ttft-ms", "20", "--tokens", "4", "--fail-rate", "0.3") as url:
        told = load(tmp_path, url, parallel=[2, 4], number=[30, 40], no_test_connection=True)
    assert isinstance(told.measured, PerfResult)
    first, second = (point.failed for point in told.measured.points)
    assert first
    assert second
    assert [one.failed for one in told.told if one.stage == "parallel_2_number_30"][-1] == first
    assert told.told[-1].failed == first + second


def test_what_a_duration_leaves_out_is_not_waited_for(tmp_path: Path, mock: str) -> None:
    """Two seconds of a load of a thousand requests; the estimate is the clock's."""
    told = load(tmp_path, mock, parallel=2, number=100_000, duration=2)
    assert told.told[-1].done == told.told[-1].total < 1000
    etas = [one.eta_seconds for one in told.told if one.eta_seconds is not None]
    assert etas
    assert max(etas) <= 2.0


def test_a_search_counts_all_it_does(tmp_path: Path, mock: str) -> None:
    """It has no total before its end."""
    search: dict[str, Any] = {
        "sla_auto_tune": True,
        "sla_params": [{"p99_ttft": "<=10"}],
        "sla_upper_bound": 2,
        "sla_num_runs": 1,
    }
    told = load(tmp_path, mock, parallel=1, number=1, **search)
    assert {one.total for one in told.told} == {0}
    assert "searching: 1 in flight" in told.stages
    assert told.told[-1].done >= 20


def test_an_endpoint_that_comes_late_is_waited_for(tmp_path: Path) -> None:
    """Which is said."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # nobody listens
        url = f"http://127.0.0.1:{held.getsockname()[1]}/v1"
        context = load_tests.context(tmp_path)
        recorder = Recorder(tmp_path, "perf")
        wanted = load_tests.spec(url, parallel=1, number=1, target_grace=1)
        with contextlib.suppress(Exception):
            load_tests.run(sweep.load_test(wanted, replace(context, delivery=recorder)))
    assert recorder.stages == ["loading data", "testing the connection", "waiting for the endpoint"]


def evaluation(folder: Path, answer: Callable[[list[str | None]], Says], **fields: Any) -> Recorder:
    """`answer` is given the stages so far."""
    recorder = Recorder(folder, "eval")

    async def run() -> None:
        async with scripted_endpoint.running(lambda _body, _number: answer(recorder.stages)) as endpoint:
            spec = EvalRunSpec.model_validate(
                {
                    "model": "m",
                    "api_url": endpoint.url,
                    "datasets": ["gsm8k"],
                    "dataset_hub": "sample",
                    "eval_batch_size": 2,
                    "limit": 3,
                    "analysis_report": False,
                    **fields,
                }
            )
            recorder.measured = await evaluate(spec, replace(load_tests.context(folder), delivery=recorder))

    uvloop.run(run())
    recorder.check()
    return recorder


def test_an_evaluation_says_what_it_waits_for(tmp_path: Path) -> None:
    """A server that loads its model, then one that has too much to do."""

    loading, busy = "waiting for the endpoint", "waiting to ask again after status_429"
    answers = 0

    def answer(stages: list[str | None]) -> Says:
        nonlocal answers
        if loading not in stages:
            return Says(503, b"loading the model")
        if answers and busy not in stages:
            return Says(429, b"{}", headers={"Retry-After": "3"})  # longer than two reports are apart
        answers += 1
        return says("The answer is 18.")

    told = evaluation(tmp_path, answer)
    assert told.stages[0] == "loading data"
    assert told.stages.index(loading) < told.stages.index(busy)
    assert told.stages[-1] == "evaluating"
    assert (told.told[-1].done, told.told[-1].total) == (3, 3)


def test_an_evaluation_is_seen_while_it_goes_on(tmp_path: Path) -> None:
    """The score so far is that of the result in the end; one question gets no answer."""
    numbers = count()

    def answer(_stages: list[str | None]) -> Says:
        if not next(numbers):
            return Says(400, b'{"error": {"message": "no"}}')
        return says("The answer is 18.", wait_s=0.2)

    told = evaluation(tmp_path, answer, datasets=["gsm8k", "arc"], limit=4, repeats=2)
    assert isinstance(told.measured, EvalResult)
    last, figures = told.told[-1], summary(told.measured)
    assert last.figures == {name: pytest.approx(figures[name], rel=1e-3) for name in SCORE} | {"in_flight": 0}
    assert (last.failed, last.total) == (1, last.done)
    assert max(told.seen("rps")) > 0
    assert max(told.seen("output_tps")) == pytest.approx(3 * max(told.seen("rps")), rel=1e-3)
    assert max(told.seen("in_flight")) == 2
    assert min(told.seen("latency_p50_s")) >= 0.2 / 1.02


SCORE = ("score", "score_low", "score_high")


def test_the_report_of_an_analysis_is_a_stage(tmp_path: Path) -> None:
    """It is one more request."""
    told = evaluation(tmp_path, lambda _stages: says("The answer is 18."), analysis_report=True)
    assert told.stages[-1] == "writing the analysis"
