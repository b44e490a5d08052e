"""Decides which labels and annotations of a run its Job and pods get: those that the installer names by prefix. Pure.

Teams find their pods by them, and bills their team. What means something to Kubernetes or to evalkube is never taken
from a run, whatever the installer names: it would say who a pod belongs to, or what may be done with it.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from evalkube_crds.names import GROUP

__all__ = ["inherited", "reserved"]

_DOMAINS: Final = (GROUP, "kubernetes.io", "k8s.io", "x-k8s.io")
_NAMES: Final = frozenset({"job-name", "controller-uid"})
"""Labels of the Job controller's that have no domain."""


def inherited(own: Mapping[str, str], prefixes: Iterable[str]) -> dict[str, str]:
    """The labels or annotations of the run's `own` whose name begins with one of `prefixes`."""
    starts = tuple(prefixes)
    return {name: value for name, value in own.items() if name.startswith(starts) and not reserved(name)}


def reserved(name: str) -> bool:
    """Whether users may not set a label or annotation of that name."""
    domain, slash, _ = name.partition("/")
    if not slash:
        return name in _NAMES
    return any(domain == each or domain.endswith(f".{each}") for each in _DOMAINS)
