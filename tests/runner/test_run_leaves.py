"""What a finished run leaves, of both kinds: real runner processes against the mock model."""

import asyncio
import csv
import gzip
import json
import logging
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest

from evalkube_crds import summary
from evalkube_crds.names import Reason, SampleState
from evalkube_crds.results import EvalResult, PerfResult
from evalkube_crds.status import EvalRun, PerfRun
from evalkube_report import html
from evalkube_report.requests import index as request_index
from evalkube_report.requests import page as request_page
from evalkube_report.samples import index as sample_index
from evalkube_report.samples import page, sample
from evalkube_report.samples.page import SampleQuery
from evalkube_runner import indexing, reporting
from evalkube_runner.deliver import FileDelivery
from fakes.mock_model import running_mock
from fakes.runner_process import KEY, Runner


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifacts of an evaluation: a right, a wrong, and an unread answer to each three questions."""
    folder = tmp_path_factory.mktemp("evaluation")
    data, book = folder / "data", folder / "answers.jsonl"
    data.mkdir()
    rows = [{"question": f"What is number {at}?", "answer": f"#### {at}"} for at in range(9)]
    (data / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    said = [f"\\boxed{{{at if at % 3 == 0 else 77}}}" if at % 3 < 2 else "Who knows?" for at in range(9)]
    known = [{"match": f"What is number {at}?", "answer": answer} for at, answer in enumerate(said)]
    book.write_text("".join(json.dumps(line) + "\n" for line in known))
    gates = [{"metric": "gsm8k/mean_acc", "op": ">=", "value": 0.9}]
    with running_mock("--answers", str(book), "--api-key", KEY) as url:
        spec: dict[str, Any] = {"model": "m", "apiUrl": url, "datasets": ["gsm8k"], "thresholds": gates}
        spec |= {"datasetArgs": {"gsm8k": {"localPath": str(data), "fewShotNum": 0}}}
        with closing(Runner(folder, "EvalRun", spec, "--readable", str(data))) as runner:
            assert runner.end().reason is Reason.COMPLETED, runner.log.read_text()
    return folder / "artifacts"


@pytest.fixture(scope="module")
def load_test(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifacts of a load test of two points."""
    folder = tmp_path_factory.mktemp("load-test")
    with running_mock("--tokens", "4") as url:
        spec: dict[str, Any] = {"model": "m", "url": f"{url}/chat/completions", "number": [20, 10], "parallel": [4, 2]}
        with closing(Runner(folder, "PerfRun", spec | {"dataSource": "sample", "sleepInterval": 0})) as runner:
            assert runner.end().reason is Reason.COMPLETED, runner.log.read_text()
    return folder / "artifacts"


def _read(artifacts: Path, place: sample_index.Slice) -> bytes:
    return (artifacts / place.path).read_bytes()[place.offset :][: place.length]


def test_an_evaluation_leaves_its_run_and_result(evaluation: Path) -> None:
    """Which say all that its page says, and hold no secret."""
    run = EvalRun.model_validate_json((evaluation / "reports/run.json").read_bytes())
    result = EvalResult.model_validate_json((evaluation / "reports/result.json").read_bytes())
    assert (run.metadata.name, run.spec.datasets, result.run_id) == ("run-1", ["gsm8k"], "run-1")
    assert (run.metadata.labels, run.metadata.annotations) == ({"team": "search"}, {})
    states = {SampleState.RIGHT: 3, SampleState.WRONG: 3, SampleState.NO_ANSWER: 3}
    assert result.datasets[0].subsets[0].by_state == states
    assert summary.summary(result)["gsm8k/no_answer"] == 3
    assert json.loads((evaluation / "reports/m/gsm8k.json").read_bytes())["states"] == states
    assert KEY.encode() not in b"".join(one.read_bytes() for one in evaluation.rglob("*") if one.is_file())


