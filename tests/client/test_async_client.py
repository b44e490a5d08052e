"""The client for asyncio against a real service (whose runner is the stand-in)."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from evalkube import AsyncClient, LoadComparison, errors
from evalkube_crds.names import Phase
from fakes.service import running_service

_REQUEST: dict[str, Any] = {
    "model": "ok",
    "api_url": "http://127.0.0.1:9/v1",
    "datasets": ["gsm8k"],
    "dataset_hub": "sample",
}
_LOAD: dict[str, Any] = {"model": "ok", "url": "http://127.0.0.1:9/v1", "number": 5, "data_source": "sample"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a service of this module."""
    with running_service(tmp_path_factory.mktemp("service") / "outputs") as service:
        yield service.url


def test_the_log_is_followed_to_the_end(url: str) -> None:
    """Of a run that is at work; of one that is not there it is said."""

    async def used() -> None:
        async with AsyncClient(url) as client:
            run_id = await client.submit("eval", _REQUEST | {"model": "slow-1"})
            assert any(run_id in line for line in [line async for line in client.follow_logs(run_id)])
            assert (await client.run(run_id)).ended
            with pytest.raises(errors.NotFound):
                [line async for line in client.follow_logs("nobody")]

    asyncio.run(used())


def test_load_tests_are_compared(url: str) -> None:
    """Runs of the service and results, as by the other client."""

    async def used() -> None:
        async with AsyncClient(url) as client:
            first, second = await asyncio.gather(client.load_test(**_LOAD), client.load_test(**_LOAD))
            for sides in ((first.id, second.id), (first, second.id)):
                found = await client.compare(*sides)
                assert isinstance(found, LoadComparison)
                assert next(found.rows())[0] == "candidate"

    asyncio.run(used())


def test_a_cancelled_task_cancels_its_run(url: str) -> None:
    """And the task is cancelled, whatever the service says."""

    async def used() -> None:
        async with AsyncClient(url) as client:
            run_id = await client.submit("eval", _REQUEST | {"model": "hang"})
            following = asyncio.create_task(client.follow(run_id))
            async for moment in client.progress(run_id):
                if moment.phase is Phase.RUNNING:
                    break
            following.cancel()
            with pytest.raises(asyncio.CancelledError):
                await following
            with pytest.raises(errors.RunFailed, match="ancelled"):
                await client.wait(run_id)

    asyncio.run(used())


def test_waiting_can_end_before_the_run(url: str) -> None:
    """A time-out leaves the run alone."""

    async def used() -> None:
        async with AsyncClient(url) as client:
            run_id = await client.submit("eval", _REQUEST | {"model": "hang"})
            with pytest.raises(TimeoutError):
                await client.wait(run_id, timeout_s=0.1)
            assert not (await client.run(run_id)).ended
            await client.cancel(run_id)

    asyncio.run(used())


def test_a_stream_of_nobody() -> None:
    """No error of httpx."""

    async def used() -> None:
        async with AsyncClient("http://127.0.0.1:9") as client:
            with pytest.raises(errors.Unreachable, match=r"127\.0\.0\.1:9"):
                [line async for line in client.follow_logs("a")]

    asyncio.run(used())
