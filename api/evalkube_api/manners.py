"""HTTP rules for every path: HEAD wherever there is GET, and slashes at the end. ASGI, no route."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Head", "Slashes"]


class Slashes:
    """Removes a slash at the end of a path. There is no redirect: a client would repeat a POST as a GET."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and len(scope["path"]) > 1 and scope["path"].endswith("/"):
            scope = {**scope, "path": scope["path"][:-1], "raw_path": scope.get("raw_path", b"").removesuffix(b"/")}
        await self._app(scope, receive, send)


class Head:
    """Answers HEAD as GET without its body. The answer is stopped where its body begins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        headers = [(name, value) for name, value in scope["headers"] if name != b"range"]  # which is GET's alone
        began = asyncio.Event()

        async def head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b""})
                began.set()
                await asyncio.Future()  # until it is cancelled below

        scope = {**scope, "method": "GET", "headers": headers}
        answering = asyncio.ensure_future(self._app(scope, receive, head))
        waiting = asyncio.ensure_future(began.wait())
        try:
            await asyncio.wait({answering, waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (answering, waiting):
                task.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        try:
            await answering
        except asyncio.CancelledError:
            if not began.is_set():
                raise
