"""Groups prompts of a data set into requests of several texts each, for endpoints that embed or rank.

Same spec, same index: same request, in every process and shard. Nothing here talks to the endpoint under test.
"""

from typing import Final

from evalkube_crds.dialects import DIALECTS
from evalkube_crds.names import Reason
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import PromptData
from evalkube_runner.context import RunContext
from evalkube_runner.data import conversations, prompts
from evalkube_runner.data.conversations import ConversationSource
from evalkube_runner.data.prompts import PromptSource
from evalkube_runner.errors import RunFailed
from evalkube_runner.wire.ask import Inputs, Prompt, Query

__all__ = ["Groups", "load"]

_BATCH: Final = 1
_DOCUMENTS: Final = 10


class Groups:
    """Requests by index, each of `size` texts that follow one another; the last one goes on with the first texts.
    `ranked`: the first text of each is the query for the others.
    """

    def __init__(self, source: PromptSource, size: int, *, ranked: bool) -> None:
        self._source = source
        self._size = size
        self._ranked = ranked

    @property
    def data(self) -> PromptData:
        """Where the texts are from, and what of them was left out."""
        return self._source.data

    def __len__(self) -> int:
        """How many different requests there are."""
        return -(-len(self._source) // self._size)

    def limit(self, index: int) -> None:
        """None: there are no answers in tokens."""

    def arrivals_ns(self, speed: float) -> None:
        """None: they are of no trace."""

    def item(self, index: int) -> Inputs | Query:
        """One request."""
        first = index % len(self) * self._size
        found = [_text(self._source.item(at)) for at in range(first, first + self._size)]
        return Query(found[0], found[1:]) if self._ranked else Inputs(found)


def load(spec: PerfRunSpec, context: RunContext, *, chat: bool) -> PromptSource | ConversationSource | Groups:
    """The source of the requests of `spec`: prompts, conversations, or groups of prompts where its API takes several
    texts, unless they are whole bodies. Raises RunFailed as `prompts.load` and `conversations.load` do;
    DatasetUnavailable for lines that are no texts.
    """
    if spec.converses:
        return conversations.load(spec, context)
    source = prompts.load(spec, context, chat=chat)
    kind, args = DIALECTS[spec.api].kind, spec.dataset_args
    if kind == "chat":
        return source
    if isinstance(source.item(0), dict):
        _check_bodies(source, spec)
        return source
    if spec.dataset == "line_by_line" and spec.prompt is None:
        _check_texts(source, spec)
    if kind == "rerank":
        return Groups(source, 1 + (args.documents or _DOCUMENTS), ranked=True)
    return Groups(source, args.batch_size or _BATCH, ranked=False)


def _check_bodies(source: PromptSource, spec: PerfRunSpec) -> None:
    """Check that all rows are bodies, or none: a body among texts would be taken for a text."""
    args = spec.dataset_args
    for name, value in (("batch_size", args.batch_size), ("documents", args.documents)):
        if value is not None:
            text = f"dataset_args.{name}: the lines of dataset_path are whole bodies; leave it out"
            raise RunFailed(Reason.INVALID_SPEC, text)
    if not all(isinstance(source.item(at), dict) for at in range(len(source))):
        raise _mixed(spec)


def _check_texts(source: PromptSource, spec: PerfRunSpec) -> None:
    if not all(isinstance(source.item(at), str) for at in range(len(source))):
        raise _mixed(spec)


def _mixed(spec: PerfRunSpec) -> RunFailed:
    return RunFailed(
        Reason.DATASET_UNAVAILABLE,
        f"{spec.dataset_path}: for api {spec.api} all lines must be texts, or all of them bodies of requests (JSON)",
    )


def _text(prompt: Prompt) -> str:
    assert isinstance(prompt, str), "it was looked at before"
    return prompt
