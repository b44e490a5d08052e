"""Rules of a load test that replays a trace: the fields that it cannot have because the trace has the values. Pure."""

from collections.abc import Iterator
from functools import reduce
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic.alias_generators import to_camel

from evalkube_crds.dialects import DIALECTS
from evalkube_crds.rules import Rule

if TYPE_CHECKING:
    from evalkube_crds.perfrun import PerfRunSpec

__all__ = ["RULES", "TRACE"]

TRACE: Final = "workload_trace"
"""The dataset whose requests have times of their own."""


class _Said(NamedTuple):
    """A field that is left out, its value in that case, and the reason."""

    path: str
    left_out: Any
    why: str


_TIMES: Final = "a workload_trace has the times of its requests; leave it out"
_LENGTHS: Final = "a workload_trace has the lengths of its answers; leave it out"
_PROMPTS: Final = "a workload_trace has the lengths of its prompts; leave it out"

_SAID: Final = (
    _Said("parallel", [1], _TIMES),
    _Said("rate", [-1.0], f"{_TIMES}; trace_speed makes it faster"),
    _Said("rate_stages", None, _TIMES),
    _Said("arrivals", "poisson", _TIMES),
    _Said("burstiness", None, _TIMES),
    _Said("ramp_up", None, _TIMES),
    _Said("sla_auto_tune", False, "finds the load itself, but a workload_trace is one; leave it out"),
    _Said("prompt", None, "a workload_trace has its own prompts; leave it out"),
    _Said("dataset_args.target_input_len", None, _PROMPTS),
    _Said("max_tokens", [2048], f"{_LENGTHS}; extra_args goes before it"),
    _Said("min_tokens", None, f"{_LENGTHS}; ignore_eos in extra_args makes them as long (vLLM, SGLang)"),
)
_WORDLESS: Final = [name for name, row in DIALECTS.items() if row.kind != "chat"]
_IS_NONE: Final = f"self.dataset != '{TRACE}'"


def _left_out(said: _Said) -> "Rule[PerfRunSpec]":
    where, value = ".".join(map(to_camel, said.path.split("."))), said.left_out
    unset = f"!has(self.{where})" if value is None else f"self.{where} == {value!r}"
    return Rule(
        f"{_IS_NONE} || " + (f"!self.{where}" if value is False else unset),
        lambda spec: spec.dataset != TRACE or reduce(getattr, said.path.split("."), spec) == value,
        f"{said.path}: {said.why}",
    )


def _rules() -> "Iterator[Rule[PerfRunSpec]]":
    yield Rule(
        f"{_IS_NONE} || has(self.datasetPath)",
        lambda spec: spec.dataset != TRACE or spec.dataset_path is not None,
        f"dataset_path: {TRACE} needs the file to read",
    )
    yield Rule(
        f"{_IS_NONE} || !(self.api in {_WORDLESS})",
        lambda spec: spec.dataset != TRACE or spec.api not in _WORDLESS,
        f"dataset: {TRACE} is for APIs of models that answer in words",
    )
    yield Rule(
        f"!({_IS_NONE}) || self.traceSpeed == 1.0",
        lambda spec: spec.dataset == TRACE or spec.trace_speed == 1.0,
        f"trace_speed: is for the {TRACE} dataset",
    )
    yield from map(_left_out, _SAID)


RULES: Final = tuple(_rules())
