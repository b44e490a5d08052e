"""Finds the end of an HTTP/1.1 answer, and bytes that are not HTTP: the same for evaluations and load tests. Pure."""

__all__ = ["HEAD_TOO_LONG", "MAX_HEAD_BYTES", "not_http", "until_close"]

MAX_HEAD_BYTES = 1024 * 1024
"""A head beyond this, interim answers included, is a fault; nothing else bounds what the parser holds of it."""

HEAD_TOO_LONG = f"the head of the answer has more than {MAX_HEAD_BYTES} bytes"


def until_close(content_length: str | None, transfer_encoding: str) -> bool:
    """Whether a body ends with its connection, because nothing else says its length (RFC 9112, 6.3)."""
    codings = [coding.strip() for coding in transfer_encoding.lower().split(",")]
    return content_length is None and "chunked" not in codings


def not_http(problem: Exception) -> str:
    """The message for bytes that the parser refuses."""
    overflown = "overflow" in str(problem)
    return f"the answer is not HTTP/1.1: {'it announces more bytes than a length can say' if overflown else problem}"
