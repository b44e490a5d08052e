"""Where the body of an answer ends: the same for evaluations and load tests."""

import pytest

from evalkube_runner.http.framing import not_http, until_close


@pytest.mark.parametrize(
    ("length", "transfer", "ends_there"),
    [
        pytest.param(None, "", True, id="nothing is said"),
        pytest.param("12", "", False, id="a length"),
        pytest.param("0", "", False, id="an empty body"),
        pytest.param(None, "chunked", False, id="chunks"),
        pytest.param(None, "Chunked", False, id="chunks in another case"),
        pytest.param(None, "gzip, chunked", False, id="packed chunks"),
        pytest.param(None, "gzip", True, id="packed without chunks"),
        pytest.param(None, "unchunked", True, id="a coding of a like name"),
    ],
)
def test_a_body_ends_with_its_connection(length: str | None, transfer: str, ends_there: bool) -> None:
    """Only where neither a length nor chunks say its end (RFC 9112, 6.3)."""
    assert until_close(length, transfer) is ends_there


@pytest.mark.parametrize(
    ("refused", "says"),
    [
        ("Content-Length overflow", "it announces more bytes than a length can say"),
        ("Chunk size overflow", "it announces more bytes than a length can say"),
        ("Expected HTTP/", "Expected HTTP/"),
    ],
)
def test_what_is_no_http(refused: str, says: str) -> None:
    """The parser's words, but for a length that is none."""
    assert not_http(ValueError(refused)) == f"the answer is not HTTP/1.1: {says}"
