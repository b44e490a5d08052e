"""Collections of benchmarks: those of this version and of a request, and the benchmarks that these ask for. Pure.

The members of a collection are evaluated as usual. Beside their scores stands the collection's index, their weighted
mean.
"""

from collections.abc import Collection as Names
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from evalkube_benchmarks.table import ALIASES, BENCHMARKS
from evalkube_crds.evalrun import DatasetArgs, EvalRunSpec
from evalkube_crds.problems import Problem, nearest

__all__ = ["COLLECTIONS", "Collection", "args_of", "collections_of", "members_of", "problems", "unknown"]

_BUILT_IN: Final[Mapping[str, tuple[str, ...]]] = {
    "core_en": (
        *("mmlu", "mmlu_pro", "gpqa_diamond", "arc", "hellaswag", "winogrande", "truthful_qa", "commonsense_qa"),
        *("bbh", "drop", "gsm8k", "math_500", "ifeval"),
    ),
    "core_zh": ("ceval", "cmmlu", "iquiz", "cmath"),
    "math": ("gsm8k", "math_500", "competition_math", "aime24", "aime25", "mgsm", "cmath"),
    "code": ("humaneval", "mbpp", "live_code_bench"),
}
"""The collections of this version.

All members have the same weight, and none needs a judge, which a request would have to name.
"""


@dataclass(frozen=True, slots=True)
class Collection:
    """A named list of benchmarks, with the weight of each in its index."""

    name: str
    weights: Mapping[str, float]


COLLECTIONS: Final[Mapping[str, Collection]] = {
    name: Collection(name, dict.fromkeys(members, 1.0)) for name, members in _BUILT_IN.items()
}


def collections_of(spec: EvalRunSpec) -> list[Collection]:
    """The collections that a run names, in its order."""
    own = {name: Collection(name, _merged(weights)) for name, weights in spec.collections.items()}
    known = {**COLLECTIONS, **own}
    return [known[name] for name in spec.datasets if name in known]


def members_of(spec: EvalRunSpec) -> list[str]:
    """The benchmarks of a run, each once, in its order; EvalScope's other names become ours."""
    found: dict[str, None] = {}
    for name in spec.datasets:
        collection = next((one for one in collections_of(spec) if one.name == name), None)
        found |= dict.fromkeys([ALIASES.get(name, name)] if collection is None else collection.weights)
    return list(found)


def args_of(spec: EvalRunSpec, benchmark: str) -> DatasetArgs:
    """A run's changes to a benchmark, under any of its names; empty if it has none."""
    return next(
        (args for name, args in spec.dataset_args.items() if ALIASES.get(name, name) == benchmark), DatasetArgs()
    )


def problems(spec: EvalRunSpec) -> list[Problem]:
    """The problems of a run's benchmarks and collections, and of the fields that these need."""
    return list(_problems(spec))


def _problems(spec: EvalRunSpec) -> Iterator[Problem]:
    for at, name in enumerate(spec.datasets):
        if (reason := unknown(name, spec.collections)) is not None:
            yield Problem(f"datasets[{at}]", reason)
    for name, weights in spec.collections.items():
        if name in BENCHMARKS or name in COLLECTIONS or name in ALIASES:
            yield Problem(f"collections.{name}", "is already the name of a benchmark or collection; choose another")
        for member in weights:
            if (reason := unknown(member)) is not None:
                yield Problem(f"collections.{name}.{member}", reason)
            elif member in COLLECTIONS:
                yield Problem(f"collections.{name}.{member}", "is a collection; name its benchmarks instead")
    members = members_of(spec)
    for name in spec.dataset_args:
        if ALIASES.get(name, name) not in members:
            yield Problem(f"dataset_args.{name}", "is not in datasets or their collections" + nearest(name, members))
    yield from _judgeless(spec, [name for name in members if name in BENCHMARKS and BENCHMARKS[name].judge])


def _judgeless(spec: EvalRunSpec, judged: Names[str]) -> Iterator[Problem]:
    """The problem of benchmarks that only a language model can grade, if the run has no judge."""
    if judged and (spec.judge.strategy == "rule" or not spec.judge.models):
        yield Problem(
            "judge.strategy" if spec.judge.models else "judge.models",
            f"only a language model grades {', '.join(judged)}; name one in judge.models, with judge.strategy auto",
        )


def unknown(name: str, own: Names[str] = ()) -> str | None:
    """The reason why `name` is neither a benchmark nor a collection, with the nearest valid name; None if it is one."""
    if name == "data_collection":  # how EvalScope says that a file with a mixture of benchmarks follows
        return (
            "'data_collection' is not a benchmark here: put the names of collections, and of your own ones, "
            "into datasets"
        )
    known = [*BENCHMARKS, *ALIASES, *COLLECTIONS, *own]
    return None if name in known else f"{name!r} is not a known benchmark{nearest(name, known)}"


def _merged(weights: Mapping[str, float]) -> dict[str, float]:
    """The weights by our names; a benchmark under two of its names has the sum of both weights."""
    merged: dict[str, float] = {}
    for name, weight in weights.items():
        ours = ALIASES.get(name, name)
        merged[ours] = merged.get(ours, 0.0) + weight
    return merged
