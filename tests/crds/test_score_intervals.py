"""Intervals of scores: published values, what bounds them, and how often they hold."""

import random
from collections.abc import Callable, Iterable
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds.intervals import Interval
from evalkube_crds.results import ScoreSum
from evalkube_crds.score_intervals import Bootstrap, combined, macro, of_sum, wilson

_NORMAL = NormalDist()


def _sum(questions: Iterable[Iterable[float]]) -> ScoreSum:
    """What these answers to these questions come to."""
    made = ScoreSum()
    for scores in questions:
        scores = list(scores)
        for score in scores:
            made.add(score)
        made.add_question((score, 1) for score in scores)
    return made


@pytest.mark.parametrize(
    ("mean", "count", "low", "high"),
    [
        # Newcombe, "Two-sided confidence intervals for the single proportion", Stat. Med. 17 (1998), table I, method 3.
        pytest.param(81 / 263, 263, 0.2553, 0.3662, id="81 of 263"),
        pytest.param(15 / 148, 148, 0.0624, 0.1605, id="15 of 148"),
        pytest.param(0 / 20, 20, 0.0, 0.1611, id="0 of 20"),
        pytest.param(1 / 29, 29, 0.0061, 0.1718, id="1 of 29"),
        pytest.param(1.0, 1, 0.2065, 1.0, id="one of one"),
    ],
)
def test_wilson(mean: float, count: int, low: float, high: float) -> None:
    """Values of the published tables."""
    assert wilson(mean, count) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 100_000), st.floats(0, 1))
def test_wilsons_interval_holds_the_mean(count: int, mean: float) -> None:
    """It lies within 0 and 1 and around the mean."""
    low, high = wilson(mean, count)
    assert 0 <= low <= mean <= high <= 1


def test_one_verdict_to_a_question_is_wilsons() -> None:
    """81 of 263 questions right."""
    assert of_sum(_sum([[1.0]] * 81 + [[0.0]] * 182)) == wilson(81 / 263, 263)


def test_repeats_do_not_narrow_the_interval() -> None:
    """Ten questions, each always right or always wrong, asked 4 and 64 times: ten questions still."""
    few, many = (of_sum(_sum([[1.0] * times] * 5 + [[0.0] * times] * 5)) for times in (4, 64))
    assert few == pytest.approx(many)
    assert few is not None
    assert few.high - few.low > 0.9 * (wilson(0.5, 10).high - wilson(0.5, 10).low)


def test_questions_that_are_all_alike_show_no_spread() -> None:
    """Then Wilson's for the questions, not for the answers."""
    assert of_sum(_sum([[1.0] * 16] * 30)) == wilson(1.0, 30)


def test_repeats_tell_no_more_than_other_questions_would() -> None:
    """A single wrong answer of 480: at least Wilson's for 480."""
    found = of_sum(_sum([[1.0] * 16] * 29 + [[1.0] * 15 + [0.0]]))
    least = wilson(479 / 480, 480)
    assert found is not None
    assert found.low <= least.low
    assert found.high >= least.high


@pytest.mark.parametrize(
    ("questions", "counted"),
    [
        # The bootstrap of each is beyond 0 or 1 at both ends, or wider than Wilson's for so many single verdicts.
        pytest.param([[1.0] * 4] * 3 + [[0.0] * 4] * 3, 6, id="three of six, four times each"),
        pytest.param([[1.0] * 4] * 3 + [[1.0, 1.0, 0.0, 0.0]] + [[0.0] * 4] * 2, 6, id="one of six undecided"),
        pytest.param([[1.0] * 4] * 3 + [[0.0] * 4] * 2 + [[0.0] * 3], 23 / 4, id="an answer without a score"),
        pytest.param([[1.0] * 4, [0.0] * 4], 2, id="two questions"),
        pytest.param([[1.0], [1.0], [0.0], [0.0], [0.25]], 5, id="marks, nearly verdicts"),
    ],
)
def test_few_questions_are_worth_one_verdict_each(questions: list[list[float]], counted: float) -> None:
    """Wilson's for as many questions, where the bootstrap, widened for few, says less than that."""
    given = _sum(questions)
    drawn = Bootstrap.of(given.questions)
    assert given.mean is not None
    assert drawn is not None
    least = wilson(given.mean, counted)
    assert drawn.interval().low < least.low
    assert drawn.interval().high > least.high
    assert of_sum(given) == pytest.approx(least)


def test_the_shape_is_the_bootstraps() -> None:
    """Against 100,000 draws of whole questions, by BCa with the same acceleration: both ends within 1 % of the width
    but for the widening for few questions, which is taken out here.
    """
    cells = {(4, 4000): 40, (4, 3000): 20, (4, 0): 16, (3, 1000): 12, (2, 2000): 16}
    made = Bootstrap.of(cells)
    assert made is not None
    questions = np.array([cell for cell, count in cells.items() for _ in range(count)])
    generator = np.random.default_rng(7)
    drawn = questions[generator.integers(0, len(questions), (100_000, len(questions)))].sum(axis=1)
    means = drawn[:, 1] / drawn[:, 0] / 1000
    shift = _NORMAL.inv_cdf(float((means < made.mean).mean() + (means == made.mean).mean() / 2))
    ends = []
    for share in (0.025, 0.975):
        along = shift + _NORMAL.inv_cdf(share)
        ends.append(float(np.quantile(means, _NORMAL.cdf(shift + along / (1 - made.skew * along)))))
    plain = Bootstrap(10**9, made.mean, made.error, made.skew, made.slope)
    assert plain.interval() == pytest.approx(ends, abs=0.01 * (ends[1] - ends[0]))


