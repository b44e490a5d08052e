"""What counts as the answer where it is a word of a closed list, a short free text, or a formula."""

import time
from collections.abc import Mapping, Sequence

import pytest

from evalkube_benchmarks import extract, readers

VALID: Mapping[str, Sequence[str]] = {"valid": (), "invalid": ()}


@pytest.mark.parametrize(
    ("labels", "reply", "expected"),
    [
        pytest.param(readers.YES_NO, "Yes", "Yes", id="alone"),
        pytest.param(readers.YES_NO, "**No**", "No", id="bold"),
        pytest.param(readers.YES_NO, "So the answer is no.", "No", id="announced"),
        pytest.param(readers.YES_NO, "Answer: Yes or No", None, id="hedged"),
        pytest.param(readers.YES_NO, "是的，因为他去过。", "Yes", id="Chinese, first word"),
        pytest.param(readers.YES_NO, "答案：否", "No", id="Chinese, announced"),
        pytest.param(readers.YES_NO, "No. Wait, he did return. Therefore, yes.", "Yes", id="concluded otherwise"),
        pytest.param(
            readers.YES_NO, "Is it so? Let me see.\n\n**Answer:** No, she does not.", "No", id="with a reason"
        ),
        pytest.param(readers.YES_NO, "The answer is Yes.\n\nQ: Is it?\nA: The answer is no.", "Yes", id="runs on"),
        pytest.param(readers.YES_NO, "<answer>yes</answer>", "Yes", id="tag"),
        pytest.param(readers.YES_NO, "I have no idea.", None, id="no before a noun"),
        pytest.param(readers.YES_NO, "There is no doubt. Yes.", "Yes", id="no doubt"),
        pytest.param(readers.YES_NO, "I'm not sure.", None, id="unsure"),
        pytest.param(readers.YES_NO, "", None, id="empty"),
        pytest.param(VALID, "The argument is not valid.", "invalid", id="denied"),
        pytest.param(VALID, "So the argument is deductively invalid.", "invalid", id="concluded"),
        pytest.param(VALID, "Therefore, the argument is **valid**.", "valid", id="concluded, bold"),
        pytest.param(VALID, "I can't tell whether it is valid or invalid.", None, id="both"),
        pytest.param(readers.TRUE_FALSE, "not False and False = False. So the answer is False.", "False", id="worked"),
        pytest.param(readers.TRUE_FALSE, r"\boxed{\text{True}}", "True", id="boxed"),
        pytest.param(readers.TRUE_FALSE, '{"answer": true}', "True", id="JSON"),
        pytest.param(readers.TRUE_FALSE, "The statement is correct.", "True", id="another word for it"),
        pytest.param(readers.TRUE_FALSE, "这个说法是错误的。", "False", id="Chinese sentence"),
        pytest.param(readers.TRUE_FALSE, "不正确", "False", id="Chinese denial"),
    ],
)
def test_label(labels: Mapping[str, Sequence[str]], reply: str, expected: str | None) -> None:
    """One label that a reply settles on; offered side by side they are no answer."""
    assert extract.label(reply, labels) == expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param("The answer is St. Louis.", "St. Louis", id="an abbreviation ends no sentence"),
        pytest.param("Answer: J. K. Rowling", "J. K. Rowling", id="initials"),
        pytest.param("He was born there.\n\n**Answer:** Rome", "Rome", id="bold marker"),
        pytest.param("> ) ] }", "> ) ] }", id="brackets"),
        pytest.param("So the answer is ] ) >.", "] ) >", id="brackets, announced"),
        pytest.param("Answer: apple banana cherry\n\nQ: next", "apple banana cherry", id="a list, and runs on"),
        pytest.param("I'm sorry, I can't help with that.", None, id="refusal"),
        pytest.param(r"\boxed{\text{New York}}", "New York", id="boxed"),
        pytest.param('{"answer": "Rome"}', "Rome", id="JSON"),
        pytest.param("It is Paris.", "Paris", id="sentence"),
        pytest.param('The final answer is "Paris".', "Paris", id="quoted"),
        pytest.param("答案：北京。", "北京", id="Chinese"),
        pytest.param("Answer: 3.5 million people", "3.5 million people", id="a number with its unit"),
    ],
)
def test_short(reply: str, expected: str | None) -> None:
    """The words that are announced, or the last line, without what typesetting puts round them."""
    assert extract.short(reply) == expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param(r"The answer is $(-\infty, 3]$.", r"(-\infty, 3]", id="interval"),
        pytest.param("The answer is $x=2$ and $x=3$.", "x=2, x=3", id="several solutions"),
        pytest.param(r"so \boxed{\{1,2\}}", r"\{1,2\}", id="a set in a box"),
        pytest.param("Answer: (2, 3)", "(2, 3)", id="a pair"),
        pytest.param("Thus\n\\[ x = \\frac{1}{2} \\]", r"\frac{1}{2}", id="displayed last"),
        pytest.param("The answer is 2x+1.", "2x+1", id="bare"),
        pytest.param("The answer is 18 dollars.", "18", id="a number"),
        pytest.param("The answer is $5 and $6", "5", id="money is no formula"),
        pytest.param("I cannot answer that.", None, id="refusal"),
    ],
)
def test_formula(reply: str, expected: str | None) -> None:
    """A formula is taken whole, and what is none is read as a number."""
    assert extract.formula(reply) == expected


@pytest.mark.parametrize("head", ["", "The answer is ", "x = "])
@pytest.mark.parametrize(
    "piece",
    [" ", "\n", "**", "~~", "$", "(", "\\(", "{", "= ", "no ", "not ", "Yes and ", "5 or ", "x = 2, ", "$x$ and ",
     "x < 3 or ", "- a\n", "1. a\n", "Answer:\na\n", "A. x\nB. y\n", "respuesta ", "উত্তর ", "答案", "是",
     "```think\n", "a b "],
)  # fmt: skip
def test_the_time_to_read_grows_with_the_length_and_no_faster(head: str, piece: str) -> None:
    """Four times the reply takes about four times as long, for words, short answers and formulas as well."""

    def took_s(length: int) -> float:
        reply = head + piece * (length // len(piece)) + "because"
        begun = time.process_time()
        extract.label(reply, readers.YES_NO, "Is it?")
        extract.short(reply, "What is it?")
        extract.formula(extract.strip_thinking(reply), "How many?")
        return time.process_time() - begun

    least_s = max(took_s(2_000), 0.03)
    assert took_s(8_000) < 8 * least_s or took_s(8_000) < 8 * least_s  # another process may have had the core


@pytest.mark.parametrize("piece", ["The answer is 5. ", "A. x\n", "<think>", "5 or 6 ", "题目："])
def test_a_reply_of_a_million_characters_is_read_in_seconds(piece: str) -> None:
    """What a model repeats until its limit does no harm."""
    reply = extract.strip_thinking(piece * (10**6 // len(piece)))
    begun = time.process_time()
    extract.number(reply, "How many?")
    extract.choice(reply, "ABCD", ("Rome", "Paris", "Bonn", "Oslo"), "Which?")
    extract.formula(reply)
    extract.short(reply)
    extract.label(reply, readers.TRUE_FALSE)
    assert time.process_time() - begun < 60
