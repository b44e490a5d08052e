"""The connection engine against a server that sends any bytes: what each answer is reported as."""

import pytest

from evalkube_crds.names import ErrorClass
from evalkube_runner.perf.pool import Limits
from fakes.connections import (
    BY_EITHER,
    CHUNKED,
    DONE,
    PLAIN,
    STOP,
    STREAM,
    TEXT,
    UNTIL_CLOSE,
    WHOLE,
    asked,
    chunk,
    sized,
)
from fakes.raw_server import Close, Hang, Step

# name: steps, error, chunks
STREAMS: dict[str, tuple[list[Step], ErrorClass | None, int]] = {
    "in one piece": ([WHOLE], None, 3),
    "an HTTP chunk per event": (
        [CHUNKED + chunk(TEXT) * 2 + chunk(TEXT + STOP) + chunk(DONE) + b"0\r\n\r\n"],
        None,
        3,
    ),
    "events across HTTP chunks": (
        [CHUNKED + b"".join(chunk(STREAM[at : at + 7]) for at in range(0, len(STREAM), 7)) + b"0\r\n\r\n"],
        None,
        3,
    ),
    "byte by byte": (
        [
            CHUNKED[:20],
            0.001,
            CHUNKED[20:],
            *[WHOLE[len(CHUNKED) :][at : at + 1] for at in range(60)],
            WHOLE[len(CHUNKED) + 60 :],
        ],
        None,
        3,
    ),
    "with a length": ([sized(STREAM)], None, 3),
    "until the connection closes": ([UNTIL_CLOSE + STREAM, Close()], None, 3),
    "100 Continue before it": ([b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE], None, 3),
    "without the last chunk's end": ([CHUNKED + chunk(STREAM), Close()], None, 3),
    "closed in the middle": ([CHUNKED + chunk(TEXT * 2), Close()], ErrorClass.TRUNCATED_STREAM, 2),
    "reset in the middle": ([CHUNKED + chunk(TEXT * 2), 0.1, Close(reset=True)], ErrorClass.TRUNCATED_STREAM, 2),
    "ended in the middle": ([CHUNKED + chunk(TEXT * 2) + b"0\r\n\r\n"], ErrorClass.TRUNCATED_STREAM, 2),
    "a head and no more": ([CHUNKED, Close()], ErrorClass.EMPTY_STREAM, 0),
    "an empty body": ([sized(b"")], ErrorClass.EMPTY_STREAM, 0),
    "no answer": ([Close()], ErrorClass.DISCONNECTED, 0),
    "not HTTP": ([b"SSH-2.0-OpenSSH_9.2\r\n\r\n"], ErrorClass.PARSE, 0),
    "a broken chunk": ([CHUNKED + chunk(TEXT) + b"zz\r\n"], ErrorClass.PARSE, 1),
    "a broken chunk after [DONE]": ([CHUNKED + chunk(STREAM) + b"zz\r\n"], None, 3),
    "cut in its length, after [DONE]": ([sized(STREAM)[:-1], Close()], None, 3),
    "cut in its length, after the finish reason": ([sized(TEXT * 3 + STOP + DONE)[: -len(DONE)], Close()], None, 3),
    "cut in its length, before the finish reason": (
        [sized(TEXT * 3 + STOP + DONE)[: -len(STOP + DONE)], Close()],
        ErrorClass.TRUNCATED_STREAM,
        3,
    ),
    "no last chunk, after the finish reason": ([CHUNKED + chunk(TEXT * 3 + STOP), Close()], None, 3),
    "reset after the finish reason": ([CHUNKED + chunk(TEXT * 3 + STOP), 0.1, Close(reset=True)], None, 3),
    "until the connection closes, without [DONE]": ([UNTIL_CLOSE + TEXT * 3 + STOP, Close()], None, 3),
    "until the connection is reset": (
        [UNTIL_CLOSE + TEXT * 3, 0.1, Close(reset=True)],
        ErrorClass.TRUNCATED_STREAM,
        3,
    ),
    "103 Early Hints, twice": ([(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n") * 2 + WHOLE], None, 3),
    "an interim answer in a read of its own": ([b"HTTP/1.1 100 Continue\r\n\r\n", 0.05, WHOLE], None, 3),
    "an interim answer and no more": ([b"HTTP/1.1 100 Continue\r\n\r\n", Close()], ErrorClass.DISCONNECTED, 0),
    "cut in the status line": ([b"HTTP/1.1 20", Close()], ErrorClass.DISCONNECTED, 0),
    "cut in the head": ([CHUNKED[:40], Close()], ErrorClass.DISCONNECTED, 0),
    "reset in the head": ([CHUNKED[:40], 0.1, Close(reset=True)], ErrorClass.DISCONNECTED, 0),
    "a head without end": ([b"HTTP/1.1 200 OK\r\nX: " + b"x" * 2_000_000], ErrorClass.PARSE, 0),
    "interim answers without end": ([b"HTTP/1.1 100 Continue\r\n\r\n" * 60_000], ErrorClass.PARSE, 0),
    "an error event": ([sized(TEXT + b'data: {"error":{"message":"boom"}}\n\n')], ErrorClass.ERROR_IN_STREAM, 1),
    "a plain answer": ([sized(b'{"choices":[{"finish_reason":"stop"}]}')], ErrorClass.PARSE, 0),
    "401": ([sized(b'{"error":{"message":"who?"}}', b"401 Unauthorized")], ErrorClass.STATUS_401, 0),
    "404 without a body": ([sized(b"", b"404 Not Found")], ErrorClass.STATUS_404, 0),
    "500 that closes": ([b"HTTP/1.1 500 Oops\r\n\r\nbad", Close()], ErrorClass.STATUS_5XX, 0),
    "a redirect": ([sized(b"", b"302 Found")], ErrorClass.STATUS_3XX, 0),
}


"""Plain TCP is read in two ways, and both read the same."""


@BY_EITHER
@pytest.mark.parametrize(("steps", "error", "chunks"), STREAMS.values(), ids=STREAMS.keys())
def test_streams(steps: list[Step], error: ErrorClass | None, chunks: int, *, kernel_times: bool) -> None:
    """Every way a stream can go has its class, and times in order."""
    (found,), _ = asked(lambda _connection, _request: steps, kernel_times=kernel_times)
    assert (found.error, found.chunks) == (error, chunks)
    assert 0 < found.sent_ns <= found.end_ns
    if not error:
        assert found.sent_ns < found.first_byte_ns <= found.first_token_ns <= found.last_token_ns <= found.end_ns
        assert found.finish_reason == "stop"


COMPRESSED = b"HTTP/1.1 %s\r\nContent-Encoding: %s\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"


def redirect(status: bytes, location: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, location)


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (redirect(b"307 Moved", b"https://else.where/v1"), ErrorClass.STATUS_3XX, "to https://else.where/v1; use that"),
        (redirect(b"301 Moved", b"/v2/chat?a=b"), ErrorClass.STATUS_3XX, "/v2/chat?a=b; use that address as url"),
        (redirect(b"302 Found", b"//[oops"), ErrorClass.STATUS_3XX, "redirects to //[oops"),
        (redirect(b"302 Found", "/\u8def".encode()), ErrorClass.STATUS_3XX, "/\u8def; use"),
        (redirect(b"401 Unauthorized", b"/login"), ErrorClass.STATUS_401, ""),
        (COMPRESSED % (b"200 OK", b"gzip"), ErrorClass.PARSE, "compressed (Content-Encoding: gzip)"),
        (COMPRESSED % (b"200 OK", b"identity, BR"), ErrorClass.PARSE, "compressed (Content-Encoding: br)"),
        (COMPRESSED % (b"200 OK", b"zstd"), ErrorClass.PARSE, "compressed (Content-Encoding: zstd)"),
        (COMPRESSED % (b"503 Busy", b"deflate"), ErrorClass.STATUS_5XX, "compressed (Content-Encoding: deflate)"),
    ],
)
def test_what_a_head_says_against_its_answer(answer: bytes, error: ErrorClass, words: str, *, stream: bool) -> None:
    """Where a redirect leads, and that a body is compressed, is told in words; the connection is used again."""
    found, server = asked(lambda _connection, _request: [answer], requests=2, stream=stream)
    assert [one.error for one in found] == [error] * 2
    assert words in found[0].message
    assert server.connections == 1


def test_an_encoding_that_is_none() -> None:
    """`identity` is no compression, and a trailer is no head."""
    head = CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: identity\r\n\r\n")
    trailer = b"0\r\nContent-Encoding: gzip\r\n\r\n"
    (found,), _ = asked(lambda _connection, _request: [head + chunk(STREAM) + trailer])
    assert found.error is None


@pytest.mark.parametrize(
    ("steps", "error"),
    [
        ([sized(PLAIN)], None),
        ([b"HTTP/1.1 200 OK\r\n\r\n" + PLAIN, Close()], None),
        ([sized(PLAIN)[:-5], Close()], ErrorClass.DISCONNECTED),
        ([sized(PLAIN + b"\n")[:-1], Close()], ErrorClass.DISCONNECTED),
        ([CHUNKED + chunk(PLAIN), Close()], ErrorClass.DISCONNECTED),
        ([CHUNKED + chunk(PLAIN) + b"0\r\n\r\n"], None),
        ([b"HTTP/1.1 200 OK\r\n\r\n" + PLAIN, 0.1, Close(reset=True)], ErrorClass.DISCONNECTED),
        ([sized(b'{"error":{"message":"boom"}}')], ErrorClass.ERROR_IN_STREAM),
        ([sized(b"<html>")], ErrorClass.PARSE),
        ([sized(b'{"detail":"slow down"}', b"429 Too Many")], ErrorClass.STATUS_429),
    ],
    ids=[
        "whole",
        "until close",
        "cut",
        "cut, though the JSON is whole",
        "chunked, without its end",
        "chunked",
        "until reset",
        "an error in a 200",
        "HTML",
        "429",
    ],
)
@BY_EITHER
def test_answers_that_are_not_streamed(steps: list[Step], error: ErrorClass | None, *, kernel_times: bool) -> None:
    """They have no token times."""
    (found,), _ = asked(lambda _connection, _request: steps, stream=False, kernel_times=kernel_times)
    assert found.error == error
    assert found.first_token_ns == 0


@pytest.mark.parametrize(
    ("steps", "limits", "error"),
    [
        ([Hang()], Limits(read_s=0.5), ErrorClass.HEADER_TIMEOUT),
        ([CHUNKED, Hang()], Limits(read_s=0.5), ErrorClass.FIRST_TOKEN_TIMEOUT),
        ([CHUNKED + chunk(TEXT), Hang()], Limits(read_s=0.5), ErrorClass.IDLE_TIMEOUT),
        ([CHUNKED + chunk(TEXT), Hang()], Limits(total_s=0.5), ErrorClass.TOTAL_TIMEOUT),
    ],
    ids=["header", "first token", "idle", "total"],
)
def test_timeouts(steps: list[Step], limits: Limits, error: ErrorClass) -> None:
    """Each wait has its own class, and ends soon after its limit."""
    (found,), _ = asked(lambda _connection, _request: steps, limits=limits)
    assert found.error == error
    assert 500_000_000 <= found.end_ns - found.sent_ns < 10_000_000_000


def test_done_and_no_end_of_what_follows() -> None:
    """A server that goes on and on after [DONE]: the answer ended there."""
    steps: list[Step] = [CHUNKED + chunk(STREAM)]
    for _ in range(40):
        steps += [chunk(b": still here\n\n"), 0.1]
    (found,), _ = asked(lambda _connection, _request: steps, limits=Limits(total_s=60.0))
    assert (found.error, found.chunks) == (None, 3)
    assert found.end_ns == found.last_token_ns


def test_the_first_byte_is_not_an_interim_answers() -> None:
    """100 Continue comes at once, the answer 0.2 s later."""
    steps: list[Step] = [b"HTTP/1.1 100 Continue\r\n\r\n", 0.2, WHOLE]
    (found,), _ = asked(lambda _connection, _request: steps)
    assert found.first_byte_ns - found.sent_ns >= 190_000_000


def test_done_without_the_end_of_the_message() -> None:
    """[DONE] is the end of a stream, though the server forgets to end the message: no wait for a timeout."""
    (found,), _ = asked(lambda _connection, _request: [CHUNKED + chunk(STREAM), Hang()], limits=Limits(total_s=60.0))
    assert found.error is None
    assert found.end_ns == found.last_token_ns


def test_done_though_the_server_goes_on() -> None:
    """What comes after [DONE] neither prolongs the answer nor spoils it."""
    more = [part for _ in range(400) for part in (chunk(b": bye\n\n" + TEXT), 0.1)]
    (found,), _ = asked(lambda _connection, _request: [CHUNKED + chunk(STREAM), *more], limits=Limits(total_s=30.0))
    assert (found.error, found.chunks) == (None, 3)
    assert found.end_ns == found.last_token_ns
