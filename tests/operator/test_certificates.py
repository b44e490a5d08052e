"""Certificates that change while everything runs: the operator serves the new one, and runners trust it."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from evalkube_api.kubernetes.rejections import Unavailable as ServiceUnavailable
from evalkube_api.kubernetes.stored import Stored
from evalkube_operator import reading
from evalkube_operator.certificates import Certificates, Files
from evalkube_operator.errors import Unavailable
from evalkube_operator.facts import PodFact, digest
from evalkube_operator.serving import Server
from evalkube_runner.ingest import trust
from evalkube_runner.ingest.client import IngestClient, Unreachable
from fakes.chain import a_job, a_pod, a_run
from fakes.openssl import Mounted, needs_openssl


@dataclass
class Runners:
    """The pods at work, each as the watch tells of it."""

    pods: dict[str, PodFact]
    told: list[tuple[str, str]] = field(default_factory=list)
    down: bool = False

    async def set_pod_ca(self, pod: PodFact, ca: str) -> None:
        """See `certificates.Pods`."""
        if self.down:
            raise Unavailable("no answer")
        self.told.append((pod.uid, ca))
        self.pods[pod.uid] = pod_that_trusts(pod.uid, ca)


def pod_that_trusts(uid: str, ca: str) -> PodFact:
    """A runner's pod, with its annotation."""
    raw = a_pod(a_job(a_run()), uid)
    if ca:
        raw["metadata"]["annotations"]["evalkube.io/ingest-ca"] = ca
    return reading.pod(raw)


@dataclass
class Parts:
    """What is told of changes."""

    files: Files
    runners: Runners
    served: int = 0
    trusted: list[str] = field(default_factory=list)
    unfit: bool = False

    def serve(self) -> None:
        """Load the files anew."""
        if self.unfit:
            raise ValueError("half of it")
        self.served += 1

    def made(self) -> Certificates:
        """The certificates over these parts."""
        return Certificates(
            self.files,
            self.runners,
            serve=self.serve,
            trust=self.trusted.append,
            working=lambda: list(self.runners.pods.values()),
        )


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    """Files, and two runners that trust what is in them."""
    for name in ("crt", "key", "ca"):
        (tmp_path / name).write_text("one")
    files = Files(tmp_path / "crt", tmp_path / "key", tmp_path / "ca")
    return Parts(files, Runners({uid: pod_that_trusts(uid, "one") for uid in ("a", "b")}))


def change(path: Path | None, text: str) -> None:
    """Kubernetes brings another version of a file."""
    assert path is not None
    path.write_text(text)


def test_nothing_is_done_while_nothing_changes(parts: Parts) -> None:
    """Not at the start either: whatever is there was read by then."""
    certificates = parts.made()
    for _ in range(3):
        asyncio.run(certificates.look())
    assert (parts.served, parts.trusted, parts.runners.told) == (0, [], [])


def test_a_new_certificate_is_served_and_a_new_authority_told(parts: Parts) -> None:
    """To Jobs to come and to each runner at work, once."""
    certificates = parts.made()
    change(parts.files.certificate, "two")
    asyncio.run(certificates.look())
    assert (parts.served, parts.trusted) == (1, [])
    change(parts.files.ca, "two")
    for _ in range(2):
        asyncio.run(certificates.look())
    assert (parts.served, parts.trusted) == (1, ["two"])
    assert sorted(parts.runners.told) == [("a", "two"), ("b", "two")]


def test_runners_are_told_what_changed_while_no_operator_was_there(parts: Parts) -> None:
    """Also those that an operator before this one could not tell; one that trusts no authority of ours needs none."""
    parts.runners.pods["c"] = pod_that_trusts("c", "")
    change(parts.files.ca, "two")
    parts.runners.down = True
    certificates = parts.made()
    asyncio.run(certificates.look())
    assert parts.runners.told == []
    parts.runners.down = False
    asyncio.run(certificates.look())
    assert {uid for uid, _ in parts.runners.told} == {"a", "b"}
    assert {pod.trusts for pod in parts.runners.pods.values()} == {"", digest("two")}


def test_an_unfit_certificate_is_said_and_tried_again(parts: Parts, caplog: pytest.LogCaptureFixture) -> None:
    """What was served before is served meanwhile."""
    certificates = parts.made()
    change(parts.files.key, "two")
    parts.unfit = True
    asyncio.run(certificates.look())
    assert "half of it" in caplog.text
    parts.unfit = False
    asyncio.run(certificates.look())
    assert parts.served == 1


def test_an_authority_that_is_gone_for_a_moment_changes_nothing(parts: Parts) -> None:
    """Nobody is told to trust nothing."""
    certificates = parts.made()
    assert parts.files.ca is not None
    parts.files.ca.unlink()
    asyncio.run(certificates.look())
    assert (parts.trusted, parts.runners.told) == ([], [])


async def _hello(_: Request) -> Response:
    return JSONResponse({})


