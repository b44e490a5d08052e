"""Short answers, mostly names, beside all that they may be called, as TriviaQA compares them (Joshi et al. 2017,
arXiv:1705.03551, section 5): case, punctuation, articles and underscores do not count. Pure.
"""

import re
import string
from collections import Counter

from evalkube_benchmarks.declaration import Metric, Question

__all__ = ["METRICS", "normal"]

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_MARKS = re.compile("[" + re.escape(string.punctuation + "‘’´`“”«»") + "]")


def normal(text: str) -> str:
    """A text as it is compared: in lower case, with spaces for punctuation, without articles."""
    return " ".join(_ARTICLES.sub(" ", _MARKS.sub(" ", text.lower())).split())


def _exact(found: str, question: Question) -> float:
    return float(normal(found) in {normal(target) for target in question.targets})


def _included(found: str, question: Question) -> float:
    """A right name stands in the answer, as whole words: "art" is not in "party"."""
    said = f" {normal(found)} "
    return float(any(f" {name} " in said for target in question.targets if (name := normal(target))))


def _f1(found: str, question: Question) -> float:
    """The harmonic mean of how many of its words are the name's and of the name's are its; the best name counts."""
    mine = Counter(normal(found).split())
    return max((_shared(mine, Counter(normal(target).split())) for target in question.targets), default=0.0)


def _shared(mine: Counter[str], right: Counter[str]) -> float:
    shared = (mine & right).total()
    return 2 * shared / (mine.total() + right.total()) if shared else 0.0


METRICS = (
    Metric(name="acc", score=_included),
    Metric(name="exact_match", score=_exact),
    Metric(name="f1", score=_f1, verdict=False),
)