def test_students_quantile_widens_few() -> None:
    """Ten alike in size: t of 9 degrees of freedom is 2.2622, and the error is of n - 1."""
    made = Bootstrap(10, 0.5, 0.1, 0.0, 0.0)
    assert made.interval().high - 0.5 == pytest.approx(0.1 * 2.2622 * (10 / 9) ** 0.5, abs=1e-4)


def test_the_chance_of_an_end_is_the_rest() -> None:
    """A value at the end of the 95 % interval has the p-value 0.05; the mean, beside the median, one near 1."""
    made = Bootstrap.of({(1, 100): 9, (1, 300): 7, (1, 900): 4})
    assert made is not None
    assert made.chance(made.interval().low) == pytest.approx(0.05, abs=1e-6)
    assert made.chance(made.interval().high) == pytest.approx(0.05, abs=1e-6)
    assert 0.9 < made.chance(made.mean) < 1.0


def _repeated(right: Callable[[random.Random], float], repeats: int) -> Callable[[random.Random], list[float]]:
    def question(generator: random.Random) -> list[float]:
        chance = right(generator)
        return [float(generator.random() < chance) for _ in range(repeats)]

    return question


def _groups(generator: random.Random) -> list[float]:
    chance = generator.betavariate(0.6, 0.4)
    return [float(generator.random() < chance) for _ in range(generator.choice((1, 2, 6)))]


@pytest.mark.parametrize(
    ("questions", "question", "true"),
    [
        pytest.param(30, _repeated(lambda one: one.betavariate(0.6, 0.4), 16), 0.6, id="thirty, 16 times"),
        pytest.param(100, _repeated(lambda one: one.betavariate(0.9, 0.1), 4), 0.9, id="nearly all right"),
        pytest.param(60, lambda one: [one.betavariate(2, 5)], 2 / 7, id="marks between 0 and 1"),
        pytest.param(200, _repeated(lambda _: 0.8, 1), 0.8, id="one verdict"),
        pytest.param(6, _repeated(lambda one: one.betavariate(0.6, 0.4), 4), 0.6, id="six, four times"),
        pytest.param(6, _repeated(lambda one: one.betavariate(0.1, 0.1), 4), 0.5, id="six that know or do not"),
        pytest.param(10, _repeated(lambda one: one.betavariate(0.6, 0.4), 4), 0.6, id="ten, four times"),
        pytest.param(10, _groups, 0.6, id="ten groups of several sizes"),
    ],
)
def test_it_holds_as_often_as_it_says(
    questions: int, question: Callable[[random.Random], list[float]], true: float
) -> None:
    """In 600 draws from a known truth 95 % hold it: 92 % at least, and not all."""
    generator = random.Random(5)
    held = 0
    for _ in range(600):
        ends = of_sum(_sum(question(generator) for _ in range(questions)))
        assert ends is not None
        held += ends.low <= true <= ends.high
    assert 0.92 <= held / 600 <= 0.99


_ANSWERS = st.lists(st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=1, max_size=3), min_size=1, max_size=12)


@given(_ANSWERS, st.integers(1, 4))
def test_parts_come_to_what_the_whole_does(questions: list[list[float]], parts: int) -> None:
    """To the last bit, however the questions are divided; and the interval holds the mean."""
    whole, joined = _sum(questions), ScoreSum()
    for part in range(parts):
        joined.join(ScoreSum.model_validate_json(_sum(questions[part::parts]).model_dump_json()))
    assert joined.model_dump_json() == whole.model_dump_json()
    ends = of_sum(whole)
    assert ends == of_sum(joined)
    assert ends is not None
    assert 0 <= ends.low <= (whole.mean or 0.0) <= ends.high <= 1


def test_a_document_without_questions_counts_answers() -> None:
    """One of an earlier version: Wilson's for its answers."""
    assert of_sum(ScoreSum(count=10, total_nano=5 * 10**9)) == wilson(0.5, 10)


def test_no_score_no_interval() -> None:
    """Nor one for what is no share of 1."""
    assert of_sum(ScoreSum()) is None
    assert of_sum(ScoreSum(count=2, total_nano=50 * 10**9)) is None
    assert macro([ScoreSum()]) is None


def test_a_sum_of_scores_has_the_root_of_the_squares() -> None:
    """Zou, Huang and Zhang's formula: of two halves of equal width, the width over the root of 2."""
    ends = combined([(0.5, Interval(0.4, 0.6)), (0.7, Interval(0.6, 0.8))], [1.0, 1.0])
    assert ends == pytest.approx((0.6 - 0.1 / 2**0.5, 0.6 + 0.1 / 2**0.5))
    assert combined([(0.5, Interval(0.4, 0.6)), (0.7, Interval(0.6, 0.8))], [1.0, 0.0]) == pytest.approx((0.4, 0.6))


def test_macro_is_of_the_subsets_that_have_a_score() -> None:
    """One of them empty: that of the other."""
    assert macro([_sum([[1.0]] * 3 + [[0.0]]), ScoreSum()]) == pytest.approx(wilson(0.75, 4))
