"""The figures of several answers to one question: pass@k, pass^k and majority@k. Pure."""

from collections.abc import Sequence
from fractions import Fraction

from evalkube_benchmarks.quantity import plain, quantity

__all__ = ["majority", "pass_at_k", "pass_hat_k", "vote_at_k"]


def pass_at_k(n: int, correct: int, k: int) -> Fraction:
    """The chance that at least one of k answers, drawn from n, is right (Chen et al. 2021, arXiv:2107.03374)."""
    _check(n, correct, k)
    return 1 - _choose_ratio(n - correct, n, k)


def pass_hat_k(n: int, correct: int, k: int) -> Fraction:
    """The chance that k of n answers, drawn at random, are all right (pass^k; Yao et al. 2024, arXiv:2406.12045)."""
    _check(n, correct, k)
    return _choose_ratio(correct, n, k)


def _check(n: int, correct: int, k: int) -> None:
    if not (0 <= correct <= n and 1 <= k <= n):
        raise ValueError(f"cannot draw {k} of {n} answers, {correct} of them right")


def _choose_ratio(part: int, n: int, k: int) -> Fraction:
    """C(part, k) / C(n, k), computed as a product because the binomials themselves are huge."""
    ratio = Fraction(1)
    for drawn in range(k):
        ratio *= Fraction(max(part - drawn, 0), n - drawn)
    return ratio


def majority(answers: Sequence[str | None]) -> int | None:
    """The index of the first answer that agrees with as many others as possible; None without an answer."""
    votes: dict[str, list[int]] = {}
    for index, answer in enumerate(answers):
        if answer is not None:
            votes.setdefault(_ballot(answer), []).append(index)
    return max(votes.values(), key=len)[0] if votes else None


def _ballot(answer: str) -> str:
    value = quantity(answer)
    return f"{value.value}{'%' * value.percent}" if value else plain(answer).casefold()


def vote_at_k(answers: Sequence[str | None], correct: Sequence[bool], k: int) -> bool:
    """Whether the most frequent of the first k answers is right; of equally frequent ones, the earliest counts.

    Self-consistency (Wang et al. 2022, arXiv:2203.11171), which others call majority@k.
    """
    elected = majority(answers[:k])
    return elected is not None and correct[elected]
