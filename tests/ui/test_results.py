"""The pages of results in a real browser: an evaluation with its samples, a load test, and runs beside one another."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from fakes.many_samples import evaluated
from fakes.mock_model import running_mock
from fakes.screen import Screen, flaws, fold_out
from fakes.service import Service, running_service

ATTACK = "</pre></script><script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">"
LONG = "Really. " * 12_000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the service may read from."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def finished(browser: Browser, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with evaluations that were made up. `eval-old` left no result document, as older versions do."""
    outputs = tmp_path_factory.mktemp("results") / "outputs"
    evaluated(outputs, 500, name="eval-many")
    evaluated(outputs, 500, name="eval-other", wrong=4)
    evaluated(outputs, 20, name="eval-old")
    (outputs / "eval-old" / "reports" / "result.json").unlink()
    with running_service(outputs, standin=False, perf_alone=False, data=[data]) as service:
        yield service


@pytest.fixture(scope="module")
def tested(finished: Service) -> list[str]:
    """The ids of two load tests of three loads; of the second one request in ten fails."""
    ids = []
    for fails in ("0", "0.1"):
        with running_mock("--ttft-ms", "5", "--itl-ms", "1", "--tokens", "8", "--fail-rate", fails) as url:
            body = {
                "model": "mock",
                "url": f"{url}/chat/completions",
                "parallel": [1, 2, 4],
                "number": [30, 60, 120],
                "dataset": "openqa",
                "data_source": "sample",
                "stream": True,
                "sleep_interval": 0,
            }
            answer = finished.post("perf", body, prefer="wait=100")
            assert answer.status_code == 200, answer.text
            ids.append(answer.json()["id"])
    return ids


@pytest.fixture(scope="module")
def attacked(finished: Service, data: Path) -> str:
    """An evaluation whose questions, answers, subset and model are an attack on who looks at them; one answer is very
    long."""
    rows = [{"question": f"{ATTACK} What is number {at}?", "answer": f"#### {at}"} for at in range(4)]
    for split in ("test", "train"):
        (data / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    answers = data / "answers.jsonl"
    said = [{"match": f"number {at}?", "answer": f"{ATTACK} The answer is {at}."} for at in range(3)]
    said.append({"match": "number 3?", "answer": LONG + "The end."})
    answers.write_text("".join(json.dumps(one) + "\n" for one in said))
    with running_mock("--answers", str(answers)) as url:
        body = {
            "model": "<b>bold</b>",
            "api_url": url,
            "datasets": ["gsm8k"],
            "dataset_args": {"gsm8k": {"local_path": str(data), "few_shot_num": 0}},
            "generation_config": {"max_tokens": 100_000},
        }
        answer = finished.post("eval", body, prefer="wait=100")
    assert answer.status_code == 200, answer.text
    run_id: str = answer.json()["id"]
    return run_id


@pytest.fixture
def screen(browser: Browser, finished: Service) -> Iterator[Screen]:
    """Tabs over that service. A test during which a page complained, or asked another machine, fails."""
    opened = Screen(browser, finished.url)
    yield opened
    assert opened.complaints == []
    assert opened.elsewhere == []


PAGES = {
    "scores": "/ui/runs/eval-many",
    "samples": "/ui/runs/eval-many?view=samples&state=wrong",
    "setup": "/ui/runs/eval-many?view=setup",
    "sample": "/ui/runs/eval-many/samples/gsm8k/main/3?state=wrong",
    "errored": "/ui/runs/eval-many/samples/gsm8k/main/49",
    "load test": "/ui/runs/{0}",
    "load": "/ui/runs/{1}?view=load&point=parallel_4_number_120",
    "requests": "/ui/runs/{1}?view=requests&point=parallel_4_number_120&row=3",
    "choose": "/ui/compare",
    "evaluations": "/ui/compare?runs=eval-many,eval-other",
    "load tests": "/ui/compare?runs={0},{1}",
}


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_a_page_of_results_has_no_flaws(screen: Screen, tested: list[str], path: str) -> None:
    """No barriers by axe, in both themes; nothing but tables scrolls sideways, in narrow and in wide windows."""
    with screen.page(path.format(*tested)) as page:
        fold_out(page)
        assert flaws(page) == []


def test_pages_of_results_are_read_without_a_script(screen: Screen, tested: list[str]) -> None:
    """Tables and drawings are in the page itself, and links lead on."""
    with screen.page(f"/ui/runs/{tested[1]}?view=load", script=False) as page:
        expect(page.get_by_role("img", name="Latency, distribution")).to_be_visible()
        expect(page.get_by_role("table", name="Failed requests, by cause")).to_be_visible()
    with screen.page("/ui/runs/eval-many?view=samples", script=False) as page:
        page.get_by_role("link", name="wrong 141").click()
        expect(page.get_by_text("1 to 50 of 141").first).to_be_visible()


def test_samples_are_chosen_by_state_and_paged(screen: Screen) -> None:
    """What is chosen stands in the URL, which shows the same elsewhere."""
    with screen.page("/ui/runs/eval-many?view=samples") as page:
        page.get_by_role("link", name="no answer found 23").click()
        expect(page.locator("tbody tr")).to_have_count(23)
        page.get_by_role("link", name="all 500").click()
        page.get_by_role("link", name="Next").first.click()
        expect(page.get_by_text("51 to 100 of 500").first).to_be_visible()
        assert "page=2" in page.url
        page.get_by_label("Order").select_option("slowest")
        expect(page.get_by_text("1 to 50 of 500").first).to_be_visible()
        assert "sort=slowest" in page.url


def test_the_arrow_keys_lead_through_the_list_that_a_sample_was_opened_from(screen: Screen) -> None:
    """Next and previous are those of the wrong ones, and the way back is to the page of the list."""
    with screen.page("/ui/runs/eval-many?view=samples&state=wrong") as page:
        page.get_by_role("link", name="gsm8k / main #3", exact=True).click()
        expect(page.get_by_role("link", name="1 of 141 wrong")).to_be_visible()
        page.wait_for_load_state("load")
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("link", name="2 of 141 wrong")).to_be_visible()
        assert "/samples/gsm8k/main/6?state=wrong" in page.url
        page.wait_for_load_state("load")
        page.keyboard.press("ArrowLeft")
        expect(page.get_by_role("link", name="1 of 141 wrong")).to_be_visible()


