"""What fields of a load test belong to conversations alone, and which have no meaning with them. For the API server in
CEL, for requests in Python. Pure.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from evalkube_crds.dialects import DIALECTS
from evalkube_crds.fields import cel
from evalkube_crds.names import CONVERSATIONS

if TYPE_CHECKING:
    from evalkube_crds.perfrun import PerfRunSpec

__all__ = ["RULES", "objections"]

_CHATS: Final = [name for name, row in DIALECTS.items() if row.kind == "chat"]
_KINDS: Final = ", ".join(CONVERSATIONS)

_AS_DATASET: Final = f"is as dataset says: {_KINDS} are conversations, all others are none"
_ALONE: Final = "is for conversations; set dataset to one of " + _KINDS
_NO_MEANING: Final = "has no meaning with conversations; leave it out"
_NEEDS_PATH: Final = "custom_multi_turn needs the file to read"
_NEEDS_MOST: Final = "random_multi_turn needs it"
_ORDER: Final = "the first of two values must not be the larger one"
_TURNS: Final = "must not be larger than max_turns"
_NEEDS_CHAT: Final = f"conversations are for api {', '.join(_CHATS)}"

_TALKS: Final = "self.dataset.endsWith('_multi_turn')"

RULES: Final = (
    cel(f"!has(self.multiTurn) || self.multiTurn == {_TALKS}", f"multiTurn: {_AS_DATASET}"),
    cel(f"self.minTurns == 1 || {_TALKS}", f"minTurns: {_ALONE}"),
    cel(f"!has(self.maxTurns) || {_TALKS}", f"maxTurns: {_ALONE}"),
    cel(f"!has(self.thinkTime) || {_TALKS}", f"thinkTime: {_ALONE}"),
    cel(f"!{_TALKS} || self.api in {_CHATS}", f"dataset: {_NEEDS_CHAT}"),
    cel(f"!{_TALKS} || !has(self.prompt)", f"prompt: {_NO_MEANING}"),
    cel(f"!{_TALKS} || !has(self.queryTemplate)", f"queryTemplate: {_NO_MEANING}"),
    cel(f"!{_TALKS} || !self.tokenizePrompt", f"tokenizePrompt: {_NO_MEANING}"),
    cel(
        f"!{_TALKS} || !has(self.applyChatTemplate) || self.applyChatTemplate",
        f"applyChatTemplate: false {_NO_MEANING}",
    ),
    cel(f"!{_TALKS} || !has(self.datasetArgs.targetInputLen)", f"datasetArgs.targetInputLen: {_NO_MEANING}"),
    cel("self.dataset != 'custom_multi_turn' || has(self.datasetPath)", f"datasetPath: {_NEEDS_PATH}"),
    cel("self.dataset != 'random_multi_turn' || has(self.maxTurns)", f"maxTurns: {_NEEDS_MOST}"),
    cel(
        "!has(self.maxTurns) || self.minTurns <= self.maxTurns", f"minTurns: {_TURNS.replace('max_turns', 'maxTurns')}"
    ),
    cel(
        "!has(self.thinkTime) || size(self.thinkTime) == 1 || self.thinkTime[0] <= self.thinkTime[1]",
        f"thinkTime: {_ORDER}",
    ),
)


def objections(spec: "PerfRunSpec") -> Iterator[str]:
    """What is wrong with a spec, each with its field."""
    if spec.multi_turn is not None and spec.multi_turn != spec.converses:
        yield f"multi_turn: {_AS_DATASET}"
    yield from _misplaced(spec) if not spec.converses else _meaningless(spec)
    if spec.dataset == "custom_multi_turn" and spec.dataset_path is None:
        yield f"dataset_path: {_NEEDS_PATH}"
    if spec.dataset == "random_multi_turn" and spec.max_turns is None:
        yield f"max_turns: {_NEEDS_MOST}"
    if spec.max_turns is not None and spec.min_turns > spec.max_turns:
        yield f"min_turns: {_TURNS}"
    if spec.think_time is not None and spec.think_time[0] > spec.think_time[-1]:
        yield f"think_time: {_ORDER}"


def _misplaced(spec: "PerfRunSpec") -> Iterator[str]:
    """Fields that only conversations have."""
    fields = ("min_turns", spec.min_turns != 1), ("max_turns", spec.max_turns), ("think_time", spec.think_time)
    for name, given in fields:
        if given:
            yield f"{name}: {_ALONE}"


def _meaningless(spec: "PerfRunSpec") -> Iterator[str]:
    """Fields that conversations do not have."""
    if spec.api not in _CHATS:
        yield f"dataset: {_NEEDS_CHAT}"
    for name, given in (
        ("prompt", spec.prompt is not None),
        ("query_template", spec.query_template is not None),
        ("tokenize_prompt", spec.tokenize_prompt),
        ("apply_chat_template: false", spec.apply_chat_template is False),
        ("dataset_args.target_input_len", spec.dataset_args.target_input_len is not None),
    ):
        if given:
            field, _, value = name.partition(": ")
            yield f"{field}: {value} {_NO_MEANING}" if value else f"{field}: {_NO_MEANING}"
