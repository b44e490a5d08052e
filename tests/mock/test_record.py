"""The server's own record."""

from evalkube_mock.record import Outcome, Record, Stats

_MS = 1_000_000


def _row(number: int) -> tuple[int, int, int, int, int, int, int]:
    received = number * 1000 * _MS
    return (number, received, received + 200 * _MS, received + 260 * _MS, 4, 200, Outcome.COMPLETE)


def test_document_derives_times() -> None:
    """TTFT, latency and the mean gap follow from the stored times."""
    record = Record(10)
    record.add(_row(1))
    document = record.document()
    assert document["ttft_ms"] == [200.0]
    assert document["latency_ms"] == [260.0]
    assert document["itl_ms"] == [20.0]
    assert document["outcome"] == ["complete"]


def test_what_never_happened_is_null() -> None:
    """A refused request has no first token and so no times."""
    record = Record(10)
    record.add((0, 5, 0, 0, 0, 429, Outcome.REFUSED))
    document = record.document()
    assert (document["ttft_ms"], document["latency_ms"], document["itl_ms"]) == ([None], [None], [None])
    assert (document["status"], document["outcome"]) == ([429], ["refused"])


def test_the_ring_keeps_the_newest_in_order() -> None:
    """A full record loses its oldest rows and says how many there were."""
    record = Record(3)
    for number in range(5):
        record.add(_row(number))
    document = record.document()
    assert document["number"] == [2, 3, 4]
    assert (document["count"], document["kept"]) == (5, 3)


def test_clear_forgets() -> None:
    """After a clear the record is empty and fills anew."""
    record = Record(3)
    for number in range(5):
        record.add(_row(number))
    record.clear()
    assert record.document()["number"] == []
    record.add(_row(9))
    assert record.document()["number"] == [9]


def test_a_clear_keeps_what_is_in_flight() -> None:
    """Counters start anew, but requests under way are still under way and set the new peak."""
    stats = Stats()
    for _ in range(3):
        stats.entered()
    stats.in_flight -= 1
    stats.clear()
    document = stats.document(queued=0)
    assert (document["in_flight"], document["peak_in_flight"], document["total"]) == (2, 2, 0)


def test_lag_is_summed() -> None:
    """The mock's own lateness is reported as mean and maximum."""
    stats = Stats()
    for lag_ms in (1, 3):
        stats.late(lag_ms * _MS)
    assert stats.document(queued=0)["pacing_lag_ms"] == {"mean": 2.0, "max": 3.0, "writes": 2}
