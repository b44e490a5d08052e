"""A model server with metrics as vLLM has them, of what it really did: for load tests that read both.

Each answer is streamed, its first token after `first_s`, its further ones after `pause_s` each. What /metrics says may
be replaced by bytes of a test.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

__all__ = ["MetricsServer", "metrics_server", "said"]

_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
_TOKENS = 4


def said(body: bytes, status: int = 200, **headers: str) -> bytes:
    """An answer to a scrape."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Said\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass
class MetricsServer:
    """What it has done since it began, or since `restart`. `pages` answers scrapes instead of it: number -> bytes, or
    None for nothing at all. `heads` are those of the scrapes. With `hold` it answers no more than so many requests
    until its metrics have said so: `told`.
    """

    port: int = 0
    first_s: float = 0.03
    pause_s: float = 0.01
    pages: Callable[[int], bytes | None] | None = None
    heads: list[str] = field(default_factory=list)
    hold: int | None = None
    told: int = 0
    running: int = 0
    answered: int = 0
    ttft: list[float] = field(default_factory=list)
    itl: list[float] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The base URL of its API."""
        return f"http://127.0.0.1:{self.port}/v1"

    def restart(self) -> None:
        """Forget what was counted."""
        self.answered = 0
        self.ttft, self.itl = [], []

    def page(self) -> bytes:
        """The metrics."""
        self.told = self.answered
        labels = 'engine="0",model_name="mock-model"'
        lines = [
            f"vllm:num_requests_running{{{labels}}} {self.running}",
            f"vllm:num_requests_waiting{{{labels}}} 0",
            f"vllm:kv_cache_usage_perc{{{labels}}} {self.running / 100}",
            f"vllm:generation_tokens_total{{{labels}}} {len(self.ttft) + len(self.itl)}",
            f'vllm:request_success_total{{finished_reason="stop",{labels}}} {self.answered}',
        ]
        for name, values in (("time_to_first_token", self.ttft), ("inter_token_latency", self.itl)):
            lines += [
                f'vllm:{name}_seconds_bucket{{le="{bound}",{labels}}} {sum(value <= bound for value in values)}'
                for bound in _BOUNDS
            ]
            lines.append(f'vllm:{name}_seconds_bucket{{le="+Inf",{labels}}} {len(values)}')
            lines.append(f"vllm:{name}_seconds_sum{{{labels}}} {sum(values)}")
            lines.append(f"vllm:{name}_seconds_count{{{labels}}} {len(values)}")
        return "".join(f"{line}\n" for line in lines).encode()


@contextlib.asynccontextmanager
async def metrics_server(**fields: object) -> AsyncIterator[MetricsServer]:
    """Serves on a free port of loopback; `fields` are those of the server."""
    state = MetricsServer(**fields)  # type: ignore[arg-type]  # a test's own words
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        # Cancelled at the end, too: asyncio of Python 3.12 logs a cancelled handler as an error.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                await _answered(reader, writer, state)
        tasks.discard(task)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    state.port = server.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: MetricsServer) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    if head.startswith("GET "):
        state.heads.append(head)
        page = said(state.page(), content_type="text/plain") if state.pages is None else state.pages(len(state.heads))
        if page is None:
            await reader.read()
        else:
            writer.write(page)
            await writer.drain()
        return
    length = next(line for line in head.split("\r\n") if line.lower().startswith("content-length:"))
    await reader.readexactly(int(length.partition(":")[2]))
    await _stream(writer, state)


async def _stream(writer: asyncio.StreamWriter, state: MetricsServer) -> None:
    clock = asyncio.get_running_loop().time
    state.running += 1
    try:
        while state.hold is not None and state.answered >= state.hold > state.told:
            await asyncio.sleep(0.005)
        last = clock()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for token in range(_TOKENS):
            await asyncio.sleep(state.pause_s if token else state.first_s)
            now = clock()
            (state.itl if token else state.ttft).append(now - last)
            last = now
            writer.write(_event({"choices": [{"index": 0, "delta": {"content": "a "}, "finish_reason": None}]}))
            await writer.drain()
        state.answered += 1
        usage = {"prompt_tokens": 3, "completion_tokens": _TOKENS}
        writer.write(_event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage}))
        writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        await writer.drain()
    finally:
        state.running -= 1


def _event(value: object) -> bytes:
    data = f"data: {json.dumps(value)}\n\n".encode()
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
