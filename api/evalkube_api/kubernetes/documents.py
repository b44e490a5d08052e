"""Converts requests to resources, and resources to run documents. Only this module handles raw resources. Pure.

A run of another version of the project is read as far as this version understands it: one unknown field must not break
a list or a waiting client.
"""

import base64
import copy
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from evalkube_api import lines
from evalkube_api.backend import Line, Submission
from evalkube_api.kubernetes.ids import Key
from evalkube_api.kubernetes.unread import Unreadable
from evalkube_crds import key_hosts, tags
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import API_KEY_LABEL, API_VERSION, GROUP, KEY_HOSTS_ANNOTATION, Kind, Phase
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.requests import JUDGE_KEYS
from evalkube_crds.status import EvalRun, Metadata, PerfRun, Run, RunStatus, phase_of

__all__ = [
    "REQUEST",
    "Raw",
    "Seen",
    "identity",
    "key_of",
    "manifest",
    "packed",
    "phase",
    "place",
    "request_digest",
    "run_of",
    "secret",
    "secret_name",
    "seen",
    "trimmed",
    "version",
]

Raw = Mapping[str, Any]

REQUEST: Final = f"{GROUP}/request-sha256"
"""Annotation: what tells a repeated request from another one under the same Idempotency-Key."""

_SECRETS: Final[Mapping[str, tuple[tuple[str | int, ...], str, str]]] = {
    "api_key": ((), "apiKeySecretRef", "api-key"),
    "judge_api_key": (("judge",), "apiKeySecretRef", "judge-api-key"),
    "credentials": ((), "credentialsSecretRef", "credentials"),
    "judge_credentials": (("judge",), "credentialsSecretRef", "judge-credentials"),
    **{
        name: (("judge", "models", place), "apiKeySecretRef", name.replace("_", "-"))
        for place, name in enumerate(JUDGE_KEYS)
    },
}
"""Where a spec refers to each of a run's secrets (part and field), and its key in the Secret of the run."""
_MOST_SHOWN: Final = 253
"""Of what a resource that cannot be read says of itself: as long as a name can be."""
_DATASET: Final[str] = PerfRunSpec.model_fields["dataset"].default
_ZONED: Final = re.compile(r"T.*(Z|[+-]\d\d:\d\d)$")
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


def request_digest(submission: Submission) -> str:
    """A digest that identifies a request. Secrets are left out: a digest of a key would help to guess the key."""
    document = [submission.kind, submission.namespace, submission.spec.model_dump(mode="json")]
    if submission.tags:
        document.append(dict(submission.tags))
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def secret_name(run_name: str, nonce: str = "") -> str:
    """The name of the Secret for a run's keys. `nonce`: set if an earlier run of this name may have left its Secret."""
    return f"{run_name}-key-{nonce}" if nonce else f"{run_name}-key"


def manifest(submission: Submission, key: Key, *, digest: str, secret: str) -> dict[str, Any]:
    """The resource to create. It has only fields that the request set; its keys are references to `secret`."""
    spec: dict[str, Any] = submission.spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    for name in submission.secrets:
        part, field, held_as = _SECRETS[name]
        _holder(spec, part)[field] = {"name": secret, "key": held_as}
    metadata = {"name": key.name, "namespace": key.namespace, "annotations": {REQUEST: digest}}
    if submission.tags:
        metadata["labels"] = tags.labels_of(submission.tags)
    return {"apiVersion": API_VERSION, "kind": str(key.kind), "metadata": metadata, "spec": spec}


def _holder(spec: Any, place: Sequence[str | int]) -> dict[str, Any]:
    """The part of a spec at a path; it is created if it is missing."""
    for step in place:
        if not isinstance(step, int) and spec.get(step) is None:
            spec[step] = {}
        spec = spec[step]
    part: dict[str, Any] = spec
    return part


