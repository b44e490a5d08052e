"""What an evaluation costs, what it would cost, and the index of several benchmarks: real runs against a script."""

import asyncio
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from evalkube_benchmarks.collections import COLLECTIONS
from evalkube_crds import merge, seed, summary
from evalkube_crds.results import EvalResult
from evalkube_runner.errors import RunFailed
from evalkube_runner.eval import estimate
from evalkube_runner.eval.run import evaluate
from fakes import scripted_endpoint
from fakes.evaluations import context_in, evaluated, even_ones_right, gsm8k_in, spec_of
from fakes.scripted_endpoint import ScriptedEndpoint, answering, says
from fakes.word_tokenizer import save_word_tokenizer

PRICES = {"input": 2.0, "output": 10.0, "cached": 0.5}


def _with_cached(tokens: int) -> bytes:
    return says("4", wait_s=0).body.replace(
        b'"total_tokens": 10', b'"prompt_tokens_details": {"cached_tokens": %d}, "total_tokens": 10' % tokens
    )


# name: prices, cached tokens of each answer; the cost of 20 answers of 7 and 3 tokens
COSTS: dict[str, tuple[dict[str, float] | None, int, float | None]] = {
    "input and output": ({"input": 2.0, "output": 10.0}, 0, 20 * (7 * 2 + 3 * 10) / 1e6),
    "a part from the cache": (PRICES, 4, 20 * (3 * 2 + 4 * 0.5 + 3 * 10) / 1e6),
    "no price of the cache: that of the input": ({"input": 2.0, "output": 10.0}, 4, 20 * (7 * 2 + 3 * 10) / 1e6),
    "free of charge": ({"input": 0.0, "output": 0.0}, 0, 0.0),
    "no prices": (None, 0, None),
}


@pytest.mark.parametrize(("prices", "cached", "wanted"), COSTS.values(), ids=COSTS.keys())
def test_the_cost_of_a_run(tmp_path: Path, prices: dict[str, float] | None, cached: int, wanted: float | None) -> None:
    """In the answer, in the status' summary, and nowhere where no price is known."""
    body = scripted_endpoint.Says(body=_with_cached(cached))
    result, _ = evaluated(tmp_path / "out", lambda _body, _number: body, prices=prices)
    shown = seed.response(result).get("cost")
    assert summary.summary(result).get("cost") == (None if wanted is None else pytest.approx(wanted))
    if wanted is None:
        assert shown is None
    else:
        assert shown is not None
        assert (shown["total"], shown["datasets"]["gsm8k"]) == (pytest.approx(wanted), pytest.approx(wanted))
        assert (shown["answers_with_usage"], shown["answers_scored"]) == (20, 20)


def _judged(url: str, judge_url: str, **more: Any) -> dict[str, Any]:
    models = [{"model": f"j{at}", "api_url": judge_url, "prices": {"input": at, "output": 0.0}} for at in (1, 3)]
    return {"judge": {"strategy": "llm", "models": models, "repeats": 2}, **more}


def test_judges_have_prices_of_their_own(tmp_path: Path) -> None:
    """Two judges, each asked twice about each of five answers. Where the run itself has no price there is no total."""

    async def run(name: str, **more: Any) -> EvalResult:
        async with scripted_endpoint.running(answering("[[A]]")) as endpoint:
            spec = spec_of(endpoint.url, gsm8k_in(tmp_path / "data", 5), **_judged(endpoint.url, endpoint.url), **more)
            return await evaluate(spec, context_in(tmp_path / name))

    shown = seed.response(asyncio.run(run("unpriced")))["cost"]
    assert [(one["model"], one["usage"]["samples"], one["cost"]) for one in shown["judges"]] == [
        ("j1", 10, pytest.approx(70 / 1e6)),
        ("j3", 10, pytest.approx(210 / 1e6)),
    ]
    assert (shown["model"], shown["total"]) == (None, None)
    free = seed.response(asyncio.run(run("free", prices={"input": 0, "output": 0})))["cost"]
    assert (free["model"], free["total"]) == (0, pytest.approx(280 / 1e6))


