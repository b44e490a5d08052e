"""An HTTP endpoint that answers by a script, on a real socket: for the failures that no well-behaved model shows."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Says", "ScriptedEndpoint", "answering", "running", "says"]


@dataclass(frozen=True, slots=True)
class Says:
    """One answer, after `wait_s`. `cut`: it ends before its Content-Length; `hang_up`: there is none at all."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    wait_s: float = 0.0
    cut: bool = False
    hang_up: bool = False


@dataclass(slots=True)
class ScriptedEndpoint:
    """`url` is its base URL; `bodies` and `headers` are of the requests so far, `most_at_once` of those in flight."""

    url: str
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    connected: int = 0
    arrivals: dict[int, asyncio.Event] = field(default_factory=dict)

    async def requests(self, count: int) -> None:
        """Returns once `count` requests have come. Raises TimeoutError after 60 s."""
        if len(self.bodies) < count:
            await asyncio.wait_for(self.arrivals.setdefault(count, asyncio.Event()).wait(), 60)

    async def hung_up(self) -> None:
        """Returns once no client is connected: all that they sent has come. Raises TimeoutError after 60 s."""
        async with asyncio.timeout(60):
            while self.connected:
                await asyncio.sleep(0.01)


Script = Callable[[dict[str, Any], int], Says]


def says(text: str, **more: Any) -> Says:
    """A well-formed chat completion."""
    wait_s = more.pop("wait_s", 0.0)
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return Says(body=json.dumps({"choices": [choice | more], "usage": usage}).encode(), wait_s=wait_s)


def answering(text: str) -> Script:
    """The script that always says `text`."""
    return lambda _body, _number: says(text)


@contextlib.asynccontextmanager
async def running(
    script: Script, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[ScriptedEndpoint]:
    """Serves on a free port of `host`, `tls` or plain; `script` gets each request's body and its number (0, 1, ...)."""
    endpoint = ScriptedEndpoint("")
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        endpoint.connected += 1
        try:
            while await _one(reader, writer, script, endpoint):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass  # also when cancelled below: asyncio of Python 3.12 logs a cancelled handler as an error
        finally:
            tasks.discard(task)
            endpoint.connected -= 1
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1" if host == "localhost" else host, 0, ssl=tls)
    endpoint.url = f"{'http' if tls is None else 'https'}://{host}:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield endpoint
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _one(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, script: Script, endpoint: ScriptedEndpoint
) -> bool:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    body = json.loads(await reader.readexactly(int(headers["content-length"])))
    number = len(endpoint.bodies)
    endpoint.bodies.append(body)
    endpoint.headers.append(headers)
    endpoint.paths.append(head[0].split()[1])
    endpoint.arrivals.setdefault(len(endpoint.bodies), asyncio.Event()).set()
    endpoint.at_once += 1
    endpoint.most_at_once = max(endpoint.most_at_once, endpoint.at_once)
    try:
        answer = script(body, number)
        await asyncio.sleep(answer.wait_s)
    finally:
        endpoint.at_once -= 1
    if answer.hang_up:
        return False
    length = len(answer.body) + (100 if answer.cut else 0)
    sent = {"content-type": "application/json", "content-length": str(length), **answer.headers}
    lines = [f"HTTP/1.1 {answer.status} Scripted", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
    writer.write("\r\n".join(lines).encode() + answer.body)
    await writer.drain()
    return not answer.cut
