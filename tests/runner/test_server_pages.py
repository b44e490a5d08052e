"""Where a server's metrics are looked for, and what is sent there."""

from pathlib import Path
from typing import Any

import pytest

from evalkube_crds.credentials import Credentials
from evalkube_runner.context import RunContext
from evalkube_runner.deliver import FileDelivery
from evalkube_runner.server import pages
from evalkube_runner.server.pages import Page
from fakes import load_tests

OWN = [
    ("http://h:8000/v1/chat/completions", "http://h:8000/metrics"),
    ("http://h:8000/v1", "http://h:8000/metrics"),
    ("http://h:8000", "http://h:8000/metrics"),
    ("https://gw/serving/qwen/v1/chat/completions?api-version=1", "https://gw/serving/qwen/metrics"),
    ("https://gw/v1beta/models/m:generateContent", "https://gw/metrics"),
    ("http://h/generate_stream", "http://h/metrics"),
    ("http://[::1]:8000/v1/completions", "http://[::1]:8000/metrics"),
    ("http://h/vault/v12/x", "http://h/vault/metrics"),
]


@pytest.mark.parametrize(("endpoint", "page"), OWN, ids=[endpoint for endpoint, _ in OWN])
def test_the_page_of_an_endpoint_stands_beside_its_api(endpoint: str, page: str) -> None:
    """Behind a gateway's prefix too."""
    assert pages.own_page(endpoint) == page


def asked(folder: Path, url: str = "http://h:8000/v1", **fields: Any) -> list[Page]:
    """The pages of a run with a key, a header and credentials of its own."""
    delivery = FileDelivery(folder / "artifacts", folder / "control", pipeline="perf")
    credentials = Credentials(headers={"x-secret": "s1"}, query={"sig": "s2"})
    context = RunContext("r", delivery, folder, folder, api_key="k1", credentials=credentials)
    headers = {"x-tenant": "t", "Content-Type": "application/json", "accept": "text/event-stream"}
    return pages.pages(load_tests.spec(url, headers=headers, **fields), context)


def test_a_run_that_does_not_ask_has_no_page(tmp_path: Path) -> None:
    """Nobody's endpoint is asked for what the run does not want to know."""
    assert asked(tmp_path) == []


def test_the_endpoint_s_own_page_gets_what_its_requests_get(tmp_path: Path) -> None:
    """Key, headers and secret parameters; not what speaks of a body."""
    (page,) = asked(tmp_path, server_metrics={})
    assert (page.name, page.url) == ("http://h:8000/metrics", "http://h:8000/metrics?sig=s2")
    assert page.headers == {
        "x-tenant": "t",
        "x-secret": "s1",
        "Authorization": "Bearer k1",
        "Accept": "text/plain;version=0.0.4",
        "Accept-Encoding": "identity",
        "User-Agent": "evalkube",
    }


OTHERS = [
    ("another host", "http://gpu:8000/metrics"),
    ("another port", "http://h:9400/metrics"),
    ("another scheme", "https://h:8000/metrics"),
    ("a host below it", "http://h.evil:8000/metrics"),
]


@pytest.mark.parametrize("url", [url for _, url in OTHERS], ids=[name for name, _ in OTHERS])
def test_no_other_place_gets_any_of_it(tmp_path: Path, url: str) -> None:
    """Neither the key nor the headers of the run."""
    (page,) = asked(tmp_path, server_metrics={"url": url})
    assert page.url == url
    assert set(page.headers) == {"Accept", "Accept-Encoding", "User-Agent"}


def test_given_pages_replace_the_endpoint_s_own(tmp_path: Path) -> None:
    """Each once; the endpoint's may be among them."""
    urls = ["http://h:8000/metrics", "http://gpu:9400/metrics", "http://h:8000/metrics"]
    found = asked(tmp_path, server_metrics={"url": urls})
    assert [page.name for page in found] == urls[:2]
    assert ["Authorization" in page.headers for page in found] == [True, False]


def test_a_page_is_shown_without_its_secrets(tmp_path: Path) -> None:
    """Also where it is printed by mistake."""
    (page,) = asked(tmp_path, server_metrics={})
    assert not any(secret in repr(page) for secret in ("k1", "s1", "s2"))


def test_a_host_that_can_be_none_is_a_fault_of_its_page(tmp_path: Path) -> None:
    """It does not end the run."""
    (page,) = asked(tmp_path, server_metrics={"url": "http://\u2488com/metrics"})
    assert (page.url, page.headers) == ("", {})
    assert "IDNA" in page.fault
