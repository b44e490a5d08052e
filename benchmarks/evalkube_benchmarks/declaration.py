"""What a benchmark declares: where its data lies, how questions are put, how replies are read and scored. No I/O."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal, Protocol, TypeAlias

from evalkube_crds.evalrun import JudgeContract

__all__ = [
    "LETTERS",
    "Benchmark",
    "Category",
    "Content",
    "Explained",
    "Message",
    "Metric",
    "Prompt",
    "Question",
    "Record",
    "Reply",
    "Score",
    "Share",
    "Subset",
    "Tokenizer",
    "letters",
    "one_default_subset",
]

Record = dict[str, Any]
Content = str | list[dict[str, Any]]
"""What a message says: a text, or parts in the form of the endpoint's dialect."""
Category = Literal[
    "knowledge", "mathematics", "reasoning", "questions", "instructions", "code", "long context", "own data"
]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


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
    """One record, read: `targets` are the right answers (letters for choices), `solution` how one gets there.

    `asked` is the question alone, for judges, where `text` has a long text that it is about as well.
    `messages` replaces `text` where a record is a conversation of its own. `metadata` goes into reviews, and metrics
    may read it. `checks` are what metrics need besides and no review has room for: the tests of a program. `group`:
    what it shares with other questions, such as a text they are all about; intervals then count the groups, for their
    answers are alike.
    """

    text: str
    asked: str = ""
    targets: tuple[str, ...]
    choices: tuple[str, ...] = ()
    solution: str = ""
    messages: tuple[Message, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    group: str = ""
    checks: Mapping[str, Any] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """The first right answer; "" without one."""
        return self.targets[0] if self.targets else ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said: its thoughts left out, the user's filters applied.

    `runs_on`: the prompt had worked examples, so that a reply may go on to a next one even where it is free text.
    """

    text: str
    runs_on: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """A score of several parts, each of which counts by itself in a pooled figure: `right` of `parts`."""

    right: int
    parts: int


@dataclass(frozen=True, slots=True)
class Explained:
    """A score with the reason for it, and with what protected us of the program that was run for it."""

    value: float | Share
    why: str = ""
    held: tuple[str, ...] = ()


Score: TypeAlias = float | Share | Explained | None
"""What a metric says of one answer; None where there is nothing to compare it with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One figure of a benchmark, from 0 to 1 for each answer.

    `score` gets what was read of a reply, and says None where there is nothing to compare it with. A `Share` is pooled:
    an answer of three parts weighs as much as three of one.
    `verdict`: it says right (1) or wrong (0), so that pass@k, votes and tests of pairs can be made of it.
    `by_judge`: the judges' contract gives its value (`metrics.judged`), and `score` says nothing.
    """

    name: str
    score: Callable[[str, Question], Score]
    verdict: bool = True
    better: Literal["higher", "lower"] = "higher"
    by_judge: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """How a question is put.

    Templates hold {question}, {choices}, {letters}, {subject}; `few_shot` also {fewshot} (the worked examples, with
    `separator` between them) and, for one `example`, {answer} and {solution}. `answer` is how a worked example ends:
    what a model that does as it is told says. `stops` are how a next example would begin: with worked examples before
    it, a model may go on to one of its own.
    """

    question: str
    few_shot: str
    example: str
    answer: str
    separator: str = "\n\n"
    letters_separator: str = ", "
    stops: tuple[str, ...] = ()
    system: str | None = None

    @classmethod
    def of(
        cls,
        task: str,
        item: str,
        answer: str,
        *,
        few_shot_task: str | None = None,
        header: str = "",
        letters_separator: str = ", ",
        system: str | None = None,
    ) -> "Prompt":
        """The templates of a task, an item and its answer, the same with worked examples as without.

        `header` stands before everything; an item's first words, where they are no placeholder, are its stop.
        """
        mark = item.partition("{")[0]
        return cls(
            question=f"{header}{task}\n\n{item}" if task else f"{header}{item}",
            few_shot=f"{header}{task if few_shot_task is None else few_shot_task}\n\n{{fewshot}}\n\n{item}",
            example=f"{item}\n{answer}",
            answer=answer,
            letters_separator=letters_separator,
            stops=(f"\n\n{mark.rstrip()}",) if mark.strip() else (),
            system=system,
        )


def _as_they_are(records: Sequence[Record]) -> Sequence[Record]:
    return records


class Tokenizer(Protocol):
    """A model's tokenizer, which the runner reads."""

    def encode(self, text: str) -> list[int]:
        """The token ids of a text."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A benchmark as data.

    `items`: how many its evaluated split has, over all subsets. `subset_of`: all subsets lie in one configuration
    of the data set, `one_config`, and this says which one a record is of. `configs`: what the data set calls a
    subset, where that is another name. `prompts`: those of subsets that have one of their own. `prepare` chooses or
    makes the records of a split. `read` makes a question of a record, with a generator of the run's seed for what
    is drawn at reading (the order of choices); it raises KeyError or ValueError for a record that is not of this
    data set. `extract` finds the answer in a reply: None where there is none, which scores 0. `metrics` starts with
    the main one. `judge`: a language model grades by this contract, and the metrics get the label that it gave
    instead of what `extract` finds; where they are `by_judge` it is the contract of a run that has none of its own.
    `rules_version` is raised when this benchmark decides otherwise: its kept scores are then made anew. `variant`
    applies extra_params, which are the keys of `parameters` with their defaults. `own_examples`: the data set has
    no worked examples; the train split of our own samples serves as such. `columns`: those of its tables where
    these have no header. `programs`: scoring one reply runs as many in the sandbox at most; such a benchmark has
    the parameter `timeout_s`, the processor time of one. `tokenized` makes the benchmark that counts in tokens,
    where the parameter `tokenizer_path` names a tokenizer. `heat_map`: the keys of metadata that are the columns
    and rows of a map of its scores.
    """

    name: str
    pretty_name: str
    description: str
    category: Category
    languages: tuple[str, ...]
    source: str
    licence: str
    items: int | None
    hub_ids: Mapping[str, str]
    subsets: tuple[Subset, ...]
    free_subsets: bool = False
    eval_split: str
    train_split: str | None = None
    few_shot_num: int = 0
    own_examples: bool = False
    columns: tuple[str, ...] = ()
    prompt: Prompt
    prompts: Mapping[str, Prompt] = field(default_factory=dict)
    one_config: str | None = None
    subset_of: Callable[[Record], str] | None = None
    configs: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[Sequence[Record]], Sequence[Record]] = _as_they_are
    read: Callable[[Record, Random], Question]
    extract: Callable[[Reply, Question], str | None]
    metrics: tuple[Metric, ...]
    judge: JudgeContract | None = None
    rules_version: int = 1
    programs: int = 0
    parameters: Mapping[str, Any] = field(default_factory=dict)
    variant: Callable[["Benchmark", Mapping[str, Any]], "Benchmark"] = lambda benchmark, _: benchmark
    tokenized: Callable[["Benchmark", Tokenizer], "Benchmark"] | None = None
    heat_map: tuple[str, str] | None = None

    def metric(self, name: str) -> Metric:
        """The metric of that name. Raises KeyError."""
        return {metric.name: metric for metric in self.metrics}[name]


def letters(count: int) -> str:
    """The labels of `count` choices."""
    return LETTERS[:count]


def one_default_subset() -> tuple[Subset, ...]:
    """For data of the user's own, which has the subsets that he names."""
    return (Subset("default"),)
