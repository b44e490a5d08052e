"""What counts as the answer in a model's reply."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_benchmarks import extract

ECHO = "A. Rome\nB. Paris\nC. Bonn\nD. Oslo"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param(r"so \boxed{18}.", "18", id="boxed"),
        pytest.param(r"\boxed{\frac{1}{2}} is it", r"\frac{1}{2}", id="boxed with braces"),
        pytest.param(r"\boxed{1} no, \boxed{2}", "2", id="last box counts"),
        pytest.param(r"\boxed{7} in a \boxed{}", "7", id="echoed empty box is no answer"),
        pytest.param(r"I get 5, so \boxed{18", "18", id="box cut off"),
        pytest.param("3 * 6 = 18\n#### 1,234", "1,234", id="hashes"),
        pytest.param("The answer is 18 because 3*6=18.", "18", id="stated, with a reason"),
        pytest.param("The answer is 6*3 = 18 dollars.", "18", id="stated as an equation"),
        pytest.param("The answer is 4. Wait, the answer is 5.", "5", id="corrected"),
        pytest.param("**Answer:** $1,200.50", "1,200.50", id="bold marker"),
        pytest.param("ANSWER: 42\n", "42", id="capitals"),
        pytest.param("Final answer: -5", "-5", id="negative"),
        pytest.param(r"the answer is \frac{3}{4}", r"\frac{3}{4}", id="a fraction in LaTeX"),
        pytest.param("所以答案是：42元。", "42", id="Chinese"),
        pytest.param("答案：４２", "42", id="full-width digits"),
        pytest.param("I have 3 apples and 4 pears", "4", id="last number"),
        pytest.param("It costs 50%.", "50%", id="percent"),
        pytest.param("About 3.14.", "3.14", id="full stop is no decimal point"),
        pytest.param("It is between 10-20", None, id="a range is no number"),
        pytest.param("no idea", None, id="nothing"),
        pytest.param("", None, id="empty"),
    ],
)
def test_number(reply: str, expected: str | None) -> None:
    """The number a reply ends on is found however it is announced."""
    assert extract.number(reply) == expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param("答案：A", "A", id="full-width colon"),
        pytest.param("答案: (B)", "B", id="half-width colon, brackets"),
        pytest.param("答案是C。因为它最大", "C", id="copula and prose"),
        pytest.param("答案为 Ａ", "A", id="full-width letter"),
        pytest.param("答案：【C】", "C", id="Chinese brackets"),
        pytest.param("所以正确答案是 **B. 北京**", "B", id="letter with its text"),
        pytest.param("故选C", "C", id="therefore choose"),
        pytest.param("综上，选 D。", "D", id="choose"),
        pytest.param("【答案】C", "C", id="heading in brackets"),
        pytest.param("因此，正确选项为：D", "D", id="option as"),
        pytest.param("Therefore, the answer is option B.", "B", id="the word option between"),
        pytest.param("答案是 A 和 C", None, id="two at once"),
        pytest.param("The answer is A or B", None, id="one or the other"),
        pytest.param("选项C正确", "C", id="is right"),
        pytest.param("ANSWER: D", "D", id="English marker"),
        pytest.param("**ANSWER: A**", "A", id="bold line"),
        pytest.param("Answer: A because it is round", "A", id="trailing prose"),
        pytest.param("**Answer:**\nB", "B", id="on the next line"),
        pytest.param("The answer is (C).", "C", id="sentence"),
        pytest.param("The answer is: b", "b".upper(), id="lower case at the end of a line"),
        pytest.param("the correct option is **D**", "D", id="option is"),
        pytest.param("B is correct", "B", id="is correct"),
        pytest.param(r"\boxed{C}", "C", id="boxed"),
        pytest.param(r"\boxed{\text{D}}", "D", id="boxed text"),
        pytest.param("A", "A", id="letter alone"),
        pytest.param("(B)", "B", id="letter in brackets"),
        pytest.param("B. Paris", "B", id="letter and text"),
        pytest.param("I think it must be C.", "C", id="the only letter"),
        pytest.param("Let me see.\nD", "D", id="last line"),
        pytest.param("答案A是错误的，答案B是正确的", "B", id="one ruled out"),
        pytest.param("The answer is not A, the answer is B", "B", id="denied, then stated"),
        pytest.param(f"{ECHO}\nAnswer: B", "B", id="echoed options, then an answer"),
        pytest.param("A. x B. y C. z D. w 答案：D", "D", id="options echoed in one line"),
        pytest.param(ECHO, None, id="only echoed options"),
        pytest.param("(A) Rome\n(B) Paris\n(C) Bonn", None, id="echoed in brackets"),
        pytest.param("- **A)** Rome\n- **B)** Paris", None, id="echoed as a bold list"),
        pytest.param("Options: A. x B. y C. z D. w", None, id="echoed in one line only"),
        pytest.param("ANSWER: [A/B/C/D]", None, id="the instruction repeated"),
        pytest.param("答案：X", None, id="a letter that is no label"),
        pytest.param("A cat sat.", None, id="an article"),
        pytest.param("The answer is a bit complex", None, id="an article after a marker"),
        pytest.param("A和B都对", None, id="two letters"),
        pytest.param("不选B", None, id="ruled out only"),
        pytest.param("", None, id="empty"),
    ],
)
def test_choice(reply: str, expected: str | None) -> None:
    """The letter a reply settles on is found; an option list that it repeats is never an answer."""
    assert extract.choice(reply, "ABCD") == expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param("答案：ABD", "ABD", id="together"),
        pytest.param("Answer: D, A and C", "ACD", id="listed, out of order"),
        pytest.param("The answer is (A) and (C).", "AC", id="bracketed"),
        pytest.param("选A、C", "AC", id="Chinese comma"),
        pytest.param(r"\boxed{BD}", "BD", id="boxed"),
        pytest.param("A,C", "AC", id="alone"),
        pytest.param("答案：B", "B", id="one"),
        pytest.param(ECHO, None, id="echo"),
    ],
)
def test_choices(reply: str, expected: str | None) -> None:
    """All letters that are named together are found, in order."""
    assert extract.choices(reply, "ABCD") == expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param("<think>A or B</think>C", "C", id="pair"),
        pytest.param("<think>1</think>x<think>2</think>y", "xy", id="two pairs"),
        pytest.param("thought by the template</think>C", "C", id="opened by the chat template"),
        pytest.param("said <think>cut o", "said", id="cut off"),
        pytest.param("plain", "plain", id="none"),
    ],
)
def test_strip_thinking(reply: str, expected: str) -> None:
    """What a model thought is not what it said."""
    assert extract.strip_thinking(reply) == expected


@given(st.integers(-(10**12), 10**12), st.text(alphabet="abc 的。\n", max_size=40))
def test_a_boxed_number_is_found_in_any_prose(number: int, prose: str) -> None:
    """Whatever stands round a box, its content is the answer."""
    assert extract.number(f"{prose}\\boxed{{{number}}}{prose}") == str(number)


@given(st.text(max_size=200))
def test_nothing_but_labels_is_ever_extracted(reply: str) -> None:
    """A choice is one of its labels or nothing, whatever the reply, and nothing raises."""
    assert extract.choice(reply, "ABCD") in {"A", "B", "C", "D", None}
    assert set(extract.choices(reply, "ABCD") or "") <= set("ABCD")
    extract.number(reply)


# Pieces that patterns stumble over when they are repeated, behind heads that make a pattern begin.
HEADS = ("", "The answer is A", "答案是A", "The answer is 1", "(", '{"answer": "', "\\boxed{", "18\n\nProblem: ", "1")
PIECES = (
    *(
        " ",
        "\n",
        " \n",
        "\u3000",
        "*",
        "(",
        "[",
        "{",
        "|",
        "A",
        "A ",
        "A,",
        "A、",
        "A and ",
        "A or ",
        "A. x\n",
        "A. 错\n",
    ),
    *("1", "1,", "1/", "1 ", "1.", "12:", "= ", "$", "½", "一", "one ", "million ", "18 dollars and ", "dollars "),
    *("\\", "\\frac{1}{2}", "\\text{", "\\boxed{", "}", '{"', '{"a":', '{"answer":', "{'answer': '", '"', "<think>"),
    *("<", "<|channel|>", "</think>", "Question: ", "\nQ:", "answer ", "answers to ", "the answer is A ", "答案", "选"),
    *("排除", "not ", "is wrong ", "|A|yes|\n", "| ", "<answer>", "#### ", "...", "\r\n"),
)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("piece", PIECES)
def test_the_time_to_read_grows_with_the_length_and_no_faster(head: str, piece: str) -> None:
    """Four times the reply takes about four times as long; a pattern that backtracks would take sixteen."""

    def took_s(length: int) -> float:
        reply = head + piece * (length // len(piece)) + "because"
        begun = time.process_time()
        said = extract.strip_thinking(reply)
        extract.choice(said, "ABCD", ("Rome", "Paris", "Bonn", "Oslo"), "Which?")
        extract.choices(said, "ABCD")
        extract.number(said, "How many?")
        return time.process_time() - begun

    least_s = max(took_s(2_000), 0.03)
    assert took_s(8_000) < 8 * least_s or took_s(8_000) < 8 * least_s  # another process may have had the core


def test_a_run_of_line_feeds_takes_no_time() -> None:
    """What blocked an event loop for 40 s: an announced letter, 500 line feeds and a reason."""
    begun = time.process_time()
    assert extract.choice("The answer is A" + "\n" * 500 + "because", "ABCD") == "A"
    assert time.process_time() - begun < 0.5
