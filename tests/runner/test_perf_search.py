"""The search for a service level against servers that are a formula."""

import math
import random
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
    """A server with a TTFT of 0.2 s up to a load of `at`, and of more than 0.5 s beyond."""
    return lambda value: figures(p99_ttft=0.2 if value <= at else 0.5 * value / at + 0.001)


@given(st.integers(1, 65_535), st.integers(1, 65_536))
def test_an_integer_within_five_percent(at: int, start: int) -> None:
    """Whatever the start, also where nothing but the criterion is known; below 20 it is the exact one."""
    found, tried = sought(parallel(start), knee(at), TTFT)
    assert found.value is not None
    assert found.value <= at <= 1.05 * found.value
    assert len(tried) <= abs(math.log2(at / start)) + math.log2(at) + 8


def slots(at: int) -> Callable[[float], Probed]:
    """A server that serves `at` requests at once, each for a second; a further one waits for its first token."""

    def serve(value: float) -> Probed:
        latency = max(1.0, value / at)
        return figures(p99_ttft=0.2 + latency - 1, avg_latency=latency, rps=0.97 * value / latency)

    return serve


def queue(at: float) -> Callable[[float], Probed]:
    """A server of so many requests a second, at which a queue grows for half a minute."""

    def serve(value: float) -> Probed:
        wait = max(0.0, value / at - 1) * 30
        return figures(p99_ttft=0.2 + wait, avg_latency=1 + wait / 2, rps=0.99 * min(value, at))

    return serve


def refusing(at: float) -> Callable[[float], Probed]:
    """One that answers 429 to what is beyond."""
    return lambda value: Probed({"p99_ttft": 0.2, "rps": min(value, at), "success_rate": min(1.0, at / value)}, True)


@pytest.mark.parametrize("start", [pytest.param(1, id="from 1"), pytest.param(50, id="from 50")])
@pytest.mark.parametrize(
    ("space", "server", "true"),
    [
        *(pytest.param(rates, queue(at), at * 1.01, id=f"a rate of {at}") for at in (3, 7, 20, 33.3, 88, 170, 250)),
        *(pytest.param(rates, refusing(at), at, id=f"refuses beyond {at}") for at in (3, 33.3, 170, 250)),
        *(pytest.param(parallel, slots(at), int(1.3 * at), id=f"{at} at once") for at in (3, 7, 20, 33, 88, 170, 250)),
    ],
)
def test_eight_probes(
    space: Callable[[float], Space], server: Callable[[float], Probed], true: float, start: float
) -> None:
    """Within 5 % of the highest load that meets the criteria, wherever the search begins."""
    found, tried = sought(space(start), server, TTFT)
    assert found.value == pytest.approx(true, rel=0.05)
    assert len(tried) <= 8


@pytest.mark.parametrize("claimed", [1e-6, 0.3, 3.0, 1e6])
@given(at=st.floats(2.0, 60_000.0))
def test_a_wrong_guess_costs_probes_and_no_truth(claimed: float, at: float) -> None:
    """A throughput that says nothing of the capacity leads to the same answer."""

    def server(value: float) -> Probed:
        return Probed({**knee(at)(value).figures, "rps": claimed * value}, valid=True)

    found, tried = sought(rates(), server, TTFT)
    assert found.value is not None
    assert at / 1.05 <= found.value <= at
    assert len(tried) <= 2 * math.log2(at) + 12


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
    """Output rises with the load up to `at`, then stays or falls; the answer gives nearly the best there is."""

    def output(value: float) -> float:
        return 50 * min(value, at) * (1 - decline * max(0.0, 1 - at / value))

    found, tried = sought(parallel(start), lambda value: figures(tps=output(value)), FASTEST)
    assert found.value is not None
    assert output(found.value) >= 0.92 * 50 * at
    assert found.value <= 1.1 * at + 1
    assert len(tried) <= 40


