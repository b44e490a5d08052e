"""General QA: free answers to questions of one's own, compared with a reference by shared words, or by a judge."""

from evalkube_runner.eval.benchmarks import fields
from evalkube_runner.eval.benchmarks.declaration import (
    Benchmark,
    Content,
    Message,
    Question,
    Record,
    one_default_subset,
)

__all__ = ["BENCHMARK"]

_ROLES = ("system", "user", "assistant")


def _read(record: Record) -> Question:
    targets = fields.references(record, "answer", "response")
    if record.get("messages"):
        return _conversation(record, targets)
    text = fields.first(record, "question", "query")
    if text is None:
        raise ValueError("has none of the fields question, query, messages")
    return _question(text, targets, _with_system(record, text))


def _question(text: str, targets: tuple[str, ...], messages: tuple[Message, ...]) -> Question:
    return Question(text=text, target=targets[0] if targets else "", others=targets[1:], messages=messages)


def _with_system(record: Record, text: str) -> tuple[Message, ...]:
    """A record may bring its own system message along with its question."""
    system = fields.first(record, "system")
    return (Message("system", system), Message("user", text)) if system else ()


def _conversation(record: Record, targets: tuple[str, ...]) -> Question:
    messages = tuple(_message(message, at) for at, message in enumerate(record["messages"], start=1))
    # A conversation that ends with an answer brings its own reference.
    if not targets and messages[-1].role == "assistant":
        if not isinstance(messages[-1].content, str):
            raise ValueError("the answer that ends the messages is no text")
        targets, messages = (messages[-1].content,), messages[:-1]
    if not messages or messages[-1].role != "user":
        raise ValueError("messages must end with the user's question")
    return _question(_texts(messages[-1].content), targets, messages)


def _message(message: object, number: int) -> Message:
    if not isinstance(message, dict):
        raise ValueError(f"message {number} is no object with role and content")
    if message.get("role") not in _ROLES:
        raise ValueError(f"a message has the role {message.get('role')!r}; valid are {', '.join(_ROLES)}")
    return Message(message["role"], fields.content(message, f"message {number}"))


def _texts(content: Content) -> str:
    """The texts among the parts of a message."""
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if isinstance(part.get("text"), str))


BENCHMARK = Benchmark(
    name="general_qa",
    pretty_name="General-QA",
    description="Questions of the user's own with a reference answer; scored by BLEU and ROUGE, or by a judge.",
    hub_ids={},
    subsets=one_default_subset(),
    free_subsets=True,
    eval_split="test",
    train_split="train",
    prompt_template="{question}",
    few_shot_prompt_template="{fewshot}\n\nQuestion: {question}\nAnswer:",
    example_template="Question: {question}\nAnswer: {answer}",
    stops=("\n\nQuestion:",),
    read=_read,
    answer="text",
    metrics=(
        "Rouge-L-R",
        "Rouge-L-P",
        "Rouge-L-F",
        *(f"Rouge-{n}-{figure}" for n in (1, 2) for figure in "RPF"),
        *(f"bleu-{n}" for n in (1, 2, 3, 4)),
    ),
)
