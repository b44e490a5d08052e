"""`evalkube service`: reads the command line, opens the backend, serves until a signal, and ends all runners."""

import asyncio
import logging
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated, Final, Literal, Protocol

import typer
import uvicorn
import uvloop
from fastapi import FastAPI

from evalkube_api import connections, errors, listening
from evalkube_api.app import create_app
from evalkube_api.backend import Backend
from evalkube_api.local.backend import LocalBackend
from evalkube_api.settings import DEFAULTS, Settings, from_environment
from evalkube_crds.wording import printable

__all__ = ["AllowedHosts", "Host", "Port", "TokenFile", "app", "main", "serve"]

_LOG = logging.getLogger("evalkube.service")

_ANSWER_S: Final = 5
"""How long clients may take to read the last answers."""

Host = Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0: all addresses of this machine")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one")]
TokenFile = Annotated[
    Path | None,
    typer.Option(help="File with the token that requests must send (or EVALKUBE_TOKEN_FILE); default: no token"),
]
AllowedHosts = Annotated[
    list[str] | None,
    typer.Option(help="Further host name of the service, beside this machine's own names; *.DOMAIN too; repeatable"),
]

app = typer.Typer(add_completion=False, help="Serve EvalScope's REST API on this machine")


@app.command()
def main(
    host: Host = DEFAULTS.host,
    port: Port = DEFAULTS.port,
    debug: Annotated[bool, typer.Option("--debug", help="Stack traces in answers, and a longer log")] = False,
    token_file: TokenFile = None,
    allowed_host: AllowedHosts = None,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Origin of another site whose pages may send requests, as https://evals.example.org; repeatable"
        ),
    ] = None,
    outputs: Annotated[Path, typer.Option(help="Output root: every run's folder lies below it")] = DEFAULTS.outputs,
    data: Annotated[list[Path] | None, typer.Option(help="Folder that requests may read from; repeatable")] = None,
    max_runs: Annotated[int, typer.Option(min=1, max=256, help="Evaluations at once; a load test runs alone")] = (
        DEFAULTS.max_evals
    ),
    max_waiting: Annotated[
        int, typer.Option(min=1, max=100_000, help="Runs that may wait in the queue; further ones are refused (429)")
    ] = DEFAULTS.max_waiting,
    perf_beside_evals: Annotated[
        bool,
        typer.Option(
            "--perf-beside-evals",
            help="Let load tests and evaluations run at once; evaluations then affect the measurement",
        ),
    ] = False,
    hub_endpoint: Annotated[
        list[str] | None,
        typer.Option(help="Base URL of a hub's mirror, as modelscope=URL or huggingface=URL; repeatable"),
    ] = None,
    backend: Annotated[
        Literal["auto", "local", "kubernetes"],
        typer.Option(
            help="Where runs are executed: on this machine or in a cluster; auto: in the cluster if inside a pod"
        ),
    ] = "auto",
    namespace: Annotated[
        str | None, typer.Option(help="In a cluster: namespace of runs that name none; default: the pod's own")
    ] = None,
) -> None:
    """Serve EvalScope's REST API on this machine: evaluations and load tests of OpenAI-compatible endpoints."""
    try:
        settings = from_environment(
            host=host,
            port=port,
            debug=debug,
            token_file=token_file,
            allowed_hosts=allowed_host or (),
            cors_origins=cors_origin or (),
            outputs=outputs,
            data=data or (),
            max_evals=max_runs,
            max_waiting=max_waiting,
            perf_alone=not perf_beside_evals,
            hubs=dict(_hub(entry) for entry in hub_endpoint or ()),
            backend=backend,
            namespace=namespace,
        )
        serve(settings)
    except errors.ServiceError as problem:
        typer.echo(f"evalkube service: {problem}", err=True)
        raise typer.Exit(1) from None


