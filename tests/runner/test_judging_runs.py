"""Evaluations with judges, whole: what they report, what they leave, and what is not asked again."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from evalkube_crds import merge, summary
from evalkube_crds.names import Reason
from evalkube_crds.results import EvalResult
from evalkube_crds.seed import evaluation as report
from evalkube_report import html
from evalkube_report.evaluation import evidence
from evalkube_runner.errors import RunFailed
from evalkube_runner.eval.run import evaluate
from fakes import scripted_endpoint
from fakes.evaluations import REVIEWS, context_in, even_ones_right, gsm8k_in, lines_of, number_of, spec_of
from fakes.scripted_endpoint import Says, Script, says

ASKED = 6
RUBRIC = {"score_type": "rubric", "criteria": [{"name": "clarity"}, {"name": "depth", "weight": 3.0}]}
PAIR = {"score_type": "pairwise"}
JUDGEMENTS = "judgements/m/gsm8k_main.jsonl"


class Judged:
    """Evaluations of the first questions of the small GSM8K by one judge, which is `judge` of the requests."""

    def __init__(self, folder: Path, judge: Script, model: Script = even_ones_right) -> None:
        self.folder, self.judge, self.model = folder, judge, model
        self.bodies: list[dict[str, Any]] = []

    def script(self, body: dict[str, Any], number: int) -> Says:
        """What model and judge say; `bodies` are the judge's requests."""
        if body["model"] == "org/m":
            return self.model(body, number)
        self.bodies.append(body)
        return self.judge(body, len(self.bodies) - 1)

    def run(self, contract: dict[str, Any], out: str = "out", **options: Any) -> EvalResult:
        """One evaluation."""
        return asyncio.run(self.running(contract, out, **options))

    async def running(
        self, contract: dict[str, Any], out: str, *, shard: int = 0, shards: int = 1, **options: Any
    ) -> EvalResult:
        more = {"rerun_review": options.pop("rerun_review", False), "shards": shards, "limit": float(ASKED)}
        async with scripted_endpoint.running(self.script) as endpoint:
            models = [{"model": "org/judge", "api_url": endpoint.url, "generation_config": {"retries": 1}}]
            judge = {"strategy": "llm", "models": models, "contract": contract, **options}
            spec = spec_of(endpoint.url, gsm8k_in(self.folder / "data"), args={"few_shot_num": 0}, judge=judge, **more)
            return await evaluate(spec, context_in(self.folder / out, shard=shard, shards=shards))


def shown(result: EvalResult) -> dict[str, Any]:
    """The report of the data set."""
    return report.reports(result)["gsm8k"]


def figures(result: EvalResult) -> dict[str, float]:
    """The figures of the report."""
    return {metric["name"]: metric["score"] for metric in shown(result)["metrics"]}


def asked_of(body: dict[str, Any]) -> int:
    """The number that a judge's request is about."""
    return int(body["messages"][1]["content"].partition("What is number ")[2].partition("?")[0])


def test_a_rubric_reports_each_criterion(tmp_path: Path) -> None:
    """The weighted mean first, then its criteria, then what the rule says."""
    judged = Judged(tmp_path, lambda body, _: says(f'{{"clarity": 1, "depth": {asked_of(body) % 2}}}'))
    result = judged.run(RUBRIC)
    assert figures(result) == {"mean_rubric": 0.625, "mean_clarity": 1.0, "mean_depth": 0.5, "mean_acc": 0.5}
    assert shown(result)["score"] == 0.625


def test_excluded_judgements_are_counted_everywhere(tmp_path: Path) -> None:
    """In the result, in the figures of a status and in the report; such a sample is errored, not wrong."""

    def judge(body: dict[str, Any], _number: int) -> Says:
        return {0: says("hm"), 1: Says(500, b"down")}.get(asked_of(body), says("[[A]]"))

    judged = Judged(tmp_path, judge)
    result = judged.run({})
    made = shown(result)
    assert (made["score"], made["scored"], made["errors"]) == (1.0, ASKED - 2, {"judge": 2})
    counts = {name: made["judge_summary"][name] for name in ("judgements", "excluded", "unreadable", "failed")}
    assert counts == {"judgements": ASKED, "excluded": 2, "unreadable": 1, "failed": 1}
    assert made["judge_summary"]["usage"]["prompt_tokens"] == 7 * (ASKED - 1 + 1)
    assert made["usage"]["prompt_tokens"] == 7 * ASKED  # the model's own
    assert summary.summary(result)["gsm8k/judgements_excluded"] == 2
    errors = {line["index"]: line["judge_summary"] for line in lines_of(tmp_path / "out/errors/m/gsm8k_main.jsonl")}
    assert [attempt["said"] for attempt in errors[0]["judgements"][0]["attempts"]] == ["hm", "hm"]


