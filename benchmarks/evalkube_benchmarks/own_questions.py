"""Questions of the user's own: the common declaration of their benchmarks, and the reader of records. Pure."""

from collections.abc import Mapping
from random import Random
from typing import Any, Final

from evalkube_benchmarks import fields
from evalkube_benchmarks.benchmark import Content, Message, Question, Record, one_default_subset

__all__ = ["DECLARED", "read"]

DECLARED: Final[Mapping[str, Any]] = {
    "category": "own data",
    "source": "",
    "licence": "",
    "items": None,
    "hub_ids": {},
    "subsets": one_default_subset(),
    "free_subsets": True,
}
"""The declaration of benchmarks with the user's data: no hub has it, and the user names its subsets."""

_ROLES = ("system", "user", "assistant")


def read(record: Record, _: Random) -> Question:
    """The question of a record: `question` (`query`) or `messages`, with `answer` (`response`): one text or several."""
    targets = fields.references(record, "answer", "response")
    if record.get("messages"):
        return _conversation(record, targets)
    text = fields.first(record, "question", "query")
    if text is None:
        raise ValueError("has no field question, query or messages")
    return _question(text, targets, _with_system(record, text))


def _question(text: str, targets: tuple[str, ...], messages: tuple[Message, ...]) -> Question:
    return Question(text=text, targets=tuple(filter(None, targets)), messages=messages)


def _with_system(record: Record, text: str) -> tuple[Message, ...]:
    """The system message that a record may have beside its question."""
    system = fields.first(record, "system")
    return (Message("system", system), Message("user", text)) if system else ()


def _conversation(record: Record, targets: tuple[str, ...]) -> Question:
    messages = tuple(_message(message, at) for at, message in enumerate(record["messages"], start=1))
    # A conversation that ends with an answer brings its own reference.
    if not targets and messages[-1].role == "assistant":
        if not isinstance(messages[-1].content, str):
            raise ValueError("the answer that ends the messages is not a text")
        targets, messages = (messages[-1].content,), messages[:-1]
    if not messages or messages[-1].role != "user":
        raise ValueError("messages must end with the user's question")
    return _question(_texts(messages[-1].content), targets, messages)


def _message(message: object, number: int) -> Message:
    if not isinstance(message, dict):
        raise ValueError(f"message {number} is not an object with role and content")
    if message.get("role") not in _ROLES:
        raise ValueError(f"a message has the role {message.get('role')!r}; valid are {', '.join(_ROLES)}")
    return Message(message["role"], fields.content(message, f"message {number}"))


def _texts(content: Content) -> str:
    """The texts among the parts of a message."""
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if isinstance(part.get("text"), str))
