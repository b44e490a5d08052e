"""The corpus of answers, and how each is read and scored: by the readers and metrics that benchmarks declare."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from evalkube_benchmarks import extract, readers
from evalkube_benchmarks.benchmark import Metric, Question, Reply
from evalkube_benchmarks.metrics import accuracy

__all__ = ["READERS", "ROWS", "Row", "read"]

Reader = Callable[[Reply, Question], str | None]

READERS: dict[str, tuple[Reader, Metric]] = {
    "number": (readers.number, accuracy.VALUE),
    "formula": (readers.formula, accuracy.VALUE),
    "choice": (readers.choice, accuracy.CHOSEN),
    "choices": (readers.choices, accuracy.CHOSEN),
    "short": (readers.short, accuracy.SAME_TEXT),
    "yes_no": (readers.one_of(readers.YES_NO), accuracy.SAME_TEXT),
    "true_false": (readers.one_of(readers.TRUE_FALSE), accuracy.SAME_TEXT),
    "valid": (readers.one_of(("valid", "invalid")), accuracy.SAME_TEXT),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One answer of the corpus, with what is expected of it."""

    kind: str
    reader: str
    question: str
    reply: str
    extracted: str | None
    target: str
    right: bool
    choices: tuple[str, ...] = ()

    @property
    def asked(self) -> Question:
        """The question that it answers."""
        return Question(text=self.question, targets=(self.target,), choices=tuple(self.choices))


def rows() -> list[Row]:
    """All rows of the corpus."""
    files = sorted(Path(__file__).parents[1].joinpath("benchmarks", "corpus").glob("*.jsonl"))
    return [Row(**json.loads(line)) for file in files for line in file.read_text("utf-8").splitlines()]


ROWS = rows()


def read(row: Row, reply: str) -> tuple[str | None, bool]:
    """What is read of a reply to the row's question, and whether that is right."""
    reader, metric = READERS[row.reader]
    found = reader(Reply(extract.strip_thinking(reply)), row.asked)
    return found, found is not None and metric.score(found, row.asked) == 1.0
