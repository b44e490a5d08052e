"""The pages: complete in themselves, and safe whatever a model said."""

import re
import time
from html.parser import HTMLParser

import pytest

from evalkube_crds import verdict
from evalkube_crds.names import Verdict
from evalkube_crds.perf_point import PerfPoint
from evalkube_report import html
from fakes import pages


class _Page(HTMLParser):
    """What a browser would find: elements with their attributes, and whether all of them are closed in order."""

    _VOID = frozenset({"meta", "br", "input"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self._VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self._open):
            self.text += data + " "

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.found)


@pytest.mark.parametrize("name", pages.PAGES)
def test_pages_are_whole_and_fetch_nothing(name: str) -> None:
    """Well-formed, nothing loaded from anywhere, no word of a machine where a number should be."""
    page = _Page(pages.PAGES[name]())
    assert not any({"src", "href", "action", "srcset"} & set(attributes) for _, attributes in page.found)
    assert page.count("script") == page.count("style") == page.count("h1") == 1
    assert not re.search(r"\b(None|nan|inf|null|undefined)\b", page.text, re.IGNORECASE)


@pytest.mark.parametrize("name", pages.PAGES)
def test_pages_are_accessible(name: str) -> None:
    """Every drawing has a title and a description, every column and row a head."""
    page = _Page(pages.PAGES[name]())
    assert page.count("svg") == page.count("desc")
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in page.found if tag == "th")
    assert page.count("table") == page.count("caption")


def test_what_a_model_said_is_never_markup() -> None:
    """Answers, names and errors with markup in them are shown as text, in the page of an evaluation."""
    samples = [pages.sample(0, pages.EVIL), pages.sample(1, pages.EVIL, None)]
    text = html.eval_report(pages.eval_result(name=pages.EVIL), spec=pages.eval_spec(), samples=samples)
    page = _Page(text)
    assert (page.count("script"), page.count("img")) == (1, 0)
    assert "<script>alert(1)</script>" in page.text
    assert not any(name.startswith("on") for _, attributes in page.found for name in attributes)


def test_what_a_server_said_is_never_markup() -> None:
    """The same in the page of a load test."""
    page = _Page(pages.perf_page(pages.point(failed=3, verdict=Verdict.INVALID), title=pages.EVIL))
    assert (page.count("script"), page.count("img")) == (1, 0)
    assert not any(name.startswith("on") for _, attributes in page.found for name in attributes)


def test_text_that_is_no_text_can_be_written() -> None:
    """Half a surrogate pair and control characters from a model do not break the file."""
    page = html.eval_report(pages.eval_result(), spec=pages.eval_spec(), samples=[pages.sample(0, pages.EVIL)])
    assert not set(page.encode().decode()) & {"\x00", "\x1b", "\ud800"}


def test_only_the_pages_own_script_may_run() -> None:
    """The policy names the script by its hash; a browser runs nothing else."""
    page = _Page(pages.PAGES["eval"]())
    policy = next(a["content"] for _, a in page.found if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert re.search(r"script-src 'sha256-[\w+/]{43}='", policy)


def test_an_invalid_point_is_loud() -> None:
    """The first thing said, with the reasons; the row marked, and its figures in no headline."""
    text = pages.perf_page(pages.point(1), pages.point(512, succeeded=900, verdict=Verdict.INVALID))
    page = _Page(text)
    first = page.text.index("Not valid at 1 of 2 loads: the load generator could not keep up")
    assert first < page.text.index("Success")
    assert page.text.index("parallel_512_number_900: the reason") > first
    assert sum(attributes.get("class") == "invalid" for tag, attributes in page.found if tag == "tr") == 2
    assert "at parallel_1_number_100" in page.text
    assert "at parallel_512_number_900" not in page.text


def test_missing_shards_are_said() -> None:
    """A partial result does not pass for a whole one."""
    result = pages.eval_result().model_copy(update={"of_shards": 4})
    page = _Page(html.eval_report(result, spec=pages.eval_spec()))
    assert "3 of the run's shards are not in this report" in page.text


def test_many_samples_are_bounded() -> None:
    """Ten thousand long answers make a page that a browser can still open."""
    samples = [pages.sample(index, "x" * 50_000) for index in range(1_000)]
    page = html.eval_report(pages.eval_result(), spec=pages.eval_spec(), samples=samples)
    assert page.count("<tbody data-state") == 200
    assert len(page) < 5_000_000


def test_reports_are_fast() -> None:
    """52 subsets and 200 samples: a fraction of a second, measured as CPU because the machine is shared."""
    samples = [pages.sample(index, "x" * 2_000) for index in range(1_000)]
    html.eval_report(pages.eval_result(), spec=pages.eval_spec())  # templates are compiled once
    started = time.process_time()
    html.eval_report(pages.eval_result(subsets=52), spec=pages.eval_spec(), samples=samples)
    assert time.process_time() - started < 0.6


def test_a_point_that_was_left_out_says_so() -> None:
    """Nothing was measured of it; the page has its reason, and the figures of the others."""
    left_out = PerfPoint(name="parallel_20_number_5", number=5, parallel=20, stopped=["not measured: gone"])
    left_out.verdict, left_out.verdict_reasons = verdict.judge_point(left_out)
    page = pages.perf_page(pages.point(), left_out)
    assert "not measured: gone" in page
    assert "nan" not in page.lower().split()
