"""Collections of benchmarks: their members are there, and what a run's names come to."""

from typing import Any

import pytest

from evalkube_benchmarks import collections
from evalkube_benchmarks.collections import COLLECTIONS
from evalkube_benchmarks.table import ALIASES, BENCHMARKS
from evalkube_crds.evalrun import EvalRunSpec


def _spec(**more: Any) -> EvalRunSpec:
    return EvalRunSpec.model_validate({"model": "m", "api_url": "http://h/v1", **more}, by_name=True)


@pytest.mark.parametrize("name", COLLECTIONS)
def test_the_members_are_benchmarks(name: str) -> None:
    """Of this version, each once; none needs a judge, and no collection has the name of a benchmark."""
    members = list(COLLECTIONS[name].weights)
    assert members
    assert set(members) <= set(BENCHMARKS)
    assert not [member for member in members if BENCHMARKS[member].judge is not None]
    assert name not in BENCHMARKS


def test_other_names_are_of_benchmarks() -> None:
    """And none of them is a benchmark's own."""
    assert set(ALIASES.values()) <= set(BENCHMARKS)
    assert not set(ALIASES) & {*BENCHMARKS, *COLLECTIONS}


_ZH, _MATH = (list(COLLECTIONS[name].weights) for name in ("core_zh", "math"))
# name: the datasets and the run's own collections; the benchmarks that are run, and the collections
NAMED: dict[str, tuple[list[str], dict[str, dict[str, float]], list[str], list[str]]] = {
    "benchmarks alone": (["iquiz", "gsm8k"], {}, ["iquiz", "gsm8k"], []),
    "a collection": (["core_zh"], {}, _ZH, ["core_zh"]),
    "one benchmark by two names": (["iquiz", "core_zh"], {}, ["iquiz", *_ZH], ["core_zh"]),
    "one of its own": (["o", "math"], {"o": {"iquiz": 2.0, "gsm8k": 1.0}}, ["iquiz", "gsm8k", *_MATH], ["o", "math"]),
}


@pytest.mark.parametrize(("datasets", "own", "benchmarks", "named"), NAMED.values(), ids=NAMED.keys())
def test_what_a_run_names(
    datasets: list[str], own: dict[str, dict[str, float]], benchmarks: list[str], named: list[str]
) -> None:
    """In its order, each benchmark once."""
    spec = _spec(datasets=datasets, collections=own)
    assert collections.members_of(spec) == list(dict.fromkeys(benchmarks))
    assert [one.name for one in collections.collections_of(spec)] == named
    assert collections.problems(spec) == []


def test_a_mixture_of_evalscope_is_told_what_to_name() -> None:
    """`data_collection` is a file of its own there."""
    (problem,) = collections.problems(_spec(datasets=["data_collection"]))
    assert "names of collections" in problem.reason
