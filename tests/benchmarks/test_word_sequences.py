"""Words in their order and closing brackets, as replies write them."""

import re

import pytest

from evalkube_benchmarks import sequences
from evalkube_benchmarks.benchmark import Question, Reply

SORTING = Question(text="Sort the following words alphabetically: List: it&t barn ant", targets=("ant barn it&t",))
CLOSING = Question(text="Complete the rest of the sequence. Input: ( [ { }", targets=("] )",))


@pytest.mark.parametrize(
    "said",
    [
        pytest.param("ant barn it&t", id="alone"),
        pytest.param("a, b, i in this order.\nAnswer: ant barn it&t", id="announced"),
        pytest.param("The answer is: ant, barn, it&t.", id="commas"),
        pytest.param("**Answer:** `ant` `barn` `it&t`", id="code marks"),
        pytest.param("So the sorted list is \\boxed{\\text{ant barn it\\&t}}".replace("\\&", "&"), id="a box"),
        pytest.param("Answer: ant -> barn -> it&t", id="arrows"),
        pytest.param("ant < barn < it&t\nAnswer: Ant Barn It&t", id="capitals"),
        pytest.param("The sorted list is:\n\n1. ant\n2. barn\n3. it&t", id="numbered lines"),
        pytest.param("Answer:\n- ant\n- barn\n- it&t\n", id="bullets"),
        pytest.param("Here they are:\n\nant\nbarn\nit&t", id="lines"),
        pytest.param('{"answer": "ant barn it&t"}', id="JSON"),
        pytest.param('{"answer": ["ant", "barn", "it&t"]}', id="a JSON list"),
    ],
)
def test_sorted_words(said: str) -> None:
    """However they are set, the words and their order count; another order, or one word less, is wrong."""
    found = sequences.words(Reply(said), SORTING)
    assert found is not None
    assert sequences.SAME.score(found, SORTING) == 1.0
    other = {"ant": "barn", "barn": "ant"}
    turned = re.sub("ant|barn", lambda word: other[word[0].lower()], said, flags=re.IGNORECASE)
    swapped = sequences.words(Reply(turned), SORTING)
    assert swapped is not None
    assert sequences.SAME.score(swapped, SORTING) == 0.0


@pytest.mark.parametrize(
    ("said", "found"),
    [
        pytest.param("] )", "] )", id="alone"),
        pytest.param("])", "] )", id="without spaces"),
        pytest.param("Open are ( and [.\nAnswer: ] )", "] )", id="announced"),
        pytest.param("The answer is `] )`.", "] )", id="code marks"),
        pytest.param("Close [ first:\n```\n] )\n```", "] )", id="a code block"),
        pytest.param("\\boxed{] )}", "] )", id="a box"),
        pytest.param("\\boxed{\\} \\}}", "} }", id="braces in a box"),
        pytest.param("We close `[` and `(` with `] )`", "] )", id="in a sentence"),
        pytest.param("Answer: ( [ { } ] )", "] )", id="the whole sequence"),
        pytest.param('{"answer": "] )"}', "] )", id="JSON"),
        pytest.param("Answer: ) ]", ") ]", id="another order"),
        pytest.param("I cannot tell.", None, id="sad: none"),
    ],
)
def test_closing_brackets(said: str, found: str | None) -> None:
    """The brackets that are announced, else those of the last line that has any."""
    assert sequences.brackets(Reply(said), CLOSING) == found
