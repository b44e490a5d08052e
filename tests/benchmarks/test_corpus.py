"""Answers as models write them, in many styles and languages: what is read of each, and whether it is right.

`corpus/*.jsonl` has one a line: kind, reader, question, choices (of choice questions), reply, extracted (null: none),
target, right.
"""

from collections import Counter

import pytest

from evalkube_benchmarks.benchmark import Question
from fakes.answers import READERS, ROWS, Row, read


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
    """At least 1,850 different answers, right, wrong and none among them; how many of each kind is printed."""
    kinds = Counter(row.kind for row in ROWS)
    with capsys.disabled():
        print("\n" + ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())))
    assert len({(row.question, row.reply) for row in ROWS}) >= 1850
    assert sum(row.extracted is None for row in ROWS) >= 190
    assert sum(not row.right and row.extracted is not None for row in ROWS) >= 95
