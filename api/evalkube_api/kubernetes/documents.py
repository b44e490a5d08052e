"""Resources from requests, and run documents from resources: the only place here that reads or writes raw ones. Pure.

A document of a run that another version of the project wrote is read as far as this one understands it: a list or a
waiting client must not fail because of one field.
"""

import base64
import copy
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from evalkube_api.backend import Submission
from evalkube_api.kubernetes import placement
from evalkube_api.kubernetes.ids import Key
from evalkube_crds import key_hosts
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import API_KEY_LABEL, API_VERSION, GROUP, KEY_HOSTS_ANNOTATION, Kind, Phase
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.status import EvalRun, Metadata, PerfRun, Run, RunStatus, phase_of

__all__ = [
    "REQUEST",
    "Raw",
    "key_of",
    "manifest",
    "phase",
    "request_digest",
    "run_of",
    "secret",
    "secret_name",
    "trimmed",
    "version",
]

Raw = Mapping[str, Any]

REQUEST: Final = f"{GROUP}/request-sha256"
"""Annotation: what tells a repeated request from another one under the same Idempotency-Key."""

_SECRET_KEYS: Final = {"api_key": "api-key", "judge_api_key": "judge-api-key"}
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


def request_digest(submission: Submission) -> str:
    """What tells one request from another, secrets left out: a digest of a key would help to guess it."""
    document = [submission.kind, placement.namespace_of(submission), submission.spec.model_dump(mode="json")]
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def secret_name(run_name: str, nonce: str = "") -> str:
    """The Secret of a run's keys. ``nonce`` where an earlier run of the same name may have left its own behind."""
    return f"{run_name}-key-{nonce}" if nonce else f"{run_name}-key"


def manifest(submission: Submission, key: Key, *, digest: str, secret: str) -> dict[str, Any]:
    """The resource to create. Only what the request set is in it; its keys are referred to as those in ``secret``."""
    spec: dict[str, Any] = submission.spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if "api_key" in submission.secrets:
        spec["apiKeySecretRef"] = {"name": secret, "key": _SECRET_KEYS["api_key"]}
    if "judge_api_key" in submission.secrets:
        reference = {"name": secret, "key": _SECRET_KEYS["judge_api_key"]}
        spec["judge"] = {**spec.get("judge", {}), "apiKeySecretRef": reference}
    metadata = {"name": key.name, "namespace": key.namespace, "annotations": {REQUEST: digest}}
    return {"apiVersion": API_VERSION, "kind": str(key.kind), "metadata": metadata, "spec": spec}


def secret(run: Raw, secrets: Mapping[str, str]) -> dict[str, Any] | None:
    """The Secret that ``run`` names, owned by it and immutable; None where it names none."""
    spec = run["spec"]
    references = (spec.get("apiKeySecretRef"), (spec.get("judge") or {}).get("apiKeySecretRef"))
    name = next((reference["name"] for reference in references if reference), None)
    if name is None or not secrets:
        return None
    metadata = run["metadata"]
    owner = {"apiVersion": API_VERSION, "kind": run["kind"], "name": metadata["name"], "uid": metadata["uid"]}
    data = {_SECRET_KEYS[field]: base64.b64encode(value.encode()).decode() for field, value in secrets.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "immutable": True,
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": {API_KEY_LABEL: "true"},
            "annotations": {KEY_HOSTS_ANNOTATION: key_hosts.hosts_of(_endpoints(spec))},
            "ownerReferences": [owner],
        },
        "data": data,
    }


def _endpoints(spec: Raw) -> Iterator[str]:
    """Where the keys of a run go: to its endpoint and to its judges', and nowhere else whoever names the Secret."""
    yield from (spec[field] for field in ("apiUrl", "url") if field in spec)
    yield from (model["apiUrl"] for model in (spec.get("judge") or {}).get("models") or ())


def key_of(raw: Raw) -> Key:
    """Which run it is."""
    return Key(Kind(raw["kind"]), raw["metadata"]["namespace"], raw["metadata"]["name"])


def version(raw: Raw) -> int:
    """Resource versions grow, and compare as integers (Kubernetes promises it since 1.35; etcd always did)."""
    text = str(raw["metadata"].get("resourceVersion") or "0")
    return int(text) if text.isdecimal() else 0


def phase(raw: Raw) -> Phase:
    """How far the run is, without reading the rest."""
    try:
        return Phase((raw.get("status") or {}).get("phase") or Phase.PENDING)
    except ValueError:
        return Phase.PENDING


def trimmed(raw: Raw) -> dict[str, Any]:
    """Without what lists do not show and other people wrote: managed fields, the last applied text, the results."""
    metadata = {name: value for name, value in raw["metadata"].items() if name != "managedFields"}
    annotations = metadata.get("annotations") or {}
    metadata["annotations"] = {name: text for name, text in annotations.items() if name != _LAST_APPLIED}
    status = {name: value for name, value in (raw.get("status") or {}).items() if name != "results"}
    return {**raw, "metadata": metadata, "status": status}


def run_of(raw: Raw, run_id: str) -> Run:
    """The run's document as the REST API has it: ``metadata.name`` is the id."""
    metadata = Metadata.model_validate({**raw["metadata"], "name": run_id})
    status = _status(raw.get("status") or {})
    if raw["kind"] == Kind.EVAL_RUN:
        spec = _spec(EvalRunSpec, raw["spec"], {"api_url": "", "datasets": []})
        return EvalRun.model_construct(kind=Kind.EVAL_RUN, metadata=metadata, spec=spec, status=status)
    perf = _spec(PerfRunSpec, raw["spec"], {"url": ""})
    return PerfRun.model_construct(kind=Kind.PERF_RUN, metadata=metadata, spec=perf, status=status)


_Model = TypeVar("_Model", bound=BaseModel)
_MOST_PRUNED: Final = 32


def _status(raw: Raw) -> RunStatus:
    status = _understood(RunStatus, raw) or RunStatus()
    if "phase" not in status.model_fields_set and status.conditions:
        return status.model_copy(update={"phase": phase_of(status.conditions)})
    return status


def _spec(model: type[_Model], raw: Raw, required: Mapping[str, Any]) -> _Model:
    """A spec that the contract refuses (someone applied it, and the operator said so) is shown as far as it goes."""
    spec = _understood(model, raw)
    if spec is not None:
        return spec
    return model.model_construct(model=str(raw.get("model", "")), **required)


def _understood(model: type[_Model], raw: Raw) -> _Model | None:
    """``raw`` without the parts that ``model`` refuses; None where nothing is left that it takes."""
    document = raw
    for _ in range(_MOST_PRUNED):
        try:
            return model.model_validate(document, by_alias=True, by_name=False)
        except ValidationError as problem:
            error = problem.errors(include_url=False, include_context=False, include_input=False)[0]
            document = copy.deepcopy(document) if document is raw else document
            path = error["loc"][:-1] if error["type"] == "missing" else error["loc"]
            if not _dropped(document, path):
                return None
    return None


def _dropped(document: Any, path: tuple[int | str, ...]) -> bool:
    """Whether what stands at ``path`` could be taken out; what the path names beyond the document is passed over."""
    here: Any = document
    places: list[tuple[Any, int | str]] = []
    for part in path:
        if part in here if isinstance(here, dict) else isinstance(here, list) and isinstance(part, int):
            places.append((here, part))
            here = here[part]
    if not places:
        return False
    holder, part = places[-1]
    del holder[part]
    return True
