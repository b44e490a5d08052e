"""What single requests add up to, with times made by hand."""

from typing import Any

import orjson
import pytest

from evalkube_crds.names import AnswerNote, ErrorClass, TokenBasis
from evalkube_runner.perf import measure, rows
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.perf.series import Series
from evalkube_runner.wire import openai
from fakes.exchanges import DONE, END, MS, ROLE, STOP, TEXT, exchange, point, said, used, values


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


# name: how long the first token may have lain unread and the pace of other answers; the reads; what is reported, in ms:
# TTFT, the doubt about it, and the gaps as their count and mean
UNREAD: dict[str, tuple[tuple[int, int], list[tuple[int, bytes]], tuple[int, int, tuple[int, float]]]] = {
    "read at once": ((0, 6), [(150, TEXT * 3), (170, TEXT * 2)], (50, 0, (4, 5))),
    "it lay there with others": ((40, 6), [(150, TEXT * 3), (170, TEXT * 2)], (30, 20, (4, 10))),
    "longer than all there was": ((15, 6), [(150, TEXT * 3), (170, TEXT * 2)], (35, 15, (4, 8.75))),
    "most of it is doubt": ((48, 6), [(150, TEXT * 3), (154, TEXT * 2)], (46, 44, (4, 2))),
    "alone": ((15, 6), [(150, TEXT), (160, TEXT)], (50, 15, (1, 10))),
    "nothing followed": ((40, 6), [(150, TEXT * 3)], (38, 28, (2, 6))),
    "nothing followed, in less time": ((8, 6), [(150, TEXT * 3)], (42, 8, (2, 4))),
    "nothing followed, and nothing is known": ((40, 0), [(150, TEXT * 3)], (50, 40, (2, 0))),
}


@pytest.mark.parametrize(("known_ms", "reads", "wanted"), UNREAD.values(), ids=UNREAD)
def test_a_first_token_that_lay_unread(
    known_ms: tuple[int, int], reads: list[tuple[int, bytes]], wanted: tuple[int, int, tuple[int, float]]
) -> None:
    """A read has the time of its last segment; those before it are dated back by the pace that is known."""
    ttft_ms, doubt_ms, (gaps, gap_ms) = wanted
    unread_ms, pace_ms = known_ms
    found = point(exchange(*reads, (reads[-1][0], END), unread_ms=unread_ms, pace_ms=pace_ms))
    assert found.histograms["ttft_ns"].mean == ttft_ms * MS
    assert (found.histograms["itl_ns"].count, found.histograms["itl_ns"].mean) == (gaps, gap_ms * MS)
    touched = {name: one.high - found.health.undelayed[name].high for name, one in found.health.delayed.items()}
    assert touched == ({"ttft_ns": doubt_ms * MS, "intended_ttft_ns": doubt_ms * MS} if doubt_ms else {})


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


WHOLE = b'{"choices":[{"message":{"content":""},"finish_reason":"stop"}],"usage":{"completion_tokens":%d}}'


@pytest.mark.parametrize(
    ("body", "stream", "served"),
    [
        (ROLE + STOP + DONE, True, False),
        (ROLE + STOP + used(0) + DONE, True, False),
        (ROLE + STOP + used(1) + DONE, True, True),
        (DONE, True, False),
        (WHOLE % 0, False, False),
        (WHOLE % 1, False, True),
    ],
)
def test_an_answer_that_says_nothing(body: bytes, stream: bool, served: bool) -> None:
    """It is no success of a server, unless the server says that it made a token; streamed or whole."""
    found = point(exchange((120, body), stream=stream))
    assert (found.succeeded, found.errors) == ((1, {}) if served else (0, {ErrorClass.EMPTY_STREAM: 1}))


def test_counts_that_cannot_be_are_told() -> None:
    """They are not used, and nothing ends for them."""
    found = point(exchange((110, said()), (120, said() + STOP + used(2**63) + DONE)))
    assert (found.output_tokens, found.token_basis) == (2, {TokenBasis.CHUNKS: 1})
    assert found.answer_notes == {AnswerNote.IMPLAUSIBLE_USAGE: 1}


def test_a_whole_answer_of_several_choices() -> None:
    """What is odd is told of answers that are not streamed as well."""
    one = b'{"choices":[{"message":{"content":"a"},"finish_reason":"max_tokens"}]}'
    found = point(exchange((180, one), stream=False, choices=2))
    assert (found.truncated, found.answer_notes) == (1, {AnswerNote.FEWER_CHOICES: 1})


def test_an_answer_that_is_not_streamed() -> None:
    """It has latency and tokens, and neither TTFT nor TPOT."""
    body = b'{"choices":[{"text":"a","finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":4}}'
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
    series = Series(interval_ns=10, length=8)
    for at in range(1000):
        series.add(at, sent=1)
    doc = series.to_doc()
    assert doc["interval_ns"] == 160
    assert len(doc["sent"]) == len(doc["failed"]) <= 8
    assert sum(doc["sent"]) == 1000


def test_rows_tell_everything() -> None:
    """One request as a row: times since the start, null where something never happened."""
    row: dict[str, Any] = rows.row_of(exchange((150, TEXT)), 40 * MS, warmup=False)
    assert row["sent_ns"] == 60 * MS
    assert row["first_token_ns"] == row["last_token_ns"] == 110 * MS
    assert (row["error"], row["status"], row["chunks"]) == ("truncated_stream", 200, 1)
    assert row["finish_reason"] is None
    assert orjson.loads(orjson.dumps(row))["token_basis"] == "chunks"


def test_what_bursts_met_is_counted_apart() -> None:
    """With what it measured, and the least that it can have been: never less than nothing."""
    one, other = exchange((150, TEXT), (190, END)), exchange((150, TEXT), (190, END), index=1)
    one.behind_ns = 60 * MS
    health = point(one, other).health
    assert {name: (each.count, each.mean) for name, each in health.bunched.items()} == {
        "ttft_ns": (1, 50 * MS),
        "latency_ns": (1, 90 * MS),
    }
    assert {name: each.mean for name, each in health.unbunched.items()} == {"ttft_ns": 0, "latency_ns": 30 * MS}