def test_each_sample_of_an_evaluation_can_be_read_by_itself(evaluation: Path) -> None:
    """Through the index, from parts of two files; as it was counted."""
    index = sample_index.load((evaluation / sample_index.PATH).read_bytes())
    for state, remainder in ((SampleState.RIGHT, 0), (SampleState.WRONG, 1), (SampleState.NO_ANSWER, 2)):
        found = page.select(index, SampleQuery(states=frozenset({state}))).entries
        assert [one.index for one in found] == [at for at in range(9) if at % 3 == remainder]
        for entry in found:
            places = index.slices(entry.row)
            one = sample.read(entry, {kind: _read(evaluation, place) for kind, place in places.items()})
            assert (one.target, f"number {entry.index}?" in one.question) == (str(entry.index), True)
            assert (one.prompt[-1].role, one.answer != "", one.scores["acc"]) == ("user", True, float(remainder == 0))


def test_an_evaluation_leaves_tables(evaluation: Path) -> None:
    """Of all its samples, and of its scores."""
    with (evaluation / "reports/samples.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["index"], row["state"], row["target"]) for row in rows[:3]] == [
        ("0", "right", "0"),
        ("1", "wrong", "1"),
        ("2", "no_answer", "2"),
    ]
    assert (rows[1]["extracted"], rows[2]["answer"], rows[0]["metric_acc"]) == ("77", "Who knows?", "1.0")
    with (evaluation / "reports/summary.csv").open(newline="") as file:
        (whole, *_) = csv.DictReader(file)
    assert [whole[name] for name in ("dataset", "subset", "metric", "scored", "no_answer")] == [
        *("gsm8k", "", "mean_acc", "9", "3")
    ]
    assert float(whole["score"]) == pytest.approx(1 / 3)


def test_a_missed_threshold_is_a_failed_case(evaluation: Path) -> None:
    """Beside the data set, of which nothing failed."""
    root = ElementTree.parse(evaluation / "reports/junit.xml").getroot()
    assert [(case.get("name"), [one.tag for one in case]) for case in root.iter("testcase")] == [
        ("gsm8k/mean_acc >= 0.9", ["failure"]),
        ("gsm8k", []),
    ]


