"""The chunks of something open (a file, a connection), which is closed with them, also where nobody asks for the first
one."""

from collections.abc import AsyncGenerator, Awaitable, Callable

__all__ = ["ClosingChunks"]


class ClosingChunks:
    """`source` as it is, and `close` at its end, at its failure, or with `aclose`. See backend.Chunks."""

    def __init__(self, source: AsyncGenerator[bytes], close: Callable[[], Awaitable[None]]) -> None:
        self._source = source
        self._close = close

    def __aiter__(self) -> "ClosingChunks":
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._source)
        except BaseException:
            await self._close()
            raise

    async def aclose(self) -> None:
        """Read no more."""
        await self._source.aclose()
        await self._close()
