"""Another writing of a right answer keeps its verdict; another value never does."""

import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkube_benchmarks import extract, readers
from evalkube_benchmarks.benchmark import Question, Reply
from evalkube_benchmarks.metrics import accuracy
from fakes.answers import READERS, ROWS, Row, read

# What may stand before or behind any reply without changing what it answers.
AROUND = (
    "<think>Is it 7, or C? No, 8.</think>{}",
    "<think>\n\n</think>\n\n{}",
    "[THINK]Not B. 12?[/THINK]\n{}",
    "Let me think: 3 or 4?\n</think>\n{}",
    "◁think▷A?◁/think▷{}",
    "<|channel|>analysis<|message|>99? D?<|end|><|start|>assistant<|channel|>final<|message|>{}<|return|>",
    "\n\n{}\n\n",
    "{}   \n",
    "{}<|im_end|>",
    "{}</s>",
    "{}<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nAnd 77?",
)
NEXT = (
    "{}\n\nQuestion: What comes next?\nAnswer: 77",
    "{}\n\nQ: And another one?\nA: D",
    "{}\n\nProblem: Add 70 and 7.\nResult: \\boxed{{77}}",
    "{}\n\nHuman: What about 77?",
    "{}\n\n题目：七十加七等于几？\n答案：77",
)
PLAIN_NUMBER = (
    "{}", "{}.", "**{}**", "The answer is {}.", "the answer is {}", "THE ANSWER IS {}", "**Answer:** {}",
    "Answer: {} apples",
    "\\boxed{{{}}}", "$\\boxed{{{}}}$", "\\boxed{{{}\\text{{ apples}}}}", "#### {}", "So there are {} apples.",
    "所以答案是{}。", "答案：{}", "答：一共{}个。", "<answer>{}</answer>", '{{"answer": "{}"}}', "Final answer: **{}**",
    "The final answer is $\\boxed{{{}}}$.", "= {}", "x = {}", "Therefore, the total is {}.", "La respuesta es {}.",
    "Die Antwort ist {}.", "答えは{}です。", "উত্তর: {}", "> {}", "`{}`", "The answer is ${}$.", "\\({}\\)",
    "She has 12 bags. The answer is {} because 3 + 4 = 7.",
)  # fmt: skip
PLAIN_LETTER = (
    "{}", "{}.", "({})", "**{}**", "The answer is {}.", "The answer is ({}).", "Answer: {}", "**Answer: {}**",
    "answer: {}",
    "\\boxed{{{}}}", "\\boxed{{\\text{{{}}}}}", "答案：{}", "答案是{}。", "故选{}。", "选{}", "答案是{}选项",
    "Option {}",
    "So the correct option is {}.", "<answer>{}</answer>", '{{"answer": "{}"}}', "I choose {}.", "{} is correct.",
    "The correct answer is option {}.", "【答案】{}", "| Answer |\n|---|\n| {} |", "Die richtige Antwort ist {}.",
    "La respuesta correcta es la {}.", "Final Answer: {}", "It's {}.", "Therefore, {}.", "[[{}]]",
)  # fmt: skip
SCRIPTS = tuple(
    str.maketrans("0123456789", "".join(chr(zero + at) for at in range(10)))
    for zero in (0x660, 0x6F0, 0x966, 0x9E6, 0xC66, 0xE50, 0xFF10)
)


def writings(value: int) -> list[str]:
    """A whole number in many writings."""
    sign, size = ("-" if value < 0 else ""), abs(value)
    return [
        f"{value}", f"{value:,}", f"{value}.0", f"{value}.00", f"{value:,}.00", f"{sign}{size:,}".replace(",", " "),
        f"{sign}{size:,}".replace(",", "\u202f"), f"{sign}{size:,}".replace(",", "{,}"),
        f"{value}".replace("-", "−"), *(f"{value}".translate(script) for script in SCRIPTS),
    ]  # fmt: skip


@functools.cache
def right_rows() -> list[Row]:
    """The rows whose answer is right and that nothing may follow already."""
    return [row for row in ROWS if row.right and row.kind not in ("thought", "channels", "run_on", "truncated")]


@pytest.mark.parametrize("around", AROUND)
def test_what_stands_around_a_reply_changes_nothing(around: str) -> None:
    """A thought before it, the ends of turns, white space: of every right answer."""
    assert [row for row in right_rows() if read(row, around.format(row.reply)) != read(row, row.reply)] == []


