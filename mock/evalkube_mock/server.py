"""The server's life: listen, report that it is ready, stop. The engine decides all answers."""

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Callable

import uvloop

from evalkube_mock.answers import AnswerBook
from evalkube_mock.behaviour import Behaviour
from evalkube_mock.connection import Connection
from evalkube_mock.engine import Engine
from evalkube_mock.record import Record
from evalkube_mock.timerfd import Wheel

__all__ = ["serve"]

_BACKLOG = 4096  # a load generator opens all its connections at once
_STDIN = 0


def serve(
    behaviour: Behaviour,
    book: AnswerBook,
    *,
    host: str,
    port: int,
    record: Record,
    exit_with_parent: bool,
    ready: Callable[[str], None],
) -> None:
    """Serves until SIGTERM, SIGINT or (with `exit_with_parent`) the end of standard input.

    `ready` gets the base URL, e.g. http://127.0.0.1:8000/v1, once connections are accepted. Raises OSError if the
    address cannot be bound.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(behaviour, book, record, host, port, exit_with_parent, ready))


async def _serve(
    behaviour: Behaviour,
    book: AnswerBook,
    record: Record,
    host: str,
    port: int,
    exit_with_parent: bool,
    ready: Callable[[str], None],
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if exit_with_parent:
        threading.Thread(target=_watch_stdin, args=(loop, stop), daemon=True).start()
    wheel = Wheel(loop)
    connections: set[Connection] = set()
    engine = Engine(behaviour, book, record=record, wheel=wheel)
    server = await loop.create_server(lambda: Connection(engine, connections), host, port, backlog=_BACKLOG)
    # What exists now stays: a collection that walks it would stall every stream.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    ready(_base_url(host, server.sockets[0].getsockname()[1]))
    await stop.wait()
    server.close()
    for connection in tuple(connections):
        connection.abort()
    wheel.close()


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # A thread and not a reader of the loop: epoll refuses standard inputs that are files or /dev/null.
    # os.read and not sys.stdin: its lock would be held at exit.
    while os.read(_STDIN, 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


def _base_url(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - only shown
    if ":" in shown and not shown.startswith("["):
        shown = f"[{shown}]"
    return f"http://{shown}:{port}/v1"
