"""Rendered requests on disk: the bytes that go out, and which of them are there."""

import asyncio
import json
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from evalkube_crds.names import Reason
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner.errors import RunFailed
from evalkube_runner.perf import bodies
from evalkube_runner.perf.payloads import Layout, Payloads, write
from evalkube_runner.wire import openai
from evalkube_runner.wire.ask import DRAWN
from fakes import load_tests


def sent(layout: Layout, head: bytes = b"", first: int = 0) -> tuple[Payloads, list[int]]:
    """Requests from `first` on, and the blocks that were asked for."""
    asked: list[int] = []
    return Payloads(layout, head, first, reached=asked.append), asked


def test_requests_as_sent(tmp_path: Path) -> None:
    """Head, length, body; a drawn limit is put into its place; items come again from the offset on."""
    layout = Layout(tmp_path, 2, 2)
    write(layout.path(0), [(b'{"a":1}', None), bodies.rendered({"b": {"most": DRAWN}, "text": "\0"})])
    found, asked = sent(layout, b"HEAD Content-Length: ", 1)
    assert found.render(0, 12) == b'HEAD Content-Length: 33\r\n\r\n{"b":{"most":12},"text":"\\u0000"}'
    assert found.render(1, 12) == b'HEAD Content-Length: 7\r\n\r\n{"a":1}'
    assert found.render(2, 5) == b'HEAD Content-Length: 32\r\n\r\n{"b":{"most":5},"text":"\\u0000"}'
    found.close()
    assert asked == [0]


def test_a_block_that_is_not_there_yet(tmp_path: Path) -> None:
    """It is asked for once, and read when it is there; one that is left behind is asked for anew."""
    layout = Layout(tmp_path, 6, 2)
    found, asked = sent(layout)
    assert [found.render(0, None), found.render(1, None)] == [None, None]
    for block in range(3):
        write(layout.path(block), [(b"%d" % (2 * block), None), (b"%d" % (2 * block + 1), None)])
    assert [found.body(found.item_of(index), None) for index in range(7)] == [b"0", b"1", b"2", b"3", b"4", b"5", b"0"]
    assert asked == [0, 1, 2, 0]
    found.close()


