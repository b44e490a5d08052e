"""Worker processes that are started before they are wanted."""

import subprocess
import sys

import uvloop

from evalkube_runner.perf.processes import Processes

SCRIPT = """
import sys, evalkube_runner.main, evalkube_runner.perf.sweep, evalkube_runner.data.groups
from evalkube_runner import urls
urls.encoded("http://llm.team.svc:8000/v1/chat/completions")
print(*sys.modules)
"""


def test_one_that_waits_is_taken_first_and_none_is_left() -> None:
    """Two are wanted, one of which was started ahead: two processes in all, and they end with their owner."""

    async def work() -> list[int | None]:
        async with Processes() as processes:
            await processes.ahead(1)
            await processes.ahead(1)
            taken = [await processes.next(), await processes.next()]
            assert len({process.pid for process in taken}) == 2
            assert [process.returncode for process in taken] == [None, None]
        return [process.returncode for process in taken]

    assert None not in uvloop.run(work())


def test_what_begins_a_load_test_brings_no_http_client() -> None:
    """It would take a tenth of the time to the first request, and workers have an engine of their own."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "evalkube_runner.perf.point_runner" in loaded
    assert "httpx" not in loaded
