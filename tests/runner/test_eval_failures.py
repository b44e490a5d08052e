"""Evaluations that cannot come to anything, or lose samples: their reasons, in the server's words."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalkube_crds.names import ErrorClass, Reason
from evalkube_crds.results import EvalResult
from evalkube_crds.seed import evaluation as report
from evalkube_crds.targets import TargetRules
from evalkube_runner.context import RunContext
from evalkube_runner.errors import RunFailed
from evalkube_runner.eval.run import evaluate
from evalkube_runner.gate import Gate
from fakes import scripted_endpoint
from fakes.evaluations import (
    context_in,
    evaluated,
    even_ones_right,
    gsm8k_in,
    lines_of,
    number_of,
    spec_of,
)
from fakes.names import Names
from fakes.scripted_endpoint import Says, Script, ScriptedEndpoint, says


def test_errored_samples_are_told_and_in_no_score(tmp_path: Path) -> None:
    """A refused question (400) and one that always fails (500) leave 18 of 20; both are tried again by the next run."""

    def script(body: dict[str, Any], number: int) -> Says:
        status = {3: 400, 4: 500}.get(number_of(body))
        return Says(status, b'{"error": "too long"}') if status else says(str(number_of(body)))

    result, endpoint = evaluated(tmp_path / "out", script)
    made = report.reports(result)["gsm8k"]
    assert (made["score"], made["scored"], made["errored"]) == (1.0, 18, 2)
    assert made["errors"] == {ErrorClass.STATUS_4XX: 1, ErrorClass.STATUS_5XX: 1}
    assert len(endpoint.bodies) == 18 + 1 + 2
    errors = lines_of(tmp_path / "out/errors/m/gsm8k_main.jsonl")
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
        evaluated(tmp_path / "out", counting)
    assert failed.value.reason is reason
    assert said in failed.value.message
    assert requests[0] <= len(seen) <= requests[1]


def test_nobody_there_fails_soon(tmp_path: Path) -> None:
    """Not after twenty samples with all their attempts: then all of them would have failed."""
    with pytest.raises(RunFailed) as failed:
        asyncio.run(
            evaluate(spec_of("http://127.0.0.1:9/v1", gsm8k_in(tmp_path / "data")), context_in(tmp_path / "out"))
        )
    assert failed.value.reason is Reason.TARGET_UNREACHABLE


def test_an_endpoint_may_come_up_late(tmp_path: Path) -> None:
    """A model that is still loading costs no sample one of its attempts."""
    asked: list[int] = []

    def loading(body: dict[str, Any], number: int) -> Says:
        asked.append(number)
        return Says(503) if len(asked) <= 8 else says("1")

    result, _ = evaluated(tmp_path / "out", loading, target_grace=60.0, generation={"retries": 1})
    assert sum(sum(subset.errored.values()) for subset in result.datasets[0].subsets) == 0
    assert len(asked) == 8 + sum(subset.requested for subset in result.datasets[0].subsets)


def test_ignore_errors_false_ends_with_the_first(tmp_path: Path) -> None:
    """For those who would rather have no score than one over fewer samples."""
    with pytest.raises(RunFailed, match="HTTP 400"):
        evaluated(
            tmp_path / "out", lambda body, _: Says(400) if number_of(body) == 9 else says("1"), ignore_errors=False
        )


def _guarded(folder: Path, names: Names) -> RunContext:
    """A run under the installer's rules; every host has the addresses that `names` says."""
    return replace(context_in(folder), gate=Gate(TargetRules(denied=("127.0.0.2",)), names))


@pytest.mark.parametrize("forbidden", ["model.test", "judge.test"])
def test_a_forbidden_address_ends_a_run_before_anything_is_asked(tmp_path: Path, forbidden: str) -> None:
    """The endpoint's or a judge's; the message names host and address."""

    async def names(host: str, _port: int) -> list[str]:
        return ["127.0.0.2" if host == forbidden else "127.0.0.1"]

    async def run() -> tuple[RunFailed, ScriptedEndpoint]:
        async with scripted_endpoint.running(even_ones_right) as endpoint:
            model, judge = (endpoint.url.replace("127.0.0.1", host) for host in ("model.test", "judge.test"))
            models = {"strategy": "llm", "models": [{"model": "judge", "api_url": judge}]}
            spec = spec_of(model, gsm8k_in(tmp_path / "data"), judge=models)
            context = replace(context_in(tmp_path / "out"), gate=Gate(TargetRules(denied=("127.0.0.2",)), names))
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
    spec = spec_of("http://model.test/v1", gsm8k_in(tmp_path / "data"))
    with pytest.raises(RunFailed, match=r"http://model\.test/v1: model\.test \(127\.0\.0\.2\)") as failed:
        asyncio.run(evaluate(spec, _guarded(tmp_path / "out", names)))
    assert failed.value.reason is Reason.TARGET_FORBIDDEN


@pytest.mark.parametrize("ignore_errors", [True, False])
def test_an_address_that_becomes_forbidden_in_the_middle(tmp_path: Path, ignore_errors: bool) -> None:
    """What was answered stays; the rest is errored with a class of its own, or the first of it ends the run."""

    def script(body: dict[str, Any], number: int) -> Says:
        answer = even_ones_right(body, number)
        answer.headers["connection"] = "close"
        return answer

    async def run() -> tuple[EvalResult, ScriptedEndpoint]:
        async with scripted_endpoint.running(script) as endpoint:
            names = Names(*[["127.0.0.1"]] * 6, ["127.0.0.2"])  # one look-up is the check before the run
            url = endpoint.url.replace("127.0.0.1", "model.test")
            more = {"eval_batch_size": 1, "ignore_errors": ignore_errors}
            spec = spec_of(url, gsm8k_in(tmp_path / "data"), **more)
            return await evaluate(spec, _guarded(tmp_path / "out", names)), endpoint

    if not ignore_errors:
        with pytest.raises(RunFailed) as failed:
            asyncio.run(run())
        assert failed.value.reason is Reason.TARGET_FORBIDDEN
        return
    result, endpoint = asyncio.run(run())
    made = report.reports(result)["gsm8k"]
    assert (made["scored"], made["errors"], len(endpoint.bodies)) == (5, {"forbidden_target": 15}, 5)
