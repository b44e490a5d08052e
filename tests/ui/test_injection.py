"""What runs say of themselves, and what models and logs say, is shown as text and never runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from fakes.many_runs import ended_run, written
from fakes.screen import Screen
from fakes.service import Service, running_service

EVIL = "</title><script>window.run=1</script><img src=x onerror='window.run=2'><b>\"'`{{7*7}}${7*7}\u202e"
BREAKING = "</script></pre></textarea>--><script>window.run=3</script>"


@pytest.fixture(scope="module")
def hostile(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with runs whose names, messages and logs are attacks."""
    outputs = tmp_path_factory.mktemp("hostile") / "outputs"
    evaluation = ended_run(1, model=EVIL, failed=f"{BREAKING} said the server {EVIL}")
    load_test = ended_run(2, kind="perf", model=BREAKING, failed=EVIL)
    named = written(outputs, [evaluation, load_test])
    for name in named:
        (outputs / ".evalkube" / "runs" / name / "runner.log").write_text(f"{EVIL}\n{BREAKING}\n")
    with running_service(outputs) as running:
        body = {"model": f"hang-{EVIL}", "api_url": "http://h/v1", "datasets": ["gsm8k"]}
        running.post("eval", body, prefer="respond-async")
        yield running


def ids(service: Service) -> list[str]:
    """Of all runs."""
    return [run["id"] for run in service.client.get("/api/v1/runs").json()["runs"]]


def ran(tab: Page) -> object:
    """What an attack would have left."""
    return tab.evaluate("window.run")


def test_the_list_shows_names_as_text(browser: Browser, hostile: Service) -> None:
    """Also once it is fetched anew."""
    screen = Screen(browser, hostile.url)
    with screen.page("/ui") as tab:
        assert tab.get_by_text(EVIL).first.is_visible()
        with tab.expect_response("**/ui*"):
            tab.evaluate("htmx.ajax('GET', '/ui', {target: '#runs', swap: 'outerHTML'})")
        tab.wait_for_timeout(200)
        assert tab.get_by_text(EVIL).first.is_visible()
        assert ran(tab) is None
    assert screen.complaints == []


def test_a_run_and_its_log_are_text(browser: Browser, hostile: Service) -> None:
    """The model's name, the message of the failure, the log, and the name of the page."""
    screen = Screen(browser, hostile.url)
    for run_id in ids(hostile):
        with screen.page(f"/ui/runs/{run_id}") as tab:
            tab.wait_for_timeout(200)
            assert ran(tab) is None
            assert "window.run" in tab.content()
    assert screen.complaints == []


def test_a_copy_of_a_run_is_text(browser: Browser, hostile: Service) -> None:
    """In the fields of the form, and in the request that stands beside it."""
    screen = Screen(browser, hostile.url)
    for run_id in ids(hostile):
        with screen.page(f"/ui/new?clone={run_id}") as tab:
            assert tab.get_by_label("model required").input_value() in (EVIL, BREAKING, f"hang-{EVIL}")
            assert ran(tab) is None
    assert screen.complaints == []


@pytest.mark.parametrize(
    "path", ["/ui?q={}", "/ui?phase={}", "/ui?tag={}", "/ui/new?kind=perf&model={}", "/ui/runs/{}"]
)
def test_an_address_is_text(browser: Browser, hostile: Service, path: str) -> None:
    """In filters, in fields, and in what says that there is no such thing."""
    screen = Screen(browser, hostile.url)
    attack = "%3C/script%3E%3Cscript%3Ewindow.run=1%3C%2Fscript%3E%22%20autofocus%20onfocus=%22window.run=2"
    with screen.page(path.format(attack)) as tab:
        assert ran(tab) is None
    assert [one for one in screen.complaints if "status of 40" not in one] == []


def test_what_a_form_says_is_text(browser: Browser, hostile: Service) -> None:
    """With the errors beside the fields, and on the page that asks whether one is sure."""
    wrong = hostile.client.post("/ui/new", data={"kind": "eval", "model": EVIL, "api_url": BREAKING, "limit": EVIL})
    assert wrong.status_code == 400
    asked = hostile.client.post("/ui/do", data={"run": EVIL, "action": "delete", "back": EVIL})
    for page in (wrong.text, asked.text):
        assert "<script>window" not in page
        assert "<img" not in page
        assert "{{7*7}}" in page  # shown, not computed


def test_an_evil_folder_of_outputs_is_text(browser: Browser, tmp_path: Path) -> None:
    """`evalkube view` shows what others send."""
    written(tmp_path, [ended_run(1, model=EVIL, failed=BREAKING)])
    with running_service(tmp_path, backend="folder") as service:
        screen = Screen(browser, service.url)
        with screen.page("/ui") as tab:
            assert tab.get_by_text(EVIL).first.is_visible()
            assert ran(tab) is None
        assert screen.complaints == []