@pytest.mark.parametrize("following", NEXT)
def test_a_next_question_changes_nothing(following: str) -> None:
    """What a model asks itself after any right answer is not the question."""
    rows = [row for row in right_rows() if not row.kind.startswith("json")]
    assert [row for row in rows if read(row, following.format(row.reply))[1] is not True] == []


def verdict(reader: str, reply: str, question: Question) -> bool:
    """Whether a reply is right."""
    extracting, metric = READERS[reader]
    found = extracting(Reply(extract.strip_thinking(reply)), question)
    return found is not None and metric.score(found, question) == 1.0


@settings(max_examples=400)
@given(st.integers(-(10**9), 10**9), st.data())
def test_a_number_in_any_writing_keeps_its_verdict(value: int, data: st.DataObject) -> None:
    """Separators, digits of other scripts, decimals of none, in any sentence."""
    written = data.draw(st.sampled_from(writings(value)))
    dress = data.draw(st.sampled_from(PLAIN_NUMBER))
    asked = Question(text="How many apples are there?", targets=(str(value),))
    assert verdict("number", dress.format(written), asked)


@settings(max_examples=400)
@given(st.integers(-(10**9), 10**9), st.data())
def test_another_number_is_never_right(value: int, data: st.DataObject) -> None:
    """One more, another sign, ten times as much, one digit in another place."""
    digits = str(abs(value))
    others = {value + 1, value - 1, -value, value * 10, int(digits[::-1]), int(digits[1:] or "0"), value * 100} - {
        value
    }
    other = data.draw(st.sampled_from(sorted(others)))
    written = data.draw(st.sampled_from(writings(other)))
    dress = data.draw(st.sampled_from(PLAIN_NUMBER))
    assert not verdict("number", dress.format(written), Question(text="How many?", targets=(str(value),)))


@settings(max_examples=300)
@given(st.sampled_from("ABCDEFGHIJ"), st.sampled_from("ABCDEFGHIJ"), st.sampled_from(PLAIN_LETTER), st.booleans())
def test_a_letter_in_any_statement(right: str, said: str, dress: str, low: bool) -> None:
    """It is right where it is the one, in capitals or not, and no other ever is."""
    options = tuple(f"thing number {at}" for at in range(10))
    asked = Question(text="Which one?", targets=(right,), choices=options)
    if low and dress in ("{}", "({})", "The answer is {}.", "Answer: {}", "answer: {}", "\\boxed{{{}}}"):
        assert verdict("choice", dress.format(said.lower()), asked) is (said == right)
    assert verdict("choice", dress.format(said), asked) is (said == right)


LETTERS = st.sets(st.sampled_from("ABCDE"), min_size=1, max_size=4)


@settings(max_examples=200)
@given(LETTERS, LETTERS, st.sampled_from(("", ", ", "、", " and ", "和", ",")), st.sampled_from(PLAIN_LETTER[:18]))
def test_several_letters_in_any_statement(right: set[str], said: set[str], joint: str, dress: str) -> None:
    """All of them and no more, however they are joined."""
    options = tuple(f"thing number {at}" for at in range(5))
    asked = Question(text="Which ones?", targets=("".join(sorted(right)),), choices=options)
    assert verdict("choices", dress.format(joint.join(sorted(said))), asked) is (said == right)


@settings(max_examples=200)
@given(st.integers(2, 99), st.integers(2, 99), st.sampled_from(PLAIN_NUMBER[:12]))
def test_a_fraction_in_any_writing(above: int, below: int, dress: str) -> None:
    """As LaTeX, with a slash, as a mixed number; upside down it is another one unless it is 1."""
    asked = Question(text="Which part?", targets=(f"{above}/{below}",))
    for written in (f"{above}/{below}", rf"\frac{{{above}}}{{{below}}}", rf"\dfrac{{{above}}}{{{below}}}"):
        assert verdict("number", dress.format(written), asked)
    if above > below and above % below:
        assert verdict("number", dress.format(f"{above // below} {above % below}/{below}"), asked)
    assert verdict("number", dress.format(f"{below}/{above}"), asked) is (above == below)


@pytest.mark.parametrize("reader", sorted(READERS))
@given(text=st.text(max_size=300))
@settings(max_examples=150)
def test_any_text_can_be_read(reader: str, text: str) -> None:
    """Whatever a model says, no reader raises, and only something is found."""
    question = Question(text="Which?", targets=("A",), choices=("one", "two", "three"))
    found = READERS[reader][0](Reply(extract.strip_thinking(text)), question)
    assert found is None or found
    assert accuracy.SAME_TEXT.score(found or "", question) in (0.0, 1.0)
    readers.text(Reply(text, runs_on=True), question)
