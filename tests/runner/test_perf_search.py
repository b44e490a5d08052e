"""The search for a service level against servers that are a formula."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkube_crds import sla
from evalkube_runner.perf import search
from evalkube_runner.perf.search import Found, Probed, Space, Try

TTFT = sla.group_of({"p99_ttft": "<=0.5"})
FASTEST = sla.group_of({"tps": "max"})


def parallel(start: float = 1, lower: float = 1, upper: float = 65_536) -> Space:
    return Space(lower, upper, start, whole=True)


def rates(start: float = 1, lower: float = 1, upper: float = 65_536) -> Space:
    return Space(lower, upper, start, whole=False)


def figures(**found: float) -> Probed:
    return Probed({"success_rate": 1.0, **found}, valid=True)


def sought(
    space: Space, server: Callable[[float], Probed], group: tuple[sla.Criterion, ...]
) -> tuple[Found, list[float]]:
    """The answer, and the values that were tried on the way."""
    probed: dict[float, Probed] = {}
    while isinstance(step := search.step(space, group, probed), Try):
        assert step.value not in probed
        assert space.lower <= step.value <= space.upper
        probed[step.value] = server(step.value)
    return step, list(probed)


def knee(at: float) -> Callable[[float], Probed]:
    """A server with a TTFT of 0.2 s up to a load of ``at``, and of more than 0.5 s beyond."""
    return lambda value: figures(p99_ttft=0.2 if value <= at else 0.5 * value / at + 0.001)


@given(st.integers(1, 65_535), st.integers(1, 65_536))
def test_the_exact_integer_in_few_probes(at: int, start: int) -> None:
    """Whatever the start: there and back by doubling, then bisection."""
    found, tried = sought(parallel(start), knee(at), TTFT)
    assert found.value == at
    assert len(tried) <= abs(math.log2(at / start)) + math.log2(at) + 4


@given(st.floats(1.0, 60_000.0))
def test_a_rate_within_five_percent(at: float) -> None:
    """From below; the last steps are as wide as two careful runs differ anyway."""
    found, tried = sought(rates(), knee(at), TTFT)
    assert found.value is not None
    assert at / 1.05 <= found.value <= at
    assert len(tried) <= math.log2(at) + 8


def test_eight_probes_for_a_known_order_of_magnitude() -> None:
    """A start within twice the capacity needs no more."""
    found, tried = sought(rates(start=100), knee(170), TTFT)
    assert found.value == pytest.approx(170, rel=0.05)
    assert len(tried) <= 8


@given(st.integers(2, 2000), st.floats(0, 1), st.integers(1, 4000))
@settings(max_examples=200)
def test_the_peak_of_a_server_that_saturates(at: int, decline: float, start: int) -> None:
    """Output rises with the load up to ``at``, then stays or falls; the answer gives nearly the best there is."""

    def output(value: float) -> float:
        return 50 * min(value, at) * (1 - decline * max(0.0, 1 - at / value))

    found, tried = sought(parallel(start), lambda value: figures(tps=output(value)), FASTEST)
    assert found.value is not None
    assert output(found.value) >= 0.92 * 50 * at
    assert found.value <= 1.1 * at + 1
    assert len(tried) <= 40


def test_a_plateau_is_answered_by_its_beginning() -> None:
    """More load for the same output is no better, and noise makes no peak."""

    def noisy(value: float) -> Probed:
        return figures(tps=100 * min(value, 24) * (1 + 0.004 * math.sin(value)))

    found, _ = sought(parallel(), noisy, FASTEST)
    assert found.value in (23, 24, 25)


def test_the_smallest_latency() -> None:
    """``min`` is the same search the other way round."""
    best = sla.group_of({"avg_latency": "min"})
    found, _ = sought(parallel(64), lambda value: figures(avg_latency=1 + value / 10), best)
    assert (found.value, found.why) == (1, "it is the lower bound")


@pytest.mark.parametrize(
    ("space", "server", "value", "why"),
    [
        (parallel(upper=32), knee(1000), 32, "the upper bound 32 meets the criteria"),
        (parallel(start=8, lower=4), knee(2), None, "the lower bound 4 does not meet the criteria (at 4: p99_ttft is"),
        (parallel(), knee(5), 5, "6 does not meet the criteria any more (at 6: p99_ttft is 0.601, wanted <= 0.5)"),
        (parallel(), lambda _: figures(), None, "(at 1: there is no p99_ttft)"),
        (
            parallel(),
            lambda value: Probed({"success_rate": 1.0 if value < 9 else 0.9, "p99_ttft": 0.1}, valid=True),
            8,
            "10.00% of the requests failed",
        ),
    ],
    ids=["upper bound", "lower bound", "knee", "never reported", "failures"],
)
def test_why_it_ends(space: Space, server: Callable[[float], Probed], value: float | None, why: str) -> None:
    """In words that name what was missed."""
    found, _ = sought(space, server, TTFT)
    assert found.value == value
    assert why in found.why


def test_failures_may_be_a_criterion_themselves() -> None:
    """Then a rate below 1 can be good enough."""
    group = sla.group_of({"success_rate": ">=0.9", "p99_ttft": "<=0.5"})
    found, _ = sought(parallel(), lambda value: Probed({"success_rate": 0.95, "p99_ttft": value / 100}, True), group)
    assert found.value == 50


@pytest.mark.parametrize("group", [TTFT, FASTEST])
def test_a_client_that_cannot_keep_up_ends_the_search(group: tuple[sla.Criterion, ...]) -> None:
    """What it measured there counts neither for nor against the server."""
    bad = {"p99_ttft": 9.0, "tps": 1e9, "success_rate": 1.0}

    def server(value: float) -> Probed:
        return Probed(bad, valid=False) if value > 20 else figures(p99_ttft=0.1, tps=value)

    found, tried = sought(parallel(), server, group)
    assert (found.value, tried[-1]) == (16, 32)
    assert "the client itself could not keep up at 32" in found.why


def test_the_lower_load_that_failed_wins() -> None:
    """A higher one that passed later was luck."""
    probed = {1.0: figures(p99_ttft=0.1), 4.0: figures(p99_ttft=0.6), 8.0: figures(p99_ttft=0.4)}
    assert search.step(parallel(), TTFT, probed) == Try(2)


def test_groups_share_what_was_measured() -> None:
    """A second group begins where the first one's values leave off."""
    server = knee(23)
    probed: dict[float, Probed] = {}
    for _ in range(2):
        while isinstance(step := search.step(parallel(), TTFT, probed), Try):
            probed[step.value] = server(step.value)
    strict = sla.group_of({"p99_ttft": "<=0.2", "success_rate": ">=1"})
    assert isinstance(search.step(parallel(), strict, probed), Found)


def test_outcomes() -> None:
    """Met, missed, or no word about the server."""
    assert search.outcome(TTFT, figures(p99_ttft=0.5)) == "met"
    assert search.outcome(TTFT, figures(p99_ttft=0.51)) == "missed"
    assert search.outcome(TTFT, Probed({"p99_ttft": 0.1, "success_rate": 1.0}, valid=False)) == "invalid"
