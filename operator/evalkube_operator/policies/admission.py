"""Decides whether a run may start at all: its spec, targets, paths, overrides of the pod, Secrets and data. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from evalkube_crds import key_hosts, paths, problems, targets
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import API_KEY_LABEL, DATA_LABEL, KEY_HOSTS_ANNOTATION, RUN_NAME, RUN_NAME_RULE, Reason
from evalkube_operator.facts import ObjectFact, ObjectRef, Referenced, RunFact, Spec
from evalkube_operator.installer_rules import Rules

__all__ = ["Objection", "data_of", "refused", "secrets_of", "withheld"]

_MAX_SPEC_BYTES = 200_000
"""The run's document travels in an annotation of its pods; all annotations together may have 262,144 bytes."""


@dataclass(frozen=True, slots=True)
class Objection:
    """A reason why a run does not start. From `final_at` on it is a failure; before that it may pass."""

    reason: Reason
    message: str
    final_at: datetime


def refused(run: RunFact, rules: Rules, *, spec_bytes: int) -> tuple[Reason, str] | None:
    """The reason why the run can never start; None where it can."""
    if not re.fullmatch(RUN_NAME, run.name):  # made before the definitions had this rule
        return Reason.INVALID_SPEC, f"{RUN_NAME_RULE}; create it under another name"
    if run.spec is None:
        return Reason.INVALID_SPEC, run.invalid
    if spec_bytes > _MAX_SPEC_BYTES:
        message = f"the spec has {spec_bytes} bytes, and {_MAX_SPEC_BYTES} are possible: put the data into spec.data"
        return Reason.INVALID_SPEC, message
    for url in _urls(run.spec):
        words = targets.objection(url, rules.targets)
        if words:
            return Reason.TARGET_FORBIDDEN, words
    if stray_paths := paths.unmounted(run.spec, camel=True):
        return Reason.PATH_FORBIDDEN, problems.sentence(stray_paths)
    overridden = run.spec.runner.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)
    stray = sorted(set(overridden) - rules.allow)
    if stray:
        message = f"spec.runner.{stray[0]} may not be set here; the installer can allow it: runner.allow={stray[0]}"
        return Reason.FORBIDDEN, message
    return None


def _urls(spec: Spec) -> Iterable[str]:
    if isinstance(spec, EvalRunSpec):
        yield spec.api_url
        yield from (model.api_url for model in spec.judge.models)
    else:
        yield spec.url


def secrets_of(spec: Spec) -> tuple[ObjectRef, ...]:
    """The Secrets that the run's keys are in, each once."""
    return tuple(dict.fromkeys(ref for ref, _ in _keys(spec)))


def data_of(spec: Spec) -> tuple[ObjectRef, ...]:
    """The ConfigMaps and claims that the run mounts, each once."""
    refs = [
        ObjectRef(Referenced.CONFIG_MAP, mount.config_map)
        if mount.config_map is not None
        else ObjectRef(Referenced.CLAIM, mount.persistent_volume_claim or "")
        for mount in spec.data
    ]
    return tuple(dict.fromkeys(refs))


def _keys(spec: Spec) -> Iterable[tuple[ObjectRef, tuple[str, ...]]]:
    """The Secrets of the run's keys, each with the endpoints that its key is sent to."""
    urls = (spec.api_url,) if isinstance(spec, EvalRunSpec) else (spec.url,)
    for reference in (spec.api_key_secret_ref, spec.credentials_secret_ref):
        if reference is not None:
            yield ObjectRef(Referenced.SECRET, reference.name), urls
    if isinstance(spec, EvalRunSpec):
        judges = tuple(model.api_url for model in spec.judge.models)
        for reference in (spec.judge.api_key_secret_ref, spec.judge.credentials_secret_ref):
            if reference is not None:
                yield ObjectRef(Referenced.SECRET, reference.name), judges
        for model in spec.judge.models:
            if model.api_key_secret_ref is not None:
                yield ObjectRef(Referenced.SECRET, model.api_key_secret_ref.name), (model.api_url,)


def withheld(
    run: RunFact, spec: Spec, objects: Mapping[ObjectRef, ObjectFact | None], rules: Rules
) -> Objection | None:
    """The reason why the run may not have what it names; None where it may.

    All of `secrets_of` and `data_of` have been looked up. What is not there, or not meant for runs, may be mended
    for a while: the service makes a run first and then its Secret, and people label what they have just created.
    """
    final_at = run.created_at + timedelta(seconds=rules.secret_patience_s)
    for ref in (*secrets_of(spec), *data_of(spec)):
        found = objects[ref]
        if found is None:
            message = f"the {ref} is not in the namespace {run.namespace}: create it, then the run again"
            return Objection(_MISSING[ref.kind], message, final_at)
        if not _opted_in(run, ref, found):
            label = _LABELS[ref.kind]
            message = f"the {ref} is not opted in: kubectl label {str(ref.kind).lower()} {ref.name} {label}=true"
            return Objection(_NOT_OPTED_IN[ref.kind], message, final_at)
    for ref, urls in _keys(spec):
        words = _misdirected(run, ref, objects[ref], urls, rules)
        if words:
            return Objection(Reason.KEY_HOST_FORBIDDEN, words, final_at)
    return None


_MISSING: Final = {
    Referenced.SECRET: Reason.SECRET_MISSING,
    Referenced.CONFIG_MAP: Reason.CONFIG_MAP_MISSING,
    Referenced.CLAIM: Reason.CLAIM_MISSING,
}
_LABELS: Final = {
    Referenced.SECRET: API_KEY_LABEL,
    Referenced.CONFIG_MAP: DATA_LABEL,
    Referenced.CLAIM: DATA_LABEL,
}
_NOT_OPTED_IN: Final = {
    Referenced.SECRET: Reason.SECRET_NOT_OPTED_IN,
    Referenced.CONFIG_MAP: Reason.DATA_NOT_OPTED_IN,
    Referenced.CLAIM: Reason.DATA_NOT_OPTED_IN,
}


def _opted_in(run: RunFact, ref: ObjectRef, found: ObjectFact) -> bool:
    """Whether the object's label permits runs to use it. The run's own Secret needs none: its creator made it for the
    run.
    """
    own = ref.kind is Referenced.SECRET and run.uid in found.owner_uids
    return own or found.labels.get(_LABELS[ref.kind]) == "true"


def _misdirected(run: RunFact, ref: ObjectRef, found: ObjectFact | None, urls: Iterable[str], rules: Rules) -> str:
    """The reason why the key in that Secret may not be sent where the run would send it; empty where it may."""
    if found is None:
        return ""
    hosts = found.annotations.get(KEY_HOSTS_ANNOTATION)
    if hosts is None:
        if not rules.require_key_hosts or run.uid in found.owner_uids:
            return ""
        wanted = key_hosts.hosts_of(urls)
        return (
            f"the {ref} does not say which endpoints its key is for: "
            f"kubectl annotate secret {ref.name} {KEY_HOSTS_ANNOTATION}={wanted or 'HOST'}"
        )
    stray = next((url for url in urls if not key_hosts.permits(hosts, url)), None)
    if stray is None:
        return ""
    return (
        f"the key in the {ref} is for {hosts[:500]!r} only, and the run would send it to {key_hosts.hosts_of([stray])}"
        f" (annotation {KEY_HOSTS_ANNOTATION})"
    )