def _dry(folder: Path, **more: Any) -> tuple[EvalResult, ScriptedEndpoint]:
    return evaluated(folder, even_ones_right, dry_run=True, **more)


def test_a_dry_run_asks_nothing(tmp_path: Path) -> None:
    """It counts every call, with worked examples in its prompts, and each answer as long as it may be."""
    result, endpoint = _dry(tmp_path / "out", prices=PRICES, repeats=3, generation={"max_tokens": 100})
    assert endpoint.bodies == []
    answer = seed.response(result)
    assert set(answer) == {"estimate"}
    shown = answer["estimate"]
    assert (shown["calls"], shown["counted_by"]) == (60, "characters")
    dataset = shown["datasets"]["gsm8k"]
    assert (dataset["samples"], dataset["kept"], dataset["calls"], dataset["most_output_tokens"]) == (60, 0, 60, 6000)
    model = shown["model"]
    assert model["prompt_cost"] == pytest.approx(dataset["prompt_tokens"] * 2 / 1e6)
    assert shown["most_cost"] == model["most_cost"] == pytest.approx(model["prompt_cost"] + 6000 * 10 / 1e6)
    assert (dataset["prompt_cost"], dataset["most_cost"]) == (model["prompt_cost"], model["most_cost"])
    figures = summary.summary(result)
    assert figures["estimate/calls"] == 60
    assert figures["estimate/most_cost"] == pytest.approx(shown["most_cost"])


def test_a_dry_run_counts_by_the_tokenizer(tmp_path: Path) -> None:
    """As many tokens as the prompts that a run sends have words."""
    path = save_word_tokenizer(tmp_path)
    dry, _ = _dry(tmp_path / "dry", tokenizer_path=path)
    _, endpoint = evaluated(tmp_path / "wet", even_ones_right)
    words = sum(len(message["content"].split()) for body in endpoint.bodies for message in body["messages"])
    shown = seed.response(dry)["estimate"]
    assert (shown["counted_by"], shown["model"]["prompt_tokens"]) == ("tokenizer", words)


def test_a_dry_run_knows_what_is_kept(tmp_path: Path) -> None:
    """Of a run that stopped half way; and it leaves that as it is."""
    evaluated(tmp_path / "out", even_ones_right, limit=12)
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.jsonl")}
    result, endpoint = _dry(tmp_path / "out", any_endpoint=True)  # each has its own port
    shown = seed.response(result)["estimate"]["datasets"]["gsm8k"]
    assert (shown["samples"], shown["kept"], shown["calls"], endpoint.bodies) == (20, 12, 8, [])
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.jsonl")} == before


def test_a_dry_run_counts_the_judges(tmp_path: Path) -> None:
    """Twice two judges for each of 20 answers, which they may read in full length; one without a price: no cost."""
    more = _judged("", "http://127.0.0.1:9/v1", generation={"max_tokens": 50}, prices=PRICES)
    shown = seed.response(_dry(tmp_path / "out", **more)[0])["estimate"]
    assert [one["calls"] for one in shown["judges"]] == [40, 40]
    assert all(one["prompt_tokens"] > 40 * 50 for one in shown["judges"])
    assert (shown["calls"], shown["datasets"]["gsm8k"]["judged"]) == (100, 80)
    assert shown["datasets"]["gsm8k"]["most_cost"] == shown["model"]["most_cost"] < shown["most_cost"]
    more["judge"]["models"][0].pop("prices")
    assert seed.response(_dry(tmp_path / "two", **more)[0])["estimate"]["most_cost"] is None


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("four", 1), ("fives", 2), ("你好", 2), ("ok 你好", 3)],
    ids=lambda one: str(one) or "-",
)
def test_tokens_by_characters(text: str, tokens: int) -> None:
    """Four of ASCII for one, each other for one."""
    assert estimate.rough_tokens(text) == tokens


def test_shards_of_a_dry_run_add_up(tmp_path: Path) -> None:
    """To what one process expects, whatever the split."""

    async def run(shards: int) -> EvalResult:
        spec = spec_of("http://127.0.0.1:9/v1", gsm8k_in(tmp_path / "data"), dry_run=True, prices=PRICES)
        parts = [
            await evaluate(spec, context_in(tmp_path / f"{shards}-{shard}", shard=shard, shards=shards))
            for shard in range(shards)
        ]
        return merge.merge_results(parts)

    one, three = asyncio.run(run(1)), asyncio.run(run(3))
    assert seed.response(one) == seed.response(three)


