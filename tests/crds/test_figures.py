"""The figures of a load: what they are computed from, and the names that users know them by."""

import pytest

from evalkube_crds import figures, sla, summary
from evalkube_crds.figure import MEAN, STATISTICS, Figure
from evalkube_crds.figures import (
    DURATION,
    GOODPUT,
    GOODPUT_RPS,
    OUTPUT_TPS,
    QUANTITIES,
    RATES,
    RPS,
    SUCCESS_RATE,
    TOTAL_TPS,
)
from evalkube_crds.histogram import Histogram
from evalkube_crds.names import TokenBasis
from evalkube_crds.perf_point import Conversations, PerfPoint
from evalkube_crds.result_parts import NANO
from evalkube_crds.results import PerfResult
from evalkube_crds.seed import load_test

ALL: dict[str, float | None] = {
    "duration_s": 4,
    "success_rate": 1,
    "conversations_completed": None,
    "rps": 2.5,
    "goodput": None,
    "goodput_rps": None,
    "output_tps": 100,
    "total_tps": 125,
    "inputs_per_second": None,
    "documents_per_second": None,
    "input_tps": None,
}
NO_WORDS: dict[str, float | None] = {"output_tps": None, "total_tps": None}
BASIS = "token_basis"

POINTS: dict[str, tuple[dict[str, object], dict[str, float | None]]] = {
    "all succeeded": ({}, {}),
    "failed requests lengthen the duration and count in no rate": ({"failed": 10}, {"success_rate": 0.5}),
    "all failed: none a second is what was measured": (
        {"succeeded": 0, "failed": 5, BASIS: {}, "input_tokens": 0, "output_tokens": 0},
        {"success_rate": 0, "rps": 0, "output_tps": 0, "total_tps": 0},
    ),
    "nobody counted the tokens": (
        {BASIS: {TokenBasis.NONE: 10}, "input_tokens": 0, "output_tokens": 0},
        {"output_tps": None, "total_tps": None},
    ),
    "the tokens of some were counted": ({BASIS: {TokenBasis.NONE: 1, TokenBasis.USAGE: 9, TokenBasis.CHUNKS: 0}}, {}),
    "a basis that no request had": (
        {BASIS: {TokenBasis.NONE: 10, TokenBasis.USAGE: 0}},
        {"output_tps": None, "total_tps": None},
    ),
    "no time passed": (
        {"ended_at_ns": NANO},
        {"duration_s": None, "rps": None, "output_tps": None, "total_tps": None},
    ),
    "a clock that was set back": (
        {"ended_at_ns": 0},
        {"duration_s": None, "rps": None, "output_tps": None, "total_tps": None},
    ),
    "texts were embedded": (
        {"kind": "embedding", "inputs": 80, "output_tokens": 0},
        {**NO_WORDS, "inputs_per_second": 20, "input_tps": 25},
    ),
    "documents were ranked": (
        {"kind": "rerank", "inputs": 80, "output_tokens": 0},
        {**NO_WORDS, "documents_per_second": 20, "input_tps": 25},
    ),
    "embedded, and nobody counted the tokens": (
        {"kind": "embedding", "inputs": 80, BASIS: {TokenBasis.NONE: 10}},
        {**NO_WORDS, "inputs_per_second": 20},
    ),
    "good ones among them": ({"good": 5}, {"goodput": 0.5, "goodput_rps": 1.25}),
    "failed ones are not good": (
        {"succeeded": 8, "failed": 2, "good": 8},
        {"success_rate": 0.8, "rps": 2, "goodput": 0.8, "goodput_rps": 2},
    ),
    "none is good": ({"good": 0}, {"goodput": 0, "goodput_rps": 0}),
    "good ones were asked for, and nothing was sent": (
        {"succeeded": 0, "good": 0, BASIS: {}, "started_at_ns": 0, "ended_at_ns": 0},
        dict.fromkeys(ALL),
    ),
    "conversations, of which the end cut some": (
        {"conversations": {"completed": 6, "failed": 2, "cut": 4}},
        {"conversations_completed": 0.75},
    ),
    "conversations that were all cut": ({"conversations": {"cut": 4}}, {}),
    "nothing was sent": (
        {"succeeded": 0, BASIS: {}, "started_at_ns": 0, "ended_at_ns": 0},
        dict.fromkeys(ALL),
    ),
}


def _point(**more: object) -> PerfPoint:
    fields = {
        "name": "parallel_2_number_10",
        "number": 10,
        "parallel": 2,
        "succeeded": 10,
        "token_basis": {TokenBasis.USAGE: 10},
        "input_tokens": 100,
        "output_tokens": 400,
        "started_at_ns": NANO,
        "ended_at_ns": 5 * NANO,
    }
    return PerfPoint.model_validate(fields | more)


@pytest.mark.parametrize(("more", "differ"), POINTS.values(), ids=POINTS)
def test_rates(more: dict[str, object], differ: dict[str, float | None]) -> None:
    """None is what is not known, 0 what was counted and is none."""
    found = {figure.name: figure.of(_point(**more)) for figure in (DURATION, *RATES)}
    assert found == ALL | differ


@pytest.mark.parametrize(("more", "differ"), POINTS.values(), ids=POINTS)
def test_all_readers_tell_the_same(more: dict[str, object], differ: dict[str, float | None]) -> None:
    """Summary, service level and answer take a figure from one place; what is not known is missing or null."""
    point = _point(**more)
    told = summary.summary(PerfResult(run_id="r", model="m", points=[point]))
    judged = sla.figures_of(point, intended=False)
    answered = load_test.metrics(point)
    for figure in (SUCCESS_RATE, RPS, GOODPUT, GOODPUT_RPS, OUTPUT_TPS, TOTAL_TPS):
        value = figure.of(point)
        assert told.get(f"{point.name}/{figure.name}") == value
        if figure.criterion:
            assert judged.get(figure.criterion) == value
        if figure.seed_key:
            assert (figure.seed_key in answered) is (not figure.asked or point.good is not None)
            assert answered.get(figure.seed_key) == value
    assert told.get("rps") == RPS.of(point)