@contextlib.asynccontextmanager
async def ingest(mounted: Mounted) -> AsyncIterator[tuple[Server, str]]:
    """The operator's own server, over TLS."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    app = Starlette(routes=[Route("/{path:path}", _hello, methods=["GET", "POST"])])
    server = Server(app, host="127.0.0.1", port=port, certificate=mounted.certificate, key=mounted.key)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield server, f"https://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


def client(url: str, folder: Path, ca: Path, *, patience_s: float = 60.0) -> IngestClient:
    """A runner's."""
    token = folder / "token"
    token.write_text("t")
    return IngestClient(url, token, run_uid="u", attempt=1, shard=0, ca=ca, patience_s=patience_s)


@needs_openssl
def test_a_runner_at_work_goes_on_after_a_renewal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its file follows later than the server's; it says so once, and delivers as soon as it is there."""

    async def scenario() -> None:
        served = Mounted(tmp_path / "served").renew()
        mine = tmp_path / "ca.crt"
        mine.write_bytes(served.ca.read_bytes())
        async with ingest(served) as (server, url):
            runner = client(url, tmp_path, mine)
            await runner.greet()
            served.renew()
            server.load_certificate()
            other = client(url, tmp_path, mine)  # with no connection from before
            sending = asyncio.create_task(other.send("GET", "artifacts/a"))
            while "does not trust" not in caplog.text:
                await asyncio.sleep(0.01)
            mine.write_bytes(served.ca.read_bytes())
            assert (await sending).status_code == 200
            assert (await runner.send("GET", "artifacts/a")).status_code == 200
            await runner.close()
            await other.close()

    caplog.set_level(logging.INFO)
    asyncio.run(scenario())
    assert caplog.text.count("the runner does not trust the ingest's certificate: self-signed") == 1


@needs_openssl
def test_a_key_of_another_kind_takes_the_place_of_the_first(tmp_path: Path) -> None:
    """After an EC key an RSA one is served, and the other way round: a rollback of the chart changes them so."""

    async def scenario() -> None:
        served = Mounted(tmp_path / "served").renew()
        async with ingest(served) as (server, url):
            for rsa in (True, False, True):
                served.renew(rsa=rsa)
                server.load_certificate()
                runner = client(url, tmp_path, served.ca, patience_s=2.0)
                await runner.greet()
                await runner.close()

    asyncio.run(scenario())


@needs_openssl
def test_the_service_goes_on_after_a_renewal(tmp_path: Path) -> None:
    """It reads artifacts from the same server, and the same file."""

    async def scenario() -> None:
        served = Mounted(tmp_path / "served").renew()
        async with ingest(served) as (server, url):
            stored = Stored(url, token_file=None, ca_file=served.ca)
            served.renew()
            server.load_certificate()
            assert await stored.result("u") == b"{}"
            served.ca.write_bytes(Mounted(tmp_path / "other").renew().ca.read_bytes())
            await stored.close()
            stranger = Stored(url, token_file=None, ca_file=served.ca)
            with pytest.raises(ServiceUnavailable, match="certificate"):
                await stranger.result("u")
            await stranger.close()

    asyncio.run(scenario())


@needs_openssl
def test_a_certificate_that_stays_untrusted_ends_the_run_early(tmp_path: Path) -> None:
    """Before any work, with words; not after the deadline for its results."""

    async def scenario() -> None:
        served = Mounted(tmp_path / "served").renew()
        other = Mounted(tmp_path / "other").renew()
        async with ingest(served) as (_, url):
            runner = client(url, tmp_path, other.ca, patience_s=0.2)
            with pytest.raises(Unreachable, match="does not trust the ingest's certificate: self-signed"):
                await runner.greet()
            await runner.close()

    asyncio.run(scenario())
    assert trust.PATIENCE_S < 600


@needs_openssl
def test_half_a_certificate_is_not_served(tmp_path: Path) -> None:
    """The one before goes on."""

    async def scenario() -> None:
        served = Mounted(tmp_path / "served").renew()
        before = tmp_path / "ca.crt"
        before.write_bytes(served.ca.read_bytes())
        async with ingest(served) as (server, url):
            served.certificate.write_bytes(Mounted(tmp_path / "other").renew().certificate.read_bytes())
            with pytest.raises(OSError, match="KEY_VALUES_MISMATCH"):
                server.load_certificate()
            runner = client(url, tmp_path, before)
            assert (await runner.send("GET", "artifacts/a")).status_code == 200
            await runner.close()

    asyncio.run(scenario())


def test_who_is_away_is_not_waited_for_at_the_start(tmp_path: Path) -> None:
    """A run begins although ingest restarts just then."""
    ca = tmp_path / "ca"
    ca.write_text("")

    async def scenario() -> None:
        runner = IngestClient("http://127.0.0.1:9", ca, run_uid="u", attempt=1, shard=0, ca=None, patience_s=60.0)
        await runner.greet()
        await runner.close()

    asyncio.run(scenario())
