"""The chat messages of a question, made from the templates of its benchmark or its user. Pure.

A template is one of Python's format strings, without code: {name} is a placeholder, {{ and }} are braces. Braces around
anything but a name stay as they are, so that \\boxed{} and \\frac{1}{2} need no doubling.
"""

import re
from collections.abc import Mapping, Sequence

from evalkube_benchmarks.benchmark import Content, Message, Prompt, Question, letters

__all__ = ["example_values", "messages", "placeholders", "question_values", "render", "worked_answer"]

_SOLUTION_LINE = re.compile(r"(?:\w+: )?\{solution\}\n")
_PIECE = re.compile(r"\{\{|\}\}|\{([A-Za-z_]\w*)\}")


def placeholders(template: str) -> list[str]:
    """The names in a template, in order."""
    return [match.group(1) for match in _PIECE.finditer(template) if match.group(1)]


def render(template: str, values: Mapping[str, str]) -> str:
    """A filled template. Raises KeyError for a placeholder that `values` does not have."""
    return _PIECE.sub(lambda match: values[match.group(1)] if match.group(1) else match.group()[0], template)


def _in_place(asked: str, content: Content) -> Content:
    """The prompt, with the parts of the question's own message that are no text (images) in their old places."""
    if isinstance(content, str):
        return asked
    at = next((at for at, part in enumerate(content) if isinstance(part.get("text"), str)), 0)
    parts = [part for part in content if not isinstance(part.get("text"), str)]
    return [*parts[:at], {"type": "text", "text": asked}, *parts[at:]]


def question_values(question: Question, subject: str, letters_separator: str = ", ") -> dict[str, str]:
    """The values of a prompt's placeholders."""
    labels = letters(len(question.choices))
    return {
        "question": question.text,
        "query": question.text,
        "choices": "\n".join(f"{label}. {choice}" for label, choice in zip(labels, question.choices, strict=True)),
        "letters": letters_separator.join(labels),
        "subject": subject,
        "subset": subject,
    }


def example_values(question: Question, subject: str, letters_separator: str = ", ") -> dict[str, str]:
    """The values of the placeholders of one worked example."""
    return question_values(question, subject, letters_separator) | {
        "answer": question.target,
        "solution": question.solution,
    }


def messages(
    question: Question, *, subject: str, prompt: Prompt, template: str, examples: Sequence[Question] = ()
) -> tuple[Message, ...]:
    """The chat for one question by `template`, one of the prompt's; its examples are in the same user message.

    A question with messages of its own keeps them. Only its last one, the user's, is put through the template.
    """
    worked = [_filled(prompt.example, prompt, example, subject) for example in examples]
    values = question_values(question, subject, prompt.letters_separator)
    asked = render(template, values | {"fewshot": prompt.separator.join(worked)})
    message = Message("user", _in_place(asked, question.messages[-1].content) if question.messages else asked)
    own = question.messages[:-1]
    system = () if prompt.system is None else (Message("system", prompt.system),)
    if system:
        own = tuple(message for message in own if message.role != "system")
    return (*system, *own, message)


def worked_answer(prompt: Prompt, question: Question, subject: str = "") -> str:
    """The right answer in the form that the prompt asks for."""
    return _filled(prompt.answer, prompt, question, subject)


def _filled(template: str, prompt: Prompt, example: Question, subject: str) -> str:
    """A template of a worked example; without a solution it has no empty line for one."""
    if not example.solution:
        template = _SOLUTION_LINE.sub("", template)
    return render(template, example_values(example, subject, prompt.letters_separator))
