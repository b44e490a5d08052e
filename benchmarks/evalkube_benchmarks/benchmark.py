"""The declaration of a benchmark: its data, its prompts, and how replies are read and scored. No I/O."""

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
"""The content of a message: a text, or parts in the form of the endpoint's dialect."""
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
    """One subset: its name in the data set, the categories of its report, and a title for prompts."""

    name: str
    category: tuple[str, ...] = ("default",)
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One record as a question. `targets` are the right answers (letters for choices), `solution` the way to get there.

    `asked` is the question alone, for judges, if `text` also has a long text that it is about. `messages` replaces
    `text` if a record is a conversation of its own. `metadata` goes into reviews, and metrics may read it. `checks` are
    further inputs of metrics that are too large for reviews, such as the tests of a program. `group` is what a question
    shares with others, such as a text that they are all about. Intervals then count the groups, because the answers of
    a group are alike.
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
    """The model's reply, without reasoning and after the user's filters.

    `runs_on`: the prompt had worked examples, so that even a free-text reply may continue with a next example.
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
    """A score with its reason, and with the protection that the sandbox had for the program that was run."""

    value: float | Share
    why: str = ""
    held: tuple[str, ...] = ()


Score: TypeAlias = float | Share | Explained | None
"""The result of a metric for one answer; None if there is nothing to compare it with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One figure of a benchmark, from 0 to 1 for each answer.

    `score` gets what was extracted from a reply; it returns None if there is nothing to compare it with. A `Share` is
    pooled: an answer of three parts weighs as much as three of one. `verdict` means right (1) or wrong (0), which
    pass@k, votes and paired tests need. `by_judge` means that the judges' contract gives its value (`metrics.judged`),
    and `score` gives none.
    """

    name: str
    score: Callable[[str, Question], Score]
    verdict: bool = True
    better: Literal["higher", "lower"] = "higher"
    by_judge: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """The templates of a question's prompt.

    They contain {question}, {choices}, {letters}, {subject}. `few_shot` also contains {fewshot} (the worked examples,
    with `separator` between them), and one `example` also contains {answer} and {solution}. `answer` is the end of a
    worked example, as an obedient model writes it. `stops` are the beginnings of a next example: after worked examples
    a model may continue with one of its own.
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
        """The templates of a task, an item and its answer, equal with and without worked examples.

        `header` comes before everything. The first words of an item, if they are not a placeholder, are its stop.
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

    `items` is the size of its evaluated split over all subsets. `subset_of` gives the subset of a record, if all
    subsets are in one configuration of the data set, `one_config`. `configs` are the data set's names of subsets, where
    they differ. `prompts` are those of subsets with their own prompt. `prepare` chooses or makes the records of a
    split.

    `read` makes a question of a record, with a generator of the run's seed for random choices (the order of choices).
    It raises KeyError or ValueError for a record of another form. `extract` finds the answer in a reply; None means
    that there is none, which scores 0. `metrics` starts with the main one. `judge` is the contract by which a language
    model grades: the metrics get its label and not the result of `extract`. With metrics that are `by_judge`, it is the
    contract of a run that has none of its own.

    `rules_version` is raised when the benchmark's decisions change: stored scores are then made anew. `variant` applies
    extra_params, whose keys and defaults are in `parameters`. `own_examples`: the data set has no worked examples, and
    the train split of our own samples replaces them. `columns` are those of tables without a header. `programs` is the
    maximum number of sandboxed programs for one reply; such a benchmark has the parameter `timeout_s`, the processor
    time of one. `tokenized` makes the benchmark that counts in tokens, if the parameter `tokenizer_path` names a
    tokenizer. `heat_map` names the keys of metadata that are the columns and rows of a map of its scores.
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
    """A benchmark for the user's own data, whose subsets the user names."""
    return (Subset("default"),)
