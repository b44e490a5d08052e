"""Two runs compared by their reviews."""

from typing import Any

import orjson
import pytest

from evalkube_benchmarks.benchmark import Question
from evalkube_benchmarks.statistics import comparison, reviews
from evalkube_benchmarks.statistics.comparison import Incomparable, Side


def _line(number: int, value: float, *, place: int | None = None, repeat: int = 0, **more: Any) -> bytes:
    """The review of question `number`, which stands at `place` in its run."""
    place = number if place is None else place
    question = Question(text=f"What is {number}?", targets=(str(number),))
    score = {
        "value": {"acc": value},
        "extracted_prediction": str(number if value else -1),
        "metadata": {},
        "main_score_name": "acc",
    }
    record = {
        "index": place,
        "target": str(number),
        "question": reviews.question_of(question),
        "messages": [{"role": "user", "content": question.text}, {"role": "assistant", "content": "."}],
        "sample_score": {"score": score | more, "group_id": place, "generation_index": repeat},
    }
    return orjson.dumps(record) + b"\n"


def _side(name: str, lines: list[bytes], **report: Any) -> Side:
    found = reviews.Reviews("main")
    for at in range(0, len(data := b"".join(lines)), 100):
        found.feed(data[at : at + 100])
    known = {"model_name": name, "metrics": [], "scored": len(lines), "errored": 0, "dataset_revision": "1"}
    return Side(
        name=name,
        spec=report.pop("spec", {}),
        reports={"gsm8k": known | report},
        answers={"gsm8k": found.answers()},
        strange=found.strange,
    )


def _compared(baseline: Side, candidate: Side, **options: Any) -> dict[str, Any]:
    found = comparison.compare(baseline, candidate, **options)["benchmarks"]["gsm8k"]
    assert isinstance(found, dict)
    return found


def test_what_changed_from_right_to_wrong_and_back() -> None:
    """Two lost, one won, seven as before; with both answers and where they stand."""
    before = [_line(number, float(number < 8)) for number in range(10)]
    after = [_line(number, float(2 <= number < 9)) for number in range(10)]
    found = _compared(_side("a", before), _side("b", after))
    assert (found["questions"], found["right_to_wrong"], found["wrong_to_right"]) == (10, 2, 1)
    assert (found["baseline_score"], found["candidate_score"], found["difference"]) == (0.8, 0.7, -0.1)
    assert (found["test"], found["p_value"], found["p_value_holm"]) == ("mcnemar", 1.0, 1.0)
    lost, won, _ = found["changed"]
    assert lost["question"] == "What is 0?"
    assert (lost["baseline"], lost["candidate"]) == (
        {"index": 0, "score": 1.0, "extracted": "0"},
        {"index": 0, "score": 0.0, "extracted": "-1"},
    )
    assert won["question"] == "What is 8?"
    assert found["warnings"] == []


def test_questions_are_paired_by_what_they_ask() -> None:
    """In another order and of another limit: those that both were asked, and a word about the rest."""
    before = [_line(number, 1.0) for number in range(8)]
    after = [_line(number, float(number != 3), place=at) for at, number in enumerate([6, 3, 5])]
    found = _compared(_side("a", before), _side("b", after))
    assert (found["questions"], found["only_baseline"], found["only_candidate"]) == (3, 5, 0)
    assert (found["baseline_score"], found["right_to_wrong"]) == (1.0, 1)
    assert found["changed"][0]["candidate"]["index"] == 1
    assert found["warnings"] == ["3 questions are in both runs, of 8 and 3; the figures are only of these"]


def test_questions_that_read_alike_are_two() -> None:
    """The first of each run with the first of the other."""
    found = _compared(
        _side("a", [_line(1, 1.0, place=0), _line(1, 0.0, place=9)]),
        _side("b", [_line(1, 1.0, place=4), _line(1, 1.0, place=5)]),
    )
    assert (found["questions"], found["right_to_wrong"], found["wrong_to_right"]) == (2, 0, 1)


def test_a_later_line_counts() -> None:
    """A sample that was scored again is one sample."""
    before = _side("a", [_line(1, 0.0), _line(2, 1.0), _line(1, 1.0)], scored=2)
    found = _compared(before, _side("b", [_line(1, 1.0), _line(2, 1.0)]))
    assert (found["questions"], found["difference"], found["warnings"]) == (2, 0.0, [])


