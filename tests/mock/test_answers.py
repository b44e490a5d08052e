"""The lookup of answers."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_mock import answers
from evalkube_mock.answers import AnswerBook, AnswersError, Entry

_BOOK = AnswerBook(
    [
        Entry("How many apples does Ann have?", "3"),
        Entry("If Bob eats two, How many apples does Ann have?", "1"),
        Entry("How many pears does Ann have?", "7"),
        Entry("北京是哪国的首都", "中国"),
        Entry("ping", "pong"),
    ]
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Q: How many apples does Ann have?\nA:", "3", id="inside a template"),
        pytest.param("If Bob eats two, How many apples does Ann have?", "1", id="the longer of two that end together"),
        pytest.param(
            "Q: How many apples does Ann have?\nA: 3\n\nQ: How many pears does Ann have?", "7", id="few-shot, last wins"
        ),
        pytest.param(
            "Q: How many pears does Ann have?\nA: 7\n\nQ: How many apples does Ann have?", "3", id="few-shot, reversed"
        ),
        pytest.param("问题：北京是哪国的首都？", "中国", id="no white space"),
        pytest.param("pinging", "pong", id="one word, inside another"),
        pytest.param("How many  apples does Ann have?", None, id="other white space is another text"),
        pytest.param("how many apples does ann have?", None, id="case matters"),
        pytest.param("", None, id="empty"),
    ],
)
def test_find(text: str, expected: str | None) -> None:
    """The match that ends last wins, then the longest; nothing is guessed."""
    assert _BOOK.find(text) == expected


_WORDS = st.lists(st.sampled_from(["a", "b", "ab", "c"]), min_size=1, max_size=5).map(" ".join)


@given(st.lists(_WORDS, max_size=8), st.lists(_WORDS, max_size=4).map(" ".join))
def test_find_agrees_with_a_plain_search(matches: list[str], text: str) -> None:
    """The index by rare words finds what looking for every entry finds."""
    found = [(text.rfind(match) + len(match), len(match), match) for match in matches if match in text]
    assert AnswerBook(Entry(match, match) for match in matches).find(text) == (max(found)[2] if found else None)


def test_load_reads_both_keys(tmp_path: Path) -> None:
    """A dataset's own file of question and answer serves as well as one of matches; other keys do not matter."""
    lines = [{"question": "Q one?", "answer": "1", "id": 9}, {"match": "two", "answer": ""}]
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\n\n")
    book = answers.load(path)
    assert (book.find("Q one?"), book.find("two"), len(book)) == ("1", "", 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("{", "line 1: not JSON", id="not JSON"),
        pytest.param('{"match": "a", "answer": "b"}\n[]', "line 2: not an object", id="not an object"),
        pytest.param('{"answer": "b"}', '"match" (or "question") must be', id="no match"),
        pytest.param('{"match": " ", "answer": "b"}', '"match" (or "question") must be', id="empty match"),
        pytest.param('{"match": "a", "answer": 5}', '"answer" must be a text', id="answer is no text"),
        pytest.param("\n", "no answers", id="empty file"),
    ],
)
def test_load_says_what_is_wrong(tmp_path: Path, content: str, message: str) -> None:
    """A bad file is refused with the line and the reason."""
    path = tmp_path / "answers.jsonl"
    path.write_text(content)
    with pytest.raises(AnswersError) as caught:
        answers.load(path)
    assert message in str(caught.value)


def test_load_of_a_missing_file() -> None:
    """A file that is not there is named."""
    with pytest.raises(AnswersError, match=r"nowhere\.jsonl: No such file"):
        answers.load(Path("nowhere.jsonl"))
