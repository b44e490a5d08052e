"""Rules for load tests of conversations: the fields that only they have, and the fields that they cannot have."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from evalkube_crds.dialects import DIALECTS
from evalkube_crds.names import CONVERSATIONS
from evalkube_crds.rules import Rule

if TYPE_CHECKING:
    from evalkube_crds.perfrun import PerfRunSpec

    PerfRule = Rule[PerfRunSpec]

__all__ = ["RULES"]

_CHATS: Final = [name for name, row in DIALECTS.items() if row.kind == "chat"]
_KINDS: Final = ", ".join(CONVERSATIONS)
_TALKS: Final = "self.dataset.endsWith('_multi_turn')"


def _of_them_alone(cel: str, unset: "Callable[[PerfRunSpec], bool]", field: str) -> "PerfRule":
    return Rule(
        f"{cel} || {_TALKS}",
        lambda spec: spec.converses or unset(spec),
        f"{field}: is for conversations; set dataset to one of {_KINDS}",
    )


def _meaningless(cel: str, unset: "Callable[[PerfRunSpec], bool]", field: str) -> "PerfRule":
    return Rule(
        f"!{_TALKS} || {cel}",
        lambda spec: not spec.converses or unset(spec),
        f"{field} has no meaning with conversations; leave it out",
    )


RULES: "Final[tuple[PerfRule, ...]]" = (
    Rule(
        f"!has(self.multiTurn) || self.multiTurn == {_TALKS}",
        lambda spec: spec.multi_turn in (None, spec.converses),
        f"multi_turn: does not match dataset; {_KINDS} are conversations, all other datasets are not",
    ),
    _of_them_alone("self.minTurns == 1", lambda spec: spec.min_turns == 1, "min_turns"),
    _of_them_alone("!has(self.maxTurns)", lambda spec: spec.max_turns is None, "max_turns"),
    _of_them_alone("!has(self.thinkTime)", lambda spec: spec.think_time is None, "think_time"),
    Rule(
        f"!{_TALKS} || self.api in {_CHATS}",
        lambda spec: not spec.converses or spec.api in _CHATS,
        f"dataset: conversations need one of api {', '.join(_CHATS)}",
    ),
    _meaningless("!has(self.prompt)", lambda spec: spec.prompt is None, "prompt:"),
    _meaningless("!has(self.queryTemplate)", lambda spec: spec.query_template is None, "query_template:"),
    _meaningless("!self.tokenizePrompt", lambda spec: not spec.tokenize_prompt, "tokenize_prompt:"),
    _meaningless(
        "!has(self.applyChatTemplate) || self.applyChatTemplate",
        lambda spec: spec.apply_chat_template is not False,
        "apply_chat_template: false",
    ),
    _meaningless(
        "!has(self.datasetArgs.targetInputLen)",
        lambda spec: spec.dataset_args.target_input_len is None,
        "dataset_args.target_input_len:",
    ),
    Rule(
        "self.dataset != 'custom_multi_turn' || has(self.datasetPath)",
        lambda spec: spec.dataset != "custom_multi_turn" or spec.dataset_path is not None,
        "dataset_path: custom_multi_turn needs the file to read",
    ),
    Rule(
        "self.dataset != 'random_multi_turn' || has(self.maxTurns)",
        lambda spec: spec.dataset != "random_multi_turn" or spec.max_turns is not None,
        "max_turns: random_multi_turn needs it; set it",
    ),
    Rule(
        "!has(self.maxTurns) || self.minTurns <= self.maxTurns",
        lambda spec: spec.max_turns is None or spec.min_turns <= spec.max_turns,
        "min_turns: must not be larger than max_turns",
    ),
    Rule(
        "!has(self.thinkTime) || size(self.thinkTime) == 1 || self.thinkTime[0] <= self.thinkTime[1]",
        lambda spec: spec.think_time is None or spec.think_time[0] <= spec.think_time[-1],
        "think_time: the first of two values must not be larger than the second",
    ),
)