def _several(folder: Path, shards: int = 1, **more: Any) -> EvalResult:
    """GSM8K of the test and the sample items of IQuiz, all answered "4"."""

    async def run() -> EvalResult:
        async with scripted_endpoint.running(answering("The answer is 4.")) as endpoint:
            spec = spec_of(endpoint.url, dataset_hub="sample", **more)
            parts = [
                await evaluate(spec, context_in(folder / str(shard), shard=shard, shards=shards))
                for shard in range(shards)
            ]
            return merge.merge_results(parts)

    return asyncio.run(run())


def test_a_collection_is_its_members_and_their_index(tmp_path: Path) -> None:
    """Each benchmark once, however often it is named; a weighted mean for each collection."""
    own = {"mine": {"gsm8k": 3.0, "iquiz": 1.0}}
    result = _several(tmp_path, datasets=["core_zh", "mine", "gsm8k"], collections=own)
    names = [dataset.name for dataset in result.datasets]
    assert names == [*COLLECTIONS["core_zh"].weights, "gsm8k"]
    answer = seed.response(result)
    scores = {name: answer[name]["score"] for name in names}
    mine, zh = answer["collections"]["mine"], answer["collections"]["core_zh"]
    assert mine["index"] == pytest.approx((3 * scores["gsm8k"] + scores["iquiz"]) / 4, abs=1e-4)
    assert zh["index"] == pytest.approx(fmean(scores[name] for name in COLLECTIONS["core_zh"].weights), abs=1e-4)
    assert mine["members"]["gsm8k"] == {"weight": 3.0, "score": scores["gsm8k"]}
    assert summary.summary(result)["index/mine"] == pytest.approx(mine["index"], abs=1e-4)


def test_shards_of_collections_and_costs_add_up(tmp_path: Path) -> None:
    """To bit-identical figures: sums of tokens and scores are integers, and indices and costs are computed last."""
    more: dict[str, Any] = {"datasets": ["math", "core_zh"], "prices": PRICES}
    one, three = _several(tmp_path / "one", **more), _several(tmp_path / "three", shards=3, **more)
    for result in (one, three):
        for dataset in result.datasets:
            dataset.latency_ns = dataset.ttft_ns = type(dataset.latency_ns)()
    assert seed.response(one) == seed.response(three)
    assert summary.summary(one) == summary.summary(three)


# name: what is asked for, and what is said against it
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing of that name": ({"datasets": ["core_enn"]}, "did you mean 'core_en'"),
    "a member that is none": ({"datasets": ["o"], "collections": {"o": {"gsm9k": 1.0}}}, "did you mean 'gsm8k'"),
    "a collection in a collection": ({"datasets": ["o"], "collections": {"o": {"math": 1.0}}}, "name its benchmarks"),
    "the name of a benchmark": (
        {"datasets": ["gsm8k"], "collections": {"gsm8k": {"iquiz": 1.0}}},
        "choose another",
    ),
    "arguments of another benchmark": (
        {"datasets": ["math"], "dataset_args": {"iquiz": {}}},
        "is not in datasets or their collections",
    ),
}


@pytest.mark.parametrize(("more", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_names_that_are_none_are_refused(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    """Before anything is read or asked."""
    with pytest.raises(RunFailed, match=said):
        _several(tmp_path, **more)


def test_an_index_without_a_member_is_none(tmp_path: Path) -> None:
    """The mean of the rest would be another index: which member has no score is told."""
    result = _several(tmp_path, datasets=["o"], collections={"o": {"gsm8k": 1.0, "iquiz": 1.0}})
    for subset in result.datasets[0].subsets:
        subset.metrics = {}
    shown = seed.response(result)["collections"]["o"]
    assert (shown["index"], shown["without_score"]) == (None, ["gsm8k"])
    assert "index/o" not in summary.summary(result)
