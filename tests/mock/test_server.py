"""The running mock over real sockets: what a well-behaved client sees."""

import json
import socket
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

MockOf = Callable[..., Any]


def _events(answer: httpx.Response) -> list[Any]:
    """Part a stream into its JSON events; it must end with the end mark."""
    data = [event.removeprefix("data: ") for event in answer.text.removesuffix("\n\n").split("\n\n")]
    assert data[-1] == "[DONE]"
    return [json.loads(event) for event in data[:-1]]


def _text(answer: httpx.Response) -> str:
    return "".join(
        choice["delta"].get("content", "") for event in _events(answer) for choice in event.get("choices", [])
    )


def test_a_stream_and_a_whole_answer_say_the_same(mock_of: MockOf, tmp_path: Path) -> None:
    """Both forms give the answer of the file exactly, and the same usage."""
    text = "First line\n\n  second: 你好 — end.\n#### 42"
    path = tmp_path / "answers.jsonl"
    path.write_text(json.dumps({"question": "What is six times seven?", "answer": text}))
    mock = mock_of("--answers", str(path))
    prompt = "Question: What is six times seven?\nAnswer:"
    stream = mock.chat(prompt, stream=True, stream_options={"include_usage": True})
    whole = mock.chat(prompt).json()
    assert _text(stream) == whole["choices"][0]["message"]["content"] == text
    assert _events(stream)[-1]["usage"] == whole["usage"]
    assert whole["choices"][0]["finish_reason"] == "stop"


def test_filler_of_the_asked_length(mock_of: MockOf) -> None:
    """--tokens sets the length, max_tokens cuts it with the reason length."""
    mock = mock_of("--tokens", "9")
    assert mock.chat().json()["usage"]["completion_tokens"] == 9
    cut = mock.chat(max_tokens=4).json()
    assert (cut["usage"]["completion_tokens"], cut["choices"][0]["finish_reason"]) == (4, "length")


@pytest.mark.parametrize("streaming", [False, True])
def test_completions(mock_of: MockOf, streaming: bool) -> None:
    """The text endpoint answers in its own form."""
    mock = mock_of("--default-answer", "to be")
    body = {"model": "m", "prompt": "x", "stream": streaming}
    answer = mock.client.post(f"{mock.url}/completions", json=body)
    events = _events(answer) if streaming else [answer.json()]
    assert "".join(event["choices"][0]["text"] for event in events) == "to be"


def test_reasoning_comes_first(mock_of: MockOf) -> None:
    """Reasoning deltas precede content, and the first of them is the first token of the record."""
    mock = mock_of("--reasoning-tokens", "3", "--tokens", "2", "--role", "none", "--itl-ms", "100")
    deltas = [event["choices"][0]["delta"] for event in _events(mock.chat(stream=True))]
    assert [list(delta) for delta in deltas] == [["reasoning_content"]] * 3 + [["content"]] * 2 + [[]]
    record = mock.record()
    assert record["tokens"] == [5]
    assert record["ttft_ms"][0] < 100 < 400 <= record["latency_ms"][0]


def test_paced_tokens_meet_their_targets(mock_of: MockOf) -> None:
    """32 streams at once: every token at ttft + k * itl by the server's own record, and the client sees it so too."""
    mock = mock_of("--ttft-ms", "60", "--itl-ms", "10", "--tokens", "11")

    def times_ms(_: int) -> list[float]:
        body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True}
        start, seen = time.perf_counter(), list[float]()
        with httpx.stream("POST", f"{mock.url}/chat/completions", json=body, timeout=60) as answer:
            seen.extend((time.perf_counter() - start) * 1000 for _ in answer.iter_raw())
        return seen

    with ThreadPoolExecutor(32) as pool:
        seen = list(pool.map(times_ms, range(32)))
    record = mock.record()
    assert (record["count"], set(record["tokens"])) == (32, {11})
    # Never early; how late depends on who else uses the machine: by bench/, not here.
    assert min(record["ttft_ms"]) >= 60
    assert min(record["latency_ms"]) >= 160
    assert statistics.median(record["ttft_ms"]) < 160
    assert statistics.median(record["itl_ms"]) == pytest.approx(10, abs=5)
    assert all(times[-1] >= 160 for times in seen)
    assert max(len(times) for times in seen) >= 11


