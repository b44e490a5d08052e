"""Whole evaluations: real sockets, real files, real processes."""

import asyncio
import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.merge import merge_results
from evalkube_crds.names import BENCHMARKS, ErrorClass, Reason
from evalkube_crds.results import EvalResult
from evalkube_crds.seed import evaluation as report
from evalkube_crds.targets import TargetRules
from evalkube_runner.context import RunContext
from evalkube_runner.deliver import FileDelivery
from evalkube_runner.errors import RunFailed
from evalkube_runner.eval.run import evaluate
from evalkube_runner.gate import Gate
from fakes import mock_model, scripted_endpoint
from fakes.names import Names
from fakes.readable import ANYTHING
from fakes.scripted_endpoint import Says, Script, ScriptedEndpoint, says
from fakes.waiting import until

KEY = "sk-not-to-be-seen-anywhere"
PREDICTIONS = "predictions/m/gsm8k_main.jsonl"
REVIEWS = "reviews/m/gsm8k_main.jsonl"


def _data(folder: Path, count: int = 20) -> Path:
    """A small GSM8K: question n asks for n, the last one twice."""
    rows = [{"question": f"What is number {at}?", "answer": f"#### {at}"} for at in range(count)]
    train = [{"question": f"Example {at}?", "answer": f"Easy.\n#### {at}"} for at in range(4)]
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in (("test", [*rows[:-1], rows[-2]]), ("train", train)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def _asked(body: dict[str, Any]) -> int:
    """The number that a request asks for."""
    return int(body["messages"][-1]["content"].rpartition("What is number ")[2].rstrip("?"))


def _even_ones_right(body: dict[str, Any], _number: int) -> Says:
    asked = _asked(body)
    return says(f"The answer is {asked if asked % 2 == 0 else asked + 1}.")


def _spec(url: str, data: Path | None = None, **more: Any) -> EvalRunSpec:
    body: dict[str, Any] = {
        "model": "org/m",
        "api_url": url,
        "datasets": ["gsm8k"],
        "eval_batch_size": 4,
        "target_grace": 0.0,
    }
    if data is not None:
        body["dataset_args"] = {"gsm8k": {"local_path": str(data), **more.pop("args", {})}}
    body["generation_config"] = {"retries": 2, "retry_interval": 0.0, **more.pop("generation", {})}
    return EvalRunSpec.model_validate(body | more, by_name=True)


def _context(folder: Path, *, shard: int = 0, shards: int = 1, earlier: Path | None = None) -> RunContext:
    delivery = FileDelivery(folder, folder / "control", pipeline="eval", earlier=earlier)
    return RunContext("r", delivery, folder, folder, shard=shard, shards=shards, api_key=KEY, readable=ANYTHING)


def _run(
    folder: Path, script: Script, *, earlier: Path | None = None, **options: Any
) -> tuple[EvalResult, ScriptedEndpoint]:
    """One evaluation of the small GSM8K against `script`, its artifacts in `folder`."""

    async def run() -> tuple[EvalResult, ScriptedEndpoint]:
        async with scripted_endpoint.running(script) as endpoint:
            spec = _spec(endpoint.url, _data(folder.parent / "data"), **options)
            return await evaluate(spec, _context(folder)), endpoint

    return asyncio.run(run())


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines() if line]


def test_accuracy_is_exactly_that_of_the_answers(tmp_path: Path) -> None:
    """Against the mock model with an answer file: every second one right, and all artifacts with their keys."""
    data = _data(tmp_path / "data")
    book = tmp_path / "answers.jsonl"
    questions = [json.loads(line)["question"] for line in (data / "test.jsonl").read_text().splitlines()]
    replies = [
        {"match": text, "answer": f"\\boxed{{{at if at % 2 else -1}}}"} for at, text in enumerate(questions[:19])
    ]
    book.write_text("".join(json.dumps(line) + "\n" for line in replies))
    with mock_model.running_mock("--answers", str(book)) as url:
        result = asyncio.run(evaluate(_spec(url, data), _context(tmp_path / "out")))
    made = report.reports(result)["gsm8k"]
    assert (made["score"], made["metrics"][0]["num"], made["errored"], made["name"]) == (0.45, 20, 0, "m@gsm8k")
    assert made["usage"]["samples"] == 20
    predictions = _lines(tmp_path / "out" / PREDICTIONS)
    reviews = _lines(tmp_path / "out" / REVIEWS)
    seed = {"index", "model", "model_output", "messages", "agent_trace", "metadata"}
    assert {frozenset(line) for line in predictions} == {frozenset(seed | {"key"})}
    assert sorted(line["index"] for line in reviews) == list(range(20))
    assert reviews[0]["sample_score"]["score"]["main_score_name"] == "acc"


