"""Decides whether a run may start at all: its spec, its targets, its overrides of the pod, its Secrets. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from evalkube_crds import targets
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import GROUP, Reason
from evalkube_operator.facts import RunFact, SecretFact, Spec
from evalkube_operator.rules import Rules

__all__ = ["SECRET_LABEL", "Objection", "missing_secret", "refused", "secret_names"]

SECRET_LABEL = f"{GROUP}/api-key"
_MAX_SPEC_BYTES = 200_000
"""The run's document travels in an annotation of its pods; all annotations together may have 262,144 bytes."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a run does not start. ``final_at``: from when on it is a failure; before that it may pass."""

    reason: Reason
    message: str
    final_at: datetime


def refused(run: RunFact, rules: Rules, *, spec_bytes: int) -> tuple[Reason, str] | None:
    """What no waiting will change."""
    if run.spec is None:
        return Reason.INVALID_SPEC, run.invalid
    if spec_bytes > _MAX_SPEC_BYTES:
        message = f"the spec has {spec_bytes} bytes, and {_MAX_SPEC_BYTES} are possible: put the data into spec.data"
        return Reason.INVALID_SPEC, message
    for url in _urls(run.spec):
        words = targets.objection(url, rules.targets)
        if words:
            return Reason.TARGET_FORBIDDEN, words
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


def secret_names(spec: Spec) -> tuple[str, ...]:
    """The Secrets that the run's keys are in, each once."""
    references = [spec.api_key_secret_ref, spec.judge.api_key_secret_ref if isinstance(spec, EvalRunSpec) else None]
    return tuple(dict.fromkeys(reference.name for reference in references if reference is not None))


def missing_secret(
    run: RunFact, secrets: Mapping[str, SecretFact | None], names: Iterable[str], rules: Rules
) -> Objection | None:
    """A Secret that is not there (yet: the service makes a run first and then its Secret), or was not opted in.

    All of ``names`` have been looked up. The run's own Secret needs no label: who made it knew what for.
    """
    final_at = run.created_at + timedelta(seconds=rules.secret_patience_s)
    for name in names:
        found = secrets[name]
        if found is None:
            message = f"the Secret {name} is not in the namespace {run.namespace}: create it, then the run again"
            return Objection(Reason.SECRET_MISSING, message, final_at)
        if run.uid not in found.owner_uids and found.labels.get(SECRET_LABEL) != "true":
            message = f"the Secret {name} is not opted in: kubectl label secret {name} {SECRET_LABEL}=true"
            return Objection(Reason.SECRET_NOT_OPTED_IN, message, final_at)
    return None
