"""Conversations of several turns: the new messages of each turn, by index. The answers between them are the model's
own.

Same spec, same index: same conversation, in every process and shard. `load` blocks (files, a hub). Nothing here talks
to the endpoint under test.
"""

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

from evalkube_crds.names import Reason
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import LeftOut, PromptData
from evalkube_runner.context import RunContext
from evalkube_runner.data import catalogue, prompts, rows, tokens
from evalkube_runner.data.dialogues import Message, messages_of, tools_of
from evalkube_runner.data.lengths import Lengths
from evalkube_runner.data.random_texts import ENDLESS, RandomTexts, WordTexts, generator_of, lengths_of, random_texts
from evalkube_runner.data.rows import Rows
from evalkube_runner.data.texts import text_of
from evalkube_runner.data.tokens import TokenCounter
from evalkube_runner.errors import RunFailed
from evalkube_runner.wire.ask import Conversation

__all__ = ["Bounds", "ConversationSource", "RandomConversations", "RowConversations", "load", "turns_of"]

_TURNS: Final = int.from_bytes(b"turns")
_SAID: Final = int.from_bytes(b"said")
_SUFFIX: Final = "_multi_turn"


class Conversations(Protocol):
    """Conversations by index, each the same whenever it is asked for."""

    def __len__(self) -> int:
        """The number of conversations. With fewer than are needed they come again."""

    def conversation(self, index: int) -> Conversation:
        """One of them; 0 <= index < len."""


class Bounds:
    """The bounds of a conversation from a data set: its number of turns (further turns are cut off), and the length of
    what each turn says.
    """

    def __init__(
        self,
        turns: tuple[int, int | None] = (1, None),
        lengths: tuple[int, int | None] = (0, None),
        counter: TokenCounter | None = None,
    ) -> None:
        """Lengths are in tokens of `counter`, else in characters."""
        self.least_turns, self.most_turns = turns
        self._least, self._most = lengths
        self._counter = counter

    def objection(self, turns: tuple[tuple[Message, ...], ...]) -> LeftOut | None:
        """The reason why a conversation is left out; None where it is not."""
        if len(turns) < max(1, self.least_turns):
            return "too_short" if turns else "empty"
        texts = [text_of(list(turn)) for turn in turns[: self.most_turns]]
        if self._surely_fit(texts):
            return None
        lengths = self._counter.counts(texts) if self._counter else [len(text) for text in texts]
        if min(lengths) < self._least:
            return "too_short"
        return "too_long" if self._most is not None and max(lengths) > self._most else None

    def _surely_fit(self, texts: list[str]) -> bool:
        """Whether the lengths fit without counting: a token has at least one byte."""
        return not self._least and (self._most is None or max(len(text) for text in texts) * 4 <= self._most)


_ANY: Final = Bounds()


class RowConversations:
    """The conversations of a data set's rows. `left_out` counts those outside the bounds; `cut` counts those with more
    turns.
    """

    def __init__(self, found: Rows, bounds: Bounds = _ANY) -> None:
        """Reads every row once. Raises RunFailed(DatasetUnavailable)."""
        self._rows = found
        self._most = bounds.most_turns
        self._kept = array("q")
        self.left_out: Counter[LeftOut] = Counter()
        self.cut = 0
        for index in range(len(found)):
            turns = self._read(index).turns
            objection = bounds.objection(turns)
            if objection is not None:
                self.left_out[objection] += 1
                continue
            self._kept.append(index)
            self.cut += self._most is not None and len(turns) > self._most

    def __len__(self) -> int:
        return len(self._kept)

    def conversation(self, index: int) -> Conversation:
        """One of them."""
        found = self._read(self._kept[index])
        return replace(found, turns=found.turns[: self._most])

    def _read(self, row: int) -> Conversation:
        found = self._rows.row(row)
        try:
            return Conversation(turns_of(messages_of(found)), tools_of(found))
        except ValueError as error:
            raise RunFailed(Reason.DATASET_UNAVAILABLE, f"{self._rows.place(row)}: {error}") from error


class RandomConversations:
    """Conversations of random words: the number of turns and the length of each are drawn.

    The first turn is a prompt of `first`, with its shared prefix.
    """

    def __init__(self, seed: int, turns: Lengths, first: RandomTexts, later: Lengths, made: WordTexts) -> None:
        self._seed = seed
        self._count = turns
        self._first = first
        self._later = later
        self._made = made

    def __len__(self) -> int:
        return ENDLESS

    def conversation(self, index: int) -> Conversation:
        """One of them. Raises RunFailed when no text has a drawn length."""
        count = self._count.at(generator_of(self._seed, index, _TURNS).random())
        generator = generator_of(self._seed, index, _SAID)
        later = [self._made.drawn(generator, self._later.at(generator.random())) for _ in range(count - 1)]
        return Conversation(tuple(_said(text) for text in (self._first.item(index), *later)))


