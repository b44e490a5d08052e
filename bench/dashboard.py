"""How long the dashboard's pages take and how large they are, with so many runs.

    python bench/dashboard.py [--runs 1000 10000]

The first page is measured as a browser loads it that has nothing of it: all bytes that come over the wire, compressed.
Times are of the service alone, over one connection that stays open: the median and the slowest of 50 requests.
"""

import argparse
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from fakes.many_runs import many_runs, written
from fakes.service import running_service

_REQUESTS = 50
_PAGES = {
    "runs": "/ui",
    "runs, filtered": "/ui?q=model-7&kind=eval&phase=Succeeded",
    "runs, sorted": "/ui?sort=score&order=desc",
    "runs, last page": "/ui?page={last}",
    "new run": "/ui/new",
    "service": "/ui/service",
}


def transferred(client: httpx.Client, path: str) -> int:
    """Bytes of a page's body and of all that it loads, as they come over the wire."""
    page = client.get(path)
    page.raise_for_status()
    assets = re.findall(r'(?:href|src)="(/ui/static/[^"]+)"', page.text)
    return sum(client.get(url).num_bytes_downloaded for url in assets) + page.num_bytes_downloaded


def timed_ms(client: httpx.Client, path: str) -> list[float]:
    """How long each of several requests took."""
    found = []
    for _ in range(_REQUESTS):
        began = time.perf_counter()
        client.get(path).raise_for_status()
        found.append(1000 * (time.perf_counter() - began))
    return found


def measure(runs: int) -> None:
    """Print the figures with so many runs."""
    with tempfile.TemporaryDirectory() as folder:
        outputs = Path(folder) / "outputs"
        written(outputs, many_runs(runs))
        began = time.perf_counter()
        with running_service(outputs) as service:
            print(f"{runs:,} runs: the service is there after {time.perf_counter() - began:.1f} s")
            began = time.perf_counter()
            service.client.get("/ui").raise_for_status()
            print(f"  the very first request takes {1000 * (time.perf_counter() - began):.0f} ms")
            for name, path in _PAGES.items():
                path = path.format(last=max(1, runs // 50))
                size, times = transferred(service.client, path), timed_ms(service.client, path)
                print(
                    f"  {name:16} {size / 1000:6.1f} kB in all, median {statistics.median(times):6.1f} ms,"
                    f" slowest {max(times):6.1f} ms"
                )


def main() -> None:
    """See the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, nargs="+", default=[1000, 10_000])
    for runs in parser.parse_args().runs:
        measure(runs)


if __name__ == "__main__":
    main()
