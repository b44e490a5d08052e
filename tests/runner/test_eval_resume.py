"""Evaluations that are stopped, killed, damaged or continued: nothing finished is asked again."""

import asyncio
import contextlib
import json
import math
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.results import EvalResult
from evalkube_crds.seed import evaluation as report
from evalkube_runner.context import RunContext
from evalkube_runner.deliver import FileDelivery
from evalkube_runner.eval.run import evaluate
from fakes import scripted_endpoint
from fakes.evaluations import (
    KEY,
    PREDICTIONS,
    REVIEWS,
    context_in,
    even_ones_right,
    gsm8k_in,
    lines_of,
    number_of,
    spec_of,
)
from fakes.readable import ANYTHING
from fakes.scripted_endpoint import Says, ScriptedEndpoint, says
from fakes.waiting import until


@pytest.mark.parametrize("cut", [0, 10], ids=["whole", "torn last line"])
def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path, cut: int) -> None:
    """Stopped half way and posted again with another batch size: what is on the disk is not asked again."""
    first: list[int] = []

    def stopping(body: dict[str, Any], number: int) -> Says:
        first.append(number_of(body))
        return even_ones_right(body, number) if number < 10 else Says(wait_s=30)

    async def stopped(endpoint: ScriptedEndpoint, spec: EvalRunSpec) -> None:
        work = asyncio.create_task(evaluate(spec, context_in(tmp_path / "out")))
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
            again.append(number_of(body))
            return even_ones_right(body, number)

        async with scripted_endpoint.running(script) as endpoint:
            data = gsm8k_in(tmp_path / "data")
            await stopped(endpoint, spec_of(endpoint.url, data))
            slow = False
            file = tmp_path / "out" / PREDICTIONS
            if cut:
                file.write_bytes(file.read_bytes()[:-cut])
            result = await evaluate(spec_of(endpoint.url, data, eval_batch_size=7), context_in(tmp_path / "out"))
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
        """See `Delivery.append`."""
        del path, data, durable
        await asyncio.Event().wait()


