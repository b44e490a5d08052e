"""When the rows of a point are delivered: before the next load, and to the end."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from evalkube_runner.deliver import FileDelivery
from evalkube_runner.packing import Through, unchanged
from evalkube_runner.perf import sweep
from evalkube_runner.perf.point_runner import MOST_PLAIN
from fakes import load_tests
from fakes.mock_model import running_mock


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    """A model that answers at once."""
    with running_mock() as url:
        yield url


class Slow(FileDelivery):
    """One that takes its time for rows: until it may go on."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "artifacts", folder / "control", pipeline="perf")
        self.asked = asyncio.Event()
        self.may_go_on = asyncio.Event()

    async def put_lines(
        self, path: str, sources: Sequence[Path], *, through: Through = unchanged, hurry: bool = False
    ) -> None:
        """See `Delivery.put_lines`."""
        self.asked.set()
        await self.may_go_on.wait()
        await super().put_lines(path, sources, through=through, hurry=hurry)


async def stats(url: str) -> int:
    """Requests that the mock has got."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return int((await client.get(f"{url.removesuffix('/v1')}/stats")).json()["total"])


@pytest.mark.parametrize("cancelled", [False, True])
def test_the_next_point_waits_for_the_rows_of_the_one_before(tmp_path: Path, mock: str, cancelled: bool) -> None:
    """So nothing disturbs its load; and a run that is cancelled meanwhile still leaves them."""

    async def work() -> int:
        delivery = Slow(tmp_path)
        context = replace(load_tests.context(tmp_path), delivery=delivery)
        before = await stats(mock)
        wanted = load_tests.spec(mock, number=[6, 5], parallel=[3, 5], no_test_connection=True)
        running = asyncio.ensure_future(sweep.load_test(wanted, context))
        await delivery.asked.wait()
        if cancelled:
            running.cancel()
        for _ in range(10):
            await asyncio.sleep(0)
        sent = await stats(mock) - before
        delivery.may_go_on.set()
        with suppress(asyncio.CancelledError):
            await running
        return sent

    assert load_tests.run(work()) == 6
    assert len(load_tests.rows(tmp_path / "artifacts/parallel_3_number_6/requests.jsonl")) == 6
    assert (tmp_path / "artifacts/parallel_5_number_5/requests.jsonl").is_file() is not cancelled


def test_the_rows_of_many_requests_are_compressed(tmp_path: Path, mock: str) -> None:
    """Those of a point that has fewer are plain text."""
    number = [MOST_PLAIN + 1, 5]
    wanted = load_tests.spec(mock, number=number, parallel=[16, 1], stream=False, max_tokens=[1])
    many, few = load_tests.load(tmp_path, wanted).points
    assert len(load_tests.rows(tmp_path / f"artifacts/{many.name}/requests.jsonl.gz")) == MOST_PLAIN + 1
    assert not (tmp_path / f"artifacts/{many.name}/requests.jsonl").exists()
    assert len(load_tests.rows(tmp_path / f"artifacts/{few.name}/requests.jsonl")) == 5
