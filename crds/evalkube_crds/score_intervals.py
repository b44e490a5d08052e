"""Confidence intervals of scores, from counts of questions. Pure.

The unit is the question, because the answers to one question are alike: 30 questions asked 16 times each count as 30,
not as 480. If each question has one answer, right or wrong, it is Wilson's interval. Otherwise it is the bootstrap
clustered by question, in a form without random draws (ABC), so that it is the same on every machine and for any number
of shards. docs/statistics.md says how far to trust which.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from evalkube_crds.intervals import CONFIDENCE, Interval
from evalkube_crds.score_sum import THOUSAND, ScoreSum

__all__ = ["Bootstrap", "combined", "macro", "of_sum", "student", "wilson"]

_NORMAL: Final = NormalDist()
_ALIKE: Final = 1e-12

Cells = Mapping[tuple[int, int], int]
"""The number of questions with that many answers (or parts of answers) and that total, in thousandths."""


def wilson(mean: float, count: float, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval of a share `mean` (0 to 1) in `count` > 0 trials.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927). For scores
    between 0 and 1 it is wider than necessary, never narrower.
    """
    z = _NORMAL.inv_cdf((1 + confidence) / 2)
    squared = z * z
    centre = (mean + squared / (2 * count)) / (1 + squared / count)
    spread = mean * (1 - mean) / count + squared / (4 * count * count)
    half = z * math.sqrt(max(0.0, spread)) / (1 + squared / count)
    return Interval(max(0.0, min(mean, centre - half)), min(1.0, max(mean, centre + half)))


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """The bootstrap of a mean over answers in which whole questions are drawn, by its ABC approximation.

    T. DiCiccio and B. Efron, "More accurate confidence intervals in exponential families", Biometrika 79 (1992), as in
    chapter 22 of Efron and Tibshirani, "An Introduction to the Bootstrap" (1993): BCa with derivatives in place of
    draws. For a ratio of two sums, which a mean over answers is, its bias correction equals its acceleration `skew`,
    and the rest is `error`, the standard error robust against clustering, and `slope`, how the sizes of questions go
    with their scores. For few questions the tails are widened by Student's t and n/(n-1), as T. Hesterberg, "What
    teachers should know about the bootstrap", The American Statistician 69 (2015), widens percentiles.
    """

    questions: int
    mean: float
    error: float
    skew: float
    slope: float

    @classmethod
    def of(cls, cells: Cells) -> "Bootstrap | None":
        """The bootstrap of at least two different questions; None for others, which show no variance."""
        n = sum(cells.values())
        answers = sum(size * count for (size, _), count in cells.items())
        if n < 2 or not answers:
            return None
        mean = sum(total * count for (_, total), count in cells.items()) / answers / THOUSAND
        usual = answers / n
        # Its influence: what more of a question would do to the mean. Sorted, so that sums round alike everywhere.
        known = [
            ((total / THOUSAND - mean * size) / usual, size / usual, count)
            for (size, total), count in sorted(cells.items())
        ]
        squares = math.fsum(count * influence**2 for influence, _, count in known)
        if squares < _ALIKE:
            return None
        error = math.sqrt(squares) / n
        skew = math.fsum(count * influence**3 for influence, _, count in known) / (6 * squares**1.5)
        slope = math.fsum(count * influence * size for influence, size, count in known) / (n * n * error)
        return cls(n, mean, error, skew, slope)

    def interval(self, confidence: float = CONFIDENCE) -> Interval:
        """The two ends that leave half of the remaining probability below and above."""
        z = _widened((1 + confidence) / 2, self.questions)
        return Interval(self._end(-z), self._end(z))

    def chance(self, value: float) -> float:
        """The two-sided p-value of `value` as the true mean.

        It is 1 minus the confidence at which the interval excludes `value`.
        """
        low, high = 0.0, 1.0
        for _ in range(60):
            confidence = (low + high) / 2
            ends = self.interval(confidence)
            low, high = (low, confidence) if ends.low <= value <= ends.high else (confidence, high)
        return 1 - high

    def _end(self, z: float) -> float:
        shifted = self.skew + z
        stretch = max(1 - self.skew * shifted, _ALIKE)
        along = shifted / stretch**2
        return self.mean + self.error * along / max(1 + along * self.slope, _ALIKE)