def test_prompts_and_answers_of_judges_are_in_the_review(tmp_path: Path) -> None:
    """Each attempt, with the judge's model."""
    judged = Judged(tmp_path, lambda body, _: says("So. [[B]]" if len(body["messages"]) > 2 else "So."))
    judged.run({})
    (review, *_) = lines_of(tmp_path / "out" / REVIEWS)
    words = review["sample_score"]["score"]["judge_summary"]
    assert "What is number" in words["prompts"][0][-1]["content"]
    (judgement,) = words["judgements"]
    assert (judgement["judge"], judgement["verdict"]["label"]) == ("org/judge", "B")
    assert [attempt["said"] for attempt in judgement["attempts"]] == ["So.", "So. [[B]]"]


def test_the_page_shows_what_judges_said(tmp_path: Path) -> None:
    """Of samples with a score and of errored ones, and the counts of the data set."""

    def judge(body: dict[str, Any], _number: int) -> Says:
        return says("mumble" if asked_of(body) == 0 else "They agree. [[A]]")

    result = Judged(tmp_path, judge).run({})
    spec = spec_of("http://h/v1")
    found = asyncio.run(evidence.gathered(result, context_in(tmp_path / "out").delivery.get))
    page = html.eval_report(result, spec=spec, samples=found.samples)
    for words in ("org/judge: A, score 1", "They agree.", "org/judge: excluded, unreadable", "[asked once more]"):
        assert words in page
    assert "Excluded: unreadable" in page


def test_shards_count_what_one_would(tmp_path: Path) -> None:
    """Judgements, exclusions and tokens add up."""

    def judge(body: dict[str, Any], _number: int) -> Says:
        return says("hm" if asked_of(body) == 2 else f"[[{'AB'[asked_of(body) % 2]}]]")

    whole = Judged(tmp_path, judge).run({}, "whole")
    parts = [Judged(tmp_path, judge).run({}, f"part{at}", shard=at, shards=3) for at in range(3)]
    merged = merge.merge_results(parts)
    assert merged.datasets[0].judging == whole.datasets[0].judging
    assert figures(merged) == figures(whole)


def answering(text: str) -> Script:
    """The model that says the number, and `text`."""
    return lambda body, _number: says(f"{text} {number_of(body)}")


def longer(body: dict[str, Any], _number: int) -> Says:
    """The judge that prefers the longer answer of two, by words between the marks."""
    first, second = (part.partition("\n</answer")[0] for part in body["messages"][1]["content"].split("<answer ")[1:])
    return says("[[TIE]]" if len(first) == len(second) else "[[A]]" if len(first) > len(second) else "[[B]]")


def test_answers_are_compared_with_those_of_an_earlier_run(tmp_path: Path) -> None:
    """By the questions that they answer; wins, ties and losses with a judge that looks at nothing but them."""

    def mixed(body: dict[str, Any], number: int) -> Says:
        words = {0: "a longer answer", 1: "a longer answer", 2: "short"}.get(number_of(body), "the same")
        return answering(words)(body, number)

    Judged(tmp_path, longer, answering("the same")).run({}, "earlier", strategy="rule")
    judged = Judged(tmp_path, longer, mixed)
    result = judged.run({**PAIR, "reference": {"answers": str(tmp_path / "earlier")}})
    made = figures(result)
    assert [made[f"mean_{name}"] for name in ("win", "tie", "loss")] == [
        pytest.approx(share, abs=1e-4) for share in (2 / 6, 3 / 6, 1 / 6)
    ]
    assert shown(result)["score"] == pytest.approx(3.5 / 6, abs=1e-4)
    assert len(judged.bodies) == 2 * ASKED


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(lambda at: {"question": f"What is number {at}?", "answer": "x"}, id="question and answer"),
        pytest.param(lambda at: {"prompt": f"What is  number {at}? ", "response": "x"}, id="other names, other spaces"),
        pytest.param(
            lambda at: {
                "messages": [
                    {"role": "user", "content": f"What is number {at}?"},
                    {"role": "assistant", "content": "x"},
                ]
            },
            id="a chat",
        ),
    ],
)
def test_answers_are_compared_with_those_of_a_file(tmp_path: Path, line: Any) -> None:
    """A question that has no other answer leaves its sample errored; the judge is not asked about it."""
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(line(at)) + "\n" for at in range(ASKED - 1)))
    judged = Judged(tmp_path, longer, answering("longer"))
    made = shown(judged.run({**PAIR, "reference": {"answers": str(path)}}))
    assert (made["score"], made["scored"], made["errors"]) == (1.0, ASKED - 1, {"judge": 1})
    assert len(judged.bodies) == 2 * (ASKED - 1)


