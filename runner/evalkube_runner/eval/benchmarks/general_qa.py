"""General QA: free answers to questions of one's own, compared with a reference by shared words, or by a judge."""

from evalkube_runner.eval.benchmarks.declaration import Benchmark, Message, Question, Record, one_default_subset

__all__ = ["BENCHMARK"]

_ROLES = ("system", "user", "assistant")


def _read(record: Record) -> Question:
    target = _first(record, "answer", "response")
    if record.get("messages"):
        return _conversation(record, target)
    text = _first(record, "question", "query")
    if text is None:
        raise ValueError("has none of the fields question, query, messages")
    return Question(text=text, target=target or "", messages=_with_system(record, text))


def _with_system(record: Record, text: str) -> tuple[Message, ...]:
    """A record may bring its own system message along with its question."""
    return (Message("system", str(record["system"])), Message("user", text)) if record.get("system") else ()


def _conversation(record: Record, target: str | None) -> Question:
    messages = tuple(Message(str(message["role"]), str(message["content"])) for message in record["messages"])
    strange = [message.role for message in messages if message.role not in _ROLES]
    if strange:
        raise ValueError(f"a message has the role {strange[0]!r}; valid are {', '.join(_ROLES)}")
    # A conversation that ends with an answer brings its own reference.
    if target is None and messages[-1].role == "assistant":
        target, messages = messages[-1].content, messages[:-1]
    if not messages or messages[-1].role != "user":
        raise ValueError("messages must end with the user's question")
    return Question(text=messages[-1].content, target=target or "", messages=messages)


def _first(record: Record, *names: str) -> str | None:
    return next((str(record[name]).strip() for name in names if record.get(name) is not None), None)


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
