"""What the index and the table of 100,000 samples cost to make and to read, and those of a million requests:
`PYTHONPATH=tests python bench/sample_index.py`.

The lines are as long as those of a reasoning model's answers. The bars: memory beyond what it was before, and the time
of a page and of one sample.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import perf_run  # noqa: F401  # the rooms on the path

from evalkube_crds.names import SampleState
from evalkube_report.paging import Page
from evalkube_report.requests import index as request_index
from evalkube_report.requests import page as request_page
from evalkube_report.requests.page import RequestQuery
from evalkube_report.requests.series import series
from evalkube_report.samples import index as sample_index
from evalkube_report.samples import page, sample
from evalkube_report.samples.page import SampleQuery
from evalkube_runner import indexing
from fakes.sample_lines import error, jsonl, prediction, result, review

BAR_MIB = 150
BAR_PAGE_MS = 20.0
BAR_SAMPLE_MS = 20.0
BAR_MILLION_MS = 100.0
_ANSWER = "Let us look at the numbers one by one. " * 50


def main() -> None:
    """Print the figures, and what misses its bar."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--samples", type=int, default=100_000)
    options.add_argument("--requests", type=int, default=1_000_000)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _samples(Path(folder), given.samples)
        _requests(Path(folder), given.requests)


def _samples(folder: Path, count: int) -> None:
    files = {kind: folder / kind for kind in indexing.LINES}
    _write(files["predictions"], (prediction(at, f"{_ANSWER}{at % 9}") for at in range(count)))
    _write(files["reviews"], (review(at, float(at % 3 == 0), None if at % 7 == 0 else "7") for at in range(count)))
    _write(files["errors"], (error(at) for at in range(count, count + count // 100)))
    megabytes = sum(path.stat().st_size for path in files.values()) / 1e6
    print(f"{count:,} samples, {megabytes:,.0f} MB of lines")
    before = _peak_mib()

    def made() -> bytes:
        with closing(indexing.SampleTables(result(gsm8k=["main"]), 1, folder / "samples.csv")) as tables:
            tables.add(0, 0, files)
        return tables.index()

    data = _timed("index and samples.csv", made)
    _told("memory for it", _peak_mib() - before, "MiB", BAR_MIB)
    print(f"  samples.npy {len(data) / 1e6:.1f} MB, samples.csv {(folder / 'samples.csv').stat().st_size / 1e6:.0f} MB")
    wrong = SampleQuery(states=frozenset({SampleState.WRONG}))
    _page("a page in order", lambda: page.select(sample_index.load(data), SampleQuery()))
    _page("a page of wrong ones", lambda: page.select(sample_index.load(data), wrong))
    _page("the slowest", lambda: page.select(sample_index.load(data), SampleQuery(sort="slowest")))

    def one() -> sample.Sample:
        index = sample_index.load(data)
        row = index.find("gsm8k", "main", count // 2) or 0
        lines = {kind: _part(files[kind], place) for kind, place in index.slices(row).items()}
        page.around(index, wrong, row)
        return sample.read(page.entry(index, row), lines)

    _told("one sample with its neighbours", _fastest_ms(one), "ms", BAR_SAMPLE_MS)


def _part(file: Path, place: sample_index.Slice) -> bytes:
    with file.open("rb") as opened:
        opened.seek(place.offset)
        return opened.read(place.length)


def _requests(folder: Path, count: int) -> None:
    lines = folder / "requests.jsonl"
    _write(lines, (_row(at) for at in range(count)))
    print(f"{count:,} requests, {lines.stat().st_size / 1e6:,.0f} MB of rows")
    before = _peak_mib()
    shards = [(0, lines)]
    data = _timed("index", lambda: indexing.index_requests("p", "p/requests.jsonl", shards, None))
    _told("memory for it", _peak_mib() - before, "MiB", 3 * BAR_MIB)
    _timed("index and requests.csv", lambda: indexing.index_requests("p", "p/r.jsonl", shards, folder / "requests.csv"))
    for name, query in (("a page in order", RequestQuery()), ("the slowest", RequestQuery(sort="slowest"))):
        took_ms = _fastest_ms(partial(_select, data, query))
        _told(name, took_ms, "ms", BAR_MILLION_MS)
    print(f"  series {_fastest_ms(lambda: series(request_index.load(data))):.0f} ms")


def _select(data: bytes, query: RequestQuery) -> Page[request_page.Entry]:
    return request_page.select(request_index.load(data), query)


def _row(at: int) -> dict[str, Any]:
    sent_ns, took_ns = at * 300_000, 900_000_000 + at * 7919 % 400_000_000
    end_ns = sent_ns + took_ns
    row: dict[str, Any] = {"index": at, "warmup": False, "intended_ns": sent_ns, "dispatched_ns": sent_ns}
    row |= {"sent_ns": sent_ns, "first_byte_ns": sent_ns + took_ns // 5, "first_token_ns": sent_ns + took_ns // 4}
    row |= {"last_token_ns": end_ns, "end_ns": end_ns, "status": 200, "finish_reason": "stop", "prompt_tokens": 512}
    row |= {"completion_tokens": 128, "token_basis": "usage", "chunks": 128, "resent": False}
    return row | {"error": "idle_timeout" if at % 100 == 0 else None, "message": None}


def _write(path: Path, records: Iterator[object]) -> None:
    with path.open("wb") as file:
        for record in records:
            file.writelines(jsonl(record))


def _timed(name: str, work: Callable[[], bytes]) -> bytes:
    began_s, cpu_s = time.perf_counter(), time.process_time()
    found = work()
    print(f"  {name}: {time.perf_counter() - began_s:.1f} s, of CPU {time.process_time() - cpu_s:.1f} s")
    return found


def _page(name: str, work: Callable[[], object]) -> None:
    _told(name, _fastest_ms(work), "ms", BAR_PAGE_MS)


def _fastest_ms(work: Callable[[], object]) -> float:
    """Of ten times: what else runs here is none of its cost."""
    took_s = []
    for _ in range(10):
        began_s = time.perf_counter()
        work()
        took_s.append(time.perf_counter() - began_s)
    return min(took_s) * 1000


def _told(name: str, value: float, unit: str, bar: float) -> None:
    print(f"  {name}: {value:.1f} {unit}{'' if value <= bar else f' MISSES its bar of {bar:g} {unit}'}")


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
