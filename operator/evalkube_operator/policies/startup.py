"""Decides what keeps a pod from starting, and how long that may last. Pure.

Kubernetes says these things in five places (the pod's conditions, its containers' states, events about the pod, events
about the Job, the answer to the Job's creation); here they become one reason and one sentence that says what to do.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from evalkube_crds.names import Reason
from evalkube_operator.actions import Refusal
from evalkube_operator.facts import ContainerFact, EventFact, PodFact
from evalkube_operator.installer_rules import Rules
from evalkube_operator.policies import quotas

__all__ = ["Trouble", "of_failed_creates", "of_pod", "of_refusal", "patience_s"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """A reason why something does not start. `patience_s` is how long it may last; None: until the startup deadline."""

    reason: Reason
    message: str
    patience_s: float | None = None


_INVALID_IMAGE: Final = frozenset({"InvalidImageName", "ErrImageNeverPull"})
_PULL: Final = frozenset({"ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable"})
_CONFIG: Final = frozenset({"CreateContainerConfigError"})
_START: Final = frozenset({"CreateContainerError", "RunContainerError", "CrashLoopBackOff", "PostStartHookError"})


def of_pod(pod: PodFact, events: Sequence[EventFact], rules: Rules) -> Trouble | None:
    """The reason why `pod` (not started, not ended) does not start; None while it is simply on its way."""
    if pod.unschedulable is not None:
        return _unschedulable(pod.unschedulable, rules)
    for container in (*pod.init, *([pod.runner] if pod.runner else [])):
        trouble = _of_container(container, rules)
        if trouble is not None:
            return trouble
    return _of_mounts(events, rules)


def _unschedulable(message: str, rules: Rules) -> Trouble:
    claim = re.search(r'persistentvolumeclaim "([^"]+)" not found', message)
    if claim:
        words = f"the PersistentVolumeClaim {claim[1]} is not in the run's namespace: create it, or mend spec.data"
        return Trouble(Reason.CLAIM_MISSING, words, rules.mount_patience_s)
    return Trouble(Reason.UNSCHEDULABLE, f"no node takes the pod: {message}")


def _of_container(container: ContainerFact, rules: Rules) -> Trouble | None:
    waiting, message = container.waiting, container.waiting_message
    if waiting in _INVALID_IMAGE:
        return Trouble(Reason.INVALID_IMAGE, f"the image of {container.name} cannot be used: {message}", 0.0)
    if waiting in _PULL:
        words = f"the image of {container.name} cannot be pulled: {message}. Check its name, tag and imagePullSecrets"
        return Trouble(Reason.IMAGE_PULL_FAILED, words, rules.image_patience_s)
    if waiting in _CONFIG:
        return _named_object(message, rules) or Trouble(
            Reason.CONTAINER_START_FAILED, f"{container.name} cannot be configured: {message}", rules.mount_patience_s
        )
    if waiting in _START:
        ended = f" (exit code {container.exit_code}, {container.reason})" if container.exit_code is not None else ""
        reason = Reason.OOM_KILLED if container.reason == "OOMKilled" else Reason.CONTAINER_START_FAILED
        words = f"{container.name} cannot be started: {waiting}: {message}{ended}"
        return Trouble(reason, words, rules.mount_patience_s)
    return None


def _of_mounts(events: Iterable[EventFact], rules: Rules) -> Trouble | None:
    for event in sorted(events, key=lambda each: each.at, reverse=True):
        if event.reason in ("FailedMount", "FailedAttachVolume", "FailedMapVolume"):
            return _named_object(event.message, rules) or Trouble(
                Reason.MOUNT_FAILED, f"a volume of the pod cannot be mounted: {event.message}"
            )
        if event.reason == "FailedCreatePodSandBox":
            return Trouble(Reason.CONTAINER_START_FAILED, f"the node cannot set the pod up: {event.message}")
    return None


_OBJECTS: Final = (
    (r'secret "?([a-z0-9.-]+)"? not found', Reason.SECRET_MISSING, "Secret"),
    (r'configmap "?([a-z0-9.-]+)"? not found', Reason.CONFIG_MAP_MISSING, "ConfigMap"),
    (r'persistentvolumeclaim "?([a-z0-9.-]+)"? not found', Reason.CLAIM_MISSING, "PersistentVolumeClaim"),
)


def _named_object(message: str, rules: Rules) -> Trouble | None:
    for pattern, reason, kind in _OBJECTS:
        found = re.search(pattern, message, re.IGNORECASE)
        if found:
            words = f"the {kind} {found[1]} is not in the run's namespace: create it, or mend the run's spec"
            return Trouble(reason, words, rules.mount_patience_s)
    if "references non-existent secret key" in message:
        words = f"the Secret has no such key: {message}. Check apiKeySecretRef.key"
        return Trouble(Reason.SECRET_MISSING, words, rules.mount_patience_s)
    return None


def of_failed_creates(events: Iterable[EventFact], rules: Rules, *, together: int = 1) -> Trouble | None:
    """The reason why the Job controller cannot create pods: the latest event of that kind decides.

    `together`: how many pods there must be at once.
    """
    latest = max(events, key=lambda each: each.at, default=None)
    return None if latest is None else _of_denial(latest.message, rules.rejection_patience_s, together)


def of_refusal(refusal: Refusal, rules: Rules) -> Trouble:
    """The reason why the API server refused the Job. 400 and 422 do not pass, the rest may."""
    if refusal.code in (400, 413, 422):
        return Trouble(Reason.INVALID_SPEC, f"Kubernetes refuses the run's Job: {refusal.message}", 0.0)
    return _of_denial(refusal.message, rules.refusal_patience_s)


def _of_denial(message: str, patience_s: float, together: int = 1) -> Trouble:
    if "exceeded quota" in message or "must specify" in message:
        return _of_quota(message, together)
    if quotas.beyond_limits(message):
        return Trouble(Reason.POD_REJECTED, f"a LimitRange of the namespace refuses the run's pods: {message}", 0.0)
    if "violates PodSecurity" in message:
        words = f"the namespace's Pod Security level refuses the pod: {message}"
        return Trouble(Reason.POD_REJECTED, words, patience_s)
    account = re.search(r'serviceaccount "([^"]+)" not found', message)
    if account:
        words = f"the service account {account[1]} is not in the run's namespace: create it"
        return Trouble(Reason.POD_REJECTED, words, 3 * patience_s)
    priority = re.search(r"no PriorityClass with name (\S+)", message)
    if priority:
        return Trouble(Reason.POD_REJECTED, f"there is no PriorityClass {priority[1]}", patience_s)
    if "is being terminated" in message:
        return Trouble(Reason.POD_REJECTED, "the namespace is being deleted", patience_s)
    return Trouble(Reason.POD_REJECTED, f"the cluster refuses to create it: {message}", 3 * patience_s)


def _of_quota(message: str, together: int) -> Trouble:
    if not quotas.never(message, together):
        return Trouble(Reason.QUOTA_EXCEEDED, f"a quota of the namespace leaves no room for now: {message}")
    pods = f"its {together} pods, which must run at once" if together > 1 else "the run's pods"
    words = (
        f"a quota of the namespace never has room for {pods}: {message}. Lower what they ask for, or raise the quota"
    )
    return Trouble(Reason.QUOTA_EXCEEDED, words, 0.0)


def patience_s(trouble: Trouble | None, startup_s: float) -> float:
    """How long to wait for a start that `trouble` holds back (None: nothing known), in seconds."""
    return startup_s if trouble is None or trouble.patience_s is None else min(trouble.patience_s, startup_s)
