"""The index of a point's requests: made of rows, pages of it, and its course over time."""

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_report.requests import index as request_index
from evalkube_report.requests import page, series
from evalkube_report.requests.building import COLUMNS, MOST_MESSAGES, Builder
from evalkube_report.requests.index import DTYPE, Index, IndexUnreadable
from evalkube_report.requests.page import RequestQuery, UnknownName

_S = 1_000_000_000


def _row(index: int, sent_s: float | None = 0.0, latency_s: float | None = 1.0, **more: Any) -> dict[str, Any]:
    """A row of `requests.jsonl`: the first token after half of the time, the last one at its end."""
    sent_ns = None if sent_s is None else round(sent_s * _S)
    end_ns = None if latency_s is None else (sent_ns or 0) + round(latency_s * _S)
    first_ns = None if end_ns is None or sent_ns is None else (sent_ns + end_ns) // 2
    row = {"index": index, "warmup": False, "intended_ns": None, "dispatched_ns": 0, "sent_ns": sent_ns}
    row |= {"first_token_ns": first_ns, "last_token_ns": end_ns, "end_ns": end_ns, "status": 200, "error": None}
    return row | {"prompt_tokens": 10, "completion_tokens": 6, "message": None} | more


def _failed(index: int, error: str, **more: Any) -> dict[str, Any]:
    return _row(index, **{"error": error, "status": None, "first_token_ns": None, "last_token_ns": None, **more})


def _lines(*rows: dict[str, Any]) -> list[bytes]:
    return [orjson.dumps(row) + b"\n" for row in rows]


def _built(*shards: list[bytes], lines: str = "p/requests.jsonl") -> Index:
    builder = Builder("p", lines)
    for shard, rows in enumerate(shards):
        list(builder.add(shard, rows))
    return builder.index()


def test_a_request_has_its_times_and_tokens() -> None:
    """Since the start of the load, in seconds."""
    index = _built(_lines(_row(7, 2.0, 3.0, run=1)))
    (entry,) = page.select(index, RequestQuery()).entries
    assert (entry.index, entry.shard, entry.run, entry.warmup, entry.status, entry.error) == (7, 0, 1, False, 200, None)
    assert (entry.sent_s, entry.latency_s, entry.ttft_s, entry.tpot_s) == (2.0, 3.0, 1.5, 0.3)
    assert (entry.input_tokens, entry.output_tokens) == (10, 6)


def test_a_request_that_never_left_is_dated_by_when_it_was_to() -> None:
    """A connection that is refused is an error at a time as well."""
    row = _failed(0, "connect", sent_ns=None, dispatched_ns=4 * _S, end_ns=5 * _S)
    (entry,) = page.select(_built(_lines(row)), RequestQuery()).entries
    assert (entry.sent_s, entry.latency_s, entry.ttft_s, entry.status, entry.error) == (4.0, 1.0, None, None, "connect")


def test_rows_are_found_in_the_file_of_all_shards() -> None:
    """Whose lines follow one another; a line that is no row is passed over."""
    shards = [[b"torn\n", *_lines(_row(0, 3.0), _row(1, 1.0))], _lines(_row(2, 2.0))]
    index = request_index.load(request_index.save(_built(*shards)))
    whole = b"".join(shards[0] + shards[1])
    read = []
    for row in range(len(index.rows)):
        place = index.slice(row)
        assert place is not None
        assert place.path == "p/requests.jsonl"
        read.append((orjson.loads(whole[place.offset :][: place.length])["index"], int(index.rows[row]["shard"])))
    assert read == [(1, 0), (2, 1), (0, 0)]


def test_rows_of_compressed_lines_cannot_be_read_by_themselves() -> None:
    """Their offsets are those of the text."""
    index = _built(_lines(_row(0), _row(1)), lines="p/requests.jsonl.gz")
    assert (index.is_plain, index.slice(1), int(index.rows[1]["offset"])) == (False, None, len(_lines(_row(0))[0]))