def test_whole_answers_take_their_latency(mock_of: MockOf) -> None:
    """ttft + tokens * itl unless set."""
    for args, expected_ms in (
        (("--ttft-ms", "50", "--itl-ms", "5", "--tokens", "10"), 100),
        (("--latency-ms", "40"), 40),
    ):
        mock = mock_of(*args)
        mock.chat()
        assert expected_ms <= mock.record()["latency_ms"][0] < expected_ms + 500  # a busy machine is late


def test_jitter_is_the_same_for_the_same_seed(mock_of: MockOf) -> None:
    """Two servers with one seed wait alike; within one server requests differ."""
    args = ("--ttft-ms", "300", "--jitter", "0.9", "--tokens", "1", "--seed", "5")
    both = []
    for _ in range(2):
        mock = mock_of(*args)
        for _ in range(4):
            mock.chat(stream=True)
        both.append(mock.record()["ttft_ms"])
    assert both[0] == pytest.approx(both[1], abs=60)  # of some 500 that there are to draw from
    assert max(both[0]) - min(both[0]) > 120


def test_role_first_comes_with_the_first_token_and_early_before_it(mock_of: MockOf) -> None:
    """By default nothing but the head precedes the first token; --role early sends the role delta at once."""
    for role, expected in (("first", False), ("early", True)):
        mock = mock_of("--role", role, "--ttft-ms", "60000", "--tokens", "2")
        with mock.connect() as connection:
            connection.sendall(_request({"stream": True}))
            head = connection.recv(65536)
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert (b'"role":"assistant"' in head, b'"content":"time"' in head) == (expected, False)


def test_without_waits_a_stream_is_one_write(plain_mock: Any) -> None:
    """With no TTFT and no ITL a 128-token stream arrives whole, each event still in its own chunk."""
    with plain_mock.connect() as connection:
        connection.sendall(_request({"stream": True}))
        connection.recv(1, socket.MSG_PEEK)  # it has begun to answer
        time.sleep(0.1)
        data = connection.recv(1 << 20)
    assert data.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
    assert data.count(b"\r\ndata: ") == 1 + 128 + 1 + 1


def test_a_saturated_server_queues(mock_of: MockOf) -> None:
    """With --concurrency 1 three requests at once take one, two and three times as long."""
    mock = mock_of("--concurrency", "1", "--ttft-ms", "400", "--tokens", "1")
    with ExitStack() as stack:
        connections = [stack.enter_context(mock.connect()) for _ in range(3)]
        for connection in connections:
            connection.sendall(_request({"stream": True}))
        stats = mock.stats(lambda stats: (stats["total"], stats["in_flight"]) == (3, 0))
    assert [round(ms / 400) for ms in sorted(mock.record()["ttft_ms"])] == [1, 2, 3]
    assert (stats["peak_in_flight"], stats["in_flight"], stats["queued"]) == (3, 0, 0)


def test_failures_carry_status_and_retry_after(mock_of: MockOf) -> None:
    """--fail-rate 1 fails everything as told, in the dialect's form of errors."""
    mock = mock_of("--fail-rate", "1", "--fail-status", "429", "--retry-after-s", "7")
    answer = mock.chat()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.json()["error"]["type"] == "rate_limit_error"
    assert mock.record()["outcome"] == ["refused"]


def test_failures_are_a_function_of_the_seed(mock_of: MockOf) -> None:
    """The same seed fails the same requests, whatever else happens between them."""
    first, second = (mock_of("--fail-rate", "0.5", "--seed", "11") for _ in range(2))
    statuses = [first.chat().status_code for _ in range(30)]
    assert statuses == [(second.record(), second.chat().status_code)[1] for _ in range(30)]
    assert set(statuses) == {200, 500}


def test_an_error_inside_a_stream(mock_of: MockOf) -> None:
    """The status is 200, some tokens come, then an error event, no finish reason and an orderly end."""
    mock = mock_of("--stream-error-rate", "1", "--tokens", "10")
    answer = mock.chat(stream=True, stream_options={"include_usage": True})
    events = _events(answer)
    assert answer.status_code == 200
    assert events[-1]["error"]["type"] == "server_error"
    assert 1 <= mock.record()["tokens"][0] < 10
    assert all(event["choices"][0]["finish_reason"] is None for event in events[:-1])


