"""Words of a command line as values."""

from typing import Any

import pytest

from evalkube_cli.asking import reading
from evalkube_crds.requests import EvalRequest, PerfRequest


@pytest.mark.parametrize(
    ("model", "field", "words", "value"),
    [
        pytest.param(EvalRequest, "model", "123", "123", id="text that looks like a number"),
        pytest.param(EvalRequest, "limit", "10", 10, id="number, whole"),
        pytest.param(EvalRequest, "limit", "0.25", 0.25, id="number"),
        pytest.param(EvalRequest, "limit", "nan", "nan", id="not a number of JSON"),
        pytest.param(EvalRequest, "repeats", "2.5", "2.5", id="no whole number: the contract says so"),
        pytest.param(EvalRequest, "debug", "true", True, id="boolean"),
        pytest.param(EvalRequest, "datasets", ["gsm8k", "iquiz"], ["gsm8k", "iquiz"], id="several words"),
        pytest.param(EvalRequest, "datasets", "gsm8k", ["gsm8k"], id="one of several"),
        pytest.param(EvalRequest, "generation_config", '{"top_p": 0.5}', {"top_p": 0.5}, id="JSON"),
        pytest.param(PerfRequest, "rate", ["-1", "2.5"], [-1, 2.5], id="several numbers"),
        pytest.param(PerfRequest, "stop", ["1", "END"], ["1", "END"], id="several texts"),
        pytest.param(PerfRequest, "extra_args", '{"a": [1]}', {"a": [1]}, id="free map"),
    ],
)
def test_read(model: Any, field: str, words: str | list[str], value: Any) -> None:
    """A field's words become what its annotation holds."""
    assert reading.read(words, model.model_fields[field].annotation, field) == value


def test_what_must_be_json_says_so() -> None:
    """The field is named, and what is wrong."""
    with pytest.raises(reading.Unreadable, match="generation_config: must be JSON"):
        reading.read("{top_p", EvalRequest.model_fields["generation_config"].annotation, "generation_config")


@pytest.mark.parametrize(
    ("setting", "body"),
    [
        ("model=7", {"model": "7"}),
        ("generation_config.temperature=0.5", {"generation_config": {"temperature": 0.5}}),
        ("dataset_args.gsm8k.local_path=/a=b", {"dataset_args": {"gsm8k": {"local_path": "/a=b"}}}),
        ('dataset_args.gsm8k.subset_list=["a"]', {"dataset_args": {"gsm8k": {"subset_list": ["a"]}}}),
        ("generation_config.extra_body.flag=true", {"generation_config": {"extra_body": {"flag": True}}}),
        ("generation_config.extra_body.word=plain", {"generation_config": {"extra_body": {"word": "plain"}}}),
        ("no_such.field=1", {"no_such": {"field": 1}}),
    ],
)
def test_assign(setting: str, body: dict[str, Any]) -> None:
    """A path leads into objects and maps; the value is read by the field it leads to."""
    found: dict[str, Any] = {}
    reading.assign(found, setting, EvalRequest)
    assert found == body


@pytest.mark.parametrize("setting", ["model", "=1", "a..b=1", "model.name=x"])
def test_a_setting_that_leads_nowhere(setting: str) -> None:
    """No equals sign, no name, or a path through a value."""
    with pytest.raises(reading.Unreadable, match="--set"):
        reading.assign({"model": "m"}, setting, EvalRequest)


def test_words_beside_a_number_are_told() -> None:
    """A batch size is a number or auto; of a list of words alone there is nothing beside."""
    fields = EvalRequest.model_fields
    assert reading.words_of(fields["eval_batch_size"].annotation) == ("auto",)
    assert reading.words_of(fields["repeats"].annotation) == ()
    assert reading.words_of(fields["dataset_hub"].annotation) == ()
