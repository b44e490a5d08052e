"""The operator's HTTP servers: ingest for runners and readers, and the probes. Adapters over uvicorn, no decisions."""

import contextlib
import ssl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

__all__ = ["Server", "probes"]


class Server(uvicorn.Server):
    """A uvicorn server as a task among others. Main handles the signals."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str,
        port: int,
        certificate: Path | None = None,
        key: Path | None = None,
        grace_s: int = 5,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                ssl_certfile=certificate,
                ssl_keyfile=key,
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=grace_s,
                timeout_keep_alive=75,
            )
        )

    def load_certificate(self) -> None:
        """Load the certificate's files for all further connections. Raises OSError or ValueError where they cannot be
        used; then the earlier certificate stays.
        """
        certificate, key = self.config.ssl_certfile, self.config.ssl_keyfile
        if certificate is None or not self.config.loaded or self.config.ssl is None:
            return  # plain HTTP, or what is read when it begins to serve
        # A context keeps one certificate for each kind of key, and would go on to serve an EC one beside a new RSA one.
        fresh = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        fresh.load_cert_chain(certificate, key)

        def take(connection: ssl.SSLSocket | ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            connection.context = fresh

        self.config.ssl.sni_callback = take  # called for each connection, with or without a name

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """See `uvicorn.Server`: here nothing is captured."""
        yield


def probes(
    *,
    complaints: Callable[[], Mapping[str, str]],
    ready: Callable[[], bool],
    metrics: Callable[[], bytes],
    served_by_others: Callable[[], Mapping[str, str]] = dict,
) -> Starlette:
    """The probes: /healthz (alive), /readyz (leads and serves, and which namespaces another release serves),
    /metrics.
    """

    async def healthz(_: Request) -> Response:
        found = complaints()
        return JSONResponse({"complaints": dict(found)}, 503 if found else 200)

    async def readyz(_: Request) -> Response:
        told = {"ready": ready(), "served_by_others": dict(served_by_others())}
        return JSONResponse(told, 200 if told["ready"] else 503)

    async def exposed(_: Request) -> Response:
        return Response(metrics(), media_type="text/plain; version=0.0.4")

    return Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", exposed)])