@pytest.mark.parametrize("streaming", [True, False])
def test_a_truncated_answer(mock_of: MockOf, streaming: bool) -> None:
    """The connection closes in the middle: a client that checks can tell."""
    mock = mock_of("--truncate-rate", "1", "--tokens", "10")
    with pytest.raises(httpx.RemoteProtocolError):
        mock.chat(stream=streaming)
    assert mock.record()["outcome"] == ["truncated"]


def test_api_key(mock_of: MockOf) -> None:
    """With --api-key everything under /v1 wants it; the mock's own endpoints do not."""
    mock = mock_of("--api-key", "k1")
    answer = mock.chat()
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
    models = f"{mock.url}/models"
    assert mock.client.get(models).status_code == 401
    assert mock.client.get(models, headers={"Authorization": "Bearer k1"}).status_code == 200
    assert mock.client.get(f"{mock.root}/health").json()["status"] == "ok"


def test_models(mock_of: MockOf) -> None:
    """The list has the one model, which is found by its name; --strict-model refuses all others."""
    mock = mock_of("--model", "org/a model", "--strict-model")
    assert [model["id"] for model in mock.client.get(f"{mock.url}/models").json()["data"]] == ["org/a model"]
    assert mock.client.get(f"{mock.url}/models/org%2Fa%20model").json()["id"] == "org/a model"
    assert mock.client.get(f"{mock.url}/models/b").status_code == 404
    assert (mock.chat().status_code, mock.chat(model="org/a model").status_code) == (404, 200)


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/nowhere", 404, None),
        ("POST", "/v1/images", 404, None),
        ("GET", "/v1/chat/completions", 405, "POST"),
        ("POST", "/health", 405, "GET"),
        ("PUT", "/record", 405, "GET, DELETE"),
        ("GET", "/record?format=csv", 400, None),
        ("POST", "/v1/chat/completions?x=1", 400, None),
    ],
)
def test_errors_have_the_dialects_form(plain_mock: Any, method: str, path: str, status: int, allow: str | None) -> None:
    """Unknown paths, wrong methods and bad bodies are refused as OpenAI does."""
    answer = plain_mock.client.request(method, plain_mock.root + path)
    assert (answer.status_code, answer.headers.get("allow")) == (status, allow)
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_the_record_is_cleared(mock_of: MockOf) -> None:
    """DELETE /record starts record and counters anew."""
    mock = mock_of("--record-size", "2")
    for _ in range(3):
        mock.chat()
    record = mock.record()
    assert (record["count"], record["kept"], record["number"]) == (3, 2, [1, 2])
    assert mock.stats()["by_status"] == {"200": 3}
    mock.client.delete(f"{mock.root}/record")
    assert (mock.record()["count"], mock.stats()["total"]) == (0, 0)


def test_bodies_are_kept_where_asked_for(mock_of: MockOf) -> None:
    """The newest ones as they came, whatever became of them; none that was no request."""
    mock = mock_of("--keep-bodies", "2", "--fail-rate", "1")
    for text in ("one", "two", "three"):
        mock.chat(text)
    mock.client.post(f"{mock.url}/chat/completions", content=b"{")
    kept = mock.client.get(f"{mock.root}/requests").json()
    assert [body["messages"][0]["content"] for body in kept] == ["two", "three"]
    mock.client.delete(f"{mock.root}/record")
    assert mock.client.get(f"{mock.root}/requests").json() == []


def _request(more: dict[str, Any], version: str = "1.1") -> bytes:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], **more}).encode()
    head = f"POST /v1/chat/completions HTTP/{version}\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _read_to_end(connection: socket.socket) -> bytes:
    data = bytearray()
    while more := connection.recv(65536):
        data += more
    return bytes(data)


def test_pipelined_requests_are_answered_in_order(mock_of: MockOf) -> None:
    """Five requests in one write, of which the slow first holds back the others' answers and not their order."""
    mock = mock_of("--ttft-ms", "20", "--tokens", "1")
    with mock.connect() as connection:
        requests = [_request({"stream": number % 2 == 0}) for number in range(5)]
        connection.sendall(b"".join(requests) + b"GET /health HTTP/1.1\r\nconnection: close\r\n\r\n")
        data = _read_to_end(connection)
    ids = [data.find(f"chatcmpl-{number:024x}".encode()) for number in range(5)]
    assert all(before < after for before, after in pairwise(ids))
    assert ids[0] > 0
    assert data.endswith(b'{"status":"ok","service":"evalkube-mock"}')


