"""What a page says of judges, whatever a line holds."""

from typing import Any

import pytest

from evalkube_report.evaluation.judge_words import words_of

SAID = {"judge": "j", "repeat": 1, "swapped": True, "attempts": [{"said": "hm"}, {"said": "[[A]]"}], "failure": None}


def test_each_attempt_is_shown_with_what_it_came_to() -> None:
    """Before what was asked."""
    verdict = {"score": 1.0, "label": "win"}
    asked = [[{"role": "system", "content": "Compare."}, {"role": "user", "content": "A and B"}]]
    assert words_of({"prompts": asked, "judgements": [{**SAID, "verdict": verdict}]}) == (
        "[j, repeat 2, answers swapped: win, score 1]\nhm\n[asked once more]\n[[A]]\n\n"
        "[asked as system]\nCompare.\n\n[asked as user]\nA and B"
    )


@pytest.mark.parametrize(
    ("summary", "words"),
    [
        (
            {"judgements": [{"judge": "j", "attempts": [], "failure": "dns: no such name"}]},
            "[j: excluded, dns: no such name]",
        ),
        (
            {"judgements": [{"judge": "j", "attempts": None, "verdict": {"score": 0.5, "label": None, "depth": 0.25}}]},
            "[j: depth 0.25, score 0.5]",
        ),
        ({"judgements": "x", "prompts": 1}, None),
        ({"judgements": [None]}, None),
        ({"verdicts": [1.0]}, None),
        (None, None),
        ([], None),
    ],
)
def test_what_has_another_shape_is_passed_over(summary: Any, words: str | None) -> None:
    """A page does not fail for a line of another program."""
    assert words_of(summary) == words