def test_the_key_is_in_no_artifact(tmp_path: Path) -> None:
    """Sent to the endpoint, and nowhere else."""
    _, endpoint = _run(tmp_path / "out", _even_ones_right)
    assert endpoint.headers[0]["authorization"] == f"Bearer {KEY}"
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


def test_a_question_has_its_examples_before_it(tmp_path: Path) -> None:
    """Four worked examples of the training split, in one message, the question last."""
    _, endpoint = _run(tmp_path / "out", _even_ones_right, limit=1)
    content = endpoint.bodies[0]["messages"][0]["content"]
    assert content.count("Example") == 4
    assert content.endswith("What is number 0?")


@pytest.mark.parametrize(
    ("options", "stop"),
    [
        pytest.param({}, ["\n\nProblem:"], id="worked examples"),
        pytest.param({"args": {"few_shot_num": 0}}, None, id="none"),
        pytest.param({"generation": {"stop_seqs": ["END"]}}, ["END"], id="of the user's own"),
    ],
)
def test_a_next_question_ends_an_answer(tmp_path: Path, options: dict[str, Any], stop: list[str] | None) -> None:
    """After worked examples a model may go on to one of its own: the request says where it is to stop."""
    _, endpoint = _run(tmp_path / "out", _even_ones_right, limit=1, **options)
    assert endpoint.bodies[0].get("stop") == stop


@pytest.mark.parametrize("cut", [0, 10], ids=["whole", "torn last line"])
def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path, cut: int) -> None:
    """Stopped half way and posted again with another batch size: what is on the disk is not asked again."""
    first: list[int] = []

    def stopping(body: dict[str, Any], number: int) -> Says:
        first.append(_asked(body))
        return _even_ones_right(body, number) if number < 10 else Says(wait_s=30)

    async def stopped(endpoint: ScriptedEndpoint, spec: EvalRunSpec) -> None:
        work = asyncio.create_task(evaluate(spec, _context(tmp_path / "out")))
        await endpoint.requests(14)  # four unanswered ones: the ten answers before them have been taken
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work

    async def both() -> tuple[EvalResult, Counter[int]]:
        again: list[int] = []
        slow = True

        def script(body: dict[str, Any], number: int) -> Says:
            if slow:
                return stopping(body, number)
            again.append(_asked(body))
            return _even_ones_right(body, number)

        async with scripted_endpoint.running(script) as endpoint:
            data = _data(tmp_path / "data")
            await stopped(endpoint, _spec(endpoint.url, data))
            slow = False
            file = tmp_path / "out" / PREDICTIONS
            if cut:
                file.write_bytes(file.read_bytes()[:-cut])
            result = await evaluate(_spec(endpoint.url, data, eval_batch_size=7), _context(tmp_path / "out"))
            return result, Counter(again)

    result, again = asyncio.run(both())
    lost = bool(cut)
    assert sum(again.values()) == 10 + lost
    assert max(again.values()) <= 2
    made = report.reports(result)["gsm8k"]
    assert (made["scored"], made["reused"], made["score"]) == (20, 10 - lost, 0.55)
    assert len({line["key"] for line in _lines_if_whole(tmp_path / "out" / PREDICTIONS)}) == 20


class _Away(FileDelivery):
    """Nothing that is appended arrives, as while ingest is away."""

    async def append(self, path: str, data: bytes, *, durable: bool = True) -> None:
        """See ``Delivery.append``."""
        del path, data, durable
        await asyncio.Event().wait()