def test_memory_does_not_hold_the_prompts(tmp_path: Path) -> None:
    """20 MB of bodies are neither gathered for writing nor read for sending."""
    layout = Layout(tmp_path, 2_000, 2_000)
    tracemalloc.start()
    write(layout.path(0), ((b'{"a":"%s"}' % (b"x" * 10_000), None) for _ in range(2_000)))
    found, _ = sent(layout)
    assert found.render(1_999, None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    found.close()
    assert peak < 1_000_000


# name: (items, to a block, offset), (first, count) of the span, where a worker is, how many ahead, the blocks
WINDOWS: dict[str, tuple[tuple[int, int, int], tuple[int, int], int, int, list[int]]] = {
    "all there is": ((10, 2, 0), (0, 10), 0, 9, [0, 1, 2, 3, 4]),
    "not too far ahead": ((10, 2, 0), (0, 10), 1, 2, [1, 2]),
    "not beyond the span": ((10, 2, 0), (0, 5), 0, 9, [0, 1, 2]),
    "one request": ((10, 2, 0), (3, 1), 1, 9, [1]),
    "from within a block": ((10, 4, 0), (3, 2), 0, 9, [0, 1]),
    "from an offset": ((10, 2, 6), (1, 2), 3, 9, [3, 4]),
    "round the end": ((10, 4, 0), (9, 3), 2, 9, [2, 0]),
    "again and again": ((4, 2, 0), (0, 99), 1, 9, [1, 0]),
    "more than there are": ((5, 2, 0), (0, 6), 0, 9, [0, 1, 2]),
    "endless": ((1 << 40, 4096, 0), (100_000, 100_000_000), 30, 3, [30, 31, 32]),
    "the last of many": ((1 << 40, 10, 0), (0, 100), 9, 3, [9]),
}


@pytest.mark.parametrize(("shape", "span", "at", "most", "wanted"), WINDOWS.values(), ids=WINDOWS)
def test_what_a_worker_needs_next(
    shape: tuple[int, int, int], span: tuple[int, int], at: int, most: int, wanted: Sequence[int]
) -> None:
    """The blocks from where it is, as far as they are sent at all."""
    items, block, offset = shape
    layout = Layout(Path("x"), items, block, offset)
    assert list(bodies.window(layout, bodies.Span(*span), at, most)) == list(wanted)


class Numbers:
    """Prompts that are their own numbers, each of some size, the odd ones with a limit of their own."""

    def __init__(self, count: int, size: int) -> None:
        self._count = count
        self._size = size
        self.asked: list[int] = []

    def __len__(self) -> int:
        return self._count

    def item(self, index: int) -> str:
        self.asked.append(index)
        return f"{index} ".ljust(self._size, "x")

    def limit(self, index: int) -> int | None:
        return 100 + index if index % 2 else None


def rendering(prompts: Numbers, folder: Path, total: int, **fields: Any) -> bodies.Bodies:
    spec = PerfRunSpec.model_validate({"model": "m", "url": "http://h/v1/completions", **fields})
    return bodies.Bodies(spec, openai, prompts, folder, total=total)


def test_no_more_is_rendered_than_is_sent(tmp_path: Path) -> None:
    """Of a few requests out of endless prompts; nothing is left behind."""
    prompts = Numbers(1 << 40, 10)

    async def work() -> None:
        async with rendering(prompts, tmp_path, 5, dataset_offset=7) as made:
            await made.begin(bodies.Span(0, 1))
            await made.begin(bodies.Span(0, 5))
            found, _ = sent(made.layout)
            assert all(b"%d x" % (7 + index) in (found.render(index, None) or b"") for index in range(5))

    load_tests.run(work())
    assert max(prompts.asked) < 7 + 2 * 5
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fields", [{"max_tokens": [5]}, {"max_tokens": [5, 5]}, {"extra_args": {"max_tokens": 7}}])
def test_limits_of_single_requests(tmp_path: Path, fields: dict[str, Any]) -> None:
    """They go before the spec's, drawn ones too, and after what the user puts into bodies."""

    async def work() -> list[int]:
        async with rendering(Numbers(2, 10), tmp_path, 2, **fields) as made:
            await made.begin(bodies.Span(0, 2))
            found, _ = sent(made.layout)
            return [json.loads(found.body(item, 5) or b"")["max_tokens"] for item in range(2)]

    assert load_tests.run(work()) == ([7, 7] if "extra_args" in fields else [5, 101])


def test_the_disk_holds_a_part(tmp_path: Path) -> None:
    """Of a hundred million large bodies: what lies before the workers, however far they are."""

    async def work() -> list[int]:
        async with rendering(Numbers(1 << 40, 1_000_000), tmp_path, 100_000_000) as made:
            await made.begin(bodies.Span(0, 100_000_000))
            sizes = [_size(tmp_path)]
            found, _ = sent(made.layout)
            for index in (0, 50, 99):
                made.reached(0, made.layout.item_of(index) // made.layout.block)
                made.reached(1, made.layout.item_of(index) // made.layout.block)
                async with asyncio.timeout(60):
                    while found.render(index + 20, None) is None:
                        await asyncio.sleep(0.01)
                sizes.append(_size(tmp_path))
            found.close()
            return sizes

    sizes = load_tests.run(work())
    assert all(bodies.AHEAD_BYTES / 2 < size < 1.5 * bodies.AHEAD_BYTES for size in sizes[:1])
    assert all(size < 1.5 * bodies.AHEAD_BYTES for size in sizes)
    assert list(tmp_path.iterdir()) == []


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def test_prompts_that_fail_end_the_waiting(tmp_path: Path) -> None:
    """A fault of the data is raised where its bodies are waited for, not hidden in a thread."""

    class Broken(Numbers):
        def item(self, index: int) -> str:
            if index > 20:
                raise RunFailed(Reason.DATASET_UNAVAILABLE, "the file is gone")
            return super().item(index)

    async def work() -> None:
        async with rendering(Broken(1000, 10), tmp_path, 1000) as made:
            await made.begin(bodies.Span(0, 1000))

    with pytest.raises(RunFailed, match="gone"):
        load_tests.run(work())
