"""What single requests add up to, with times made by hand."""

from typing import Any

import orjson
import pytest

from evalkube_crds.names import ErrorClass, TokenBasis
from evalkube_crds.results import PerfPoint
from evalkube_runner.perf import measure
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.wire import openai

MS = 1_000_000
TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def exchange(*reads: tuple[int, bytes], index: int = 0, stream: bool = True, intended_ms: int = 100) -> Exchange:
    """A request sent at 100 ms (intended then, or earlier) and answered by ``reads`` of (ms, bytes)."""
    made = Exchange(index, b"", openai, stream=stream, choices=1, ended=lambda _: None)
    made.intended_ns = intended_ms * MS
    made.ready_ns = made.dispatched_ns = made.sent_ns = 100 * MS
    made.status = 200
    for at_ms, data in reads:
        made.first_byte_ns = made.first_byte_ns or at_ms * MS
        made.end_ns = at_ms * MS
        made.body(data, at_ms * MS)
    made.conclude(made.end_ns, whole=True)
    return made


def point(*exchanges: Exchange, warmup: int = 0) -> PerfPoint:
    figures = measure.Measure(warmup=warmup)
    figures.begin(100 * MS)
    for one in exchanges:
        figures.add(one)
    return PerfPoint.model_validate({"name": "p", "number": 1} | orjson.loads(orjson.dumps(figures.to_doc(0))))


def values(found: PerfPoint) -> dict[str, Any]:
    return {name: (one.count, one.mean) for name, one in found.histograms.items()}


