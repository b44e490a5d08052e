"""The values of an answer, whatever the dialect: dialects produce them, evaluations and load tests read them. No I/O
here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

from evalkube_crds.names import ErrorClass
from evalkube_crds.wording import clip
from evalkube_runner.wire.ask import Prompt

__all__ = ["Answer", "ChoiceSaid", "Fault", "Kind", "Prompt", "Said", "Usage", "clip"]

Kind: TypeAlias = Literal["content", "reasoning", "refusal", "tool_calls"]
"""What a piece of an answer is. A model's tokens never span two kinds."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts as the server states them; None where it does not. The last two are parts of the first two.

    `doubtful`: it stated something that cannot be a count, which was left out.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """The fault of a failed answer: its class, and a short text for people."""

    error: ErrorClass
    message: str


class ChoiceSaid(NamedTuple):
    """One choice's part of an event, or of a whole answer. A tuple: it is made on the hot path.

    `pieces`: its texts by kind, never empty but for a tool call whose words are not told, and for one that is told
    later: `late` are texts of earlier events, which were counted then. `blank`: an empty text stands where a piece
    would. `opening`: the role is named, as at the beginning of a choice. `bare`: there is nothing that could hold a
    text.
    """

    choice: int
    pieces: tuple[tuple[Kind, str], ...] = ()
    blank: bool = False
    opening: bool = False
    finish_reason: str | None = None
    usage: Usage | None = None
    bare: bool = False
    late: tuple[tuple[Kind, str], ...] = ()


class Said(NamedTuple):
    """The content of one event of a stream, or of a whole answer.

    `over`: nothing of the answer follows. `unlike`: another event that differs in its text alone would not be another
    piece that says that text (where each event repeats all that came before). `items`: the vectors, or the ranked
    documents, of an answer without words.
    """

    choices: tuple[ChoiceSaid, ...] = ()
    usage: Usage | None = None
    fault: Fault | None = None
    over: bool = False
    unlike: bool = False
    items: int = 0


_NOTHING: Mapping[Any, str] = MappingProxyType({})


class Answer(NamedTuple):
    """An answer that is over, streamed or whole. Texts and finish reasons are by choice. A tuple: as `ChoiceSaid`.

    `begun`: how many of the choices that were asked for it has; `chunks`: the events with a piece of them. `strays`:
    pieces of choices that nobody asked for, which are left out. `items`: see `Said`.
    """

    texts: Mapping[tuple[int, Kind], str] = _NOTHING
    finish_reasons: Mapping[int, str] = _NOTHING
    usage: Usage | None = None
    fault: Fault | None = None
    begun: int = 0
    chunks: int = 0
    strays: int = 0
    items: int = 0

    @property
    def silent(self) -> bool:
        """Whether nothing was said, and no token is stated."""
        return not self.chunks and not self.items and not (self.usage is not None and self.usage.completion_tokens)

    def text(self, kind: Kind = "content", *, choice: int = 0) -> str:
        """The text of one kind of one choice; empty where there is none."""
        return self.texts.get((choice, kind), "")