def serve(settings: Settings, *, opened: Callable[[str], None] | None = None) -> None:
    """Serves until SIGINT or SIGTERM. `opened` is called with the URL when the service answers.

    Raises errors.ServiceError if the service cannot start.
    """
    _log_to_stderr(settings.debug)
    loop = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    with listening.listener(settings.host, settings.port) as listener, loop as runner:
        runner.run(_serve(settings, listener, opened))


class _Stoppable(Backend, Protocol):
    def kill(self) -> None:
        """End at once what `close` would wait for."""


def _opened(settings: Settings) -> tuple[_Stoppable, str]:
    """The backend, and the place of its runs in words."""
    if settings.backend == "kubernetes":
        from evalkube_api.kubernetes.backend import KubernetesBackend  # 45 MB that one machine has no use for

        return KubernetesBackend(settings.cluster), f"namespace: {settings.cluster.namespace}"
    if settings.backend == "folder":
        from evalkube_api.folder.backend import FolderBackend

        return FolderBackend(settings.outputs), f"folder: {settings.outputs}, read-only"
    backend = LocalBackend(settings)
    return backend, f"outputs: {backend.outputs}"


async def _serve(settings: Settings, listener: socket.socket, opened: Callable[[str], None] | None) -> None:
    backend, place = _opened(settings)
    risk = listening.exposure(listener)
    service = create_app(backend, settings, place=place, exposed=risk is not None)
    server = _Server(_configuration(settings, service), backend)  # a wrong setting is told before runs start
    await backend.start()
    try:
        if risk and settings.token_file is None:
            _LOG.warning(risk)
        print(f"evalkube service on {listening.url_of(listener)} ({place}, documentation: /docs)", flush=True)
        if opened is not None:
            await asyncio.to_thread(opened, listening.url_of(listener))
        await server.serve([listener])
    finally:
        await backend.close()


def _configuration(settings: Settings, service: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        service,
        http=connections.protocol_of(connections.Room(_limits(settings))),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,  # for idle connections only; a request that waits for its run is not idle
        timeout_graceful_shutdown=_ANSWER_S,
    )


def _limits(settings: Settings) -> connections.Limits:
    """The limits on connections. Their number is limited by the files that the system allows: runners need some too."""
    own = 256 + 8 * settings.max_evals
    return connections.Limits(
        connections=max(16, listening.files_for(settings.max_connections + own) - own),
        head_s=settings.head_timeout_s,
        body_s=settings.body_timeout_s + _ANSWER_S,
    )


class _Server(uvicorn.Server):
    """Ends the runs when the service is told to stop, so that waiting clients get an answer before they are
    disconnected.
    """

    def __init__(self, config: uvicorn.Config, backend: _Stoppable) -> None:
        super().__init__(config)
        self._backend = backend

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Shuts down in order at the first signal, at once at the second. The process exits; it is not killed by the
        signal.
        """
        self.force_exit = self.should_exit
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        closing = asyncio.create_task(self._backend.close())
        while not closing.done() and not self.force_exit:
            await asyncio.wait({closing}, timeout=0.2)  # a second signal sets force_exit and tells no one
        if not closing.done():
            self._backend.kill()
        await closing
        await super().shutdown(sockets)


def _hub(entry: str) -> tuple[str, str]:
    name, _, url = entry.partition("=")
    variable = {"modelscope": "MODELSCOPE_ENDPOINT", "huggingface": "HF_ENDPOINT"}.get(name)
    if variable is None or not url.startswith(("http://", "https://")):
        raise errors.ServiceError(f"--hub-endpoint {entry}: must be modelscope=URL or huggingface=URL")
    return variable, url


class _Printable(logging.Formatter):
    """Removes control characters from log lines, because a log quotes clients and servers."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        return printable(super().format(record))


def _log_to_stderr(debug: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Printable("%(asctime)s %(levelname)s %(message)s"))
    for name, level in (("evalkube", logging.DEBUG if debug else logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False


if __name__ == "__main__":
    app()