def test_a_failed_request_says_why() -> None:
    """Each message is kept once; one that succeeded has none, nor have those of a server that never repeats itself."""
    rows = [_failed(0, "status_5xx", message="503: busy"), _row(1, 1.0), _failed(2, "status_5xx", sent_ns=2 * _S)]
    rows += [_failed(at, "parse", sent_ns=at * _S, message=f"{at} " + "x" * 900) for at in range(3, 1200)]
    index = request_index.load(request_index.save(_built(_lines(*rows, _failed(9999, "dns", message="503: busy")))))
    said = {int(row["index"]): index.message(at) for at, row in enumerate(index.rows)}
    assert (said[0], said[1], said[2], said[9999]) == ("503: busy", None, None, "503: busy")
    assert (len(said[3] or ""), said[1199], len(index.messages)) == (300, None, MOST_MESSAGES)


def test_cells_are_those_of_the_columns() -> None:
    """Numbers in seconds; what a request does not have is empty."""
    row = _row(3, 0.5, 1.25, message="m", chunks=4, conversation=9, turn=1)
    (cells,) = Builder("p", "p/requests.jsonl").add(2, _lines(row))
    shown = dict(zip(COLUMNS, cells, strict=True))
    assert (shown["index"], shown["shard"], shown["sent_s"], shown["latency_s"]) == (3, 2, 0.5, 1.25)
    assert (shown["chunks"], shown["conversation"], shown["turn"], shown["inputs"]) == (4, 9, 1, None)
    assert (shown["message"], shown["error"], shown["intended_s"]) == ("m", None, None)


@pytest.fixture(scope="module")
def index() -> Index:
    """A request of the warm-up, three that succeeded, two that failed."""
    return _built(
        _lines(
            _row(0, 0.0, warmup=True),
            _row(1, 1.0, 2.0),
            _row(2, 3.0, 9.0, first_token_ns=4 * _S),
            _failed(3, "idle_timeout", sent_ns=2 * _S, end_ns=62 * _S),
            _failed(4, "connect", end_ns=None),
            _row(5, 4.0, 0.5),
        )
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param(RequestQuery(), [4, 1, 3, 2, 5], id="all measured ones as they were sent"),
        pytest.param(RequestQuery(warmup=True), [0, 4, 1, 3, 2, 5], id="the warm-up too"),
        pytest.param(RequestQuery(state="failed"), [4, 3], id="failed ones"),
        pytest.param(RequestQuery(state="succeeded"), [1, 2, 5], id="those that succeeded"),
        pytest.param(RequestQuery(error="connect"), [4], id="failed by a class"),
        pytest.param(RequestQuery(state="succeeded", error="connect"), [], id="nothing fits"),
        pytest.param(RequestQuery(sort="slowest"), [3, 2, 1, 5, 4], id="slowest first, without an end last"),
        pytest.param(RequestQuery(sort="ttft"), [1, 2, 5, 4, 3], id="by TTFT, without one last"),
    ],
)
def test_a_query_chooses_and_sorts(index: Index, query: RequestQuery, found: list[int]) -> None:
    """Requests that are alike stay in their order."""
    assert [one.index for one in page.select(index, query).entries] == found


def test_pages_follow_one_another(index: Index) -> None:
    """Until there is no next one."""
    first = page.select(index, RequestQuery(sort="slowest"), limit=3)
    second = page.select(index, RequestQuery(sort="slowest"), start=first.next or 0, limit=3)
    assert ([one.index for one in first.entries], first.next) == ([3, 2, 1], 3)
    assert ([one.index for one in second.entries], second.next, second.total) == ([5, 4], None, 5)


def test_a_class_that_there_is_not_is_refused(index: Index) -> None:
    """With its near one."""
    with pytest.raises(UnknownName, match=r"error: there is no 'timeout'.*idle_timeout"):
        page.select(index, RequestQuery(error="timeout"))


