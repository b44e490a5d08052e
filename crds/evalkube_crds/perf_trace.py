"""What a load test that replays a trace has no use for, because the trace says it. Pure."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from pydantic.alias_generators import to_camel

from evalkube_crds.dialects import DIALECTS
from evalkube_crds.fields import cel

__all__ = ["TRACE", "check", "rules"]

TRACE: Final = "workload_trace"
"""The data set whose requests have times of their own."""


class _Said(NamedTuple):
    """A field that is left out, its value then, and why; names of other fields stand in braces."""

    path: str
    left_out: Any
    why: str


_TIMES: Final = "a workload_trace is sent by its own times; leave it out"
_LENGTHS: Final = "a workload_trace says how long answers may be; leave it out"
_PROMPTS: Final = "a workload_trace says how long prompts are; leave it out"

_SAID: Final = (
    _Said("parallel", [1], _TIMES),
    _Said("rate", [-1.0], f"{_TIMES}; {{trace_speed}} makes it faster"),
    _Said("rate_stages", None, _TIMES),
    _Said("arrivals", "poisson", _TIMES),
    _Said("burstiness", None, _TIMES),
    _Said("ramp_up", None, _TIMES),
    _Said("sla_auto_tune", False, "finds the loads itself, and a workload_trace is one; leave it out"),
    _Said("prompt", None, "a workload_trace has its own prompts; leave it out"),
    _Said("dataset_args.target_input_len", None, _PROMPTS),
    _Said("max_tokens", [2048], f"{_LENGTHS}; {{extra_args}} goes before it"),
    _Said("min_tokens", None, f"{_LENGTHS}; ignore_eos in {{extra_args}} makes them as long (vLLM, SGLang)"),
)
_WORDLESS: Final = [name for name, row in DIALECTS.items() if row.kind != "chat"]
_NEEDS_WORDS: Final = f"dataset: {TRACE} is for APIs of models that answer in words"


def rules() -> Iterator[dict[str, str]]:
    """What `check` demands, in CEL."""
    replays = f"self.dataset != '{TRACE}'"
    yield cel(f"{replays} || has(self.datasetPath)", f"datasetPath: {TRACE} needs the file to read")
    yield cel(f"{replays} || !(self.api in {_WORDLESS})", _NEEDS_WORDS)
    yield cel(f"!({replays}) || self.traceSpeed == 1.0", f"traceSpeed: is for the {TRACE} dataset")
    for path, value, why in _SAID:
        where = ".".join(map(to_camel, path.split(".")))
        yield cel(f"{replays} || {_is_left_out(where, value)}", f"{where}: {_spelled(why, to_camel)}")


def _is_left_out(where: str, value: Any) -> str:
    if value is None:
        return f"!has(self.{where})"
    return f"!self.{where}" if value is False else f"self.{where} == {value!r}"


def _spelled(why: str, spell: Callable[[str], str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: spell(found[1]), why)


def check(spec: Any) -> None:
    """Raises ValueError for a field of a load test that has no meaning beside a trace, or without one."""
    if spec.dataset != TRACE:
        if spec.trace_speed != 1.0:
            raise ValueError(f"trace_speed: is for the {TRACE} dataset")
        return
    if spec.dataset_path is None:
        raise ValueError(f"dataset_path: {TRACE} needs the file to read")
    if spec.api in _WORDLESS:
        raise ValueError(_NEEDS_WORDS)
    for path, value, why in _SAID:
        found = spec
        for name in path.split("."):
            found = getattr(found, name)
        if found != value:
            raise ValueError(f"{path}: {_spelled(why, str)}")