def secret(run: Raw, secrets: Mapping[str, str]) -> dict[str, Any] | None:
    """The Secret that `run` names, owned by the run and immutable; None if it names none."""
    spec = run["spec"]
    places = [_SECRETS[name] for name in secrets]
    references = [_holder(copy.deepcopy(dict(spec)), part).get(field) for part, field, _ in places]
    name = next((reference["name"] for reference in references if reference), None)
    if name is None:
        return None
    metadata = run["metadata"]
    owner = {"apiVersion": API_VERSION, "kind": run["kind"], "name": metadata["name"], "uid": metadata["uid"]}
    owner["blockOwnerDeletion"] = True
    data = {_SECRETS[field][2]: base64.b64encode(value.encode()).decode() for field, value in secrets.items()}
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
    """The endpoints that get a run's keys: its own and its judges'. Keys go nowhere else, whoever names the Secret."""
    yield from (spec[field] for field in ("apiUrl", "url") if field in spec)
    yield from (model["apiUrl"] for model in (spec.get("judge") or {}).get("models") or ())


@dataclass(frozen=True, slots=True)
class Seen:
    """A version of a run: the data that is stored, and the `whole` resource. `data` has no results and is JSON."""

    key: Key
    uid: str
    version: int
    line: Line
    changed_at: datetime
    data: bytes
    whole: Raw


def seen(raw: Raw) -> Seen:
    """Reads a resource as a version of a run. Raises Unreadable, and no other error."""
    key, uid = identity(raw)
    trimmed_run = trimmed(raw)
    return Seen(
        key=key,
        uid=uid,
        version=version(raw),
        line=_line(trimmed_run, key),
        changed_at=_last_change(raw),
        data=packed(trimmed_run),
        whole={**raw, "metadata": trimmed_run["metadata"]},
    )


def _line(raw: Raw, key: Key) -> Line:
    """The run in a list, without reading its whole spec. Raises Unreadable."""
    spec = _part(raw, "spec")
    model, datasets = spec.get("model"), spec.get("datasets")
    if key.kind is Kind.PERF_RUN:
        datasets = [spec.get("dataset", _DATASET)]
    return lines.made(
        key.kind,
        _metadata(raw, key.name),
        _status(_part(raw, "status")),
        model=model if isinstance(model, str) else "",
        datasets=[one for one in datasets if isinstance(one, str)] if isinstance(datasets, list) else [],
    )


def _metadata(raw: Raw, name: str) -> Metadata:
    """The metadata under the run's id. Raises Unreadable."""
    metadata = _understood(Metadata, {**raw["metadata"], "name": name})
    if metadata is None or _moment(raw["metadata"].get("creationTimestamp")) is None:
        raise _unreadable(raw, "its metadata is not a run's")
    return metadata


def identity(raw: object) -> tuple[Key, str]:
    """The key of the run, and its UID. Raises Unreadable."""
    if not isinstance(raw, Mapping) or not isinstance(raw.get("metadata"), Mapping):
        raise _unreadable(raw, "it has no metadata")
    namespace, name, uid = (raw["metadata"].get(each) for each in ("namespace", "name", "uid"))
    if not all(isinstance(each, str) and each and _writable(each) for each in (namespace, name, uid)):
        raise _unreadable(raw, "it does not say which run it is")
    try:
        return Key(Kind(str(raw.get("kind"))), namespace, name), uid
    except ValueError:
        raise _unreadable(raw, "it is of no kind of run") from None


def key_of(raw: Raw) -> Key:
    """The key of the run. Raises Unreadable."""
    return identity(raw)[0]


def _unreadable(raw: object, why: str) -> Unreadable:
    metadata = _part(raw, "metadata")
    namespace, name, uid, at = (
        value.encode(errors="backslashreplace").decode()[:_MOST_SHOWN] if isinstance(value, str) else ""
        for value in map(metadata.get, ("namespace", "name", "uid", "resourceVersion"))
    )
    return Unreadable(f"{namespace or '?'}/{name or '?'}", why, uid=uid, version=at)