def test_a_series_counts_by_time() -> None:
    """Sends where they were sent, ends where they ended, times where their request was sent."""
    rows = [_row(at, at * 0.1, 0.05) for at in range(20)] + [_failed(20, "connect", sent_ns=0, end_ns=15 * _S // 10)]
    found = series.series(_built(_lines(_row(99, 0.0, warmup=True), *rows)), buckets=4)
    assert found.interval_s == 0.5
    assert (found.sent, found.succeeded, found.failed) == ((6, 5, 5, 5), (5, 5, 5, 5), (0, 0, 0, 1))
    assert (found.output_tokens, found.errors) == ((30,) * 4, {"connect": (0, 0, 0, 1)})
    assert (found.latency_p50_s, found.ttft_p99_s) == ((0.05,) * 4, (0.025,) * 4)


def test_percentiles_are_of_each_interval() -> None:
    """By nearest rank of the successful ones; an interval without any has none."""
    slow = [_row(at, 0.0, (at + 1) / 100) for at in range(100)]
    found = series.series(_built(_lines(*slow, _failed(200, "connect", sent_ns=_S, end_ns=_S), _row(201, 3.5, 0.4))), 4)
    assert found.interval_s == 1.0
    assert found.latency_p50_s == (0.5, None, None, 0.4)
    assert (found.latency_p90_s[0], found.latency_p99_s[0]) == (0.9, 0.99)


def test_runs_of_a_point_follow_one_another() -> None:
    """Each one counts from its own start."""
    rows = [_row(at, 10.0 + at, 1.0, run=run) for run in (0, 1) for at in range(2)]
    found = series.series(_built(_lines(*rows)), buckets=4)
    assert (found.interval_s, found.sent) == (2.0, (2, 2, 0))


def test_a_series_of_nothing_is_empty() -> None:
    """As of a point all of whose requests were of the warm-up."""
    found = series.series(_built(_lines(_row(0, warmup=True))))
    assert (found.sent, found.latency_p50_s, found.errors) == ((), (), {})


@pytest.mark.parametrize("buckets", [0, series.MOST + 1])
def test_a_series_has_a_size(buckets: int) -> None:
    """One that is beyond it is refused."""
    with pytest.raises(ValueError, match="1 to 2000"):
        series.series(_built(), buckets)


@given(
    st.lists(st.tuples(st.floats(0, 500), st.floats(0, 90), st.booleans(), st.integers(0, 2)), min_size=1, max_size=60),
    st.integers(1, 300),
)
def test_a_series_loses_nothing(requests: list[tuple[float, float, bool, int]], buckets: int) -> None:
    """Each request is in it once, and there are no more intervals than asked for."""
    rows = np.zeros(len(requests), DTYPE)
    rows["sent_s"], rows["latency_s"], failed, rows["run"] = zip(*requests, strict=True)
    rows["error"] = failed
    found = series.series(Index(rows, "p", "p/requests.jsonl"), buckets)
    assert len(found.sent) <= buckets
    assert {len(value) for name, value in _columns(found).items() if name != "errors"} == {len(found.sent)}
    assert (sum(found.sent), sum(found.failed)) == (len(requests), sum(failed))
    assert sum(found.succeeded) == len(requests) - sum(failed)
    assert sum(map(sum, found.errors.values())) == sum(failed)


def _columns(found: series.Series) -> dict[str, Any]:
    return {name: getattr(found, name) for name in found.__slots__ if name != "interval_s"}


def _file() -> bytes:
    return request_index.save(_built(_lines(_row(0), _row(1))))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(_file()[:300], id="torn in the rows"),
        pytest.param(_file()[:-1], id="torn at the end"),
        pytest.param(_file().replace(b'"lines"', b'"links"'), id="without a name"),
        pytest.param(request_index.save(Index(np.ones(1, DTYPE), "p", "l", errors=())), id="of an unknown error"),
    ],
)
def test_what_is_no_index_is_refused_in_words(data: bytes) -> None:
    """They say what to do."""
    with pytest.raises(IndexUnreadable, match=r"requests\.npy .*without it"):
        request_index.load(data)
