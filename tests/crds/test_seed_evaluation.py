"""The report's keys and arithmetic."""

import json

from evalkube_crds import seed
from evalkube_crds.results import DatasetResult, EvalResult, ScoreSum, SubsetResult, TokenUsage
from evalkube_crds.seed import evaluation as report


def _subset(name: str, category: str, right: int, count: int) -> SubsetResult:
    score = ScoreSum(count=count, total_nano=right * 10**9)
    return SubsetResult(name=name, category=[category], metrics={"mean_acc": score}, requested=count, scored=count)


def _dataset() -> DatasetResult:
    made = DatasetResult(name="ceval", pretty_name="C-Eval", description="d", main_metric="mean_acc")
    made.subsets = [
        _subset("logic", "H", 1, 1),
        _subset("law", "H", 1, 3),
        _subset("physics", "S", 0, 4),
        _subset("x", "S", 0, 0),
    ]
    made.usage = TokenUsage(samples=8, prompt_tokens=80, completion_tokens=20)
    for latency_s in (1, 2, 3, 4, 6):
        made.latency_ns.add(latency_s * 10**9)
        made.output_tokens.add(4)
    return made


def test_the_keys_are_the_seeds() -> None:
    """A client of EvalScope's reports finds every key it knows, in JSON without NaN."""
    made = report.reports(EvalResult(run_id="r", model="m", datasets=[_dataset()]))["ceval"]
    seed = {
        "name",
        "dataset_name",
        "dataset_pretty_name",
        "dataset_description",
        "model_name",
        "score",
        "metrics",
        "analysis",
    }
    assert seed <= set(made)
    assert made["name"] == "m@ceval"
    ours = {"interval", "macro_interval"}
    assert set(made["metrics"][0]) == {"name", "num", "score", "macro_score", "categories"} | ours
    assert set(made["metrics"][0]["categories"][0]) == {"name", "num", "score", "macro_score", "subsets"} | ours
    json.dumps(made, allow_nan=False)


def test_score_weighs_samples_and_macro_score_subsets() -> None:
    """2 of 8 right; over subsets (1 + 1/3 + 0)/3; an empty subset has no score and pulls nothing."""
    metric = report.dataset_report("m", _dataset())["metrics"][0]
    assert (metric["num"], metric["score"], metric["macro_score"]) == (8, 0.25, 0.4444)
    humanities, stem = metric["categories"]
    assert (humanities["name"], humanities["score"], humanities["macro_score"]) == (["H"], 0.5, 0.6667)
    assert stem["subsets"][1] == {"name": "x", "score": None, "interval": None, "num": 0}


def test_every_score_has_its_interval() -> None:
    """Of all samples, of a category, of a subset: Wilson's; of the macro score: from those of its subsets."""
    made = report.dataset_report("m", _dataset())
    metric = made["metrics"][0]
    assert made["interval"] == metric["interval"] == [0.0715, 0.5907]  # 2 of 8
    stem = metric["categories"][1]
    assert stem["interval"] == stem["subsets"][0]["interval"] == [0.0, 0.4899]  # none of 4
    assert metric["macro_interval"][0] < 0.4444 < metric["macro_interval"][1]


def test_figures_of_the_answers() -> None:
    """Seconds, percentiles of type 7, tokens per second over the time of all answers."""
    perf = report.dataset_report("m", _dataset())["perf_metrics"]["summary"]
    assert perf["n_samples"] == 5
    assert (perf["latency"]["mean"], perf["latency"]["50%"], perf["latency"]["max"]) == (3.2, 3.0, 6.0)
    assert perf["latency"]["90%"] == 5.2
    assert perf["throughput"]["avg_output_tps"] == 1.25


def test_without_answers_there_are_no_figures() -> None:
    """Nothing is made up for a run that measured nothing."""
    made = report.dataset_report("m", DatasetResult(name="x", pretty_name="X", description="", main_metric="mean_acc"))
    assert made["score"] is None
    assert "perf_metrics" not in made


def test_what_held_programs_is_beside_the_reports() -> None:
    """Of a run that ran programs of the model, and of no other."""
    held = ["landlock:files", "seccomp:sockets"]
    assert seed.response(EvalResult(run_id="r", model="m", sandbox=held)) == {"sandbox": held}
    assert seed.response(EvalResult(run_id="r", model="m")) == {}
