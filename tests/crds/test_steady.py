"""The steady part of a point: figures of it, and the sum over shards."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds import merge, steady, summary, thresholds
from evalkube_crds.cluster import Threshold
from evalkube_crds.figures import INPUTS_PER_SECOND, OUTPUT_TPS
from evalkube_crds.histogram import Histogram
from evalkube_crds.names import STEADY_ABSENCES, SteadyAbsence, TokenBasis
from evalkube_crds.perf_point import PerfPoint, SteadyWindow
from evalkube_crds.result_parts import NANO
from evalkube_crds.results import PerfResult
from evalkube_crds.seed import load_test

TOO_SHORT, UNBALANCED = SteadyAbsence.TOO_SHORT, SteadyAbsence.UNBALANCED


def window(latencies_ms: list[int], *, rps: int = 50, length_s: int = 8, **more: Any) -> SteadyWindow:
    """A part of a run of ten seconds, from its second second on."""
    latency = Histogram()
    latency.extend(ms * 1_000_000 for ms in latencies_ms)
    return SteadyWindow(
        windows=1,
        started_at_ns=101 * NANO,
        ended_at_ns=(101 + length_s) * NANO,
        length_ns=length_s * NANO,
        run_ns=10 * NANO,
        succeeded=len(latencies_ms),
        rates={"requests": rps * NANO, "output_tokens": rps * 10 * NANO, "in_flight": 5 * NANO},
        histograms={"latency_ns": latency},
        **more,
    )


def point(part: SteadyWindow | None, **more: Any) -> PerfPoint:
    latency = Histogram()
    latency.extend([100_000_000] * 4)
    return PerfPoint(
        name="p",
        number=4,
        parallel=5,
        succeeded=4,
        output_tokens=40,
        token_basis={TokenBasis.USAGE: 4},
        histograms={"latency_ns": latency},
        started_at_ns=100 * NANO,
        ended_at_ns=110 * NANO,
        steady=part,
        **more,
    )


def none(reason: SteadyAbsence) -> SteadyWindow:
    return SteadyWindow(absent={reason: 1}, run_ns=10 * NANO)


def test_figures_are_those_of_the_part() -> None:
    """Beside the whole run's, which stay what they are."""
    found = steady.figures(point(window([100, 200, 300], failed=1)))
    assert (found["steady_rps"], found["steady_output_tps"], found["steady_in_flight"]) == (50, 500, 5)
    assert (found["steady_success_rate"], found["steady_requests"]) == (0.75, 4)
    assert (found["steady_duration_s"], found["steady_share"]) == (8, 0.8)
    assert (found["steady_latency_p50_s"], found["steady_latency_mean_s"]) == (0.2, 0.2)
    assert "steady_ttft_p50_s" not in found


def test_tokens_that_nobody_counted_have_no_rate() -> None:
    """As of the whole run; nor have words inputs."""
    unknown = point(window([100])).model_copy(update={"token_basis": {TokenBasis.NONE: 4}})
    assert steady.rate(unknown, OUTPUT_TPS) is None
    assert steady.rate(point(window([100])), INPUTS_PER_SECOND) is None


def test_models_that_embed_have_rates_of_their_own() -> None:
    """Inputs and input tokens; none of words."""
    part = window([100])
    part.rates |= {"inputs": 160 * NANO, "input_tokens": 320 * NANO}
    found = steady.figures(point(part, kind="embedding", inputs=12, input_tokens=24, stream=False))
    assert (found["steady_inputs_per_second"], found["steady_input_tps"], found["steady_rps"]) == (160, 320, 50)
    assert {"steady_output_tps", "steady_documents_per_second"}.isdisjoint(found)


shards = st.lists(
    st.builds(
        window,
        st.lists(st.integers(0, 10**6), min_size=1, max_size=20),
        rps=st.integers(0, 10**6),
        length_s=st.integers(1, 9),
        failed=st.integers(0, 9),
    )
    | st.sampled_from([none(TOO_SHORT), none(UNBALANCED)]),
    min_size=1,
    max_size=6,
)