def test_answers_are_compared_with_the_references_of_the_data(tmp_path: Path) -> None:
    """Where no others are named."""
    made = figures(Judged(tmp_path, longer, answering("longer")).run(PAIR))
    assert (made["mean_win_rate"], made["mean_win"]) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        pytest.param(None, "does not exist", id="no file"),
        pytest.param('{"question": "Why?", "answer": "x"}\n', "none of its 1 answers is to a question", id="others"),
        pytest.param('{"question": "Why?"', "line 1: is no JSON object", id="damaged"),
        pytest.param("", "none of its 0 answers", id="empty"),
    ],
)
def test_answers_that_are_of_no_use_are_refused(tmp_path: Path, lines: str | None, said: str) -> None:
    """Before anything is asked, with the field."""
    path = tmp_path / "answers.jsonl"
    if lines is not None:
        path.write_text(lines)
    judged = Judged(tmp_path, longer)
    with pytest.raises(RunFailed, match=said) as failed:
        judged.run({**PAIR, "reference": {"answers": str(path)}})
    assert failed.value.reason is Reason.INVALID_SPEC
    assert failed.value.message.startswith("judge.contract.reference.answers: ")
    assert not judged.bodies


def test_judging_that_is_interrupted_goes_on_where_it_was(tmp_path: Path) -> None:
    """What a judge has said is kept as it comes: the second of two repeats alone is asked for after a stop."""

    async def both() -> tuple[list[dict[str, Any]], EvalResult]:
        answered: list[dict[str, Any]] = []
        slow = True

        def script(body: dict[str, Any], number: int) -> Says:
            if body["model"] == "org/m":
                return even_ones_right(body, number)
            if slow and body["seed"] == 1:
                return Says(wait_s=60)
            answered.append(body)
            return says("[[A]]")

        async with scripted_endpoint.running(script) as endpoint:
            config = {"retries": 1, "seed": 0}
            models = [{"model": "org/judge", "api_url": endpoint.url, "generation_config": config}]
            judge = {"strategy": "llm", "models": models, "repeats": 2}
            more = {"limit": float(ASKED), "eval_batch_size": 2 * ASKED}
            spec = spec_of(endpoint.url, gsm8k_in(tmp_path / "data"), judge=judge, **more)
            work = asyncio.create_task(evaluate(spec, context_in(tmp_path / "out")))
            await endpoint.requests(3 * ASKED)
            kept = tmp_path / "out" / JUDGEMENTS
            async with asyncio.timeout(60):
                while not kept.exists() or len(kept.read_bytes().splitlines()) < ASKED:
                    await asyncio.sleep(0.01)
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            slow = False
            before = len(answered)
            result = await evaluate(spec, context_in(tmp_path / "out"))
            return answered[before:], result

    again, result = asyncio.run(both())
    assert [body["seed"] for body in again] == [1] * ASKED
    assert (shown(result)["score"], shown(result)["judge_summary"]["judgements"]) == (1.0, 2 * ASKED)


def test_another_aggregation_asks_no_judge_again(tmp_path: Path) -> None:
    """What judges said is kept by what they were asked; rerun_review asks them anew."""

    async def run() -> list[int]:
        asked: list[int] = []
        judges = 0

        def script(body: dict[str, Any], number: int) -> Says:
            nonlocal judges
            if body["model"] == "org/m":
                return even_ones_right(body, number)
            judges += 1
            return says("[[A]]")

        async with scripted_endpoint.running(script) as endpoint:
            models = [{"model": "org/judge", "api_url": endpoint.url}]
            for more in ({}, {"aggregation": "median"}, {"contract": {"score_mapping": {"A": 0.5, "B": 0.0}}}):
                judge = {"strategy": "llm", "models": models, **more}
                await evaluate(spec_of(endpoint.url, gsm8k_in(tmp_path / "d"), judge=judge), context_in(tmp_path / "o"))
                asked.append(judges)
            spec = spec_of(endpoint.url, gsm8k_in(tmp_path / "d"), judge=judge, rerun_review=True)
            result = await evaluate(spec, context_in(tmp_path / "o"))
            assert shown(result)["score"] == 0.5
            return [*asked, judges]

    assert asyncio.run(run()) == [20, 20, 20, 40]
