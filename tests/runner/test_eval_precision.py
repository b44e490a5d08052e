"""Evaluations that end once their score is known exactly enough."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from evalkube_crds.names import ErrorClass
from evalkube_crds.seed import evaluation as report
from evalkube_crds.summary import summary
from evalkube_runner.eval.precision import Ending
from evalkube_runner.eval.run import evaluate
from fakes import scripted_endpoint
from fakes.evaluations import PREDICTIONS, context_in, evaluated, gsm8k_in, lines_of, number_of, spec_of
from fakes.scripted_endpoint import Says, ScriptedEndpoint, says

_MANY = 400


def _nine_of_ten(body: dict[str, Any], _number: int) -> Says:
    asked = number_of(body)
    return says(f"The answer is {asked if asked % 10 else asked + 1}.")


def test_a_run_ends_when_its_score_is_known(tmp_path: Path) -> None:
    """Result, answer and summary say what was asked and what that saved; the samples that were not are in no count."""
    result, endpoint = evaluated(tmp_path / "run", _nine_of_ten, precision=0.08, count=_MANY)
    (dataset,) = result.datasets
    found = dataset.precision
    assert found is not None
    assert found.reached
    assert 20 < found.asked_questions < _MANY / 2
    assert found.asked_questions == len(endpoint.bodies)
    assert found.saved_samples == _MANY - found.asked_questions
    assert found.high - found.low <= 2 * 0.08 + 1e-9
    assert found.low <= 0.9 <= found.high
    made = report.dataset_report("m", dataset)
    assert made["requested"] == made["scored"] == found.asked_questions
    assert made["precision"]["saved_samples"] == found.saved_samples
    assert summary(result)["gsm8k/saved_samples"] == found.saved_samples


def test_no_more_is_taken_up_than_may_be_asked_at_once(tmp_path: Path) -> None:
    """Of a number that is found out, too: what waits for its turn when the score is known is not asked."""
    result, endpoint = evaluated(
        tmp_path / "run", _nine_of_ten, precision=0.08, count=_MANY, eval_batch_size="auto", target_grace=0.0
    )
    (found,) = [dataset.precision for dataset in result.datasets]
    assert found is not None
    assert found.reached
    (at_once,) = result.at_once
    needed, _ = evaluated(tmp_path / "one", _nine_of_ten, precision=0.08, count=_MANY, eval_batch_size=1)
    (least,) = [dataset.precision for dataset in needed.datasets]
    assert least is not None
    # In flight, and answered but not scored: each as many as may be asked at once.
    assert len(endpoint.bodies) <= least.asked_questions + 2 * at_once.highest + 2


def test_the_order_is_the_seeds_and_nothing_is_asked_twice(tmp_path: Path) -> None:
    """Stopped half way, the run goes on in the same order from what it has; another seed has another order."""

    async def asked(endpoint: ScriptedEndpoint, folder: str, stop_at: int = 0, **more: Any) -> list[int]:
        spec = spec_of(endpoint.url, gsm8k_in(tmp_path / "data", _MANY), precision=0.08, **more)
        begun = len(endpoint.bodies)
        work = asyncio.create_task(evaluate(spec, context_in(tmp_path / folder)))
        if stop_at:
            await endpoint.requests(stop_at)
            work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        return [number_of(body) for body in endpoint.bodies[begun:]]

    async def all_three() -> tuple[list[int], list[int], list[int]]:
        async with scripted_endpoint.running(_nine_of_ten) as endpoint:
            begun = await asked(endpoint, "run", stop_at=20)
            return begun, await asked(endpoint, "run"), await asked(endpoint, "other", seed=7)

    begun, rest, other = asyncio.run(all_three())
    kept = [line["key"] for line in lines_of(tmp_path / "run" / PREDICTIONS)]
    assert len(kept) == len(set(kept))
    assert len(begun) + len(rest) - len(kept) <= 4  # those in flight when it was stopped
    assert begun[:9] != other[:9]


def test_what_cannot_be_reached_asks_everything(tmp_path: Path) -> None:
    """Twenty questions are too few for a point: all are asked, and then the score is known exactly."""
    result, endpoint = evaluated(tmp_path / "run", _nine_of_ten, precision=0.01)
    (dataset,) = result.datasets
    assert dataset.precision is not None
    assert (dataset.precision.reached, dataset.precision.saved_samples, len(endpoint.bodies)) == (False, 0, 20)
    assert dataset.precision.low == pytest.approx(dataset.precision.high) == pytest.approx(0.9)


def test_only_the_finished_beginning_counts() -> None:
    """Places 1 to 299 are right and finished, place 0 is slow: nothing is known until it is there."""
    ending = Ending(questions=1000, repeats=1, half_width=0.1)
    for place in range(1, 300):
        ending.finished(place, 1.0)
    assert ending.result.asked_questions == 0
    assert not ending.reached
    ending.finished(0, 0.0)
    assert ending.result.asked_questions == 300
    assert ending.reached


def test_a_question_counts_with_all_its_repeats() -> None:
    """In whichever order they finish; one without a score might have had any."""
    ending = Ending(questions=10, repeats=2, half_width=0.1)
    for place, score in ((1, 1.0), (0, 0.0), (0, 1.0), (1, None)):
        ending.finished(place, score)
    found = ending.result
    assert (found.asked_questions, found.saved_samples) == (2, 16)
    assert found.low == pytest.approx(0.1)  # 1 of 10, if all others are wrong: 0.5 and at least 0.5 are known


def test_samples_that_fail_keep_the_score_from_being_known(tmp_path: Path) -> None:
    """A third of all has no score: the run asks them all, and does not claim more than it knows."""

    def failing(body: dict[str, Any], number: int) -> Says:
        return Says(status=400, body=b"no") if number_of(body) % 3 == 0 else _nine_of_ten(body, number)

    result, endpoint = evaluated(tmp_path / "run", failing, precision=0.1, count=60)
    (dataset,) = result.datasets
    assert dataset.subsets[0].errored[ErrorClass.STATUS_4XX] == 20
    assert dataset.precision is not None
    assert not dataset.precision.reached
    assert len(endpoint.bodies) == 60


def test_pooled_parts_do_not_weigh_alike() -> None:
    """Then no interval of questions is one of the score: all are asked, and the result says why."""
    ending = Ending(questions=1000, repeats=1, half_width=0.25)
    ending.give_up("f1 pools the parts of answers")
    for place in range(500):
        ending.finished(place, 1.0)
    assert not ending.reached
    assert ending.result.note == "f1 pools the parts of answers"


def test_one_order_is_one_shard() -> None:
    """Refused where the contract is read, with the field."""
    with pytest.raises(ValidationError, match="shards: with precision one process must ask all questions"):
        spec_of("http://h/v1", precision=0.01, shards=2)
