"""Where and how a cluster runs a request: three fields beside the spec's, and the service's own settings."""

from pathlib import Path
from typing import Any

import pytest

from evalkube_api import errors, placement
from evalkube_api.placement import Beside, ClusterRequest
from evalkube_api.settings import ClusterSettings, cluster_settings
from fakes.bodies import eval_body
from fakes.cluster_runs import eval_submission


def test_the_three_fields_are_taken_out() -> None:
    """What is left is the seed's request."""
    resources: dict[str, Any] = {"limits": {"memory": "1Gi"}}
    body = eval_body(namespace="team", priority="low", resources=resources, shards=2)
    place, rest = placement.split(body)
    assert place == Beside(namespace="team", priority="low", resources=resources)
    assert rest == eval_body(shards=2)
    spec = placement.placed(eval_submission(runner={"image": "mine"}).spec, place)
    assert spec.runner.model_dump(exclude_unset=True) == {
        "image": "mine",
        "priority_class_name": "low",
        "resources": resources,
    }


def test_without_them_nothing_changes() -> None:
    """Not even what counts as set."""
    place, rest = placement.split(eval_body())
    spec = eval_submission().spec
    assert rest == eval_body()
    assert placement.placed(spec, place) is spec


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"namespace": "a/b"}, "namespace: "),
        ({"namespace": ""}, "namespace: must not be empty"),
        ({"namespace": 3}, "namespace: must be a string"),
        ({"priority": "Low"}, "priority: "),
        ({"resources": "1Gi"}, "resources: must be an object"),
    ],
)
def test_bad_ones_are_named(given: dict[str, Any], words: str) -> None:
    """As every other field is."""
    with pytest.raises(errors.InvalidRequest, match=words):
        placement.split(eval_body(**given))


def test_two_places_that_differ() -> None:
    """Nobody guesses which was meant."""
    place = ClusterRequest(priority="low")
    same, other = (eval_submission(runner={"priority_class_name": name}).spec for name in ("low", "high"))
    assert placement.placed(same, place).runner.priority_class_name == "low"
    with pytest.raises(errors.InvalidRequest, match=r"priority: differs from runner\.priority_class_name"):
        placement.placed(other, place)


@pytest.mark.parametrize(
    ("environment", "namespace", "expected"),
    [
        pytest.param({"KUBECONFIG": "/k"}, None, ClusterSettings(kubeconfig=Path("/k")), id="a laptop"),
        pytest.param(
            {"HOME": "/h"}, "mine", ClusterSettings("mine", kubeconfig=Path("/h/.kube/config")), id="told where"
        ),
        pytest.param(
            {
                "KUBECONFIG": "/k:/l",
                "POD_NAMESPACE": "rel",
                "EVALKUBE_NAMESPACES": "rel, team,",
                "EVALKUBE_STORE_URL": "http://operator:8080",
                "EVALKUBE_STORE_TOKEN_FILE": "/t",
                "EVALKUBE_STORE_CA": "/ca",
            },
            None,
            ClusterSettings(
                "rel", ("team",), False, Path("/k"), "http://operator:8080", Path("/t"), Path("/ca")
            ),
            id="the chart",
        ),
        pytest.param(
            {"KUBECONFIG": "/k", "EVALKUBE_NAMESPACES": "*"},
            "rel",
            ClusterSettings("rel", all_namespaces=True, kubeconfig=Path("/k")),
            id="all namespaces",
        ),
    ],
)  # fmt: skip
def test_settings(environment: dict[str, str], namespace: str | None, expected: ClusterSettings) -> None:
    """From the variables that the chart sets."""
    assert cluster_settings(environment, namespace) == expected
