"""Chunks of an open source (file, connection), which is closed with them, even if no chunk is read."""

from collections.abc import AsyncGenerator, Awaitable, Callable

__all__ = ["ClosingChunks"]


class ClosingChunks:
    """The chunks of `source`. `close` is called at their end, at a failure, or by `aclose`. See backend.Chunks."""

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
        """Stops reading."""
        await self._source.aclose()
        await self._close()