def batching(at: int) -> Callable[[float], Probed]:
    """A server of `at` slots whose answers take up to four times as long where all are in use."""

    def serve(value: float) -> Probed:
        latency = (1 + 3 * min(value, at) / at) * max(1.0, value / at)
        good = max(0.0, 1.0 - 3 * max(0.0, value / at - 1))
        rps = 0.97 * value / latency
        return figures(avg_latency=latency, rps=rps, tps=20 * rps, goodput=good, goodput_rps=good * rps)

    return serve


def late(at: float) -> Callable[[float], Probed]:
    """A server of so many requests a second; beyond, hardly any is answered in time."""

    def serve(value: float) -> Probed:
        rps = 0.99 * min(value, at)
        good = 1.0 if value <= at else 0.02 / (value / at - 1)
        return figures(rps=rps, avg_latency=0.2, goodput=min(good, 1.0), goodput_rps=min(good, 1.0) * rps)

    return serve


@pytest.mark.parametrize("start", [1, 5, 20, 60, 120])
@pytest.mark.parametrize("metric", ["goodput_rps", "rps"])
@pytest.mark.parametrize("at", [8, 41, 150])
def test_the_most_good_requests_a_second_in_eight_probes(at: float, metric: str, start: float) -> None:
    """The rate at which the server saturates is measured by the first that is beyond it, and tried."""
    found, tried = sought(rates(start), late(at), sla.group_of({metric: "max"}))
    assert found.value == pytest.approx(at, rel=0.05)
    assert len(tried) <= 8
    assert max(tried) <= max(8 * at, 2 * start)


# name: the criterion, the slots, where the search begins, the most values that it takes
BATCHES: dict[str, tuple[dict[str, str], int, float, int]] = {
    "a share of good ones": ({"goodput": ">=0.95"}, 100, 1, 11),
    "a share of good ones, from near": ({"goodput": ">=0.95"}, 100, 64, 9),
    "a share of good ones, from far above": ({"goodput": ">=0.95"}, 12, 200, 8),
    "the most good ones": ({"goodput_rps": "max"}, 12, 16, 10),
    "the most tokens": ({"tps": "max"}, 6, 1, 9),
    "the most tokens, from far above": ({"tps": "max"}, 6, 200, 12),
}


@pytest.mark.parametrize(("wanted", "at", "start", "most"), BATCHES.values(), ids=BATCHES)
def test_a_server_that_batches(wanted: dict[str, str], at: int, start: float, most: int) -> None:
    """Its latency grows with its load, so what it keeps in flight is more than Little's law says: steps grow."""
    found, tried = sought(parallel(start), batching(at), sla.group_of(wanted))
    assert found.value == pytest.approx(at, rel=0.06)
    assert len(tried) <= most


def test_a_plateau_is_answered_by_its_beginning() -> None:
    """More load for the same output is no better, and noise makes no peak."""

    def noisy(value: float) -> Probed:
        return figures(tps=100 * min(value, 24) * (1 + 0.004 * math.sin(value)))

    found, _ = sought(parallel(), noisy, FASTEST)
    assert found.value in (23, 24, 25)


def test_the_smallest_latency() -> None:
    """`min` is the same search the other way round."""
    best = sla.group_of({"avg_latency": "min"})
    found, _ = sought(parallel(64), lambda value: figures(avg_latency=1 + value / 10), best)
    assert (found.value, found.why) == (1, "it is the lower bound")