def test_a_sample_says_what_was_asked_answered_and_wanted(screen: Screen) -> None:
    """Prompt, answer, extraction, target and verdict, and the same as JSON."""
    with screen.page("/ui/runs/eval-many/samples/gsm8k/main/3") as page:
        for words in ("Question 3?", "It is 7.", "Be brief."):
            expect(page.get_by_text(words)).to_be_visible()
        expect(page.locator(".outcome")).to_contain_text("wrong")
        page.get_by_role("link", name="Whole sample as JSON").click()
        assert json.loads(page.locator("body").inner_text())["answer"] == "It is 7."


def test_an_errored_sample_says_why(screen: Screen) -> None:
    """Its class and the message are there, in the list its class."""
    with screen.page("/ui/runs/eval-many/samples/gsm8k/main/49") as page:
        expect(page.get_by_role("heading", name="Error: status_5xx")).to_be_visible()
        expect(page.locator(".outcome")).to_contain_text("503")


def test_nothing_that_a_model_or_a_data_set_says_is_run(screen: Screen, attacked: str) -> None:
    """Attacks in questions, answers and the model's name are shown as the text that they are."""
    for path in (
        f"/ui/runs/{attacked}",
        f"/ui/runs/{attacked}?view=samples",
        f"/ui/runs/{attacked}/samples/gsm8k/main/0",
        f"/ui/compare?runs={attacked}",
    ):
        with screen.page(path) as page:
            page.wait_for_load_state("networkidle")
            assert "owned" not in page.title()
            assert page.locator("main script:not([type='application/json']), main img, main h1 b").count() == 0
    with screen.page(f"/ui/runs/{attacked}/samples/gsm8k/main/0") as page:
        expect(page.locator(".answer-text")).to_contain_text(ATTACK)


def test_a_very_long_answer_is_folded_and_whole(screen: Screen, attacked: str) -> None:
    """Its beginning is seen; opened it has much more, and the rest is one link away."""
    with screen.page(f"/ui/runs/{attacked}/samples/gsm8k/main/3") as page:
        answer = page.locator(".answer-text")
        expect(answer.locator(".beginning")).to_be_visible()
        answer.locator("summary").click()
        expect(answer.locator(".beginning")).to_be_hidden()
        page.get_by_role("link", name="The whole sample (JSON)").click()
        assert page.locator("body").inner_text().count("Really. ") == LONG.count("Really. ")


def test_the_plots_of_many_values_are_drawn_again_with_readings(screen: Screen, tested: list[str]) -> None:
    """A script puts a plot with readings where the drawing was; the table behind it stays."""
    with screen.page(f"/ui/runs/{tested[0]}") as page:
        chart = page.locator("figure.chart").first
        chart.scroll_into_view_if_needed()
        expect(chart.locator("canvas")).to_have_count(1)
        chart.get_by_text("Values as a table").click()
        expect(chart.get_by_role("table").last).to_be_visible()


