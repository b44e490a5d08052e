"""A request as a form, and the form as a request."""

import json
import shlex
from typing import Any

import pytest
import yaml

from evalkube_api.ui import form, spellings
from evalkube_crds.cluster import CLUSTER_ONLY
from evalkube_crds.problems import Problem
from evalkube_crds.requests import EvalRequest, PerfRequest

MODELS: dict[form.Word, Any] = {"eval": EvalRequest, "perf": PerfRequest}
LEFT_OUT = {"eval_type", "eval_backend", "cancel", "suspend", "generation_config"}


def fields(word: form.Word, *, cluster: bool = False) -> dict[str, form.Field]:
    """All fields of a form by name."""
    return {field.name: field for group in form.groups(word, cluster=cluster) for field in group.fields}


def body(word: form.Word, **given: str) -> tuple[dict[str, Any], list[Problem]]:
    """The request of a form as a browser sends it: with everything else as it was shown."""
    shown = {name.replace(".", "__"): field.default for name, field in fields(word).items()}
    sent = {name.replace("__", "."): value for name, value in {**shown, **given}.items()}
    return form.body_of(word, sent, cluster=False)


@pytest.mark.parametrize("word", ["eval", "perf"])
def test_every_field_of_a_request_is_in_its_form(word: form.Word) -> None:
    """Once; what only a cluster can do in the form of a cluster alone."""
    everything = set(MODELS[word].model_fields) - LEFT_OUT
    on_cluster = [field.name for group in form.groups(word, cluster=True) for field in group.fields]
    assert len(on_cluster) == len(set(on_cluster))
    assert everything <= set(on_cluster)
    assert everything - set(CLUSTER_ONLY) <= set(fields(word))
    assert not set(CLUSTER_ONLY) & set(fields(word))


@pytest.mark.parametrize("word", ["eval", "perf"])
def test_an_untouched_form_asks_for_nothing(word: form.Word) -> None:
    """Defaults are not sent: a request says what its author did."""
    assert body(word) == ({}, [])


@pytest.mark.parametrize(
    ("word", "name", "text", "value"),
    [
        ("eval", "model", " m ", "m"),
        ("eval", "limit", "0.5", 0.5),
        ("eval", "limit", "20", 20),
        ("eval", "eval_batch_size", "auto", "auto"),
        ("eval", "eval_batch_size", "8", 8),
        ("eval", "datasets", "gsm8k\narc", ["gsm8k", "arc"]),
        ("eval", "ignore_errors", "false", False),
        ("eval", "dry_run", "true", True),
        ("eval", "tags", "team: a\nnightly", {"team": "a", "nightly": ""}),
        ("eval", "judge", '{"repeats": 3}', {"repeats": 3}),
        ("perf", "parallel", "1, 2,4", [1, 2, 4]),
        ("perf", "rate", "2.5", [2.5]),
        ("perf", "headers", "x-team: a: b", {"x-team": "a: b"}),
        ("perf", "stop", "a\nb", ["a", "b"]),
        ("perf", "apply_chat_template", "false", False),
        ("perf", "goodput", '{"ttft": 0.2}', {"ttft": 0.2}),
    ],
)
def test_texts_become_values(word: form.Word, name: str, text: str, value: Any) -> None:
    """Of the type that the request has."""
    assert body(word, **{name: text}) == ({name: value}, [])


def test_a_field_within_another_finds_its_place() -> None:
    """As `generation_config` has it."""
    assert body("eval", generation_config__max_tokens="64")[0] == {"generation_config": {"max_tokens": 64}}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("number", "many", "must be a number"),
        ("goodput", "{", "must be JSON"),
        ("goodput", "[" * 100_000, "must be JSON"),
        ("headers", "no colon", "must be `name: value`"),
        ("rate", "1e999", "must be a number"),
    ],
)
def test_what_cannot_be_read_is_said_of_its_field(name: str, text: str, words: str) -> None:
    """Before the contract is asked."""
    _, (problem,) = body("perf", **{name: text})
    assert problem.field == name
    assert words in problem.reason


