"""The names of runs: in the cluster and in the REST API. Pure.

A run's id is its name. If that is ambiguous, the id is longer: `<namespace>:<name>` for a run outside the service's own
namespace, and `<name>~eval` or `<name>~perf` if both kinds have a run of that name. Kubernetes names contain neither
`:` nor `~`.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from evalkube_api.backend import KINDS, WORDS
from evalkube_crds.names import Kind

__all__ = ["Key", "Reference", "keyed_name", "new_name", "parse", "random_name", "run_id"]

_NAME = r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_ID: Final = re.compile(rf"((?P<namespace>{_LABEL}):)?(?P<name>{_NAME})(~(?P<word>eval|perf))?")
_DIGEST_CHARS: Final = 24


@dataclass(frozen=True, slots=True)
class Key:
    """The key of a run in a cluster."""

    kind: Kind
    namespace: str
    name: str

    @property
    def twin(self) -> "Key":
        """The run of the other kind that has the same name."""
        other = Kind.PERF_RUN if self.kind is Kind.EVAL_RUN else Kind.EVAL_RUN
        return Key(other, self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed id. `kind` is None if the id does not contain it."""

    namespace: str
    name: str
    kind: Kind | None

    def candidates(self) -> list[Key]:
        """The runs that an id may mean, the most likely first: the service's own names begin with their kind."""
        if self.kind is not None:
            return [Key(self.kind, self.namespace, self.name)]
        kinds = [Kind.PERF_RUN, Kind.EVAL_RUN] if self.name.startswith("perf-") else [Kind.EVAL_RUN, Kind.PERF_RUN]
        return [Key(kind, self.namespace, self.name) for kind in kinds]


def parse(text: str, own_namespace: str) -> Reference | None:
    """Parses an id; None if it is no valid id."""
    found = _ID.fullmatch(text)
    if found is None:
        return None
    word = found["word"]
    return Reference(found["namespace"] or own_namespace, found["name"], KINDS[word] if word else None)


def run_id(key: Key, own_namespace: str, *, has_twin: bool) -> str:
    """The id of a run; `parse` reads it back."""
    place = "" if key.namespace == own_namespace else f"{key.namespace}:"
    return f"{place}{key.name}~{WORDS[key.kind]}" if has_twin else f"{place}{key.name}"


def new_name(kind: Kind, now: datetime, random: str) -> str:
    """A new name, `eval-20251204t100000123-k2x7q9pa`. It sorts by time; Jobs and pods can append suffixes."""
    return f"{WORDS[kind]}-{now:%Y%m%dt%H%M%S}{now.microsecond // 1000:03d}-{random}"


def keyed_name(kind: Kind, namespace: str, key: str, subject: str = "") -> str:
    """The name for an Idempotency-Key, the same on every replica and after every restart. `subject`: the client's."""
    digest = hashlib.sha256(f"{subject}|{namespace}|{key}".encode()).digest()
    return f"{WORDS[kind]}-{base64.b32encode(digest).decode().lower()[:_DIGEST_CHARS]}"


def random_name(source: bytes) -> str:
    """Random bytes as letters and digits for a name."""
    return base64.b32encode(source).decode().lower().rstrip("=")