def test_a_stopped_run_does_not_wait_for_what_is_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It ends by itself, well before it is killed: what it could not leave is asked for again."""

    async def stopped() -> None:
        async with scripted_endpoint.running(even_ones_right) as endpoint:
            delivery = _Away(tmp_path / "out", tmp_path / "control", pipeline="eval")
            context = RunContext("r", delivery, tmp_path, tmp_path, api_key=KEY, readable=ANYTHING)
            work = asyncio.create_task(evaluate(spec_of(endpoint.url, gsm8k_in(tmp_path / "data")), context))
            await endpoint.requests(8)  # the first four have been answered
            work.cancel()
            with pytest.raises(asyncio.CancelledError):
                async with asyncio.timeout(20):
                    await work

    asyncio.run(stopped())
    assert "the last answers were not kept" in caplog.text


def _damage(out: Path) -> None:
    predictions, reviews = lines_of(out / PREDICTIONS), lines_of(out / REVIEWS)
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
        async with scripted_endpoint.running(even_ones_right) as endpoint:
            spec = spec_of(endpoint.url, gsm8k_in(tmp_path / "data"))
            whole = await evaluate(spec, context_in(tmp_path / "out"))
            _damage(tmp_path / "out")
            asked = len(endpoint.bodies)
            again = await evaluate(spec, context_in(tmp_path / "out"))
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


@pytest.mark.parametrize("batch_size", [4, 9, "auto"])
def test_a_killed_runner_loses_no_finished_sample(tmp_path: Path, batch_size: int | str) -> None:
    """SIGKILL in the middle of the real process' work; the next one, which asks more at once, asks only what was not on
    the disk.
    """

    async def run() -> None:
        def script(body: dict[str, Any], number: int) -> Says:
            return says(f"{number_of(body)}", wait_s=0.02)

        async with scripted_endpoint.running(script) as endpoint:
            spec = spec_of(endpoint.url, gsm8k_in(tmp_path / "data", 200))
            predictions = tmp_path / "artifacts" / PREDICTIONS
            killed = await asyncio.to_thread(_start, tmp_path, spec)
            await asyncio.to_thread(until, lambda: predictions.exists() and len(_lines_if_whole(predictions)) >= 40)
            killed.send_signal(signal.SIGKILL)
            await asyncio.to_thread(killed.wait)
            await endpoint.hung_up()
            kept = len(_lines_if_whole(predictions))
            before = len(endpoint.bodies)
            again = spec.model_copy(update={"eval_batch_size": batch_size})
            ended = await asyncio.to_thread(_start, tmp_path, again)
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
        async with scripted_endpoint.running(even_ones_right) as endpoint:
            data = gsm8k_in(tmp_path / "data")
            await evaluate(spec_of(endpoint.url, data, limit=12), context_in(tmp_path / "one"))
            asked.append(len(endpoint.bodies))
            for earlier in (tmp_path / "one", tmp_path / "nowhere"):
                spec = spec_of(endpoint.url, data, use_cache="one")
                result = await evaluate(spec, context_in(tmp_path / "two", earlier=earlier))
                asked.append(len(endpoint.bodies))
                assert report.reports(result)["gsm8k"]["scored"] == 20
        return asked

    assert asyncio.run(run()) == [12, 20, 20]


def test_another_endpoint_is_asked_again_unless_it_may_be_any(tmp_path: Path) -> None:
    """The model has moved: its answers and scores count where `any_endpoint` says so, also for the run after that."""

    async def run() -> list[tuple[int, int]]:
        found = []
        async with (
            scripted_endpoint.running(even_ones_right) as old,
            scripted_endpoint.running(even_ones_right) as new,
            scripted_endpoint.running(even_ones_right) as last,
        ):
            data = gsm8k_in(tmp_path / "data")
            await evaluate(spec_of(old.url, data, limit=12), context_in(tmp_path / "out"))
            for endpoint, any_endpoint in ((new, True), (last, True), (last, False)):
                spec = spec_of(endpoint.url, data, any_endpoint=any_endpoint)
                result = await evaluate(spec, context_in(tmp_path / "out"))
                found.append((len(endpoint.bodies), report.reports(result)["gsm8k"]["reused"]))
                assert report.reports(result)["gsm8k"]["score"] == 0.55
        return found

    assert asyncio.run(run()) == [(8, 12), (0, 20), (20, 0)]
    assert len(lines_of(tmp_path / "out" / REVIEWS)) == 40  # scored once for the first two, and once for the last


def test_another_number_of_shards_asks_nothing_again(tmp_path: Path) -> None:
    """Half is answered by one process; three that have its lines ask the other half, and two of those nothing."""

    async def run() -> list[int]:
        asked = []
        async with scripted_endpoint.running(even_ones_right) as endpoint:
            data = gsm8k_in(tmp_path / "data")
            for limit, shards in ((10, 1), (20, 3), (20, 2)):
                spec = spec_of(endpoint.url, data, limit=limit)
                for shard in range(shards):
                    await evaluate(spec, context_in(tmp_path / "out", shard=shard, shards=shards))
                asked.append(len(endpoint.bodies))
        return asked

    assert asyncio.run(run()) == [10, 20, 20]


def test_rerun_review_scores_again_and_asks_nothing(tmp_path: Path) -> None:
    """A review that was kept (here: spoilt) is made anew from the kept answer."""

    async def run() -> None:
        async with scripted_endpoint.running(even_ones_right) as endpoint:
            data = gsm8k_in(tmp_path / "data")
            await evaluate(spec_of(endpoint.url, data), context_in(tmp_path / "out"))
            reviews = tmp_path / "out" / REVIEWS
            reviews.write_bytes(reviews.read_bytes().replace(b'"acc":1.0', b'"acc":0.0'))
            spoilt = await evaluate(spec_of(endpoint.url, data), context_in(tmp_path / "out"))
            mended = await evaluate(spec_of(endpoint.url, data, rerun_review=True), context_in(tmp_path / "out"))
            assert [report.reports(one)["gsm8k"]["score"] for one in (spoilt, mended)] == [0.0, 0.55]
            assert len(endpoint.bodies) == 20

    asyncio.run(run())