@pytest.mark.parametrize(
    ("limits", "shuffled"), [((9, 4), False), ((9, 4), True), ((4, 9), True)], ids=["fewer", "fewer, shuffled", "more"]
)
def test_a_run_that_reuses_another_s_answers_lists_its_own_samples(
    limits: tuple[int, int], shuffled: bool, tmp_path: Path
) -> None:
    """Each once, with the prompt, answer and score that are its own, though they had other numbers in that run."""
    data = tmp_path / "data"
    data.mkdir()
    rows = [{"question": f"What is number {at}?", "answer": f"#### {at}"} for at in range(9)]
    (data / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with running_mock("--default-answer", r"\boxed{3}", "--api-key", KEY) as url:
        for name, limit, shuffle in zip(("one", "two"), limits, (False, shuffled), strict=True):
            folder = tmp_path / name
            folder.mkdir()
            spec: dict[str, Any] = {"model": "m", "apiUrl": url, "datasets": ["gsm8k"], "limit": limit}
            spec |= {"datasetArgs": {"gsm8k": {"localPath": str(data), "fewShotNum": 0, "shuffle": shuffle}}}
            if name == "two":
                spec["useCache"] = str(tmp_path / "one/artifacts")
            with closing(Runner(folder, "EvalRun", spec, "--readable", str(tmp_path))) as runner:
                assert runner.end().reason is Reason.COMPLETED, runner.log.read_text()
    artifacts = tmp_path / "two/artifacts"
    result = EvalResult.model_validate_json((artifacts / "reports/result.json").read_bytes())
    (subset,) = result.datasets[0].subsets
    assert subset.reused > 0
    index = sample_index.load((artifacts / sample_index.PATH).read_bytes())
    entries = page.select(index, SampleQuery(), limit=100).entries
    assert [entry.index for entry in entries] == list(range(limits[1]))
    asked = []
    for entry in entries:
        lines = {kind: _read(artifacts, place) for kind, place in index.slices(entry.row).items()}
        one = sample.read(entry, lines)
        asked.append(one.target)
        assert f"number {one.target}?" in str(one.prompt[-1])
        assert f"number {one.target}?" in lines["predictions"].decode()
        assert entry.state == (SampleState.RIGHT if one.target == "3" else SampleState.WRONG)
    assert len(set(asked)) == limits[1]
    assert (asked != sorted(asked)) is shuffled


def test_a_load_test_leaves_its_run_and_result(load_test: Path) -> None:
    """And its figures as a table and as test cases."""
    assert PerfRun.model_validate_json((load_test / "perf_run.json").read_bytes()).spec.parallel == [4, 2]
    result = PerfResult.model_validate_json((load_test / "perf_result.json").read_bytes())
    with (load_test / "summary.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    points = ["parallel_4_number_20", "parallel_2_number_10"]
    assert [row["point"] for row in rows] == [point.name for point in result.points] == points
    assert float(rows[0]["ttft_p99_s"]) == summary.summary(result)[f"{points[0]}/ttft_p99_s"]
    assert [case.get("name") for case in ElementTree.parse(load_test / "junit.xml").iter("testcase")] == points


def test_each_request_of_a_load_test_can_be_read_by_itself(load_test: Path) -> None:
    """Through the index of its point; the table has them too."""
    point = "parallel_4_number_20"
    index = request_index.load((load_test / request_index.path(point)).read_bytes())
    found = request_page.select(index, request_page.RequestQuery(sort="slowest"))
    assert (found.total, len(found.entries)) == (20, 20)
    for entry in found.entries:
        place = index.slice(entry.row)
        assert place is not None
        row = orjson.loads(_read(load_test, place))
        assert (row["index"], row["completion_tokens"]) == (entry.index, entry.output_tokens)
        assert (row["end_ns"] - row["sent_ns"]) / 1e9 == pytest.approx(entry.latency_s)
    with (load_test / point / "requests.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["index"] for row in rows} == {str(at) for at in range(20)}
    assert {row["error"] for row in rows} == {""}


def test_lines_that_are_compressed_are_indexed_as_well(load_test: Path, tmp_path: Path) -> None:
    """Their requests can be sorted and counted, and are in the table; they are not read one by one."""
    lines = load_test / "parallel_4_number_20/requests.jsonl"
    packed, table = tmp_path / "0", tmp_path / "table"
    packed.write_bytes(gzip.compress(lines.read_bytes()))
    made = request_index.load(indexing.index_requests("p", "p/requests.jsonl.gz", [(0, packed), (1, packed)], table))
    plain = request_index.load(indexing.index_requests("p", "p/requests.jsonl", [(0, lines), (1, lines)], None))
    assert made.rows.tolist() == plain.rows.tolist()
    assert (len(made.rows), made.is_plain, len(table.read_bytes().splitlines())) == (40, False, 41)


@pytest.mark.parametrize(
    ("kind", "draw", "page", "left"),
    [
        pytest.param("evaluation", "eval_report", "reports/report.html", "reports/samples.csv", id="evaluation"),
        pytest.param(
            "load_test", "perf_report", "perf_report.html", "parallel_2_number_10/requests.csv", id="load test"
        ),
    ],
)
def test_a_page_that_cannot_be_drawn_is_left_out(
    kind: str,
    draw: str,
    page: str,
    left: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """All else is there, and the log says which page is missing, and why."""
    artifacts = tmp_path / "artifacts"
    shutil.copytree(request.getfixturevalue(kind), artifacts)
    run: EvalRun | PerfRun
    result: EvalResult | PerfResult
    if kind == "evaluation":
        run = EvalRun.model_validate_json((artifacts / "reports/run.json").read_bytes())
        result = EvalResult.model_validate_json((artifacts / "reports/result.json").read_bytes())
    else:
        run = PerfRun.model_validate_json((artifacts / "perf_run.json").read_bytes())
        result = PerfResult.model_validate_json((artifacts / "perf_result.json").read_bytes())
    for name in (page, left):
        (artifacts / name).unlink()

    def fails(*_: object, **__: object) -> str:
        raise ZeroDivisionError("an axis of no length")

    monkeypatch.setattr(html, draw, fails)
    place = FileDelivery(artifacts, tmp_path / "control", pipeline="eval")
    with caplog.at_level(logging.ERROR, "evalkube.runner"):
        asyncio.run(reporting.report(run, result, place, tmp_path))
    assert ((artifacts / page).exists(), (artifacts / left).exists()) == (False, True)
    assert f"no {page}" in caplog.text
    assert "an axis of no length" in caplog.text