@pytest.mark.parametrize(
    ("space", "server", "value", "why"),
    [
        (parallel(upper=32), knee(1000), 32, "the upper bound 32 meets the criteria"),
        (parallel(start=8, lower=4), knee(2), None, "the lower bound 4 does not meet the criteria (at 4: TTFT p99 is"),
        (parallel(), knee(5), 5, "6 does not meet the criteria any more (at 6: TTFT p99 is 0.601 s, wanted <= 0.5 s)"),
        (parallel(), lambda _: figures(), None, "(at 1: there is no TTFT p99)"),
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
    assert found.value == pytest.approx(50, rel=0.05)


@pytest.mark.parametrize("group", [TTFT, FASTEST])
def test_the_most_that_a_client_can_do(group: tuple[sla.Criterion, ...]) -> None:
    """What it measured beyond counts neither for nor against the server, and the answer says so."""
    bad = {"p99_ttft": 9.0, "tps": 1e9, "success_rate": 1.0}

    def server(value: float) -> Probed:
        return Probed(bad, valid=False) if value > 20 else figures(p99_ttft=0.1, tps=value)

    found, tried = sought(parallel(), server, group)
    assert (found.value, max(tried)) == (20, 32)
    assert "the client itself could not keep up at 22, tried twice, so no more is known" in found.why


def spoilt(server: Callable[[float], Probed], *bad: tuple[float, float]) -> Callable[[float], Probed]:
    """`server`, seen by a client that cannot keep up at values within some ranges."""

    def serve(value: float) -> Probed:
        return Probed(server(value).figures, valid=not any(low <= value <= high for low, high in bad))

    return serve


# name: where it begins, at what values the client does not keep up, the answer for a server of 41 a second
MOMENTS: dict[str, tuple[float, list[tuple[float, float]], float]] = {
    "never": (20, [], 41),
    "at the guess": (20, [(40.6, 41.5)], 41),
    "at the guess, and beside it": (20, [(39.5, 41.5)], 39.4),
    "all around the guess": (20, [(36, 46)], 35),
    "where it begins": (20, [(20, 20)], 41),
    "at its second value": (20, [(40, 40)], 41),
    "at every second one": (20, [(20, 20), (38, 38.4), (40, 40), (42, 44), (75, 1e9)], 41),
    "where it begins, too high": (100, [(100, 100)], 41),
    "from 30 on": (1, [(30, 1e9)], 30),
    "everywhere but at the lowest": (20, [(1.01, 1e9)], 1),
}


@pytest.mark.parametrize(("start", "bad", "answer"), MOMENTS.values(), ids=MOMENTS)
def test_a_bad_moment_ends_no_search(start: float, bad: list[tuple[float, float]], answer: float) -> None:
    """It goes on beside that value and below it, and what it says is never more than what was met."""
    found, tried = sought(rates(start), spoilt(queue(41 / 1.01), *bad), TTFT)
    assert found.value is not None
    assert answer / 1.055 <= found.value <= answer * 1.02
    assert len(tried) <= 14


def test_a_client_that_never_keeps_up() -> None:
    """There is no answer, and the reason is not the server."""
    found, tried = sought(rates(20), spoilt(queue(41), (0, 1e9)), TTFT)
    assert found == Found(None, "the client itself could not keep up at 1, tried twice, so no more is known")
    assert tried == sorted(tried, reverse=True)


@given(at=st.floats(2.0, 60_000.0), start=st.floats(1.0, 60_000.0), luck=st.integers(0, 1 << 32), whole=st.booleans())
@settings(max_examples=300)
def test_bad_moments_at_random(*, at: float, start: float, luck: int, whole: bool) -> None:
    """Each value is tried once, the answer was met, and the search ends."""

    def server(value: float) -> Probed:
        return Probed(knee(at)(value).figures, valid=random.Random(f"{luck} {value}").random() < 0.7)

    space = parallel(round(start)) if whole else rates(float(f"{start:.3g}"))
    found, tried = sought(space, server, TTFT)
    assert found.value is None or (found.value <= at and server(found.value).valid)
    assert len(tried) <= 40


def test_a_load_of_which_nothing_succeeded_may_hold() -> None:
    """There is no latency then to guess by."""
    group = sla.group_of({"success_rate": ">=0", "rps": "<=0.5"})

    def server(value: float) -> Probed:
        return figures(rps=1.0) if value > 16 else Probed({"success_rate": 0.0, "rps": 0.0}, valid=True)

    assert sought(parallel(), server, group)[0].value == 16


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
