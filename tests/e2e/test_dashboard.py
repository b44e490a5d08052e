"""The dashboard of the installed release in a real browser, through the API's Service."""

import re
import secrets
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from e2e.conftest import Looked, Release
from e2e.documents import perf_run, tagged
from e2e.kube import Kube, PortForward, phase
from fakes.screen import Screen, barriers, opened_browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Started once."""
    with opened_browser() as opened:
        yield opened


@pytest.fixture
def screen(browser: Browser, kube: Kube) -> Iterator[Screen]:
    """Tabs over the Service. A test during which a page complained, or asked another machine, fails."""
    forward = PortForward(kube.namespace, "service/evalkube-api", 9000).start()
    opened = Screen(browser, forward.url)
    yield opened
    forward.stop()
    assert opened.complaints == []
    assert opened.elsewhere == []


def test_runs_that_kubectl_made_are_listed_by_their_tags(screen: Screen, looked: Looked, kube: Kube) -> None:
    """With their results; a tag leads to the runs that have it. The service has no token, and the page says so."""
    with screen.page("/ui?tag=looked") as tab:
        tab.wait_for_selector("html[data-following]")
        assert tab.get_by_text("This service is open.").is_visible()
        assert tab.locator("tbody tr").count() == 3
        row = tab.get_by_role("row", name=re.compile("looked-eval"))
        expect(row.get_by_text("Succeeded")).to_be_visible()
        expect(row.get_by_text("score")).to_be_visible()
        assert barriers(tab) == []
        tab.get_by_role("link", name=re.compile("nightly")).click()
        expect(tab.locator("tbody tr")).to_have_count(1)
        expect(tab.get_by_text(looked.load_test["metadata"]["name"])).to_be_visible()


def test_an_evaluation_is_read_down_to_one_sample(screen: Screen, looked: Looked) -> None:
    """Scores, the wrong samples, and one of them by its link: what was asked, answered and wanted."""
    name = looked.evaluation["metadata"]["name"]
    with screen.page(f"/ui/runs/{name}") as tab:
        expect(tab.locator(".tiles.scores")).to_contain_text("87.5 %")
        assert barriers(tab) == []
        tab.get_by_role("link", name=re.compile("^wrong 1$")).click()
        expect(tab.locator("tbody tr")).to_have_count(1)
        tab.locator("tbody").get_by_role("link").first.click()
        expect(tab.locator(".outcome")).to_contain_text("wrong")
        for heading in ("Prompt", "Answer", "Target"):
            expect(tab.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        address = tab.url
    with screen.page(address) as tab:
        expect(tab.locator(".outcome")).to_contain_text("wrong")
        assert barriers(tab) == []


def test_a_load_test_has_its_verdict_figures_and_curves(screen: Screen, looked: Looked) -> None:
    """Of both shards' requests together."""
    name = looked.load_test["metadata"]["name"]
    with screen.page(f"/ui/runs/{name}") as tab:
        expect(tab.get_by_role("region", name="Result", exact=True)).to_be_visible()
        expect(tab.get_by_role("heading", name="Figures")).to_be_visible()
        expect(tab.get_by_text("150 of 150 requests")).to_be_visible()
        spread = tab.get_by_role("figure", name="TTFT, share of requests up to each value")
        expect(spread.get_by_role("img")).to_be_visible()
        assert barriers(tab) == []
    with screen.page(f"/ui/runs/{name}?view=load") as tab:
        for title in ("Requests over time", "TTFT over time", "Latency over time"):
            expect(tab.get_by_role("figure", name=title).get_by_role("img").first).to_be_visible()
        assert barriers(tab) == []
    with screen.page(f"/ui/runs/{name}?view=requests&point=parallel_8_number_150") as tab:
        expect(tab.get_by_text("1 to 50 of 150").first).to_be_visible()


def test_a_run_at_work_is_seen_and_cancelled_from_its_page(screen: Screen, kube: Kube) -> None:
    """Its figures come as they are told; the page then says that it was cancelled, as kubectl does."""
    kube.create(tagged(perf_run("to-cancel", "slow", rate=[5], number=[100_000]), looked="live"))
    kube.in_phase("perfrun", "to-cancel", "Running")
    with screen.page("/ui/runs/to-cancel") as tab:
        expect(tab.get_by_text("Requests/s")).to_be_visible(timeout=60_000)
        tab.get_by_role("button", name="Cancel").click()
        expect(tab.get_by_role("heading", name="Cancel 1 run?")).to_be_visible()
        tab.get_by_role("button", name="Cancel").click()
        expect(tab.locator(".now").get_by_text("Cancelled")).to_be_visible(timeout=60_000)
    assert phase(kube.ended("perfrun", "to-cancel")) == "Cancelled"
    kube.delete("perfrun", "to-cancel")


@pytest.fixture
def token(release: Release) -> Iterator[str]:
    """The release asks for this token meanwhile."""
    kube, word = release.kube, secrets.token_hex(16)
    metadata = {"name": "rest-token"}
    kube.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"token": word}})
    before = api_pods(kube)
    try:
        release.upgrade("--set", "api.tokenSecretName=rest-token")
        until_gone(kube, before)
        yield word
    finally:
        before = api_pods(kube)
        kube.helm("rollback", "evalkube", "--wait")
        until_gone(kube, before)
        kube.delete("secret", "rest-token")


def api_pods(kube: Kube) -> list[str]:
    """The pods of the API by name."""
    return [pod["metadata"]["name"] for pod in kube.select("pods", "app.kubernetes.io/component=api")]


def until_gone(kube: Kube, pods: list[str]) -> None:
    """Returns when none of these pods is left that a port-forward could lead to."""
    for name in pods:
        kube.gone("pod", name)


def test_a_release_with_a_token_asks_for_it(token: str, screen: Screen, looked: Looked) -> None:
    """A browser once, by a login page that leads to the page that was asked for; the stream of changes works then."""
    with screen.page("/ui?tag=looked") as tab:
        expect(tab.get_by_role("heading", name="Log in")).to_be_visible()
        tab.get_by_label("Token").fill(token)
        tab.get_by_role("button", name="Log in").click()
        tab.wait_for_selector("html[data-following]")
        expect(tab.get_by_text(looked.evaluation["metadata"]["name"])).to_be_visible()
        assert tab.get_by_text("This service is open.").count() == 0
        assert token not in tab.content()
