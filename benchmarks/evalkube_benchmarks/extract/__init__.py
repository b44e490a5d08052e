"""Extraction of the answer from a model's reply. Pure: no model, no data set, no I/O, and no judgement of the answer.

Every function returns None if the reply has no answer. A guess would be scored, so nothing is extracted that the reply
does not state. Every pattern here is linear: white space is squeezed first, and repetitions are bounded.
"""

from evalkube_benchmarks.extract.document import answer_of
from evalkube_benchmarks.extract.formulas import formula
from evalkube_benchmarks.extract.labels import label
from evalkube_benchmarks.extract.letters import choice, choices
from evalkube_benchmarks.extract.marks import boxed
from evalkube_benchmarks.extract.numbers import number
from evalkube_benchmarks.extract.short import short
from evalkube_benchmarks.extract.spoken import before_next, strip_thinking

__all__ = [
    "answer_of",
    "before_next",
    "boxed",
    "choice",
    "choices",
    "formula",
    "label",
    "number",
    "short",
    "strip_thinking",
]