def test_times_of_a_stream() -> None:
    """TTFT, latency, TPOT and gaps from the reads; k chunks of a read after a gap g are k gaps of g / k."""
    found = values(point(exchange((150, TEXT), (170, TEXT * 2), (180, TEXT), (190, END), intended_ms=90)))
    assert found["ttft_ns"] == (1, 50 * MS)
    assert found["intended_ttft_ns"] == (1, 60 * MS)
    assert found["latency_ns"] == (1, 90 * MS)
    assert found["intended_latency_ns"] == (1, 100 * MS)
    assert found["tpot_ns"] == (1, 10 * MS)  # 30 ms from first to last of 4 tokens
    assert found["itl_ns"] == (3, 10 * MS)
    assert found["chunks_per_read"] == (3, 4 / 3)
    assert found["output_tokens"] == (1, 4)
    assert found["output_tps_milli"] == (1, 4 * 1000 * 1000 // 90)


# name: lag of the first token, of the end, of the sending in ms; what is noted as (measured, least) in ms
DELAYS: dict[str, tuple[tuple[float, float, float], dict[str, tuple[float, float]]]] = {
    "none": ((0, 0, 0), {}),
    "the first token was read late": ((20, 0, 0), {"ttft_ns": (50, 30), "intended_ttft_ns": (60, 40)}),
    "the end was read late": ((0, 20, 0), {"latency_ns": (90, 70), "intended_latency_ns": (100, 80)}),
    "by more than it took": (
        (0, 120, 0),
        {"latency_ns": (90, 0), "intended_latency_ns": (100, 0)},
    ),
    "it left late": ((0, 0, 5), {"intended_ttft_ns": (60, 55), "intended_latency_ns": (100, 95)}),
    "as late as on any machine": ((0, 0, 0.9), {}),
    "all of it": (
        (10, 20, 5),
        {
            "ttft_ns": (50, 40),
            "latency_ns": (90, 70),
            "intended_ttft_ns": (60, 45),
            "intended_latency_ns": (100, 75),
        },
    ),
}


@pytest.mark.parametrize(("lags_ms", "wanted"), DELAYS.values(), ids=DELAYS)
def test_what_a_stall_of_the_client_touched(
    lags_ms: tuple[float, float, float], wanted: dict[str, tuple[float, float]]
) -> None:
    """The values as measured, and the least that they can have been."""
    one = exchange((150, TEXT), (190, TEXT + END), intended_ms=90)
    first, end, sending = (int(lag * MS) for lag in lags_ms)
    one.first_token_lag_ns, one.end_lag_ns = first, end
    one.ready_ns = one.dispatched_ns - sending
    health = point(one).health
    assert {
        name: (health.delayed[name].high / MS, health.undelayed[name].high / MS) for name in health.delayed
    } == wanted


def test_chunks_with_the_first_one() -> None:
    """Chunks that came in the read of the first token have gaps of zero."""
    found = point(exchange((150, TEXT * 3), (160, TEXT), (160, END)))
    assert values(found)["itl_ns"] == (3, 10 * MS / 3)
    assert found.histograms["chunks_per_read"].count == 2
    assert found.histograms["chunks_per_read"].high == 3


def test_one_token_has_no_tpot() -> None:
    """Not zero: there is none."""
    found = values(point(exchange((150, TEXT + END))))
    assert "tpot_ns" not in found
    assert "itl_ns" not in found


def test_role_and_empty_deltas_are_no_token() -> None:
    """TTFT is to the first text, first_byte to the first byte."""
    role = TEXT.replace(b'"content":"a"', b'"role":"assistant","content":""')
    found = values(point(exchange((110, role), (150, TEXT), (160, END))))
    assert found["first_byte_ns"] == (1, 10 * MS)
    assert found["ttft_ns"] == (1, 50 * MS)
    assert found["output_tokens"] == (1, 1)


def test_usage_goes_before_counting() -> None:
    """Tokens are the server's where it says them, and the basis is on record."""
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":9}}\n\n'
    found = point(exchange((150, TEXT), (160, usage + END)), exchange((150, TEXT), (160, END)))
    assert found.token_basis == {TokenBasis.USAGE: 1, TokenBasis.CHUNKS: 1}
    assert (found.input_tokens, found.output_tokens) == (7, 10)


def test_an_answer_that_is_not_streamed() -> None:
    """It has latency and tokens, and neither TTFT nor TPOT."""
    body = b'{"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":4}}'
    found = values(point(exchange((180, body), stream=False)))
    assert found["latency_ns"] == (1, 80 * MS)
    assert found["output_tokens"] == (1, 4)
    assert not {"ttft_ns", "tpot_ns", "itl_ns", "intended_ttft_ns"} & set(found)


def test_failures_are_in_no_histogram() -> None:
    """A truncated stream is counted by class with a message, and in the time the test took."""
    found = point(exchange((150, TEXT)), exchange((160, TEXT + END)))
    assert (found.succeeded, found.failed) == (1, 1)
    assert found.errors == {ErrorClass.TRUNCATED_STREAM: 1}
    assert "without [DONE]" in found.error_samples[ErrorClass.TRUNCATED_STREAM]
    assert found.histograms["latency_ns"].count == 1
    assert found.finish_reasons == {"stop": 1}


def test_an_http_error() -> None:
    """Its class is that of its status, its text the server's."""
    made = Exchange(0, b"", openai, stream=True, choices=1, ended=lambda _: None)
    made.status = 429
    made.body(b'{"error":{"message":"slow down"}}', 1)
    made.conclude(1, whole=True)
    assert (made.error, made.message) == (ErrorClass.STATUS_429, "slow down")


def test_warm_up_is_counted_and_not_measured() -> None:
    """Indices below the warm-up are in no figure."""
    found = point(exchange((150, TEXT + END), index=0), exchange((150, TEXT + END), index=1), warmup=1)
    assert (found.warmup, found.succeeded) == (1, 1)
    assert found.histograms["latency_ns"].count == 1
    assert found.series.sent == [1]


def test_late_requests() -> None:
    """Late is more than 1 ms after the intended time; the client's own part of it is apart."""
    figures = measure.Measure(warmup=0)
    figures.begin(0)
    for intended in (100, 95):
        figures.add(exchange((150, TEXT + END), intended_ms=intended))
    assert figures.late == 1
    assert figures.histograms()["schedule_lag_ns"].high == 0  # it waited for a slot, not for the client


def test_flushing_changes_nothing() -> None:
    """Many requests, counted in bulk, are the same as one many times."""
    one = exchange((150, TEXT), (170, TEXT * 2), (190, END))
    many, single = point(*[one] * 5000), point(one)
    assert many.histograms["itl_ns"].count == 10_000
    for name, histogram in single.histograms.items():
        assert many.histograms[name].mean == histogram.mean
        assert many.histograms[name].count == 5000 * histogram.count


def test_the_series_is_bounded() -> None:
    """When it gets too long the interval doubles, and nothing is lost."""
    series = measure.Series(interval_ns=10, length=8)
    for at in range(1000):
        series.add(at, sent=1)
    doc = series.to_doc()
    assert doc["interval_ns"] == 160
    assert len(doc["sent"]) == len(doc["failed"]) <= 8
    assert sum(doc["sent"]) == 1000


def test_rows_tell_everything() -> None:
    """One request as a row: times since the start, null where something never happened."""
    row: dict[str, Any] = measure.row_of(exchange((150, TEXT)), 40 * MS, warmup=False)
    assert row["sent_ns"] == 60 * MS
    assert row["first_token_ns"] == row["last_token_ns"] == 110 * MS
    assert (row["error"], row["status"], row["chunks"]) == ("truncated_stream", 200, 1)
    assert row["finish_reason"] is None
    assert orjson.loads(orjson.dumps(row))["token_basis"] == "chunks"
