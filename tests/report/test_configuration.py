"""The settings that a page shows."""

import pytest

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_report import configuration

_URL = "https://example.test:8443/v1?user=sk-query"


def _eval_spec(**more: object) -> EvalRunSpec:
    return EvalRunSpec.model_validate({"model": "m", "api_url": _URL, "datasets": ["gsm8k"], **more})


def test_given_fields_come_first() -> None:
    """What the request set is told from the defaults, also inside of an object."""
    found = configuration.settings_of(_eval_spec(generation_config={"temperature": 0.5}))
    given = [setting.name for setting in found if setting.given]
    assert given == ["model", "api_url", "datasets", "generation_config.temperature"]
    assert [setting.given for setting in found] == sorted((setting.given for setting in found), reverse=True)


def test_cluster_fields_stay_out_unless_given() -> None:
    """A page of a run on one machine says nothing of deadlines."""
    names = {setting.name for setting in configuration.settings_of(_eval_spec())}
    assert not any(name.startswith(("deadlines", "backoff", "shards")) for name in names)
    assert "shards" in {setting.name for setting in configuration.settings_of(_eval_spec(shards=2))}


@pytest.mark.parametrize(
    "more",
    [
        {"extra_body": {"api_key": 47114711}},
        {"extra_body": {"provider": {"X-Session-Token": 47114711}}},
    ],
)
def test_what_may_be_a_secret_is_masked(more: dict[str, object]) -> None:
    """A free map's values that are named like a secret are not printed, nor is a URL's query."""
    text = repr(configuration.settings_of(_eval_spec(generation_config=more)))
    assert "47114711" not in text
    assert "sk-query" not in text
    assert "***" in text


def test_free_maps_keep_their_other_values() -> None:
    """Not everything in a free map is a secret."""
    spec = PerfRunSpec(model="m", url=_URL, extra_args={"max_tokens": 5, "top_a": 0.1, "stop_token_ids": [1, 2]})
    found = {setting.name: setting.value for setting in configuration.settings_of(spec)}
    assert (found["extra_args.max_tokens"], found["extra_args.top_a"]) == ("5", "0.1")
    assert found["extra_args.stop_token_ids"] == "1, 2"


@pytest.mark.parametrize(
    ("url", "host"),
    [(_URL, "example.test:8443"), ("http://user:pass@[::1]:80/v1", "[::1]:80"), ("http://h/v1", "h")],
)
def test_host_has_no_credentials(url: str, host: str) -> None:
    """Host and port alone."""
    assert configuration.host_of(url) == host
