"""Short answers, mostly names, compared with all names of the thing, as in TriviaQA. Pure.

Joshi et al. 2017, arXiv:1705.03551, section 5: case, punctuation, articles and underscores do not count.
"""

import re
import string
from collections import Counter

from evalkube_benchmarks.benchmark import Metric, Question

__all__ = ["METRICS", "normal"]

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_MARKS = re.compile("[" + re.escape(string.punctuation + "‘’´`“”«»") + "]")


def normal(text: str) -> str:
    """A text in the form that is compared: lower case, spaces for punctuation, no articles."""
    return " ".join(_ARTICLES.sub(" ", _MARKS.sub(" ", text.lower())).split())


def _exact(found: str, question: Question) -> float:
    return float(normal(found) in {normal(target) for target in question.targets})


def _included(found: str, question: Question) -> float:
    """Whether a right name is in the answer, as whole words: "art" is not in "party"."""
    said = f" {normal(found)} "
    return float(any(f" {name} " in said for target in question.targets if (name := normal(target))))


def _f1(found: str, question: Question) -> float:
    """The F1 of an answer's words and a name's words, for the best name.

    It is the harmonic mean of the share of the name's words in the answer and the share of the answer's words in the
    name.
    """
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