def test_repeats_are_compared_by_their_means() -> None:
    """Also where one run has more of them: by question, with a bootstrap."""
    before = [_line(number, float(repeat < number), repeat=repeat) for number in range(4) for repeat in range(4)]
    after = [_line(number, 1.0) for number in range(4)]
    found = _compared(_side("a", before), _side("b", after))
    assert (found["test"], found["baseline_score"], found["candidate_score"]) == ("bootstrap", 0.375, 1.0)
    assert (found["higher"], found["wrong_to_right"]) == (4, 3)
    assert found["interval"][0] < 0.625 < found["interval"][1]


def test_the_list_of_changes_is_capped_and_shows_both_ways() -> None:
    """Three of ten: what became worse and what became better by turns."""
    before = [_line(number, float(number < 8)) for number in range(10)]
    after = [_line(number, float(number >= 8)) for number in range(10)]
    found = _compared(_side("a", before), _side("b", after), most_changed=3)
    assert [one["candidate"]["score"] for one in found["changed"]] == [0.0, 1.0, 0.0]
    assert (found["right_to_wrong"], found["wrong_to_right"]) == (8, 2)


def test_runs_that_are_not_alike_say_so() -> None:
    """Settings, revisions, errored samples, early ends, lines that cannot be read."""
    spec = {"limit": None, "seed": 42, "generation_config": {"temperature": 0.0}, "dataset_args": {}}
    other = {"limit": 2, "seed": 42, "generation_config": {"temperature": 1.0}}
    other |= {"dataset_args": {"gsm8k": {"few_shot_num": 0}}}
    before = _side("a", [_line(1, 1.0), b"{}\n"], spec=spec, scored=1, errored=3)
    after = _side("b", [_line(1, 1.0)], spec=other, dataset_revision="2", precision={"saved_samples": 7}, scored=5)
    made = comparison.compare(before, after)
    assert made["differences"] == [
        {"field": "limit", "baseline": None, "candidate": 2},
        {"field": "generation_config.temperature", "baseline": 0.0, "candidate": 1.0},
        {"field": "dataset_args.gsm8k.few_shot_num", "baseline": None, "candidate": 0},
    ]
    assert made["warnings"] == ["a: 1 lines of its reviews cannot be read"]
    assert made["benchmarks"]["gsm8k"]["warnings"] == [
        "the data have different revisions: 1 and 2",
        "a: 3 samples have no score",
        "b: ended early, 7 samples were not asked",
        "b: its reviews have 1 scores, but its result has 5",
    ]


@pytest.mark.parametrize(
    ("reports", "fields"),
    [
        pytest.param(({}, {}), [], id="nobody was judged"),
        pytest.param(({"judge_summary": {}}, {"judge_summary": {}}), ["judge.strategy"], id="both were"),
        pytest.param(({"judge_summary": {}}, {}), ["judge.strategy"], id="one was"),
    ],
)
def test_another_judge_is_a_difference_where_one_was_asked(
    reports: tuple[dict[str, Any], dict[str, Any]], fields: list[str]
) -> None:
    """A judge of other benchmarks of the run changed nothing of these."""
    sides = [
        _side(name, [_line(1, 1.0)], spec={"judge": {"strategy": strategy}}, **report)
        for name, strategy, report in zip("ab", ("auto", "llm"), reports, strict=True)
    ]
    assert [one["field"] for one in comparison.compare(*sides)["differences"]] == fields


def test_nothing_in_common_is_no_comparison() -> None:
    """Other benchmarks, or other questions."""
    with pytest.raises(Incomparable, match="no benchmark in common: gsm8k and arc"):
        comparison.compare(_side("a", [_line(1, 1.0)]), Side(name="b", spec={}, reports={"arc": {"model_name": "m"}}))
    with pytest.raises(Incomparable, match="no scored question of gsm8k in common"):
        comparison.compare(_side("a", [_line(1, 1.0)]), _side("b", [_line(2, 1.0)]))


def test_a_question_is_the_same_however_its_choices_stand() -> None:
    """And another where they are others."""
    one, other = (reviews.question_of(Question(text="?", targets=("A",), choices=c)) for c in (("x", "y"), ("y", "x")))
    assert one == other
    assert one != reviews.question_of(Question(text="?", targets=("A",), choices=("x", "z")))
