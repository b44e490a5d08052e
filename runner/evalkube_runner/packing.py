"""Packs files of lines from the scratch directory into one file, plain or gzip. pandas, polars and DuckDB open either.

Level 1 of gzip: a row of a load test takes 43 to 52 bytes of its 365, and a million rows 1.3 s of CPU. Level 6 takes a
fifth less for four times as much. What is in the file depends on the lines alone, so the time is not in it.
"""

import asyncio
import gzip
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from evalkube_runner import machine

__all__ = ["SUFFIX", "Through", "packed", "unchanged"]

_LOG = logging.getLogger("evalkube.runner")
_LEVEL: Final = 1
_BLOCK_BYTES: Final = 1 << 18
SUFFIX: Final = ".gz"

Through: TypeAlias = Callable[[bytes], bytes]
"""What a block of whole lines becomes before it is compressed."""


def unchanged(lines: bytes) -> bytes:
    """The lines, uncompressed."""
    return lines


async def packed(
    sources: Sequence[Path], through: Through = unchanged, *, compressed: bool, hurry: bool = False
) -> Path:
    """The packed file, beside the first of `sources`, which are deleted. It gives way to a load that is measured on
    this machine, unless there is a `hurry`. Raises OSError, and then `sources` are unchanged.
    """
    thread = ThreadPoolExecutor(1, "packing", initializer=None if hurry else machine.step_back)
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, _pack, sources, through, compressed)
    finally:
        thread.shutdown(wait=False)


def _pack(sources: Sequence[Path], through: Through, compressed: bool) -> Path:
    target = sources[0].with_name(f"{sources[0].name}{SUFFIX if compressed else '.whole'}")
    try:
        with target.open("wb") as file, _lines_into(file, compressed) as lines:
            for source in sources:
                for block in _blocks(source):
                    lines.write(through(block))
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    for source in sources:
        source.unlink()
    return target


def _lines_into(file: BinaryIO, compressed: bool) -> "AbstractContextManager[BinaryIO | gzip.GzipFile]":
    if not compressed:
        return nullcontext(file)
    return gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=file, mtime=0)


def _blocks(source: Path) -> Iterator[bytes]:
    """The whole lines. A last line without an end is from a process that died while it wrote, and cannot be read."""
    with source.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            block += file.readline()
            end = block.rfind(b"\n") + 1
            if end < len(block):
                _LOG.warning("%s: the last line is left out, because it was cut off", source.name)
            if end:
                yield block[:end]
