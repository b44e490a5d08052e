"""Rendered requests on disk: the bytes that go out."""

import tracemalloc
from pathlib import Path

from evalkube_runner.perf import payloads


def test_requests_as_sent(tmp_path: Path) -> None:
    """Head, length, body; a drawn limit is added inside the object; items come again from the offset on."""
    file = tmp_path / "p.bin"
    payloads.write(file, [(b'{"a":1}', None), (b'{"b":[{}]}', b'"max_tokens"')])
    sent = payloads.Payloads(file, b"HEAD Content-Length: ", 1)
    assert sent.render(0, 12) == b'HEAD Content-Length: 26\r\n\r\n{"b":[{}],"max_tokens":12}'
    assert sent.render(1, 12) == b'HEAD Content-Length: 7\r\n\r\n{"a":1}'
    assert sent.render(2, 5).endswith(b'"max_tokens":5}')
    sent.close()


def test_memory_does_not_hold_the_prompts(tmp_path: Path) -> None:
    """20 MB of bodies are neither gathered for writing nor read for sending."""
    file = tmp_path / "p.bin"
    tracemalloc.start()
    payloads.write(file, ((b'{"a":"%s"}' % (b"x" * 10_000), None) for _ in range(2_000)))
    sent = payloads.Payloads(file, b"", 0)
    assert sent.render(1_999, None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    sent.close()
    assert peak < 1_000_000