def test_a_stopped_run_does_not_wait_for_what_is_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It ends by itself, well before it is killed: what it could not leave is asked for again."""

    async def stopped() -> None:
        async with scripted_endpoint.running(_even_ones_right) as endpoint:
            delivery = _Away(tmp_path / "out", tmp_path / "control", pipeline="eval")
            context = RunContext("r", delivery, tmp_path, tmp_path, api_key=KEY, readable=ANYTHING)
            work = asyncio.create_task(evaluate(_spec(endpoint.url, _data(tmp_path / "data")), context))
            await endpoint.requests(8)  # the first four have been answered
            work.cancel()
            with pytest.raises(asyncio.CancelledError):
                async with asyncio.timeout(20):
                    await work

    asyncio.run(stopped())
    assert "the last answers were not kept" in caplog.text


def _damage(out: Path) -> None:
    predictions, reviews = _lines(out / PREDICTIONS), _lines(out / REVIEWS)
    predictions[0]["model_output"]["usage"] = {"input_tokens": 2**70, "output_tokens": -1}
    predictions[1]["model_output"]["choices"][0]["message"]["content"] = 5
    predictions[2]["model_output"]["time"] = "long"
    predictions[3]["model_output"] = None
    reviews[4]["sample_score"]["score"]["value"] = {"acc": -1}
    reviews[5]["sample_score"]["score"]["value"] = {"acc": math.nan}
    reviews[6]["sample_score"]["score"]["value"] = {}
    reviews[7]["sample_score"] = [1]
    texts = [json.dumps(line) for line in predictions]
    texts[8], texts[9] = texts[8][:50], "[1, 2]"
    (out / PREDICTIONS).write_text("\n".join(texts) + "\n{")
    (out / REVIEWS).write_text("".join(json.dumps(line) + "\n" for line in reviews))


def test_nothing_that_is_stored_stops_a_resume(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A damaged line costs its own sample another question or review, and is told of; the result is the same."""

    async def both() -> tuple[EvalResult, EvalResult, int]:
        async with scripted_endpoint.running(_even_ones_right) as endpoint:
            spec = _spec(endpoint.url, _data(tmp_path / "data"))
            whole = await evaluate(spec, _context(tmp_path / "out"))
            _damage(tmp_path / "out")
            asked = len(endpoint.bodies)
            again = await evaluate(spec, _context(tmp_path / "out"))
            return whole, again, len(endpoint.bodies) - asked

    whole, again, asked = asyncio.run(both())
    assert asked == 6
    made = report.reports(again)["gsm8k"]
    assert (made["scored"], made["errored"], made["reused"]) == (20, 0, 14)
    assert again.datasets[0].subsets[0].metrics == whole.datasets[0].subsets[0].metrics
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [line for line in told if PREDICTIONS in line and "3 of its lines cannot be read" in line]
    assert [line for line in told if PREDICTIONS in line and "4 lines were damaged" in line]
    assert [line for line in told if REVIEWS in line and "3 lines were damaged" in line]


def _lines_if_whole(path: Path) -> list[dict[str, Any]]:
    found = []
    for line in path.read_bytes().splitlines():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def test_a_killed_runner_loses_no_finished_sample(tmp_path: Path) -> None:
    """SIGKILL in the middle of the real process' work; the next one asks only what was not on the disk."""

    async def run() -> None:
        def script(body: dict[str, Any], number: int) -> Says:
            return says(f"{_asked(body)}", wait_s=0.02)

        async with scripted_endpoint.running(script) as endpoint:
            spec = _spec(endpoint.url, _data(tmp_path / "data", 200))
            predictions = tmp_path / "artifacts" / PREDICTIONS
            killed = await asyncio.to_thread(_start, tmp_path, spec)
            await asyncio.to_thread(until, lambda: predictions.exists() and len(_lines_if_whole(predictions)) >= 40)
            killed.send_signal(signal.SIGKILL)
            await asyncio.to_thread(killed.wait)
            await endpoint.hung_up()
            kept = len(_lines_if_whole(predictions))
            before = len(endpoint.bodies)
            ended = await asyncio.to_thread(_start, tmp_path, spec)
            assert await asyncio.to_thread(ended.wait) == 0
            assert len(endpoint.bodies) - before == 200 - kept

    asyncio.run(run())
    made = json.loads((tmp_path / "artifacts/reports/m/gsm8k.json").read_bytes())
    assert (made["scored"], made["score"]) == (200, 1.0)


