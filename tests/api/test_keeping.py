"""Documents that cannot be written now."""

import asyncio
import errno
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from evalkube_api.local import run_document
from evalkube_api.local.keeping import Keeper
from evalkube_crds.status import Run
from fakes.cluster_runs import eval_submission


class _Disk:
    """Fails as it is told, and remembers what it took."""

    def __init__(self) -> None:
        self.problem: OSError | None = None
        self.written: list[Run] = []

    def write(self, run: Run) -> None:
        if self.problem is not None:
            raise self.problem
        self.written.append(run)


def _run() -> Run:
    now = datetime.now(UTC)
    return run_document.new_run(eval_submission(), run_id="r", uid="u", now=now, output_dir="/o", annotations={})


async def _soon(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


PROBLEMS = [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ENOENT, errno.EACCES]


@pytest.mark.parametrize("number", PROBLEMS, ids=[errno.errorcode[one] for one in PROBLEMS])
def test_the_last_state_is_kept_and_written_later(number: int) -> None:
    """Whatever the disk says: the latest one, once, and who waits for room is told."""

    async def go() -> None:
        disk, told = _Disk(), asyncio.Event()
        keeper = Keeper(disk.write, on_room=told.set)
        disk.problem = OSError(number, "it says")
        first, last = _run(), run_document.asked_to_end(_run())
        await keeper.keep(first)
        await keeper.keep(last)
        assert (keeper.get("r"), keeper.problem, disk.written) == (last, "it says", [])
        disk.problem = None
        keeper.look_again()
        await asyncio.wait_for(told.wait(), 60)
        assert (keeper.get("r"), keeper.problem, disk.written) == (None, "", [last])

    asyncio.run(go())


def test_what_was_deleted_is_not_written() -> None:
    """It would come back."""

    async def go() -> None:
        disk = _Disk()
        keeper = Keeper(disk.write)
        disk.problem = OSError(errno.ENOSPC, "full")
        await keeper.keep(_run())
        keeper.drop("r")
        disk.problem = None
        await keeper.close()
        assert (keeper.problem, disk.written) == ("", [])

    asyncio.run(go())


def test_the_end_of_the_service_is_a_last_try() -> None:
    """There may be room by then."""

    async def go() -> None:
        disk = _Disk()
        keeper = Keeper(disk.write)
        disk.problem = OSError(errno.ENOSPC, "full")
        await keeper.keep(_run())
        disk.problem = None
        await keeper.close()
        assert len(disk.written) == 1

    asyncio.run(go())
