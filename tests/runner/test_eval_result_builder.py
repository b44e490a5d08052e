"""How samples add up, alone and over shards."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.merge import merge_results
from evalkube_crds.names import ErrorClass, SampleState
from evalkube_crds.results import EvalResult
from evalkube_crds.seed import evaluation as report
from evalkube_runner.eval import plan
from evalkube_runner.eval.answer import Answer, Tokens
from evalkube_runner.eval.result_builder import ResultBuilder
from evalkube_runner.eval.scoring import Scored


def _plan(name: str = "iquiz", args: dict[str, Any] | None = None, **spec: Any) -> plan.DatasetPlan:
    body = {"model": "m", "api_url": "http://h/v1", "datasets": [name], "dataset_args": {name: args or {}}, **spec}
    return plan.plan_of(EvalRunSpec.model_validate(body, by_name=True), name)


def _builder(made: plan.DatasetPlan) -> ResultBuilder:
    return ResultBuilder(made, "sample", None, collect_perf=True)


def _scored(right: bool, answer: str = "A") -> Scored:
    return Scored({"acc": float(right)}, answer)


def test_errored_samples_are_in_no_score() -> None:
    """One right, one errored: the score is 1 of 1, and the error is told with its class."""
    builder = _builder(_plan())
    builder.request("IQ", 2)
    builder.scored("IQ", 0, 0, _scored(True))
    builder.errored("IQ", 1, ErrorClass.STATUS_5XX)
    made = report.dataset_report("m", builder.result)
    assert (made["score"], made["metrics"][0]["num"]) == (1.0, 1)
    assert (made["requested"], made["scored"], made["errored"], made["errors"]) == (2, 1, 1, {"status_5xx": 1})


@pytest.mark.parametrize(
    ("scored", "state"),
    [
        (Scored({"acc": 1.0}, "A"), SampleState.RIGHT),
        (Scored({"acc": 0.25}, "A"), SampleState.PARTIAL),
        (Scored({"acc": 0.0}, "B"), SampleState.WRONG),
        (Scored({"acc": 0.0}, None), SampleState.NO_ANSWER),
        (Scored({"acc": 0.0}, None, metadata={"judgements": []}), SampleState.WRONG),
        (Scored({}, "A"), SampleState.ERRORED),
    ],
    ids=["right", "partial", "wrong", "no answer found", "read by a judge", "nothing could be told"],
)
def test_each_sample_is_counted_by_what_became_of_it(scored: Scored, state: SampleState) -> None:
    """Beside one that errored, of which there is no score."""
    builder = _builder(_plan())
    builder.scored("IQ", 0, 0, scored)
    builder.errored("IQ", 1, ErrorClass.STATUS_5XX)
    counts = {state: 1, SampleState.ERRORED: 2 if state is SampleState.ERRORED else 1}
    assert builder.result.subsets[0].by_state == counts
    assert report.dataset_report("m", builder.result)["states"] == counts


def test_pass_at_k_counts_items() -> None:
    """Two items asked four times, right twice and never: the means of 1/2, 5/6, 1 and of 0, 0, 0."""
    builder = _builder(_plan(args={"aggregation": "mean_and_pass_at_k"}, repeats=4))
    for repeat, right in enumerate([True, False, True, False]):
        builder.scored("IQ", 0, repeat, _scored(right))
        builder.scored("IQ", 1, repeat, _scored(False))
    sums = builder.result.subsets[0].metrics
    means = {name: round(one.mean or 0, 9) for name, one in sums.items()}
    assert means == {"mean_acc": 0.25, "pass@1": 0.25, "pass@2": round(5 / 12, 9), "pass@4": 0.5}
    assert [one.count for one in sums.values()] == [8, 2, 2, 2]


def test_an_errored_repeat_is_as_if_never_asked() -> None:
    """Of three repeats two have a score: pass^2 is of these two, pass^3 counts no item."""
    builder = _builder(_plan(args={"aggregation": "mean_and_pass_hat_k"}, repeats=3))
    builder.scored("IQ", 0, 0, _scored(True))
    builder.errored("IQ", 0, ErrorClass.TOTAL_TIMEOUT)
    builder.scored("IQ", 0, 2, _scored(True))
    sums = builder.result.subsets[0].metrics
    assert (sums["pass^2"].mean, sums["pass^2"].count, sums["pass^3"].count) == (1.0, 1, 0)


def test_votes_are_taken_in_the_order_of_repeats() -> None:
    """However late the first repeat's answer comes."""
    builder = _builder(_plan(args={"aggregation": "mean_and_vote_at_k"}, repeats=2))
    builder.scored("IQ", 0, 1, _scored(False, "B"))
    builder.scored("IQ", 0, 0, _scored(True, "A"))
    assert builder.result.subsets[0].metrics["vote@2"].mean == 1.0


SAMPLES = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 10**10), st.integers(0, 500)), max_size=40)


@given(SAMPLES, st.integers(1, 5))
def test_shards_add_up_to_one_run(samples: list[tuple[bool, bool, int, int]], shards: int) -> None:
    """Whatever is measured, N shards merged report what one run reports, digit for digit."""

    def counted(shard: int, of: int) -> EvalResult:
        builder = _builder(_plan())
        for index, (right, errored, latency_ns, tokens) in enumerate(samples):
            if index % of != shard:
                continue
            builder.request("EQ", 1)
            answer = Answer("A", finish_reason="length", tokens=Tokens(3, tokens), latency_ns=latency_ns)
            builder.answered("EQ", answer, reused=False)
            if errored:
                builder.errored("EQ", index, ErrorClass.SCORER)
            else:
                builder.scored("EQ", index, 0, _scored(right))
        return EvalResult(run_id="r", model="m", shards=[shard], of_shards=of, datasets=[builder.result])

    merged = merge_results([counted(shard, shards) for shard in range(shards)])
    assert report.reports(merged) == report.reports(counted(0, 1))


def test_the_answers_to_a_question_are_counted_together() -> None:
    """Two questions asked twice, one answer without a score: intervals see one question of two answers, one of one."""
    builder = _builder(_plan(repeats=2))
    builder.scored("IQ", 0, 1, _scored(False))
    builder.scored("IQ", 1, 0, _scored(True))
    builder.scored("IQ", 0, 0, _scored(True))
    builder.errored("IQ", 1, ErrorClass.SCORER)
    assert builder.result.subsets[0].metrics["mean_acc"].questions == {(2, 1000): 1, (1, 1000): 1}


def test_the_questions_of_a_group_are_counted_together() -> None:
    """Three on one text, of which one is never asked, beside one that stands alone."""
    builder = _builder(_plan())
    for index in range(3):
        builder.group("IQ", index, "a text")
    for index, right in ((1, True), (0, False), (3, True)):
        builder.scored("IQ", index, 0, _scored(right))
    questions = builder.result.subsets[0].metrics["mean_acc"].questions
    assert questions == {(1, 1000): 1}
    builder.close()
    assert questions == {(1, 1000): 1, (2, 1000): 1}