def _start(folder: Path, spec: EvalRunSpec) -> subprocess.Popen[bytes]:
    document = {
        "apiVersion": "evalkube.io/v1alpha1",
        "kind": "EvalRun",
        "metadata": {"name": "r", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": spec.model_dump(mode="json", by_alias=True, exclude_defaults=True),
    }
    (folder / "run.json").write_text(json.dumps(document))
    command = [sys.executable, "-m", "evalkube_runner.main", "--run", str(folder / "run.json"), "--readable", "/"]
    command += ["--artifacts", str(folder / "artifacts"), "--control", str(folder / "control")]
    return subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, stderr=subprocess.DEVNULL
    )


def test_another_run_is_continued_by_use_cache(tmp_path: Path) -> None:
    """use_cache reuses that run's answers, and copies them, so that this run alone resumes from then on."""

    async def run() -> list[int]:
        asked = []
        async with scripted_endpoint.running(_even_ones_right) as endpoint:
            data = _data(tmp_path / "data")
            await evaluate(_spec(endpoint.url, data, limit=12), _context(tmp_path / "one"))
            asked.append(len(endpoint.bodies))
            for earlier in (tmp_path / "one", tmp_path / "nowhere"):
                spec = _spec(endpoint.url, data, use_cache="one")
                result = await evaluate(spec, _context(tmp_path / "two", earlier=earlier))
                asked.append(len(endpoint.bodies))
                assert report.reports(result)["gsm8k"]["scored"] == 20
        return asked

    assert asyncio.run(run()) == [12, 20, 20]


def test_rerun_review_scores_again_and_asks_nothing(tmp_path: Path) -> None:
    """A review that was kept (here: spoilt) is made anew from the kept answer."""

    async def run() -> None:
        async with scripted_endpoint.running(_even_ones_right) as endpoint:
            data = _data(tmp_path / "data")
            await evaluate(_spec(endpoint.url, data), _context(tmp_path / "out"))
            reviews = tmp_path / "out" / REVIEWS
            reviews.write_bytes(reviews.read_bytes().replace(b'"acc":1.0', b'"acc":0.0'))
            spoilt = await evaluate(_spec(endpoint.url, data), _context(tmp_path / "out"))
            mended = await evaluate(_spec(endpoint.url, data, rerun_review=True), _context(tmp_path / "out"))
            assert [report.reports(one)["gsm8k"]["score"] for one in (spoilt, mended)] == [0.0, 0.55]
            assert len(endpoint.bodies) == 20

    asyncio.run(run())


def test_errored_samples_are_told_and_in_no_score(tmp_path: Path) -> None:
    """A refused question (400) and one that always fails (500) leave 18 of 20; both are tried again by the next run."""

    def script(body: dict[str, Any], number: int) -> Says:
        status = {3: 400, 4: 500}.get(_asked(body))
        return Says(status, b'{"error": "too long"}') if status else says(str(_asked(body)))

    result, endpoint = _run(tmp_path / "out", script)
    made = report.reports(result)["gsm8k"]
    assert (made["score"], made["scored"], made["errored"]) == (1.0, 18, 2)
    assert made["errors"] == {ErrorClass.STATUS_4XX: 1, ErrorClass.STATUS_5XX: 1}
    assert len(endpoint.bodies) == 18 + 1 + 2
    errors = _lines(tmp_path / "out/errors/m/gsm8k_main.jsonl")
    assert {(line["index"], line["error"], line["message"]) for line in errors} == {
        (3, "status_4xx", "HTTP 400: too long"),
        (4, "status_5xx", "HTTP 500: too long"),
    }


