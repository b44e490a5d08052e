"""How long the dashboard's pages of results take and how large they are, of an evaluation of so many samples.

    python bench/dashboard_results.py [--samples 100000]

Times are of the service alone, over one connection that stays open: the median and the slowest of 50 requests, and the
very first, which loads the index. The bars: a page 300 ms, a link to a sample 200 ms, the first of all included.
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

from fakes.many_samples import evaluated
from fakes.service import running_service

BAR_PAGE_MS = 300.0
BAR_SAMPLE_MS = 200.0
BAR_KB = 200.0
"""A page with all that it loads, as it comes over the wire."""
_REQUESTS = 50


def _pages(run_id: str, other: str, samples: int) -> dict[str, str]:
    of = f"/ui/runs/{run_id}"
    return {
        "scores": of,
        "samples": f"{of}?view=samples",
        "samples, last page": f"{of}?view=samples&page={samples // 50}",
        "samples, wrong ones": f"{of}?view=samples&state=wrong&page=100",
        "samples, slowest": f"{of}?view=samples&sort=slowest",
        "sample": f"{of}/samples/gsm8k/main/{samples // 2}",
        "sample of a list": f"{of}/samples/gsm8k/main/{samples // 2 // 3 * 3}?state=wrong",
        "comparison": f"/ui/compare?runs={run_id},{other}",
    }


def _transferred(client: httpx.Client, path: str) -> int:
    page = client.get(path)
    page.raise_for_status()
    assets = re.findall(r'(?:href|src)="(/ui/static/[^"]+)"', page.text)
    return sum(client.get(url).num_bytes_downloaded for url in assets) + page.num_bytes_downloaded


def _timed_ms(client: httpx.Client, path: str, times: int = _REQUESTS) -> list[float]:
    found = []
    for _ in range(times):
        began = time.perf_counter()
        client.get(path).raise_for_status()
        found.append(1000 * (time.perf_counter() - began))
    return found


def main() -> None:
    """Print the figures, and what misses its bar."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--samples", type=int, default=100_000)
    samples = options.parse_args().samples
    with tempfile.TemporaryDirectory() as folder:
        outputs = Path(folder) / "outputs"
        answer = "Let us look at the numbers one by one. " * 50
        one = evaluated(outputs, samples, name="eval-one", answer=answer)
        other = evaluated(outputs, samples, name="eval-other", answer=answer, wrong=4)
        for name, path in _pages(one, other, samples).items():
            with running_service(outputs) as service:
                service.client.get("/ui/service").raise_for_status()
                first_ms = _timed_ms(service.client, path, 1)[0]
                size_kb, times = _transferred(service.client, path) / 1000, _timed_ms(service.client, path)
            bar_ms = BAR_SAMPLE_MS if name.startswith("sample ") or name == "sample" else BAR_PAGE_MS
            missed = "" if max(first_ms, *times) <= bar_ms and size_kb <= BAR_KB else "  MISSED"
            print(
                f"  {name:20} {size_kb:6.1f} kB in all, first {first_ms:7.1f} ms, median "
                f"{statistics.median(times):6.1f} ms, slowest {max(times):6.1f} ms{missed}",
                flush=True,
            )


if __name__ == "__main__":
    main()
