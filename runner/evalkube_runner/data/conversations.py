"""Conversations of several turns: what is said anew at each, by index. The answers between are the model's own.

Same spec, same index: same conversation, in every process and shard. Nothing here talks to the endpoint under test.
"""

from array import array
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final, Protocol

from evalkube_crds.names import Reason
from evalkube_crds.results import LeftOut
from evalkube_runner.data.dialogues import Message, messages_of
from evalkube_runner.data.lengths import Lengths
from evalkube_runner.data.random_texts import ENDLESS, RandomTexts, WordTexts, generator_of
from evalkube_runner.data.rows import Rows
from evalkube_runner.errors import RunFailed

__all__ = ["Conversation", "Conversations", "RandomConversations", "RowConversations", "turns_of"]

_TURNS: Final = int.from_bytes(b"turns")
_SAID: Final = int.from_bytes(b"said")


@dataclass(frozen=True, slots=True)
class Conversation:
    """The messages that come anew with each turn: a person's, in the first perhaps after a system message.

    A turn's request has all messages of the turns before it, each followed by the answer that the model gave, and then
    its own.
    """

    turns: tuple[tuple[Message, ...], ...]

    def __len__(self) -> int:
        return len(self.turns)


class Conversations(Protocol):
    """Conversations by index, each the same whenever it is asked for."""

    def __len__(self) -> int:
        """How many there are. With fewer than are wanted they come again."""

    def conversation(self, index: int) -> Conversation:
        """One of them; 0 <= index < len."""


class RowConversations:
    """Conversations of a data set's rows. `left_out`: how many have nobody who asks, or fewer turns than `least`."""

    def __init__(self, rows: Rows, *, least: int = 1, most: int | None = None) -> None:
        """Reads every row once; turns beyond `most` are cut off. Raises RunFailed(DatasetUnavailable)."""
        self._rows = rows
        self._most = most
        self._kept = array("q")
        self.left_out: Counter[LeftOut] = Counter()
        self.cut = 0
        for index in range(len(rows)):
            turns = len(self._turns(index))
            if turns < max(1, least):
                self.left_out["too_short" if turns else "empty"] += 1
                continue
            self._kept.append(index)
            self.cut += most is not None and turns > most

    def __len__(self) -> int:
        return len(self._kept)

    def conversation(self, index: int) -> Conversation:
        """One of them."""
        return Conversation(self._turns(self._kept[index])[: self._most])

    def _turns(self, row: int) -> tuple[tuple[Message, ...], ...]:
        try:
            return turns_of(messages_of(self._rows.row(row)))
        except ValueError as error:
            raise RunFailed(Reason.DATASET_UNAVAILABLE, f"{self._rows.place(row)}: {error}") from error


class RandomConversations:
    """Conversations of drawn words: how many turns each has is drawn, and how long each turn is.

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


def _said(text: str) -> tuple[Message, ...]:
    return ({"role": "user", "content": text},)
