"""BLEU and ROUGE against figures worked out by hand and against a plain longest common subsequence."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_benchmarks.benchmark import Question
from evalkube_benchmarks.metrics import text_overlap
from evalkube_benchmarks.scoring import measured

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=12)


def test_tokens_are_words_and_chinese_characters() -> None:
    """Chinese is cut by character, other scripts by word; punctuation and case do not count."""
    assert text_overlap.tokens("我爱Python，3次！ Don't") == ["我", "爱", "python", "3", "次", "don", "t"]


def test_rouge_by_hand() -> None:
    """the cat is on the mat / there is a cat on the mat: they share 5 words, 2 pairs, a subsequence of 4."""
    mine, theirs = text_overlap.tokens("the cat is on the mat"), text_overlap.tokens("there is a cat on the mat")
    one, two, longest = (
        text_overlap.rouge_n(mine, theirs, 1),
        text_overlap.rouge_n(mine, theirs, 2),
        text_overlap.rouge_l(mine, theirs),
    )
    assert (one.recall, one.precision) == (5 / 7, 5 / 6)
    assert (two.recall, two.precision) == (2 / 6, 2 / 5)
    assert (longest.recall, longest.precision) == (4 / 7, 4 / 6)
    assert math.isclose(longest.f1, 2 * (4 / 7) * (4 / 6) / (4 / 7 + 4 / 6))


def test_bleu_by_hand() -> None:
    """The same two: 5/6 words, 2/5 pairs, 1/4 triples, no run of four (smoothed: a half of 1/3), one word short."""
    mine, theirs = text_overlap.tokens("the cat is on the mat"), text_overlap.tokens("there is a cat on the mat")
    brevity = math.exp(1 - 7 / 6)
    assert math.isclose(text_overlap.bleu(mine, [theirs], 1), brevity * 5 / 6)
    assert math.isclose(text_overlap.bleu(mine, [theirs], 2), brevity * math.sqrt(5 / 6 * 2 / 5))
    assert math.isclose(text_overlap.bleu(mine, [theirs], 4), brevity * (5 / 6 * 2 / 5 * 1 / 4 * 0.5 / 3) ** 0.25)


@pytest.mark.parametrize(("mine", "theirs"), [([], ["a"]), (["a"], []), ([], []), (["a"], ["b"])])
def test_nothing_shared_is_zero(mine: list[str], theirs: list[str]) -> None:
    """Empty texts and texts without a common word score 0 and divide by nothing."""
    assert text_overlap.bleu(mine, [theirs], 4) == 0
    assert text_overlap.rouge_l(mine, theirs).f1 == text_overlap.rouge_n(mine, theirs, 2).f1 == 0


def _plain_lcs(one: list[str], other: list[str]) -> int:
    row = [0] * (len(other) + 1)
    for word in one:
        before = row[:]
        for at, candidate in enumerate(other, 1):
            row[at] = before[at - 1] + 1 if word == candidate else max(before[at], row[at - 1])
    return row[-1]


@given(WORDS, WORDS)
def test_bit_parallel_lcs_is_the_textbook_one(mine: list[str], theirs: list[str]) -> None:
    """The fast recurrence counts what the slow table counts."""
    assert round(text_overlap.rouge_l(mine, theirs).recall * max(len(theirs), 1)) == _plain_lcs(mine, theirs)


@given(WORDS.filter(bool), st.integers(1, 4))
def test_a_text_agrees_with_itself(words: list[str], order: int) -> None:
    """A text is all of itself, however short."""
    assert math.isclose(text_overlap.bleu(words, [words], order), 1)
    assert text_overlap.rouge_l(words, words).f1 == 1


def test_bleu_of_several_references_by_hand() -> None:
    """Each word as often as one of them has it; the nearest length, of two that are as near the shorter one."""
    mine = ["the", "the", "cat", "sat"]
    references = [["the", "cat"], ["a", "the", "the", "dog", "sat", "on", "it"]]
    assert math.isclose(text_overlap.bleu(mine, references, 1), 4 / 4)
    assert math.isclose(text_overlap.bleu(mine, references, 2), math.sqrt(4 / 4 * 2 / 3))
    assert math.isclose(text_overlap.bleu(["a", "b"], [["a", "b", "c", "d"], ["a", "b", "c"]], 1), math.exp(1 - 3 / 2))


@pytest.mark.parametrize(
    ("targets", "recall", "precision"),
    [(("a b c d", "x"), 2 / 4, 1), (("a b c d", "a b z"), 2 / 3, 1), (("a",), 1, 1 / 2), (("甲", "z"), 0, 0)],
)
def test_rouge_is_that_of_the_best_reference(targets: tuple[str, ...], recall: float, precision: float) -> None:
    """Recall and precision are of one reference, that of the best F1; without references there is no figure."""
    scores = measured("a b", Question(text="q", targets=targets), text_overlap.METRICS).values
    assert (scores["Rouge-L-R"], scores["Rouge-L-P"]) == (recall, precision)
    assert measured("a b", Question(text="q", targets=()), text_overlap.METRICS).values == {}