def test_a_request_survives_its_form() -> None:
    """What a run was asked is what its clone asks."""
    asked = {
        "model": "m",
        "url": "http://h/v1",
        "parallel": [1, 8],
        "number": [10, 80],
        "rate": [2.5, 10.0],
        "open_loop": True,
        "no_timestamp": False,
        "headers": {"x-team": "a"},
        "goodput": {"ttft": 0.5},
        "stop": ["a", "b"],
        "temperature": 0.25,
        "tags": {"team": "a"},
    }
    values = form.values_of("perf", asked, cluster=False)
    shown = {name: values.get(name, field.default) for name, field in fields("perf").items()}
    assert form.body_of("perf", shown, cluster=False) == (asked, [])


def test_keys_are_no_value_of_a_form() -> None:
    """Whoever asks for a clone does not get them."""
    assert form.values_of("eval", {"model": "m", "api_key": "sk-secret"}, cluster=False) == {"model": "m"}


@pytest.mark.parametrize(
    ("problem", "field"),
    [
        ("datasets[1]", "datasets"),
        ("generation_config.max_tokens", "generation_config.max_tokens"),
        ("judge.models[0].api_url", "judge"),
        ("tags.a b", "tags"),
        ("no_such_field", None),
        ("", None),
    ],
)
def test_a_problem_finds_its_field(problem: str, field: str | None) -> None:
    """Or none, and then stands in the summary alone."""
    assert form.field_of_problem("eval", Problem(problem, "is wrong"), cluster=False) == field


REQUEST: dict[str, Any] = {
    "model": "o'model $HOME",
    "url": "http://h/v1",
    "parallel": [1, 2],
    "number": [10, 20],
    "debug": True,
    "no_timestamp": False,
    "goodput": {"ttft": 0.5},
    "tags": {"team": "a"},
}


def spelled(secrets: tuple[str, ...] = ()) -> dict[str, spellings.Spelling]:
    """The request for a load test, by the name of its spelling."""
    found = spellings.spellings("perf", REQUEST, url="http://127.0.0.1:9000", token=True, secrets=secrets)
    return {one.name: one for one in found}


def test_curl_sends_the_request() -> None:
    """With the token and the key from the environment, and nothing that a shell would read."""
    words = shlex.split(spelled(("api_key",))["curl"].text.replace("\\\n", " "))
    assert words[:2] == ["curl", "http://127.0.0.1:9000/api/v1/perf"]
    assert "Authorization: Bearer $EVALKUBE_TOKEN" in words
    assert json.loads(words[words.index("-d") + 1]) == REQUEST | {"api_key": "$EVALKUBE_API_KEY"}


def test_the_command_line_has_an_option_for_each_field() -> None:
    """As `evalkube perf` takes them."""
    words = shlex.split(spelled()["Command line"].text.replace("\\\n", " "))
    assert words[:4] == ["evalkube", "perf", "--server", "http://127.0.0.1:9000"]
    assert words[words.index("--model") + 1] == "o'model $HOME"
    assert words[words.index("--parallel") + 1 :][:2] == ["1", "2"]
    assert "--debug" in words
    assert "--timestamp" in words
    assert json.loads(words[words.index("--goodput") + 1]) == {"ttft": 0.5}


def test_the_resource_has_the_spec_and_names_a_secret() -> None:
    """Tags are its labels; the key itself is nowhere."""
    document = yaml.safe_load(spelled(("api_key",))["YAML"].text)
    assert document["kind"] == "PerfRun"
    assert document["metadata"]["labels"] == {"tags.evalkube.io/team": "a"}
    assert document["spec"]["noTimestamp"] is False
    assert document["spec"]["apiKeySecretRef"]["key"] == "api-key"


def test_what_is_not_complete_is_no_resource() -> None:
    """It says so instead."""
    *_, resource = spellings.spellings("eval", {"model": "m"}, url="http://h", token=False, secrets=())
    assert resource.text == ""
    assert "complete" in resource.note
