"""Scrapes over real HTTP: what goes wrong becomes words in a scrape, never an error of the run."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from evalkube_crds.targets import TargetRules
from evalkube_runner.context import RunContext
from evalkube_runner.deliver import FileDelivery
from evalkube_runner.gate import Gate
from evalkube_runner.server.pages import Page
from evalkube_runner.server.scraper import Limits, Scraper
from evalkube_runner.server.view import Scrape
from evalkube_runner.trust import Trust
from fakes import load_tests
from fakes.metrics_server import MetricsServer, metrics_server, said

GOOD = b'vllm:num_requests_running{model_name="mock-model"} 1\n'


def context(folder: Path, rules: TargetRules | None = None) -> RunContext:
    """A run in a folder."""
    delivery = FileDelivery(folder / "artifacts", folder / "control", pipeline="perf")
    return RunContext("r", delivery, folder, folder, gate=Gate(rules))


def scraper(folder: Path, *urls: str, rules: TargetRules | None = None, **more: Any) -> Scraper:
    """Of these pages, as often as it may."""
    wanted = [Page(url, url, {}) for url in urls]
    fields: dict[str, Any] = {"interval_s": 0.01, "context": context(folder, rules), "trust": Trust()}
    fields |= {"limits": Limits(share=0.9)} | more
    return Scraper(wanted, "mock-model", **fields)


async def scraped(folder: Path, server: MetricsServer, *, until: int = 2, **more: Any) -> list[Scrape]:
    """The scrapes of a block that lasts for so many of them."""
    found = scraper(folder, f"http://127.0.0.1:{server.port}/metrics", **more)
    async with found.during(buckets=False) as pages, asyncio.timeout(60):
        while len(pages[0]) < until:
            await asyncio.sleep(0.01)
    return pages[0]


def test_pages_are_read_before_during_and_after(tmp_path: Path) -> None:
    """On one connection, without a body, and with buckets at both ends."""

    async def work() -> tuple[list[Scrape], MetricsServer]:
        async with metrics_server() as server:
            return await scraped(tmp_path, server, until=4), server

    found, server = load_tests.run(work())
    assert all(scrape.reading is not None and scrape.reading.servers == ("vLLM",) for scrape in found)
    assert len(found) >= 5
    assert [scrape.sent_ns for scrape in found] == sorted(scrape.sent_ns for scrape in found)
    buckets = [bool(scrape.reading.histograms["ttft"].buckets) for scrape in found if scrape.reading is not None]
    assert buckets == [True, *[False] * (len(found) - 2), True]
    assert server.heads[0].startswith("GET /metrics HTTP/1.1\r\n")


FAULTS: list[tuple[str, bytes | None, str, bool]] = [
    ("not found", said(b"{}", 404), "HTTP 404; SGLang has them with --enable-metrics", True),
    (
        "switched off",
        said(b"{}", 501),
        "HTTP 501; SGLang has them with --enable-metrics, llama.cpp with --metrics",
        True,
    ),
    (
        "a key wanted",
        said(b"", 401),
        "HTTP 401: the key is sent to the endpoint's own scheme, host and port only",
        True,
    ),
    ("a redirect", said(b"", 307, location="/metrics/"), "HTTP 307, to /metrics/: redirects are not followed", True),
    ("compressed", said(b"\x1f\x8b", content_encoding="gzip"), "a compressed page", True),
    ("huge", said(GOOD * 100), "more than 0.000954 MiB", True),
    ("overload", said(b"", 503), "HTTP 503", False),
    ("a page of HTML", said(b"<html>", content_type="text/html"), "(6 bytes of text/html)", False),
    ("no words", said(b""), "nothing of vLLM", False),
    ("broken", said(GOOD.replace(b" 1", b" x")), "not in Prometheus' text format", False),
    ("no HTTP", b"SSH-2.0-OpenSSH_9.9\r\n\r\n", "no answer: ", False),
    ("cut short", said(GOOD).replace(b"%d" % len(GOOD), b"999"), "no whole answer within 0.3 s", False),
    ("silence", None, "no whole answer within 0.3 s", False),
]


@pytest.mark.parametrize(("page", "words", "final"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_what_cannot_be_read_is_told_in_words(tmp_path: Path, page: bytes | None, words: str, final: bool) -> None:
    """And asked again only where that may help."""
    limits = Limits(seconds=0.3, size_bytes=1000, share=0.9)

    async def work() -> tuple[list[Scrape], int]:
        async with metrics_server(pages=lambda _: page) as server:
            found = await scraped(tmp_path, server, until=1 if final else 2, limits=limits)
            return found, len(server.heads)

    found, asked = load_tests.run(work())
    assert all(scrape.reading is None and words in scrape.fault for scrape in found)
    assert (asked == 1) is final


def test_a_page_that_comes_late_is_read_from_then_on(tmp_path: Path) -> None:
    """A server that was overloaded once is not given up."""

    def pages(number: int) -> bytes:
        return said(b"", 503) if number == 1 else said(GOOD)

    async def work() -> list[Scrape]:
        async with metrics_server(pages=pages) as server:
            return await scraped(tmp_path, server, until=3)

    first, *later = load_tests.run(work())
    assert first.fault.startswith("HTTP 503")
    assert all(scrape.reading is not None for scrape in later)


def test_a_denied_page_is_not_asked(tmp_path: Path) -> None:
    """The gate judges it as it judges the endpoint."""

    async def work() -> tuple[list[Scrape], int]:
        async with metrics_server() as server:
            found = await scraped(tmp_path, server, until=1, rules=TargetRules(denied=("127.0.0.0/8",)))
            return found, len(server.heads)

    (found,), asked = load_tests.run(work())
    assert "is a target that this installation denies" in found.fault
    assert asked == 0


def test_a_page_that_fails_holds_up_no_other(tmp_path: Path) -> None:
    """One is given up, the other read again and again."""

    async def work() -> list[list[Scrape]]:
        async with metrics_server() as good, metrics_server(pages=lambda _: said(b"", 404)) as bad:
            found = scraper(tmp_path, *(f"http://127.0.0.1:{server.port}/metrics" for server in (bad, good)))
            async with found.during(buckets=False) as pages, asyncio.timeout(60):
                while len(pages[1]) < 3:
                    await asyncio.sleep(0.01)
            return pages

    given_up, read = load_tests.run(work())
    assert [scrape.fault[:8] for scrape in given_up] == ["HTTP 404"]
    assert len(read) >= 4


def test_a_load_that_is_cancelled_is_scraped_no_more(tmp_path: Path) -> None:
    """Nor does the scrape that is under way hold it up."""

    async def work() -> int:
        async with metrics_server(pages=lambda number: said(GOOD) if number == 1 else None) as server:
            found = scraper(tmp_path, f"http://127.0.0.1:{server.port}/metrics")

            async def cancelled() -> None:
                async with found.during(buckets=False):
                    while len(server.heads) < 2:
                        await asyncio.sleep(0.01)
                    raise asyncio.CancelledError

            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(cancelled(), 60)
            return len(server.heads)

    assert load_tests.run(work()) == 2
