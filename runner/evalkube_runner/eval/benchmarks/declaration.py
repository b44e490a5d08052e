"""What a benchmark declares: where its data lies, how questions are put, how answers are found and scored. No I/O."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = [
    "LETTERS",
    "AnswerKind",
    "Benchmark",
    "Content",
    "Message",
    "Question",
    "Record",
    "Subset",
    "letters",
    "one_default_subset",
]

Record = Mapping[str, Any]
Content = str | list[dict[str, Any]]
"""What a message says: a text, or parts in the form of the endpoint's dialect."""
AnswerKind = Literal["number", "choice", "choices", "text"]
LETTERS = "ABCDEFGHIJ"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat."""

    role: str
    content: Content


@dataclass(frozen=True, slots=True)
class Subset:
    """One subset: its name in the data set, the categories it is reported under, and a title for prompts."""

    name: str
    category: tuple[str, ...] = ("default",)
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One record, read: `target` is the right answer (letters for choices), `solution` how one gets there.

    `others` are right answers too. `messages` replaces `text` where a record is a conversation of its own.
    """

    text: str
    target: str
    others: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    solution: str = ""
    messages: tuple[Message, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def targets(self) -> tuple[str, ...]:
        """All right answers."""
        return (self.target, *self.others)


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A benchmark as data. `read` raises KeyError or ValueError for a record that is not of this data set.

    Templates hold {question}, {choices}, {letters}, {subject}; the few-shot ones also {fewshot} (the worked examples)
    and, for one example, {answer} and {solution}. `stops` are how a next example would begin: with worked examples
    before it, a model may go on to one of its own. `metrics` starts with the main one. `variant` applies extra_params,
    which are the keys of `parameters` with their defaults.
    """

    name: str
    pretty_name: str
    description: str
    hub_ids: Mapping[str, str]
    subsets: tuple[Subset, ...]
    free_subsets: bool = False
    eval_split: str
    train_split: str | None = None
    few_shot_num: int = 0
    system_prompt: str | None = None
    prompt_template: str
    few_shot_prompt_template: str
    example_template: str
    stops: tuple[str, ...] = ()
    read: Callable[[Record], Question]
    answer: AnswerKind
    metrics: tuple[str, ...] = ("acc",)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    variant: Callable[["Benchmark", Mapping[str, Any]], "Benchmark"] = lambda benchmark, _: benchmark


def letters(count: int) -> str:
    """The labels of `count` choices."""
    return LETTERS[:count]


def one_default_subset() -> tuple[Subset, ...]:
    """For data of the user's own, which has the subsets that he names."""
    return (Subset("default"),)
