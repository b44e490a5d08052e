"""How questions become chat messages."""

import pytest

from evalkube_benchmarks import prompts
from evalkube_benchmarks.benchmark import Message, Prompt, Question


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        pytest.param("Q: {question}", "Q: 1+1", id="placeholder"),
        pytest.param(r"{question} in \boxed{}", r"1+1 in \boxed{}", id="empty braces stay"),
        pytest.param(r"{question} in \boxed{{}}", r"1+1 in \boxed{}", id="doubled braces"),
        pytest.param(r"\boxed{{{question}}}", r"\boxed{1+1}", id="a value in braces"),
        pytest.param(r"\frac{1}{2} {question}", r"\frac{1}{2} 1+1", id="LaTeX stays"),
        pytest.param('{"a": {question}}', '{"a": 1+1}', id="JSON, one brace doubled"),
    ],
)
def test_render(template: str, rendered: str) -> None:
    """Only {name} is a placeholder; doubled braces are braces."""
    assert prompts.render(template, {"question": "1+1"}) == rendered


def test_values_are_not_rendered_again() -> None:
    """A question that contains braces is asked as it stands."""
    assert prompts.render("{question}", {"question": "{choices} {{x}}"}) == "{choices} {{x}}"


def _messages(asked: Question, *examples: Question, **more: str | None) -> tuple[Message, ...]:
    """A question by a template of its own; with examples, if there are any."""
    prompt = Prompt(
        **{"question": "{question}", "few_shot": "{fewshot}", "example": "", "answer": "", **more}  # type: ignore[arg-type]  # one dict for all cases
    )
    template = prompt.few_shot if examples else prompt.question
    return prompts.messages(asked, subject="s", prompt=prompt, template=template, examples=examples)


def test_examples_stand_before_the_question_in_one_message() -> None:
    """Worked examples are rendered by their own template, without a gap where one has no solution."""
    examples = [Question(text="1+1", targets=("2",)), Question(text="2+2", targets=("4",), solution="two and two")]
    asked = _messages(
        Question(text="3+3", targets=("6",)),
        *examples,
        few_shot="{fewshot}\n\nQ {question}",
        example="Q {question}\n{solution}\nA {answer}",
    )
    assert asked == (Message("user", "Q 1+1\nA 2\n\nQ 2+2\ntwo and two\nA 4\n\nQ 3+3"),)


def test_a_conversation_keeps_its_turns_and_the_system_prompt_goes_before_its_own() -> None:
    """Of a record's own messages only the last is put through the template, and the user's system prompt wins."""
    turns = (Message("system", "old"), Message("user", "hi"), Message("assistant", "hello"), Message("user", "and?"))
    question = Question(text="and?", targets=(), messages=turns)
    assert _messages(question, question="Q {question}") == (*turns[:3], Message("user", "Q and?"))
    assert _messages(question, system="new")[:2] == (Message("system", "new"), Message("user", "hi"))


def test_choices_and_letters() -> None:
    """Choices are lettered, one per line."""
    asked = _messages(
        Question(text="q", targets=("A",), choices=("x", "y")), question="{subject} {question}\n{choices}\n{letters}"
    )
    assert asked[0].content == "s q\nA. x\nB. y\nA, B"
