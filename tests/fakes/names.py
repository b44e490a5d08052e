"""A resolver that says what a test wants, and a listener that notes who comes."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

__all__ = ["Listener", "Names", "listening"]


class Names:
    """A `gate.Resolve`: one answer after the other, the last one again and again. No addresses: there is no such name.

    `asked` holds the hosts that were looked up.
    """

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        """The next answer."""
        self.asked.append(host)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if not answer:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return answer


@dataclass
class Listener:
    """Where it listens, how many have come, and what the first of them said first."""

    port: int = 0
    connections: int = 0
    heard: bytes = b""
    spoken_to: asyncio.Event = field(default_factory=asyncio.Event)


@contextlib.asynccontextmanager
async def listening(address: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Listener]:
    """Takes connections on `address`, hears what they begin with, and hangs up."""
    state = Listener()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state.connections += 1
        state.heard = state.heard or await reader.read(1 << 16)
        state.spoken_to.set()
        writer.close()

    server = await asyncio.start_server(serve, address, port)
    state.port = server.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        server.close()
