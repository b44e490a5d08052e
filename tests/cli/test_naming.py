"""What is wrong, said of what the user typed."""

import pytest

from evalkube_cli.asking.naming import Typed, flag, named
from evalkube_crds.problems import Problem
from evalkube_crds.requests import EvalRequest

TYPED = Typed(
    fields=frozenset(EvalRequest.model_fields),
    words={"api_url": "x", "datasets": ["a"], "generation_config": "{}", "ignore_errors": False},
    settings=["seed=x", "judge.models=1"],
    file="run.yaml",
    in_file=frozenset({"limit", "seed"}),
    thresholds=["score>1"],
    tags=["a=b"],
)
FIELDS = {
    "an option": ("api_url", "--api-url: wrong"),
    "one of several words": ("datasets[0]", "--datasets: wrong"),
    "inside an option": ("generation_config.top_p", "--generation-config: top_p wrong"),
    "a switch that was turned off": ("ignore_errors", "--no-ignore-errors: wrong"),
    "a setting, before the file": ("seed", "--set seed: wrong"),
    "inside a setting": ("judge.models[0].model", "--set judge.models: wrong"),
    "the file": ("limit", "--file run.yaml: limit wrong"),
    "what was not given": ("model", "--model: wrong"),
    "a threshold": ("thresholds[0].metric", "--threshold: wrong"),
    "a tag": ("tags.a", "--tag a: wrong"),
    "an option already": ("--file", "--file: wrong"),
    "no field": ("", "wrong"),
    "no field of a request": ("nothing", "nothing: wrong"),
}


@pytest.mark.parametrize(("field", "said"), FIELDS.values(), ids=FIELDS)
def test_a_problem_is_of_an_option(field: str, said: str) -> None:
    """By where the field came from."""
    (found,) = named([Problem(field, "wrong")], TYPED)
    assert str(found) == said


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("eval_batch_size", "5", "--eval-batch-size"),
        ("no_timestamp", True, "--no-timestamp"),
        ("no_timestamp", False, "--timestamp"),
    ],
)
def test_flags(name: str, given: object, wanted: str) -> None:
    """As they are spelt on the command line."""
    assert flag(name, given) == wanted
