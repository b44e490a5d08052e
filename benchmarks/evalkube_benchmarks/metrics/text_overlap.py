"""The overlap of two texts: BLEU-1 to 4 and ROUGE-1, 2 and L. Pure, exact, without a language model.

It is a hundred lines of our own, because the libraries need nltk, jieba dictionaries or lxml for simple arithmetic. For
the same tokens the results are those of sacrebleu's sentence BLEU and of rouge-score's ROUGE without stemming, digit
for digit. Tokens are lower-case words in scripts with spaces, and single characters in Chinese, Japanese and Korean. A
character needs no dictionary, so a score does not change with a segmenter's release.
"""

import functools
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evalkube_benchmarks.benchmark import Metric, Question

__all__ = ["METRICS", "Overlap", "bleu", "rouge_l", "rouge_n", "tokens"]

_TOKEN = re.compile(
    r"[぀-ヿ㐀-䶿一-鿿豈-﫿가-힯\U00020000-\U0003ffff]|[^\W_぀-ヿ㐀-䶿一-鿿豈-﫿가-힯\U00020000-\U0003ffff]+"
)


def tokens(text: str) -> list[str]:
    """The words of a text, and its characters in Chinese, Japanese and Korean, without punctuation."""
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).lower())


@dataclass(frozen=True, slots=True)
class Overlap:
    """ROUGE's three figures, each 0 to 1: recall, precision, and their harmonic mean."""

    recall: float
    precision: float
    f1: float


def _overlap(shared: int, prediction: int, reference: int) -> Overlap:
    recall = shared / reference if reference else 0.0
    precision = shared / prediction if prediction else 0.0
    return Overlap(recall, precision, 2 * recall * precision / (recall + precision) if shared else 0.0)


def _ngrams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + n]) for at in range(len(words) - n + 1))


def rouge_n(prediction: Sequence[str], reference: Sequence[str], n: int) -> Overlap:
    """The number of shared n-grams, each as often as both texts have it (Lin 2004)."""
    mine, theirs = _ngrams(prediction, n), _ngrams(reference, n)
    return _overlap((mine & theirs).total(), mine.total(), theirs.total())


def rouge_l(prediction: Sequence[str], reference: Sequence[str]) -> Overlap:
    """The length of the longest common subsequence (Lin 2004).

    It uses Hyyrö's bit-parallel recurrence, one integer per row. Time grows with len(prediction) x len(reference) / 30,
    so two texts of 10,000 words take well under a second.
    """
    places: dict[str, int] = {}
    for at, word in enumerate(reference):
        places[word] = places.get(word, 0) | 1 << at
    everything = (1 << len(reference)) - 1
    row = everything
    for word in prediction:
        matches = row & places.get(word, 0)
        row = (row + matches | row - matches) & everything
    return _overlap(len(reference) - row.bit_count(), len(prediction), len(reference))


def bleu(prediction: Sequence[str], references: Sequence[Sequence[str]], order: int) -> float:
    """Sentence BLEU up to n-grams of `order` (Papineni et al. 2002), 0 to 1, equal to sacrebleu's `sentence_bleu`.

    An n-gram counts at most as often as in the reference that has it most often; the length is compared with the
    nearest reference. Without smoothing, one missing 4-gram would give a short sentence the score 0, so empty matches
    are smoothed geometrically (Chen and Cherry 2014, method 3, which is NIST's and sacrebleu's "exp"). For a text too
    short for n-grams of `order`, the shorter ones count. No word in common is 0.
    """
    if not prediction or not any(references):
        return 0.0
    order = min(order, len(prediction))
    logs, missing = 0.0, 0
    for n in range(1, order + 1):
        mine = _ngrams(prediction, n)
        theirs: Counter[tuple[str, ...]] = Counter()
        for reference in references:
            theirs |= _ngrams(reference, n)
        matched = (mine & theirs).total()
        if n == 1 and not matched:
            return 0.0
        missing += not matched
        logs += math.log((matched or 0.5**missing) / mine.total())
    nearest = min((abs(len(reference) - len(prediction)), len(reference)) for reference in references)[1]
    return math.exp(min(0.0, 1 - nearest / len(prediction)) + logs / order)


# ------------------------------------------------------------------------------------------------------------- metrics


@functools.lru_cache(maxsize=8)
def _figures(found: str, references: tuple[str, ...]) -> dict[str, float]:
    """All figures of a text beside its references, kept for the metrics of one answer, which ask in turn.

    ROUGE is that of the reference with the best F1, as in rouge-score's `score_multi`.
    """
    mine, theirs = tokens(found), [tokens(reference) for reference in references]
    figures = {f"bleu-{order}": bleu(mine, theirs, order) for order in (1, 2, 3, 4)}
    shares = {
        "1": [rouge_n(mine, one, 1) for one in theirs],
        "2": [rouge_n(mine, one, 2) for one in theirs],
        "L": [rouge_l(mine, one) for one in theirs],
    }
    for name, beside in shares.items():
        shared = max(beside, key=lambda one: (one.f1, one.recall))
        figures |= {f"Rouge-{name}-R": shared.recall, f"Rouge-{name}-P": shared.precision, f"Rouge-{name}-F": shared.f1}
    return figures


def _figure(name: str) -> Callable[[str, Question], float | None]:
    def score(found: str, question: Question) -> float | None:
        return _figures(found, question.targets)[name] if question.targets else None

    return score


METRICS = tuple(
    Metric(name=name, score=_figure(name), verdict=False)
    for name in (
        *(f"Rouge-L-{figure}" for figure in "RPF"),
        *(f"Rouge-{n}-{figure}" for n in (1, 2) for figure in "RPF"),
        *(f"bleu-{n}" for n in (1, 2, 3, 4)),
    )
)
"""The figures in EvalScope's order, recall of ROUGE-L first."""
