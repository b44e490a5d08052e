"""Lengths of random prompts: the distributions, drawn as asked for, and the groups of prefixes."""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from evalkube_crds.perf_data import TokenLengths
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner.data import random_texts
from evalkube_runner.data.lengths import Lengths

DRAWS = 20_000
DEVIATIONS = 4
"""A right figure is more than four standard errors off once in 16,000 tries; the draws are the same in every run."""


def phi(at: float) -> float:
    """The normal distribution's CDF, by the error function."""
    return (1 + math.erf(at / math.sqrt(2))) / 2


def normal(mean: float, std: float) -> Callable[[float], float]:
    """The CDF of a normal distribution."""
    return lambda length: phi((length - mean) / std)


def lognormal(median: float, sigma: float) -> Callable[[float], float]:
    """The CDF of a lognormal distribution."""
    return lambda length: phi(math.log(length / median) / sigma)


def _by_moments(mean: float, std: float) -> Callable[[float], float]:
    variance = math.log(1 + std**2 / mean**2)
    return lognormal(mean / math.sqrt(1 + std**2 / mean**2), math.sqrt(variance))


CASES: list[Any] = [
    pytest.param({"distribution": "uniform", "min": 3, "max": 900}, lambda x: x, 3, 900, id="uniform"),
    pytest.param({"distribution": "normal", "mean": 500, "std": 80}, normal(500, 80), 1, 131_072, id="normal"),
    pytest.param({"distribution": "normal", "mean": 40, "std": 90, "max": 200}, normal(40, 90), 1, 200, id="cut"),
    pytest.param({"distribution": "lognormal", "mean": 300, "std": 200, "max": 5000}, _by_moments(300, 200), 1, 5000,
                 id="lognormal by mean and std"),
    pytest.param({"distribution": "lognormal", "median": 100, "sigma": 1.2, "min": 20, "max": 800},
                 lognormal(100, 1.2), 20, 800, id="lognormal by median and sigma, cut on both sides"),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "cdf", "least", "most"), CASES)
def test_lengths_are_distributed_as_asked(
    wanted: dict[str, Any], cdf: Callable[[float], float], least: int, most: int
) -> None:
    """Mean and standard deviation within four standard errors of the distribution's own between its bounds, and no
    length beyond them. The standard error of a mean is std / sqrt(n), of a variance sqrt((m4 - var^2) / n).
    """
    lengths = np.arange(least, most + 1)
    edges = np.array([cdf(max(edge, 1e-9)) for edge in (least - 0.5, *(lengths + 0.5))])
    chances = np.diff(edges) / (edges[-1] - edges[0])
    mean = float(chances @ lengths)
    variance, fourth = (float(chances @ (lengths - mean) ** power) for power in (2, 4))
    drawn = Lengths.of(TokenLengths.model_validate(wanted))
    found = np.array([drawn.at(each) for each in np.random.Generator(np.random.Philox(7)).random(DRAWS)])
    assert (found.min() >= least, found.max() <= most) == (True, True)
    assert abs(found.mean() - mean) < DEVIATIONS * math.sqrt(variance / DRAWS)
    assert abs(found.var() - variance) < DEVIATIONS * math.sqrt((fourth - variance**2) / DRAWS)


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param({"distribution": "fixed", "value": 77}, id="fixed"),
        pytest.param({"distribution": "uniform", "min": 77, "max": 77}, id="uniform"),
        pytest.param({"distribution": "normal", "mean": 77, "std": 9, "min": 77, "max": 77}, id="normal"),
    ],
)
def test_one_length_alone(wanted: dict[str, Any]) -> None:
    """Where bounds leave one, it is that."""
    drawn = Lengths.of(TokenLengths.model_validate(wanted))
    assert {drawn.at(uniform) for uniform in (0.0, 0.5, math.nextafter(1, 0))} == {77}


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param({"distribution": "lognormal", "median": 1, "sigma": 10, "max": 4}, id="wide"),
        pytest.param({"distribution": "normal", "mean": 4, "std": 1e-6, "min": 1, "max": 4}, id="narrow, at its bound"),
        pytest.param({"distribution": "normal", "mean": 2, "std": 1_000_000, "max": 4}, id="flat"),
        pytest.param({"distribution": "uniform", "min": 1, "max": 4}, id="uniform"),
    ],
)
def test_no_number_leads_beyond_the_bounds(wanted: dict[str, Any]) -> None:
    """The least and the greatest number that can be drawn, too."""
    drawn = Lengths.of(TokenLengths.model_validate(wanted))
    assert {drawn.at(uniform) for uniform in (0.0, 1e-300, 0.3, 0.7, math.nextafter(1, 0))} <= {1, 2, 3, 4}


def _spec(**fields: Any) -> PerfRunSpec:
    return PerfRunSpec.model_validate({"model": "m", "url": "http://h/v1", "dataset": "random", **fields})


def _texts(**fields: Any) -> random_texts.RandomTexts:
    return random_texts.random_texts(_spec(**fields), None)


@pytest.mark.parametrize(
    ("args", "shares"),
    [
        pytest.param({"prefix_groups": 5}, [0.2] * 5, id="even"),
        pytest.param({"prefix_groups": 3, "prefix_shares": [6, 3, 1]}, [0.6, 0.3, 0.1], id="by shares"),
        pytest.param({"prefix_groups": 1, "prefix_shares": [4]}, [1.0], id="one"),
    ],
)
def test_prompts_have_the_prefixes_of_their_groups(args: dict[str, Any], shares: list[float]) -> None:
    """Of each group its share, within four standard errors, sqrt(p (1 - p) / n); one prefix for each group, and nothing
    else that prompts share.
    """
    count = 4_000
    made = _texts(prefix_length=12, dataset_args={"input_len": {"distribution": "fixed", "value": 6}, **args})
    words = [made.item(index).split() for index in range(count)]
    assert {len(each) for each in words} == {18}
    prefixes: dict[int, set[tuple[str, ...]]] = {}
    for index, each in enumerate(words):
        prefixes.setdefault(made.group(index), set()).add(tuple(each[:12]))
    assert [len(found) for found in prefixes.values()] == [1] * len(shares)
    assert len(set.union(*prefixes.values())) == len(shares)
    counts = Counter(made.group(index) for index in range(count))
    for group, share in enumerate(shares):
        error = math.sqrt(share * (1 - share) / count)
        assert abs(counts[group] / count - share) <= DEVIATIONS * error


def test_groups_depend_on_seed_and_index_alone() -> None:
    """Whoever asks, in whatever order; and another number of groups leaves the texts behind the prefixes alone."""
    args = {
        "prefix_length": 4,
        "dataset_args": {"prefix_groups": 8, "input_len": {"distribution": "fixed", "value": 5}},
    }
    one, two = _texts(**args), _texts(**args)
    asked = [9, 2**33, 0, 5]
    assert [one.item(index) for index in asked] == [two.item(index) for index in reversed(asked)][::-1]
    alone = _texts(dataset_args={"input_len": {"distribution": "fixed", "value": 5}})
    assert [one.item(index).split()[4:] for index in asked] == [alone.item(index).split() for index in asked]
    assert [one.group(index) for index in range(64)] != [_texts(seed=1, **args).group(index) for index in range(64)]