def test_failed_requests_are_found_by_class_and_opened(screen: Screen, tested: list[str]) -> None:
    """The list of a load's requests leads to each row as it was written down."""
    with screen.page(f"/ui/runs/{tested[1]}?view=requests&point=parallel_4_number_120") as page:
        page.get_by_role("link", name="status_5xx").click()
        expect(page.get_by_text("status_5xx (HTTP 500)").first).to_be_visible()
        page.locator("tbody th a").first.click()
        expect(page.locator("pre")).to_contain_text('"status":500')


def test_a_comparison_shows_what_flipped_and_leads_to_both_samples(screen: Screen) -> None:
    """Questions that became worse, with a link to each of the two answers."""
    with screen.page("/ui/compare?runs=eval-many,eval-other") as page:
        expect(page.get_by_role("table", name="Scores compared")).to_contain_text("better")
        page.get_by_role("link", name="worse 83").click()
        expect(page.locator("#flips tbody tr")).to_have_count(50)
        row = page.locator("#flips tbody tr").first
        link = row.get_by_role("link").last.get_attribute("href")
        assert link is not None
        assert link.startswith("/ui/runs/eval-other/samples/gsm8k/main/")
        page.goto(link)
        expect(page.locator(".outcome")).to_be_visible()


def test_runs_are_added_to_a_comparison_and_changed_in_it(screen: Screen) -> None:
    """A form adds a run; links make another one the baseline, or take one away."""
    with screen.page("/ui/compare?runs=eval-many") as page:
        page.get_by_label("Add a run").select_option("eval-other")
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_role("heading", name="Scores")).to_be_visible()
        page.get_by_role("link", name="make it the baseline").click()
        assert _first_run(page) == "eval-other"
        page.get_by_role("link", name="remove B").click()
        expect(page.get_by_text("Add another run to compare with.")).to_be_visible()


def _first_run(page: Page) -> str:
    expect(page.locator(".sides-table tbody tr")).to_have_count(2)
    return page.locator(".sides-table tbody tr a").first.inner_text()


def test_a_comparison_of_load_tests_marks_each_figure(screen: Screen, tested: list[str]) -> None:
    """Success became worse by the requests that failed, and the settings that differ are named."""
    with screen.page(f"/ui/compare?runs={','.join(tested)}") as page:
        expect(page.locator("table.matrix").get_by_role("row", name="Success")).to_contain_text("worse")
        expect(page.get_by_role("table", name="Settings that differ")).to_contain_text("url")


def test_runs_of_two_kinds_are_not_compared(screen: Screen, tested: list[str]) -> None:
    """The page says which run is of another kind."""
    with screen.page(f"/ui/compare?runs=eval-many,{tested[0]}") as page:
        expect(page.get_by_role("note").filter(has_text="is of another kind than the baseline")).to_be_visible()


def test_a_slip_in_an_address_is_told(finished: Service) -> None:
    """A parameter that is none, a state that is none, a sample that is not there: with what there is."""
    client = finished.client
    rows: dict[str, tuple[str, int, str]] = {
        "parameter": ("/ui/runs/eval-many?viwe=samples", 400, "did you mean"),
        "state": ("/ui/runs/eval-many?view=samples&state=wrnog", 400, "must be one of"),
        "page": ("/ui/runs/eval-many?view=samples&page=0", 400, "page"),
        "subset": ("/ui/runs/eval-many?view=samples&subset=none", 400, "subset"),
        "sample": ("/ui/runs/eval-many/samples/gsm8k/main/5000", 404, "has no sample 5000"),
        "run": ("/ui/compare?runs=gone", 404, "gone"),
    }
    for name, (path, status, words) in rows.items():
        answer = client.get(path, headers={"accept": "text/html"})
        assert answer.status_code == status, name
        assert words in answer.text, name


def test_a_run_without_a_result_document_still_has_a_page(screen: Screen) -> None:
    """It says so, and lists the files."""
    with screen.page("/ui/runs/eval-old") as page:
        expect(page.get_by_role("note")).to_contain_text("left no reports/result.json")
        expect(page.get_by_role("link", name="reports/report.html")).to_be_visible()


def test_a_page_of_results_is_small(finished: Service, tested: list[str]) -> None:
    """What comes over the wire for a page, compressed, without the files that stay in the browser."""
    for name, path in PAGES.items():
        with finished.client.stream("GET", path.format(*tested)) as answer:
            for _ in answer.iter_raw():
                pass
            assert answer.num_bytes_downloaded < 60_000, name