def _measured() -> PerfPoint:
    """A point in which every quantity was measured, each with values of its own."""
    histograms = {}
    for place, quantity in enumerate(QUANTITIES, start=1):
        histograms[quantity.histogram] = Histogram()
        histograms[quantity.histogram].extend(place * quantity.scale + value for value in range(0, 1000, 100))
    return _point(histograms=histograms)


def test_names_of_the_summary() -> None:
    """What thresholds are written with, in the order of the line of a finished run."""
    turns = ("first_turn_ttft", "later_turn_ttft")
    times = ("latency", "ttft", *turns, "tpot", "itl", "intended_latency", "intended_ttft")
    found = summary.summary(PerfResult(run_id="r", model="m", points=[_measured()]))
    assert [name.removeprefix("parallel_2_number_10/") for name in found] == [
        *("rps", "success_rate", "rps", "output_tps", "total_tps"),
        *(f"{time}_{statistic}_s" for time in times for statistic in ("mean", "p50", "p90", "p95", "p99")),
    ]


def test_names_of_service_levels() -> None:
    """EvalScope's, for those that it has."""
    times = ("latency", "ttft", "tpot", "itl")
    assert (
        *(f"{statistic}_{time}" for time in times for statistic in ("avg", "p50", "p90", "p95", "p99")),
        *("success_rate", "rps", "goodput", "goodput_rps", "tps"),
        *("inputs_per_second", "documents_per_second", "input_tps"),  # ours
    ) == sla.METRICS
    assert {name.split("_")[1] for name in sla.STREAMED} == {"ttft", "tpot", "itl"}


@pytest.mark.parametrize("intended", [False, True])
def test_a_service_level_from_the_intended_send(intended: bool) -> None:
    """Latency and TTFT then count from when a request should have left, the others have no such time."""
    point = _measured()
    found = sla.figures_of(point, intended=intended)
    chosen = {"latency": "intended_latency", "ttft": "intended_ttft"} if intended else {}
    by_name = {quantity.name: quantity for quantity in QUANTITIES}
    for time in ("latency", "ttft", "tpot", "itl"):
        source = by_name[chosen.get(time, time)]
        assert found[f"p99_{time}"] == source.value(point, 99)
        assert found[f"avg_{time}"] == source.value(point, MEAN)


def test_an_answers_keys() -> None:
    """EvalScope's, each with its own figure; and those of conversations, where there were any."""
    assert not {"Conversations", "Average turns per conversation"} & set(load_test.metrics(_point()))
    point = _measured().model_copy(update={"conversations": Conversations(completed=3)})
    found = load_test.metrics(point)
    keys = {
        quantity.seed_mean: quantity.value(point, MEAN)
        for quantity in QUANTITIES
        if quantity.seed_mean and quantity is not figures.INPUTS
    }
    assert {
        "Average latency (s)",
        "Average time to first token (s)",
        "Average time per output token (s)",
        "Average inter-token latency (s)",
        "Average input tokens per request",
        "Average output tokens per request",
        "Average first-turn time to first token (s)",
        "Average later-turn time to first token (s)",
        "Average turns per conversation",
    } == set(keys)
    assert {name: found[name] for name in keys} == keys
    columns = load_test.percentiles(point)
    assert [name for name in columns if " low" not in name and " high" not in name] == [
        *("Percentiles", "TTFT (s)", "ITL (s)", "TPOT (s)", "Latency (s)", "Input tokens", "Output tokens"),
        *("Output (tok/s)", "Total (tok/s)"),
    ]
    assert [columns[quantity.seed_column] for quantity in QUANTITIES if quantity.seed_column] == [
        quantity.values(point, (10, 25, 50, 66, 75, 80, 90, 95, 98, 99))
        for quantity in QUANTITIES
        if quantity.seed_column
    ]


def test_no_name_stands_for_two_figures() -> None:
    """In any of the name spaces; and every figure says what it is in tables."""
    every: list[Figure] = [DURATION, *RATES]
    every += [quantity.figure(statistic) for quantity in QUANTITIES for statistic in STATISTICS]
    for names in (
        [figure.name for figure in every],
        [figure.title for figure in every],
        [figure.criterion for figure in every if figure.criterion],
        [figure.seed_key for figure in every if figure.seed_key],
        [quantity.histogram for quantity in QUANTITIES],
        [
            name
            for quantity in QUANTITIES
            if quantity.seed_column
            for name in (quantity.seed_column, *quantity.seed_bounds())
        ],
    ):
        assert len(set(names)) == len(names)
        assert all(names)


@pytest.mark.parametrize(
    ("kind", "rate"), [("embedding", "Input throughput (inputs/s)"), ("rerank", "Document throughput (documents/s)")]
)
def test_an_answer_about_inputs(kind: str, rate: str) -> None:
    """Beside the keys that all have, and of which those of words are null."""
    each = Histogram()
    each.add(8, 10)
    point = _point(kind=kind, inputs=80, output_tokens=0, histograms={"inputs": each.to_doc()})
    found = load_test.metrics(point)
    assert {name: found[name] for name in found.keys() - load_test.metrics(_point()).keys()} == {
        rate: 20,
        "Input token throughput (tok/s)": 25,
        "Average inputs per request": 8,
    }
    words = [name for name in found if "output" in name.lower() or "time to" in name or "Total token" in name]
    assert {found[name] for name in words} == {None}