@pytest.mark.parametrize(
    ("script", "reason", "said", "requests"),
    [
        pytest.param(
            lambda _body, _number: Says(401, b'{"error": {"message": "bad key"}}'),
            Reason.AUTHENTICATION_FAILED,
            "HTTP 401: bad key",
            (3, 8),
            id="wrong key",
        ),
        pytest.param(
            lambda _body, _number: Says(404, b'{"detail": "Not Found"}'),
            Reason.TARGET_REFUSED,
            "HTTP 404: Not Found",
            (3, 8),
            id="wrong path",
        ),
        pytest.param(
            lambda _body, _number: Says(400, b'{"error": {"message": "Model Not Exist"}}'),
            Reason.MODEL_NOT_FOUND,
            "HTTP 400: Model Not Exist; check model",
            (3, 8),
            id="wrong model, 400",
        ),
        pytest.param(
            lambda _body, _number: Says(404, b'{"error": {"message": "The model `x` does not exist."}}'),
            Reason.MODEL_NOT_FOUND,
            "HTTP 404: The model `x` does not exist.; check model",
            (3, 8),
            id="wrong model, 404",
        ),
        pytest.param(
            lambda _body, _number: Says(200, b'{"error": {"message": "model \'x\' not found"}}'),
            Reason.MODEL_NOT_FOUND,
            "model 'x' not found; check model",
            (3, 8),
            id="wrong model, 200",
        ),
        pytest.param(
            lambda _body, _number: Says(500, b"down"),
            Reason.ALL_SAMPLES_FAILED,
            "status_5xx",
            (40, 40),
            id="all failed",
        ),
    ],
)
def test_a_hopeless_run_fails_with_the_servers_words(
    tmp_path: Path, script: Script, reason: Reason, said: str, requests: tuple[int, int]
) -> None:
    """A wrong key ends the run after a few requests, with the status and the message."""
    seen: list[int] = []

    def counting(body: dict[str, Any], number: int) -> Says:
        seen.append(number)
        return script(body, number)

    with pytest.raises(RunFailed) as failed:
        _run(tmp_path / "out", counting)
    assert failed.value.reason is reason
    assert said in failed.value.message
    assert requests[0] <= len(seen) <= requests[1]


def test_nobody_there_fails_soon(tmp_path: Path) -> None:
    """Not after twenty samples with all their attempts: then all of them would have failed."""
    with pytest.raises(RunFailed) as failed:
        asyncio.run(evaluate(_spec("http://127.0.0.1:9/v1", _data(tmp_path / "data")), _context(tmp_path / "out")))
    assert failed.value.reason is Reason.TARGET_UNREACHABLE


def test_an_endpoint_may_come_up_late(tmp_path: Path) -> None:
    """A model that is still loading costs no sample one of its attempts."""
    asked: list[int] = []

    def loading(body: dict[str, Any], number: int) -> Says:
        asked.append(number)
        return Says(503) if len(asked) <= 8 else says("1")

    result, _ = _run(tmp_path / "out", loading, target_grace=60.0, generation={"retries": 1})
    assert sum(sum(subset.errored.values()) for subset in result.datasets[0].subsets) == 0
    assert len(asked) == 8 + sum(subset.requested for subset in result.datasets[0].subsets)


def test_ignore_errors_false_ends_with_the_first(tmp_path: Path) -> None:
    """For those who would rather have no score than one over fewer samples."""
    with pytest.raises(RunFailed, match="HTTP 400"):
        _run(tmp_path / "out", lambda body, _: Says(400) if _asked(body) == 9 else says("1"), ignore_errors=False)


def test_shards_add_up_to_one_run(tmp_path: Path) -> None:
    """Three shards ask every question once between them, and their merged report is the single run's."""

    async def run() -> None:
        async with scripted_endpoint.running(_even_ones_right) as endpoint:
            data = _data(tmp_path / "data")
            spec = _spec(endpoint.url, data, collect_perf=False, args={"shuffle": True})
            whole = await evaluate(spec, _context(tmp_path / "whole"))
            parts = [await evaluate(spec, _context(tmp_path / f"{n}", shard=n, shards=3)) for n in range(3)]
            merged = merge_results(parts)
            assert isinstance(merged, EvalResult)
            assert report.reports(merged) == report.reports(whole)
            assert len(endpoint.bodies) == 40

    asyncio.run(run())