def _part(raw: object, name: str) -> Raw:
    """The object in a field; an empty one if the field is missing or no object."""
    found = raw.get(name) if isinstance(raw, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _parts(raw: Raw, name: str) -> list[Raw]:
    found = raw.get(name)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _writable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _moment(text: object) -> datetime | None:
    """A time with its zone, not at the edges of the calendar; None for anything else."""
    try:
        at = datetime.fromisoformat(text).astimezone(UTC) if isinstance(text, str) and _ZONED.search(text) else None
    except (ValueError, OverflowError):
        return None
    return at if at is not None and 1 < at.year < 9999 else None


def version(raw: object) -> int:
    """Resource versions grow, and compare as integers (Kubernetes promises it since 1.35; etcd always did)."""
    text = place(raw)
    return int(text) if text.isdecimal() and len(text) < 20 else 0


def place(raw: object) -> str:
    """The resource version from which a watch continues; empty if there is none."""
    found = _part(raw, "metadata").get("resourceVersion")
    return found if isinstance(found, str) and found.isascii() else ""


def phase(raw: Raw) -> Phase:
    """The phase of a run, without reading the rest."""
    try:
        return Phase(_part(raw, "status").get("phase") or Phase.PENDING)
    except ValueError:
        return Phase.PENDING


def trimmed(raw: Raw) -> dict[str, Any]:
    """A resource without managed fields, the last applied configuration, and the results, which lists do not show."""
    metadata = {name: value for name, value in _part(raw, "metadata").items() if name != "managedFields"}
    annotations = _part(metadata, "annotations")
    metadata["annotations"] = {name: text for name, text in annotations.items() if name != _LAST_APPLIED}
    status = {name: value for name, value in _part(raw, "status").items() if name != "results"}
    return {**raw, "metadata": metadata, "status": status}


def packed(document: Raw) -> bytes:
    """A document as JSON. Raises Unreadable.

    A copy: orjson's own buffers are kilobytes longer than what is in them, for as long as they are kept.
    """
    try:
        return bytes(memoryview(orjson.dumps(document)))
    except (TypeError, RecursionError):  # orjson's own error is a TypeError
        raise _unreadable(document, "it cannot be written as JSON") from None


def _last_change(raw: Raw) -> datetime:
    """The latest time in the document."""
    status = _part(raw, "status")
    times = [each.get("lastTransitionTime") for each in _parts(status, "conditions")]
    times += [status.get("completionTime"), _part(raw, "metadata").get("creationTimestamp")]
    return max(at for time in times if (at := _moment(time)) is not None)


def run_of(raw: Raw, run_id: str) -> Run:
    """The run's document as the REST API has it: `metadata.name` is the id. Raises Unreadable."""
    key, _ = identity(raw)
    metadata = _metadata(raw, run_id)
    status, spec = _status(_part(raw, "status")), _part(raw, "spec")
    if key.kind is Kind.EVAL_RUN:
        asked = _spec(EvalRunSpec, spec, {"api_url": "", "datasets": []})
        return EvalRun.model_construct(kind=Kind.EVAL_RUN, metadata=metadata, spec=asked, status=status)
    perf = _spec(PerfRunSpec, spec, {"url": ""})
    return PerfRun.model_construct(kind=Kind.PERF_RUN, metadata=metadata, spec=perf, status=status)


_Model = TypeVar("_Model", bound=BaseModel)
_MOST_PRUNED: Final = 32


def _status(raw: Raw) -> RunStatus:
    times = {name: [_timed(each) for each in _parts(raw, name)] for name in ("conditions", "attempts") if name in raw}
    status = _understood(RunStatus, {**_timed(raw), **times}) or RunStatus()
    if "phase" not in status.model_fields_set and status.conditions:
        return status.model_copy(update={"phase": phase_of(status.conditions)})
    return status


_TIMES: Final = frozenset({"startTime", "completionTime", "lastTransitionTime"})


def _timed(holder: Raw) -> dict[str, Any]:
    """A status without invalid times, because the model would accept some of them."""
    return {name: value for name, value in holder.items() if name not in _TIMES or _moment(value) is not None}


def _spec(model: type[_Model], raw: Raw, required: Mapping[str, Any]) -> _Model:
    """The spec of a run. A spec that the contract refuses (and the operator reported) is read as far as possible."""
    spec = _understood(model, raw)
    if spec is not None:
        return spec
    named = raw.get("model")
    return model.model_construct(model=named if isinstance(named, str) else "", **required)


def _understood(model: type[_Model], raw: Raw) -> _Model | None:
    """`raw` without the parts that `model` refuses; None if no valid part is left."""
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
    """Whether the value at `path` could be removed. The part of a path beyond the document is ignored."""
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
