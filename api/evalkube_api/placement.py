"""The fields of a request that are not in the spec: tags, and where and how a cluster runs it. Pure.

All other cluster fields (`shards`, `deadlines`, ...) are in the spec.
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, WithJsonSchema

from evalkube_api import errors
from evalkube_crds import tags as tagging
from evalkube_crds.cluster import RunnerPod
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.fields import Contract, FreeMap
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.problems import Problem, problems_of

__all__ = ["Beside", "ClusterRequest", "Spec", "placed", "split"]

Spec = EvalRunSpec | PerfRunSpec

_Label = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
_Name = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]


class ClusterRequest(Contract):
    """The fields of a submission's body that only a cluster supports."""

    namespace: _Label | None = Field(default=None, description="Namespace of the run; the service's own unless set")
    priority: _Name | None = Field(default=None, description="Priority class of the run's pods")
    resources: FreeMap | None = Field(default=None, description="requests and limits of the run's pods")


def _tags(given: Any) -> Any:
    """Tags from a mapping or a list. A word alone is a tag without a value."""
    words = [given] if isinstance(given, str) else given
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        return dict.fromkeys(words, "")
    return {} if given is None else given


_TAGS = {
    "anyOf": [
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "array", "items": {"type": "string"}},
        {"type": "string"},
    ],
    "description": "Words to find the run by, with values or without; on a cluster labels of the run",
    "examples": [{"team": "search", "nightly": ""}],
}
_Tags = Annotated[dict[str, str], BeforeValidator(_tags), WithJsonSchema(_TAGS)]


class Beside(ClusterRequest):
    """The fields of a submission's body that are not in its spec."""

    tags: _Tags = Field(default_factory=dict)


def split(body: dict[str, Any]) -> tuple[Beside, dict[str, Any]]:
    """These fields of a request's body, and the rest of the body. Raises errors.InvalidRequest."""
    ours = {name: value for name, value in body.items() if name in Beside.model_fields}
    try:
        beside = Beside.model_validate(ours, by_name=True, by_alias=False)
    except ValidationError as problem:
        raise errors.InvalidRequest(problems_of(problem, Beside)) from None
    if found := tagging.problems(beside.tags):
        raise errors.InvalidRequest(found)
    return beside, {name: value for name, value in body.items() if name not in ours}


def placed(spec: Spec, place: ClusterRequest) -> Spec:
    """`spec` with priority and resources in the fields of the resource. Raises errors.InvalidRequest."""
    wanted = {"priority_class_name": place.priority, "resources": place.resources}
    found = {name: value for name, value in wanted.items() if value is not None}
    if not found:
        return spec
    given = {name: getattr(spec.runner, name) for name in spec.runner.model_fields_set}
    for name, word in (("priority_class_name", "priority"), ("resources", "resources")):
        if name in found and given.get(name, found[name]) != found[name]:
            raise errors.InvalidRequest([Problem(word, f"differs from runner.{name}; give one of them")])
    runner = RunnerPod.model_validate({**given, **found}, by_name=True, by_alias=False)
    return spec.model_copy(update={"runner": runner})
