"""The part of a request that says where and how a cluster runs it, beside what is measured: three fields that are not
the resource's. Pure; every other cluster field (`shards`, `deadlines`, ...) is the spec's own.
"""

from typing import Annotated, Any

from pydantic import Field, ValidationError

from evalkube_api import errors
from evalkube_crds.cluster import RunnerPod
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.fields import Contract, FreeMap
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.problems import Problem, problems_of

__all__ = ["ClusterRequest", "Spec", "placed", "split"]

Spec = EvalRunSpec | PerfRunSpec

_Label = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
_Name = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]


class ClusterRequest(Contract):
    """Fields of a submission's body that only a cluster understands."""

    namespace: _Label | None = Field(default=None, description="Namespace of the run; the service's own unless set")
    priority: _Name | None = Field(default=None, description="Priority class of the run's pods")
    resources: FreeMap | None = Field(default=None, description="requests and limits of the run's pods")


def split(body: dict[str, Any]) -> tuple[ClusterRequest, dict[str, Any]]:
    """These fields of a request's body, and the rest of it. Raises errors.InvalidRequest."""
    ours = {name: value for name, value in body.items() if name in ClusterRequest.model_fields}
    try:
        place = ClusterRequest.model_validate(ours, by_name=True, by_alias=False)
    except ValidationError as problem:
        raise errors.InvalidRequest(problems_of(problem, ClusterRequest)) from None
    return place, {name: value for name, value in body.items() if name not in ours}


def placed(spec: Spec, place: ClusterRequest) -> Spec:
    """``spec`` with priority and resources where the resource has them. Raises errors.InvalidRequest."""
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
