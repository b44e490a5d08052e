"""What the API server refused, as our client is told."""

from typing import Any

import pytest

from evalkube_api import errors
from evalkube_api.kubernetes import rejections
from evalkube_api.kubernetes.rejections import Forbidden, NotInstalled, Rejected, Unavailable

RBAC = (
    'evalruns.evalkube.io is forbidden: User "system:serviceaccount:evals:api" cannot create resource "evalruns" in API'
    ' group "evalkube.io" in the namespace "team"'
)
QUOTA = 'evalruns.evalkube.io "x" is forbidden: exceeded quota: few, requested: count/evalruns=1, used: 5, limited: 5'


@pytest.mark.parametrize(
    ("refused", "kind", "words"),
    [
        pytest.param(Rejected(403, "", RBAC), Forbidden, "create evalruns.evalkube.io in the", id="RBAC"),
        pytest.param(Rejected(403, "Forbidden", QUOTA), Forbidden, "exceeded quota", id="a quota"),
        pytest.param(
            Rejected(404, "NotFound", "", {"kind": "namespaces", "name": "x"}), errors.InvalidRequest,
            "there is no namespace x", id="no namespace",
        ),
        pytest.param(Rejected(404, "NotFound", "page not found"), NotInstalled, "definitions", id="no definitions"),
        pytest.param(Rejected(401, "Unauthorized", "Unauthorized"), Unavailable, "account", id="an expired token"),
        pytest.param(Rejected(400, "BadRequest", "is bad"), errors.InvalidRequest, "is bad", id="refused as a whole"),
        pytest.param(Rejected(500, "", "etcdserver: request is too large"), errors.BodyTooLarge, "larger", id="etcd"),
        pytest.param(Rejected(413, "", "too large"), errors.BodyTooLarge, "larger", id="too large"),
        pytest.param(Rejected(500, "InternalError", "etcd is away"), Unavailable, "etcd is away", id="its own fault"),
        pytest.param(Rejected(503), Unavailable, "503", id="without words"),
    ],
)  # fmt: skip
def test_each_refusal_has_its_answer(refused: Rejected, kind: type[errors.ApiError], words: str) -> None:
    """Whose fault it is, and what to do."""
    answer = rejections.answer(refused, "create the run")
    assert type(answer) is kind
    assert words in str(answer)


def test_a_cluster_wide_permission() -> None:
    """Has no namespace to name; a core resource no group."""
    assert (
        rejections.permission('x cannot list resource "secrets" in API group "" at the cluster scope')
        == "list secrets in all namespaces"
    )


@pytest.mark.parametrize(
    ("message", "causes", "found"),
    [
        pytest.param(
            "", [{"field": "spec.generationConfig.maxTokens", "message": "Invalid value: 0: should be greater than 0"}],
            [("generation_config.max_tokens", "should be greater than 0")], id="a range",
        ),
        pytest.param(
            "", [{"field": "spec", "message": 'Invalid value: "object": datasets: name each benchmark only once'}],
            [("", "datasets: name each benchmark only once")], id="a rule of several fields",
        ),
        pytest.param(
            "", [
                {"field": "spec.number[0]", "message": 'Invalid value: "integer": spec.number[0] in body is bad'},
                {"field": "<nil>", "message": 'Invalid value: "null": some validation rules were not checked'},
            ],
            [("number[0]", "is bad")], id="and what says nothing",
        ),
        pytest.param(
            'EvalRun in version "v1alpha1" cannot be handled: strict decoding error: unknown field "spec.newThing"', [],
            [("new_thing", "is not known to the cluster's version")], id="an older definition",
        ),
        pytest.param("denied by a policy", [], [("", "denied by a policy")], id="a policy"),
    ],
)  # fmt: skip
def test_an_invalid_resource_names_the_requests_fields(
    message: str, causes: list[dict[str, Any]], found: list[tuple[str, str]]
) -> None:
    """In the words of the request, not of the resource."""
    problems = rejections.problems_of(Rejected(422, "Invalid", message, {"causes": causes}))
    assert len(problems) == len(found)
    for problem, (field, reason) in zip(problems, found, strict=True):
        assert problem.field == field
        assert problem.reason.startswith(reason)
