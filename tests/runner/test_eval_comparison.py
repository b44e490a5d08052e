"""The reviews of real runs, compared."""

from pathlib import Path
from typing import Any

from evalkube_benchmarks.statistics import comparison, reviews
from evalkube_benchmarks.statistics.comparison import Side
from evalkube_crds import sample_lines
from evalkube_crds.seed import evaluation as report
from fakes.evaluations import evaluated, even_ones_right, number_of
from fakes.scripted_endpoint import Says, says


def _three_wrong(body: dict[str, Any], _number: int) -> Says:
    asked = number_of(body)
    return says(f"The answer is {asked if asked not in (2, 4, 6) else asked + 1}.")


def _side(folder: Path, name: str, script: Any, **options: Any) -> Side:
    result, _ = evaluated(folder / name, script, **options)
    reports = report.reports(result)
    found = reviews.Reviews("main")
    found.feed((folder / name / sample_lines.path("reviews", "m", "gsm8k", "main")).read_bytes())
    return Side(name=name, spec={}, reports=reports, answers={"gsm8k": found.answers()})


def test_real_runs_are_compared(tmp_path: Path) -> None:
    """Zero-shot beside worked examples and another order: the prompts differ, the questions do not."""
    before = _side(tmp_path, "a", even_ones_right)
    after = _side(tmp_path, "b", _three_wrong, args={"few_shot_num": 0, "shuffle": True})
    (found,) = comparison.compare(before, after)["benchmarks"].values()
    assert found["questions"] == 20  # one of them is there twice
    assert (found["right_to_wrong"], found["wrong_to_right"]) == (3, 9)
    assert [name for name in found["warnings"] if "questions" in name] == []