@given(shards, st.randoms())
def test_shards_add_up_to_the_bit(parts: list[SteadyWindow], chance: Any) -> None:
    """In whatever order and groups: rates, counts, lengths and histograms are sums of whole numbers."""
    whole = steady.added(parts)
    assert whole is not None
    shuffled = chance.sample(parts, len(parts))
    cut = chance.randint(0, len(parts))
    halves = [part for half in (shuffled[:cut], shuffled[cut:]) if (part := steady.added(half)) is not None]
    again = steady.added(halves)
    assert again is not None
    assert again.model_dump() == whole.model_dump()
    assert whole.rates.get("requests", 0) == sum(part.rates.get("requests", 0) for part in parts)
    assert (whole.windows, whole.length_ns) == (len([p for p in parts if p.windows]), sum(p.length_ns for p in parts))


def test_rates_of_shards_add_up() -> None:
    """Also where their parts are of different lengths; the length is their mean."""
    merged = merge.merge_points(
        [point(window([100] * 3, rps=30, length_s=9)), point(window([200], rps=10, length_s=3))]
    )
    found = steady.figures(merged)
    assert (found["steady_rps"], found["steady_in_flight"], found["steady_duration_s"]) == (40, 10, 6)
    assert (found["steady_share"], found["steady_requests"]) == (0.6, 4)
    assert merged.steady is not None
    assert merged.steady.ended_at_ns == 110 * NANO


def test_a_shard_that_sent_nothing_takes_nothing_away() -> None:
    """There are more shards than slots; one that has no part, though, leaves a hole in the rates: there are none."""
    idle, busy = point(None), point(window([100]))
    assert steady.figures(merge.merge_points([idle, busy]))["steady_rps"] == 50
    assert steady.figures(merge.merge_points([busy, idle]))["steady_rps"] == 50
    lacking = merge.merge_points([busy, point(none(TOO_SHORT))])
    assert steady.figures(lacking) == {}
    assert steady.why_none(lacking) == STEADY_ABSENCES[TOO_SHORT]


def test_runs_that_follow_each_other_count_by_their_length() -> None:
    """Three seconds at 30/s and one at 10/s are four at 25/s."""
    whole = steady.in_turn([window([1], rps=30, length_s=3), window([1], rps=10, length_s=1)])
    assert whole is not None
    found = steady.figures(point(whole))
    assert (found["steady_rps"], found["steady_duration_s"], whole.windows) == (25, 4, 1)
    assert steady.in_turn([]) is None


def test_what_a_script_reads() -> None:
    """An object of the point's metrics, valid JSON: figures, or why there are none; no key where nothing is known."""
    told = load_test.metrics(point(window([100])))["Steady state"]
    assert (told["begins_s"], told["rps"], told["latency_p99_s"]) == (1.0, 50.0, 0.1)
    missing = load_test.metrics(point(none(UNBALANCED)))["Steady state"]
    assert missing == {"absent": ["unbalanced"], "message": STEADY_ABSENCES[UNBALANCED]}
    assert "Steady state" not in load_test.metrics(point(None))
    json.dumps(told, allow_nan=False)


def test_thresholds_test_the_steady_part() -> None:
    """By its own names; those of the whole run mean the whole run."""
    figures = summary.summary(PerfResult(run_id="r", model="m", points=[point(window([300]))]))
    wanted = [Threshold(metric=name, op="<=", value=0.2) for name in ("steady_latency_p99_s", "latency_p99_s")]
    assert [gate.metric for gate in thresholds.missed(wanted, figures)] == ["p/steady_latency_p99_s"]
    assert list(figures)[-1].startswith("p/steady_")


def test_the_document_reads_back() -> None:
    """Results travel as JSON."""
    result = PerfResult(run_id="r", model="m", points=[point(window([100])), point(none(TOO_SHORT))])
    assert PerfResult.model_validate_json(result.model_dump_json(by_alias=True)) == result