def test_one_pool_serves_all_datasets_at_once(tmp_path: Path) -> None:
    """Never more than the batch size in flight, and the second dataset begins while the first one ends."""
    rows = [{"question": f"q{at}", "A": "x", "B": "y", "answer": "A"} for at in range(6)]
    (tmp_path / "mcq.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    came_s: list[float] = []

    def script(body: dict[str, Any], number: int) -> Says:
        came_s.append(time.monotonic())
        return says("答案：A", wait_s=2.0 if number == 19 else 0.01)

    async def run() -> None:
        async with scripted_endpoint.running(script) as endpoint:
            spec = _spec(endpoint.url, datasets=["gsm8k", "general_mcq"], eval_batch_size=3)
            paths = {"gsm8k": str(_data(tmp_path / "data")), "general_mcq": str(tmp_path / "mcq.jsonl")}
            args = {name: {"local_path": path} for name, path in paths.items()}
            spec = EvalRunSpec.model_validate(spec.model_dump() | {"dataset_args": args}, by_name=True)
            result = await evaluate(spec, _context(tmp_path / "out"))
            assert came_s[20] - came_s[19] < 2.0  # the slow answer to request 19 is still awaited
            assert endpoint.most_at_once == 3
            assert report.reports(result)["general_mcq"]["score"] == 1.0

    asyncio.run(run())


def test_repeats_are_asked_and_counted_together(tmp_path: Path) -> None:
    """Each question twice, each time with a seed of its own; pass@2 counts the 20 questions."""

    def script(body: dict[str, Any], number: int) -> Says:
        return says(str(_asked(body)) if body["seed"] == 8 else "-1")

    options: dict[str, Any] = {"repeats": 2, "generation": {"seed": 7}, "args": {"aggregation": "mean_and_pass_at_k"}}
    result, endpoint = _run(tmp_path / "out", script, **options)
    metrics = {
        metric["name"]: (metric["score"], metric["num"]) for metric in report.reports(result)["gsm8k"]["metrics"]
    }
    assert metrics == {"mean_acc": (0.5, 40), "pass@1": (0.5, 20), "pass@2": (1.0, 20)}
    assert len(endpoint.bodies) == 40


def test_judges_and_analysis(tmp_path: Path) -> None:
    """llm_recall asks the judge where the rule says wrong; a verdict that cannot be read errors the sample."""
    asked: Counter[str] = Counter()

    def script(body: dict[str, Any], number: int) -> Says:
        asked[body["model"]] += 1
        content = body["messages"][-1]["content"]
        if body["model"] == "org/m":
            return _even_ones_right(body, number)
        if "as JSON" in content:
            return says("Fine.")
        return says("hm" if "number 3?" in content else "[[A]]")

    async def run() -> EvalResult:
        async with scripted_endpoint.running(script) as endpoint:
            judge = {"strategy": "llm_recall", "models": [{"model": "judge", "api_url": endpoint.url}]}
            spec = _spec(endpoint.url, _data(tmp_path / "data"), judge=judge, analysis_report=True)
            return await evaluate(spec, _context(tmp_path / "out"))

    made = report.reports(asyncio.run(run()))["gsm8k"]
    assert (made["score"], made["scored"], made["errors"], made["analysis"]) == (1.0, 19, {"judge": 1}, "Fine.")
    assert asked == {"org/m": 20, "judge": 9 + 1}


def _guarded(folder: Path, names: Names) -> RunContext:
    """A run under the installer's rules; every host has the addresses that `names` says."""
    return replace(_context(folder), gate=Gate(TargetRules(denied=("127.0.0.2",)), names))


@pytest.mark.parametrize("forbidden", ["model.test", "judge.test"])
def test_a_forbidden_address_ends_a_run_before_anything_is_asked(tmp_path: Path, forbidden: str) -> None:
    """The endpoint's or a judge's; the message names host and address."""

    async def names(host: str, _port: int) -> list[str]:
        return ["127.0.0.2" if host == forbidden else "127.0.0.1"]

    async def run() -> tuple[RunFailed, ScriptedEndpoint]:
        async with scripted_endpoint.running(_even_ones_right) as endpoint:
            model, judge = (endpoint.url.replace("127.0.0.1", host) for host in ("model.test", "judge.test"))
            models = {"strategy": "llm", "models": [{"model": "judge", "api_url": judge}]}
            spec = _spec(model, _data(tmp_path / "data"), judge=models)
            context = replace(_context(tmp_path / "out"), gate=Gate(TargetRules(denied=("127.0.0.2",)), names))
            with pytest.raises(RunFailed) as failed:
                await evaluate(spec, context)
            return failed.value, endpoint

    failure, endpoint = asyncio.run(run())
    assert failure.reason is Reason.TARGET_FORBIDDEN
    assert f"{forbidden} (127.0.0.2)" in failure.message
    assert endpoint.bodies == []


def test_a_name_that_has_no_address_at_first_and_a_forbidden_one_then(tmp_path: Path) -> None:
    """The check before the run finds nothing; the first connection does, and ends the run."""
    names = Names([], ["127.0.0.2"])
    spec = _spec("http://model.test/v1", _data(tmp_path / "data"))
    with pytest.raises(RunFailed, match=r"http://model\.test/v1: model\.test \(127\.0\.0\.2\)") as failed:
        asyncio.run(evaluate(spec, _guarded(tmp_path / "out", names)))
    assert failed.value.reason is Reason.TARGET_FORBIDDEN


@pytest.mark.parametrize("ignore_errors", [True, False])
def test_an_address_that_becomes_forbidden_in_the_middle(tmp_path: Path, ignore_errors: bool) -> None:
    """What was answered stays; the rest is errored with a class of its own, or the first of it ends the run."""

    def script(body: dict[str, Any], number: int) -> Says:
        answer = _even_ones_right(body, number)
        answer.headers["connection"] = "close"
        return answer

    async def run() -> tuple[EvalResult, ScriptedEndpoint]:
        async with scripted_endpoint.running(script) as endpoint:
            names = Names(*[["127.0.0.1"]] * 6, ["127.0.0.2"])  # one look-up is the check before the run
            url = endpoint.url.replace("127.0.0.1", "model.test")
            more = {"eval_batch_size": 1, "ignore_errors": ignore_errors}
            spec = _spec(url, _data(tmp_path / "data"), **more)
            return await evaluate(spec, _guarded(tmp_path / "out", names)), endpoint

    if not ignore_errors:
        with pytest.raises(RunFailed) as failed:
            asyncio.run(run())
        assert failed.value.reason is Reason.TARGET_FORBIDDEN
        return
    result, endpoint = asyncio.run(run())
    made = report.reports(result)["gsm8k"]
    assert (made["scored"], made["errors"], len(endpoint.bodies)) == (5, {"forbidden_target": 15}, 5)


@pytest.mark.parametrize("name", sorted(BENCHMARKS))
def test_the_shipped_samples_of_every_benchmark_run(tmp_path: Path, name: str) -> None:
    """With no data and no network: dataset_hub sample, every sample answered and scored."""

    async def run() -> EvalResult:
        async with scripted_endpoint.running(scripted_endpoint.answering("答案：A")) as endpoint:
            spec = _spec(endpoint.url, datasets=[name], dataset_hub="sample")
            return await evaluate(spec, _context(tmp_path / "out"))

    made = report.reports(asyncio.run(run()))[name]
    assert made["scored"] == made["requested"] > 0
    assert 0 <= made["score"] < 1


def test_progress_counts_to_the_end(tmp_path: Path) -> None:
    """Also for a data set whose size nobody declared."""
    _run(tmp_path / "out", _even_ones_right)
    shown = json.loads((tmp_path / "out/progress.json").read_bytes())
    assert (shown["total_count"], shown["processed_count"], shown["status"]) == (20, 20, "completed")