def _widened(share: float, questions: int) -> float:
    """Student's quantile for `questions` - 1 degrees of freedom, times sqrt(n/(n-1))."""
    return student(share, questions - 1) * math.sqrt(questions / (questions - 1))


def student(share: float, n: float) -> float:
    """Student's quantile for n degrees of freedom.

    The expansion is 26.7.5 of Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964).
    """
    z = _NORMAL.inv_cdf(min(max(share, _ALIKE), 1 - _ALIKE))
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / math.pow(n, power) for power, term in enumerate(terms, start=1))


def of_sum(scores: ScoreSum) -> Interval | None:
    """The interval of a mean over all answers; None if nothing was scored, or a score is above 1.

    Answers that are right or wrong get at least Wilson's interval for as many questions as there are answers, because a
    repeat tells no more than a further question.
    """
    answers, mean, cells = scores.count, scores.mean, scores.questions
    if mean is None or not 0 <= mean <= 1:
        return None
    questions = sum(cells.values())
    verdicts = all(total % THOUSAND == 0 for _, total in cells)
    if not questions or (verdicts and questions == answers):
        return wilson(mean, answers)
    drawn = Bootstrap.of(cells)
    if drawn is None:
        return wilson(mean, questions)
    ends = Interval(*(mean + (end - drawn.mean) for end in drawn.interval()))  # cells are to a thousandth
    return _bounded(ends, mean, cells, answers if verdicts else None)


def _bounded(ends: Interval, mean: float, cells: Cells, verdicts: int | None) -> Interval:
    """The interval, limited: at most Wilson's for the questions, at least Wilson's for that many verdicts.

    Scores between 0 and 1 with the mean m vary by at most m (1 - m), so a question is worth at least one verdict (R.
    Bhatia and C. Davis, "A better bound on the variance", The American Mathematical Monthly 107 (2000)). If questions
    have several sizes, each is at most as bad as the largest: they count as all answers divided by the largest size.
    Without this limit, the widening for few questions gives 0 to 1 where Wilson's interval is narrower.
    """
    most = wilson(mean, sum(size * count for (size, _), count in cells.items()) / max(size for size, _ in cells))
    least = wilson(mean, verdicts) if verdicts else Interval(mean, mean)
    return Interval(min(max(ends.low, most.low), least.low), max(min(ends.high, most.high), least.high))


def macro(sums: Iterable[ScoreSum]) -> Interval | None:
    """The interval of the plain mean of the subsets' means, without subsets that have no score."""
    known = [(one.mean, ends) for one in sums if one.mean is not None and (ends := of_sum(one)) is not None]
    return combined(known, [1.0] * len(known))


def combined(parts: Sequence[tuple[float, Interval]], weights: Sequence[float]) -> Interval | None:
    """The interval of a weighted mean of independent scores, from their intervals (MOVER); None without scores.

    G. Y. Zou, W. Huang and X. Zhang, "A note on confidence interval estimation for a linear function of binomial
    proportions", Computational Statistics & Data Analysis 53 (2009).
    """
    whole = sum(weights)
    if not parts or whole <= 0:
        return None
    shares = [weight / whole for weight in weights]
    mean = math.fsum(share * score for share, (score, _) in zip(shares, parts, strict=True))
    below = math.fsum((share * (score - ends.low)) ** 2 for share, (score, ends) in zip(shares, parts, strict=True))
    above = math.fsum((share * (ends.high - score)) ** 2 for share, (score, ends) in zip(shares, parts, strict=True))
    return Interval(max(0.0, mean - math.sqrt(below)), min(1.0, mean + math.sqrt(above)))
