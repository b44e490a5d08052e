"""An ingest to talk to: hand-written sides of our own protocols, served by a real uvicorn here or in its own process.

python -m fakes.ingest FOLDER PORT KIND      serves one evaluation's pods until it is killed; KIND: volume, s3
"""

import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from evalkube_crds.names import Kind
from evalkube_crds.results import Progress, Receipt
from evalkube_operator.errors import Unavailable
from evalkube_operator.ingest import app, auth
from evalkube_operator.ingest.barriers import Barriers
from evalkube_operator.ingest.limits import Limits
from evalkube_operator.ports import Caller, Owner, RunKey, StoredResult
from evalkube_operator.store import opening
from evalkube_operator.store.interface import Store
from evalkube_operator.store.runs import RunStore
from evalkube_runner.ingest.delivery import IngestDelivery
from fakes import stores

RUN = RunKey("team", "my-run", "uid-1")
READER = "system:serviceaccount:evalkube:evalkube-api"


@dataclass
class Reviews:
    """TokenReview: a pod's token is its name, the API's is `api`."""

    asked: int = 0
    down: bool = False
    revoked: set[str] = field(default_factory=set)

    async def review(self, token: str, audience: str) -> Caller | None:
        """See `ports.Reviewer`."""
        self.asked += 1
        await asyncio.sleep(0)
        if self.down:
            raise Unavailable("the API server is away")
        if token in self.revoked:
            return None
        if audience == auth.STORE_AUDIENCE:
            return Caller(READER) if token == "api" else None
        if token == "nobody":
            return Caller("system:serviceaccount:team:default")
        account = f"system:serviceaccount:{RUN.namespace}:runner"
        return Caller(account, token, f"{token}-uid", RUN.namespace) if token.startswith("pod") else None


@dataclass
class Core:
    """The operator's core: whose pod is whose, and what it was told. Who may write is decided in `pod_owners`."""

    owners: dict[str, Owner]
    told: list[tuple[int, int, Progress]] = field(default_factory=list)
    receipts: list[tuple[int, Receipt]] = field(default_factory=list)

    async def owner(self, namespace: str, pod_name: str, pod_uid: str) -> Owner | None:
        """See `ports.Runs`."""
        return self.owners.get(pod_name) if (namespace, pod_uid) == (RUN.namespace, f"{pod_name}-uid") else None

    def left_over(self, pod_uid: str) -> bool:
        """See `ports.Runs`."""
        return False

    def run(self, uid: str) -> RunKey | None:
        """See `ports.Runs`."""
        return RUN if uid == RUN.uid else None

    def progressed(self, uid: str, attempt: int, shard: int, progress: Progress) -> None:
        """See `ports.Runs`."""
        assert uid == RUN.uid
        self.told.append((attempt, shard, progress))

    def finished(self, uid: str, attempt: int, receipt: Receipt) -> None:
        """See `ports.Runs`."""
        assert uid == RUN.uid
        self.receipts.append((attempt, receipt))

    def close(self, pod: str) -> None:
        """The attempt of that pod is over."""
        self.owners[pod] = replace(self.owners[pod], open=False)


def pods(shards: int = 1, *, attempt: int = 0, kind: Kind = Kind.EVAL_RUN, prefix: str = "pod") -> dict[str, Owner]:
    """`pod-0`, `pod-1`, ...: one for each shard of an attempt."""
    return {f"{prefix}-{n}": Owner(RUN, attempt, n, shards, kind, open=True) for n in range(shards)}


@dataclass
class Ingest:
    """A served application and what stands behind it."""

    url: str
    store: Store
    core: Core
    reviews: Reviews
    application: FastAPI

    def results(self, attempt: int) -> dict[int, StoredResult]:
        """The result documents in the store, by shard."""
        return asyncio.run(RunStore(self.store).results(RUN, attempt))


@contextlib.contextmanager
def serving(
    store: Store,
    owners: dict[str, Owner] | None = None,
    *,
    limits: Limits | None = None,
    poll_s: float = 25.0,
    lead_s: float = 2.0,
    observe: app.Observe | None = None,
) -> Iterator[Ingest]:
    """Serves on a loopback port from a thread of its own."""
    reviews, core = Reviews(), Core(pods() if owners is None else owners)
    tokens = auth.TokenAuthenticator(auth.ReviewedTokens(reviews), core, readers=[READER])
    barriers = Barriers(store, poll_s=poll_s, lead_s=lead_s)
    application = app.create_ingest(
        store=store, authenticator=tokens, runs=core, limits=limits, barriers=barriers, observe=observe
    )
    with listening(application) as url:
        yield Ingest(url, store, core, reviews, application)


def delivering(
    url: str, folder: Path, *, shard: int = 0, attempt: int = 0, token: str | None = None, patience_s: float = 60
) -> IngestDelivery:
    """A runner's delivery to it, with the token in a file of this folder."""
    token_file = folder / f"token-{attempt}-{shard}"
    token_file.write_text(f"{token or f'pod-{shard}'}\n")
    return IngestDelivery(url, token_file, run_uid="uid-1", attempt=attempt, shard=shard, patience_s=patience_s)


@contextlib.contextmanager
def listening(application: FastAPI) -> Iterator[str]:
    """Serves any such application; where."""
    bound = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application, log_level="warning", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(60)
        bound.close()


class Process:
    """The same in a process that can be killed and started again on the same port and folder."""

    def __init__(self, folder: Path, kind: str = "volume") -> None:
        self._folder = folder
        self._kind = kind
        self.port = _port_to_keep()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers, when it does."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it; returns before it answers."""
        command = [sys.executable, "-m", "fakes.ingest", str(self._folder), str(self.port), self._kind]
        path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
        self._process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path})

    def kill(self) -> None:
        """SIGKILL, at once."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()


def _port_to_keep() -> int:
    """A free port that no client is given as its own while nobody listens on it: below the range of those."""
    for port in random.SystemRandom().sample(range(15_000, 30_000), 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise RuntimeError("no free port between 15000 and 30000")


def _main(folder: Path, port: int, kind: str) -> None:
    volume = opening.VolumeSettings(folder, reserve_bytes=0)
    store = opening.open_store(volume if kind == "volume" else stores.s3_settings())
    core = Core(pods(4))
    tokens = auth.TokenAuthenticator(auth.ReviewedTokens(Reviews()), core, readers=[READER])
    limits = Limits(requests_per_s=1e9, requests_burst=1e9, bytes_per_s=1e12, bytes_burst=1e12)
    application = app.create_ingest(store=store, authenticator=tokens, runs=core, limits=limits)
    uvicorn.run(application, host="127.0.0.1", port=port, log_level="warning", lifespan="off", ws="none")


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