def test_many_pipelined_requests_do_not_recurse(mock_of: MockOf) -> None:
    """Three thousand requests at once on one connection are all answered."""
    mock = mock_of("--tokens", "1", "--concurrency", "1")
    with mock.connect() as connection, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(
            connection.sendall, _request({}) * 3000 + b"GET /stats HTTP/1.1\r\nconnection: close\r\n\r\n"
        )
        data = _read_to_end(connection)
        sending.result()
    assert data.count(b"HTTP/1.1 200 OK") == 3001


def test_a_queue_that_empties_at_once_does_not_recurse(mock_of: MockOf) -> None:
    """Answers that take no time, queued behind a slow one, are over within each other's end; none is lost."""
    mock = mock_of("--concurrency", "1", "--itl-ms", "150", "--tokens", "2")
    connections = [mock.connect() for _ in range(300)]
    for number, connection in enumerate(connections):
        connection.sendall(_request({"stream": True, "max_tokens": 1 if number else 2}))
    assert mock.stats(lambda stats: stats["total"] == 300 and stats["in_flight"] == 0)["by_status"] == {"200": 300}
    for connection in connections:
        connection.close()


def test_requests_in_single_bytes(mock_of: MockOf) -> None:
    """A request that arrives byte by byte is one request, received with its last byte."""
    mock = mock_of("--tokens", "1")
    with mock.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in _request({}):
            connection.sendall(bytes([byte]))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")
    assert mock.record()["latency_ms"][0] < 20


def test_http_1_0(mock_of: MockOf) -> None:
    """An old client or proxy gets no chunks; the close ends the stream."""
    mock = mock_of("--default-answer", "a b")
    with mock.connect() as connection:
        connection.sendall(_request({"stream": True}, version="1.0"))
        head, _, body = _read_to_end(connection).partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert b"connection: close" in head
    assert body.startswith(b"data: {")
    assert body.endswith(b"data: [DONE]\n\n")


def test_expect_100_continue(mock_of: MockOf) -> None:
    """curl asks before it sends a large body; it gets its go-ahead."""
    mock = mock_of("--tokens", "1")
    head, body = _request({}).split(b"\r\n\r\n")
    with mock.connect() as connection:
        connection.sendall(head + b"\r\nexpect: 100-continue\r\n\r\n")
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("junk", [b"\x16\x03\x01\x02\x00", b"HELLO\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"])
def test_junk_is_refused(plain_mock: Any, junk: bytes) -> None:
    """TLS hellos and other languages get a 400 and a close."""
    with plain_mock.connect() as connection:
        connection.sendall(junk)
        assert _read_to_end(connection).startswith(b"HTTP/1.1 400 Bad Request")
    assert plain_mock.chat().status_code == 200


def test_a_client_that_leaves(mock_of: MockOf) -> None:
    """Its stream's timers go, its place becomes free, and those that wait are served; a waiting one may leave too."""
    mock = mock_of("--concurrency", "1", "--ttft-ms", "10000", "--tokens", "1")
    first, second, third = (mock.connect() for _ in range(3))
    for connection in (first, second, third):
        connection.sendall(_request({"stream": True}))
    assert mock.stats(lambda stats: stats["queued"] == 2)["in_flight"] == 3
    assert first.recv(65536).startswith(b"HTTP/1.1 200 OK")
    second.close()
    assert mock.stats(lambda stats: stats["queued"] == 1)["disconnected"] == 1
    first.close()
    assert mock.stats(lambda stats: stats["queued"] == 0)["in_flight"] == 1
    assert third.recv(65536).startswith(b"HTTP/1.1 200 OK")
    third.close()
    assert mock.stats(lambda stats: stats["in_flight"] == 0)["disconnected"] == 3
    assert mock.record()["outcome"] == ["disconnected"] * 3


def test_a_slow_reader(mock_of: MockOf) -> None:
    """A client that does not read makes its stream wait, not the server's memory grow; nothing is lost."""
    mock = mock_of("--tokens", "100000")
    with mock.connect() as connection:
        connection.sendall(_request({"stream": True}) + b"GET /health HTTP/1.1\r\nconnection: close\r\n\r\n")
        assert mock.stats(lambda stats: stats["in_flight"] == 1)["tokens"] == 0
        assert mock.record()["count"] == 0  # 20 MB do not fit into the sockets' buffers: it is still under way
        data = _read_to_end(connection)
    assert data.count(b'"delta":{"content"') == 100_000
    assert mock.record()["tokens"] == [100_000]
