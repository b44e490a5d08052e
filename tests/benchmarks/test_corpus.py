"""Answers as models write them, in many styles and languages: what is read of each, and whether it is right.

`corpus/*.jsonl` has one a line: kind, reader, question, choices (of choice questions), reply, extracted (null: none),
target, right.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from evalkube_benchmarks import extract, readers
from evalkube_benchmarks.declaration import Metric, Question, Reply
from evalkube_benchmarks.metrics import accuracy

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
    files = sorted(Path(__file__).with_name("corpus").glob("*.jsonl"))
    return [Row(**json.loads(line)) for file in files for line in file.read_text("utf-8").splitlines()]


ROWS = rows()


def read(row: Row, reply: str) -> tuple[str | None, bool]:
    """What is read of a reply to the row's question, and whether that is right."""
    reader, metric = READERS[row.reader]
    found = reader(Reply(extract.strip_thinking(reply)), row.asked)
    return found, found is not None and metric.score(found, row.asked) == 1.0


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row.kind}: {row.reply[:40]!r}") for row in ROWS])
def test_each_answer_is_read_and_judged_as_a_person_would(row: Row) -> None:
    """What is read means what is expected, and the verdict is that of the row."""
    found, right = read(row, row.reply)
    if row.extracted is None:
        assert found is None
    else:
        assert found is not None
        metric = READERS[row.reader][1]
        assert metric.score(found, Question(text="", targets=(row.extracted,))) == 1.0, found
    assert right is row.right


def test_the_corpus_is_broad(capsys: pytest.CaptureFixture[str]) -> None:
    """At least 600 different answers, right, wrong and none among them; how many of each kind is printed."""
    kinds = Counter(row.kind for row in ROWS)
    with capsys.disabled():
        print("\n" + ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())))
    assert len({(row.question, row.reply) for row in ROWS}) >= 600
    assert sum(row.extracted is None for row in ROWS) >= 70
    assert sum(not row.right and row.extracted is not None for row in ROWS) >= 50
