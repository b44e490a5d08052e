"""Files of lines as one, plain or compressed: what is in it, and who goes first."""

import asyncio
import gzip
import os
import sys
import threading
from pathlib import Path

import pytest

from evalkube_runner.packing import packed

ROW = b'{"index":1,"message":"\xc3\xa4"}\n'


def written(folder: Path, *files: bytes) -> list[Path]:
    """Files with these contents."""
    paths = [folder / f"rows-{at}.jsonl" for at in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(data)
    return paths


FILES = [
    ("one", [ROW * 3], ROW * 3),
    ("several, in their order", [b"1\n2\n", b"3\n"], b"1\n2\n3\n"),
    ("an empty one among them", [b"", ROW, b""], ROW),
    ("nothing", [b""], b""),
    ("more than is read at once", [ROW * 100_000, ROW * 50_000], ROW * 150_000),
    ("one line longer than what is read at once", [b"x" * (3 << 20) + b"\n" + ROW], b"x" * (3 << 20) + b"\n" + ROW),
    ("a line that was cut off", [ROW + ROW[:-5], ROW], ROW * 2),
    ("nothing but a line that was cut off", [ROW[:5], ROW], ROW),
]


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize(("files", "expected"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
def test_what_is_packed(tmp_path: Path, files: list[bytes], expected: bytes, compressed: bool) -> None:
    """Whole lines alone, so that every reader can read them; the sources are gone."""
    file = asyncio.run(packed(written(tmp_path, *files), compressed=compressed))
    found = file.read_bytes()
    assert (gzip.decompress(found) if compressed else found) == expected
    assert list(tmp_path.iterdir()) == [file]


def test_the_same_lines_make_the_same_file(tmp_path: Path) -> None:
    """Whenever they are packed, and whatever their file is called."""
    made: list[bytes] = []
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(ROW * 10)
        made.append(asyncio.run(packed([tmp_path / name], compressed=True)).read_bytes())
    assert made[0] == made[1]


def test_packed_files_that_follow_each_other_are_one(tmp_path: Path) -> None:
    """So that the rows of shards are joined without being read."""
    files = [
        asyncio.run(packed([path], compressed=True)).read_bytes() for path in written(tmp_path, b"1\n", b"", b"2\n")
    ]
    assert gzip.decompress(b"".join(files)) == b"1\n2\n"


def test_a_failure_leaves_the_lines(tmp_path: Path) -> None:
    """And nothing beside them."""

    def failing(_lines: bytes) -> bytes:
        raise OSError(28, "No space left on device")

    sources = written(tmp_path, ROW, ROW)
    with pytest.raises(OSError, match="No space"):
        asyncio.run(packed(sources, failing, compressed=True))
    assert sorted(tmp_path.iterdir()) == sources


@pytest.mark.skipif(sys.platform != "linux", reason="a priority is a thread's own on Linux alone")
@pytest.mark.parametrize(("hurry", "later_by"), [(False, 10), (True, 0)])
def test_others_go_first_unless_there_is_a_hurry(tmp_path: Path, hurry: bool, later_by: int) -> None:
    """Another shard may still measure on the same machine. The rest of the runner keeps its priority."""
    seen: list[int] = []

    def look(lines: bytes) -> bytes:
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return lines

    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    asyncio.run(packed(written(tmp_path, ROW), look, compressed=True, hurry=hurry))
    assert seen == [min(19, own + later_by) if hurry else 10]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own
