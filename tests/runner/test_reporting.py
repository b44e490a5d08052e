"""Runs of several shards, as pods do them: runner processes, the real ingest, and what the run has in the end."""

import asyncio
import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from evalkube_crds.names import Kind, Reason, SampleState
from evalkube_crds.results import EvalResult, PerfResult, Receipt
from evalkube_operator.store import keys
from evalkube_report.requests import index as request_index
from evalkube_report.samples import index as sample_index
from evalkube_report.samples import page, sample
from evalkube_report.samples.index import Index
from evalkube_report.samples.sample import Sample
from evalkube_runner.ingest.delivery import IngestDelivery
from fakes.ingest import RUN, Ingest, pods, serving
from fakes.mock_model import running_mock
from fakes.stores import opened

_QUESTIONS = 20


class Shards:
    """The pods of one run's only attempt."""

    def __init__(self, folder: Path, ingest: Ingest, kind: Kind, spec: dict[str, Any]) -> None:
        self.ingest = ingest
        self._folder = folder
        metadata = {"name": RUN.name, "uid": RUN.uid, "creationTimestamp": "2026-01-01T00:00:00Z"}
        document = {"apiVersion": "evalkube.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
        (folder / "run.json").write_text(json.dumps(document))

    def run(self, shards: Iterable[int], *, pod: str = "pod") -> list[Receipt]:
        """Those shards, at once, to their ends; their receipts."""
        with ExitStack() as stack:
            started = [stack.enter_context(self._started(shard, pod)) for shard in shards]
            for process in started:
                process.wait(60)
        return [Receipt.model_validate_json(self._receipt(shard).read_bytes()) for shard in shards]

    @contextmanager
    def _started(self, shard: int, pod: str) -> Iterator[subprocess.Popen[bytes]]:
        token = self._folder / f"token-{shard}"
        token.write_text(f"{pod}-{shard}")
        command = [
            sys.executable,
            "-m",
            "evalkube_runner.main",
            "--run",
            str(self._folder / "run.json"),
            "--readable",
            "/",
        ]
        command += ["--shard", str(shard), "--receipt", str(self._receipt(shard)), "--cache", str(self._folder)]
        command += ["--ingest", self.ingest.url, "--ingest-token-file", str(token)]
        with subprocess.Popen(command) as process:
            try:
                yield process
            finally:
                process.kill()

    def _receipt(self, shard: int) -> Path:
        return self._folder / f"receipt-{shard}"

    def paths(self) -> set[str]:
        """The run's artifacts as the API lists them."""
        return {one["path"] for one in self._asked("").json()["artifacts"]}

    def read(self, path: str) -> bytes:
        """One of them."""
        return self._asked(f"/{path}").content

    def _asked(self, path: str) -> httpx.Response:
        url = f"{self.ingest.url}/v1/runs/{RUN.uid}/artifacts{path}"
        return httpx.get(url, headers={"Authorization": "Bearer api"}, trust_env=False, timeout=60).raise_for_status()


@contextmanager
def _shards(folder: Path, spec: dict[str, Any], *, kind: Kind = Kind.EVAL_RUN) -> Iterator[Shards]:
    folder.mkdir()
    owners = pods(spec["shards"], kind=kind) | pods(spec["shards"], kind=kind, prefix="pod-again")
    with serving(opened("volume", folder / "store"), owners, lead_s=0.2) as ingest:
        yield Shards(folder, ingest, kind, spec)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A model that knows every second answer."""
    book = tmp_path_factory.mktemp("model") / "answers.jsonl"
    known = [
        {"match": f"What is number {at}?", "answer": f"\\boxed{{{at if at % 2 else -1}}}"} for at in range(_QUESTIONS)
    ]
    book.write_text("".join(json.dumps(line) + "\n" for line in known))
    with running_mock("--answers", str(book), "--default-answer", "Half of it.") as url:
        yield url


@pytest.fixture
def evaluation(model: str, tmp_path: Path) -> dict[str, Any]:
    """Question n asks for n."""
    data = tmp_path / "data"
    data.mkdir()
    rows = [{"question": f"What is number {at}?", "answer": f"#### {at}"} for at in range(_QUESTIONS)]
    (data / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = {"gsm8k": {"localPath": str(data), "fewShotNum": 0}}
    return {"model": "m", "apiUrl": model, "datasets": ["gsm8k"], "datasetArgs": arguments, "collectPerf": False}


def test_an_evaluation_of_several_shards_has_the_report_of_one(tmp_path: Path, evaluation: dict[str, Any]) -> None:
    """The same scores and the analysis of all of them; a page with the samples of every shard, and none of a part."""
    made = []
    for shards in (1, 3):
        spec = evaluation | {"analysisReport": True, "shards": shards}
        with _shards(tmp_path / str(shards), spec) as run:
            receipts = run.run(range(shards))
            assert [(one.reason, one.artifacts) for one in receipts] == [(Reason.COMPLETED, True)] * shards
            made.append(json.loads(run.read("reports/m/gsm8k.json")))
            page = run.read("reports/report.html").decode()
            assert {int(at) for at in re.findall(r"gsm8k / main #(\d+)", page)} == set(range(_QUESTIONS))
            paths = run.paths()
            index = sample_index.load(run.read(sample_index.PATH))
            rows = [_sample(run, index, row) for row in range(len(index.rows))]
            assert [(one.entry.index, one.target) for one in rows] == [(at, str(at)) for at in range(_QUESTIONS)]
            assert {one.entry.state for one in rows if one.entry.index % 2} == {SampleState.RIGHT}
            assert len(list(csv.DictReader(io.StringIO(run.read("reports/samples.csv").decode())))) == _QUESTIONS
            result = EvalResult.model_validate_json(run.read("reports/result.json"))
            assert result.datasets[0].subsets[0].by_state == {SampleState.RIGHT: 10, SampleState.WRONG: 10}
    assert made[0] == made[1]
    assert (made[1]["score"], made[1]["scored"], made[1]["analysis"]) == (0.5, _QUESTIONS, "Half of it.")
    assert not {path for path in paths if path.startswith("shards/") and "report" in path}
    assert {f"shards/{shard}/predictions/m/gsm8k_main.jsonl" for shard in range(3)} < paths


def _sample(run: Shards, index: Index, row: int) -> Sample:
    """As the API reads it, from parts of the files of all shards."""
    lines = {kind: run.read(place.path)[place.offset :][: place.length] for kind, place in index.slices(row).items()}
    return sample.read(page.entry(index, row), lines)


def test_a_shard_that_comes_back_reports_again(tmp_path: Path, evaluation: dict[str, Any]) -> None:
    """Killed between being told and telling, its next pod is the last one too, whichever shard it runs."""
    with _shards(tmp_path / "run", evaluation | {"shards": 2}) as run:
        run.run(range(2))
        page = run.read("reports/report.html")
        asyncio.run(run.ingest.store.delete(keys.own(RUN, "reports")))
        assert "reports/report.html" not in run.paths()
        run.run([0], pod="pod-again")
        assert len(run.read("reports/report.html")) == pytest.approx(len(page), rel=0.01)


def test_shards_that_do_not_fit_together_finish_without_a_report(tmp_path: Path, evaluation: dict[str, Any]) -> None:
    """The receipt and the log say so; whether the run failed is for the operator to say."""

    async def deliver_another(url: str) -> None:
        (tmp_path / "token").write_text("pod-0")
        async with IngestDelivery(url, tmp_path / "token", run_uid=RUN.uid, attempt=0, shard=0) as delivery:
            await delivery.result(EvalResult(run_id=RUN.name, model="m", shards=[0], of_shards=2))

    with _shards(tmp_path / "run", evaluation | {"shards": 2}) as run:
        asyncio.run(deliver_another(run.ingest.url))
        [receipt] = run.run([1])
        assert (receipt.reason, receipt.artifacts) == (Reason.COMPLETED, False)
        assert "reports/report.html" not in run.paths()
        assert b"the shards measured different points" in run.read("shards/1/logs/eval_log.log")


def test_a_load_test_of_several_shards_is_reported_as_one(tmp_path: Path, model: str) -> None:
    """All requests of each point in its summary and on one page; each shard's own stay beside it."""
    spec: dict[str, Any] = {"model": "m", "url": f"{model}/chat/completions", "number": [20, 10], "parallel": [4, 2]}
    spec |= {"dataSource": "sample", "sleepInterval": 0, "shards": 2}
    with _shards(tmp_path / "run", spec, kind=Kind.PERF_RUN) as run:
        assert [one.artifacts for one in run.run(range(2))] == [True, True]
        for point, requests in (("parallel_4_number_20", 20), ("parallel_2_number_10", 10)):
            assert json.loads(run.read(f"{point}/benchmark_summary.json"))["Total requests"] == requests
            assert json.loads(run.read(f"shards/1/{point}/benchmark_summary.json"))["Total requests"] == requests // 2
            lines = run.read(f"{point}/requests.jsonl")
            assert len(lines.splitlines()) == requests
            index = request_index.load(run.read(request_index.path(point)))
            assert np.bincount(index.rows["shard"]).tolist() == [requests // 2] * 2
            places = [index.slice(row) for row in range(requests)]
            read = [json.loads(lines[one.offset :][: one.length])["index"] for one in places if one is not None]
            assert sorted(read) == sorted(index.rows["index"].tolist()) == list(range(requests))
            table = list(csv.DictReader(io.StringIO(run.read(f"{point}/requests.csv").decode())))
            assert {row["shard"] for row in table} == {"0", "1"}
            assert {f"{point}/benchmark_percentile.json", f"{point}/benchmark_args.json"} < run.paths()
        assert b"20 of 20" in run.read("perf_report.html")
        assert PerfResult.model_validate_json(run.read("perf_result.json")).shards == [0, 1]
        assert not {path for path in run.paths() if re.fullmatch(r"shards/./perf_report.html", path)}