class ConversationSource:
    """The conversations of one load test, by index. `data`: which they are, and what was left out or cut."""

    def __init__(self, source: Conversations, data: PromptData, *, prefix: str = "", role: str = "system") -> None:
        """`prefix`: the text before the first turn of each, said by `role`."""
        self._source = source
        self._prefix = prefix
        self._role = role
        self.data = data

    def __len__(self) -> int:
        """The number of different conversations; ENDLESS for random ones. With fewer than are needed they come
        again.
        """
        return len(self._source)

    def limit(self, index: int) -> None:
        """None: answers have the limits of the spec."""

    def arrivals_ns(self, speed: float) -> None:
        """See `prompts.PromptSource.arrivals_ns`: None, as they are of no trace."""

    def item(self, index: int) -> Conversation:
        """One of them. Past the end it begins again."""
        found = self._source.conversation(index % len(self))
        if not self._prefix:
            return found
        first, *later = found.turns
        return replace(found, turns=(_after(self._prefix, self._role, first), *later))


def load(spec: PerfRunSpec, context: RunContext) -> ConversationSource:
    """The conversations of `spec`. Raises RunFailed: DatasetUnavailable for data that is not there or malformed,
    InvalidSpec for options that lead nowhere.
    """
    counter = tokens.load(spec.tokenizer_path, context.readable) if spec.tokenizer_path else None
    prefix, role = prompts.prefix_of(spec, context.readable), spec.dataset_args.prefix_role
    if spec.dataset == f"random{_SUFFIX}":
        drawn = PromptData(
            dataset=spec.dataset, source="random", prompts=None, length_basis="tokens" if counter else "words"
        )
        return ConversationSource(_random(spec, counter), drawn, prefix=prefix, role=role)
    found, origin = _rows(spec, context)
    lengths = (spec.min_prompt_length, spec.max_prompt_length)
    source = RowConversations(found, Bounds((spec.min_turns, spec.max_turns), lengths, counter))
    if not len(found):
        raise RunFailed(Reason.DATASET_UNAVAILABLE, f"{origin}: holds no conversations")
    if not len(source):
        raise RunFailed(Reason.INVALID_SPEC, _none_left(source.left_out, len(found), origin))
    data = PromptData(
        dataset=spec.dataset,
        source=origin,
        prompts=len(source),
        left_out={why: count for why, count in source.left_out.items() if count},
        cut=source.cut,
        length_basis="tokens" if counter else "characters",
    )
    prompts.tell(data, "conversations")
    return ConversationSource(source, data, prefix=prefix, role=role)


def _rows(spec: PerfRunSpec, context: RunContext) -> tuple[Rows, str]:
    name = spec.dataset.removesuffix(_SUFFIX)
    if name == "custom":
        path = catalogue.dataset_path(spec.dataset_path or "", context)
        return rows.opened(path, context.readable), f"local:{spec.dataset_path}"
    place = catalogue.place_of(name, spec, context)
    return rows.opened(place.path, place.readable), place.origin


def _random(spec: PerfRunSpec, counter: TokenCounter | None) -> RandomConversations:
    assert spec.max_turns is not None, "the contract wants it"
    turns = Lengths(spec.min_turns, spec.max_turns)
    return RandomConversations(spec.seed, turns, random_texts(spec, counter), lengths_of(spec), WordTexts(counter))


def _none_left(left_out: Mapping[LeftOut, int], count: int, origin: str) -> str:
    why = ", ".join(f"{times} {name.replace('_', ' ')}" for name, times in left_out.items())
    return f"min_turns, min_prompt_length, max_prompt_length: none of the {count} conversations of {origin} fits: {why}"


def turns_of(messages: list[Message]) -> tuple[tuple[Message, ...], ...]:
    """The turns of a recorded conversation, without its answers.

    They end where a turn says nothing, or is a tool's result: that belongs to a call of the recorded model alone. What
    the model says before anybody has asked is left out.
    """
    end: Message = {"role": "assistant"}
    turns: list[tuple[Message, ...]] = []
    said: list[Message] = []
    for message in [*messages, end]:
        if message["role"] != "assistant":
            said.append(message)
        elif said and (turns or not _sets_up(said)):
            if not _asks(said):
                break
            turns.append(tuple(said))
            said = []
    return tuple(turns)


def _sets_up(said: list[Message]) -> bool:
    return all(message["role"] in ("system", "developer") for message in said)


def _asks(said: list[Message]) -> bool:
    roles = {message["role"] for message in said}
    return "user" in roles and "tool" not in roles and all(_has_content(message.get("content")) for message in said)


def _has_content(content: Any) -> bool:
    return bool(content.strip()) if isinstance(content, str) else bool(content)


def _after(prefix: str, role: str, first: tuple[Message, ...]) -> tuple[Message, ...]:
    """The first turn after a prefix. The prefix is a message of its own, or joins a message of its role that has a
    text.
    """
    for at, message in enumerate(first):
        if message["role"] == role and isinstance(text := message.get("content"), str):
            return (*first[:at], {**message, "content": f"{prefix}\n{text}"}, *first[at + 1 :])
    return ({"role": role, "content": prefix}, *first)


def _said(text: str) -> tuple[Message, ...]:
    return ({"role": "user", "content": text},)
