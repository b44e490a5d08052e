"""Logs and progress while they are written."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalkube_api.backend import Moment
from evalkube_api.local import streaming
from evalkube_crds.names import Phase
from evalkube_crds.results import Progress

NOW = datetime(2025, 12, 4, tzinfo=UTC)


def tail(path: Path, lines: int | None) -> bytes:
    """All that a reader gets who does not follow."""

    async def read() -> bytes:
        return b"".join([chunk async for chunk in streaming.log(path, lines, None)])

    return asyncio.run(read())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=40)
@given(st.lists(st.text("ab", max_size=5), max_size=12), st.booleans(), st.integers(0, 14))
def test_the_tail_is_the_last_lines(tmp_path: Path, lines: list[str], ended: bool, wanted: int) -> None:
    """Whether the last one has its end or not."""
    text = "\n".join(lines) + ("\n" if ended and lines else "")
    (tmp_path / "log").write_text(text)
    expected = "".join(text.splitlines(keepends=True)[-wanted:]) if wanted else ""
    assert tail(tmp_path / "log", wanted).decode() == expected


def test_a_tail_longer_than_a_block(tmp_path: Path) -> None:
    """The file is read from its end, block by block."""
    lines = [f"{number:0100d}\n" for number in range(3000)]
    (tmp_path / "log").write_text("".join(lines))
    assert tail(tmp_path / "log", 2000).decode() == "".join(lines[-2000:])
    assert tail(tmp_path / "log", None).decode() == "".join(lines)


def test_no_log_yet(tmp_path: Path) -> None:
    """Is an empty one."""
    assert tail(tmp_path / "log", 5) == b""


def moments(looks: list[tuple[int, Phase]]) -> list[Any]:
    """What is told of a run that shows `looks` one after the other."""
    seen = iter(looks)

    async def look() -> Moment:
        done, phase = next(seen)
        return Moment("r", phase, Progress(done=done, total=9), NOW)

    async def wait(_: float) -> bool:
        return False

    async def collect() -> list[Any]:
        told = [moment async for moment in streaming.moments(look, wait)]
        return [None if moment is None else (moment.progress.done, moment.phase) for moment in told]

    return asyncio.run(collect())


def test_only_changes_are_told_and_the_end() -> None:
    """The end also where nothing else changed."""
    r, s = Phase.RUNNING, Phase.SUCCEEDED
    assert moments([(1, r), (1, r), (2, r), (2, r), (2, s)]) == [(1, r), (2, r), (2, s)]


@pytest.mark.parametrize(("quiet", "signs"), [(39, 0), (40, 1), (80, 2)])
def test_a_sign_of_life_while_nothing_changes(quiet: int, signs: int) -> None:
    """Every forty looks, so that no proxy thinks the connection dead."""
    r, s = Phase.RUNNING, Phase.SUCCEEDED
    assert moments([(1, r)] * (quiet + 1) + [(1, s)]).count(None) == signs
