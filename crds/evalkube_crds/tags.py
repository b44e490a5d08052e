"""Tags of a run: words of its owner, which become labels of the resource with a prefix of their own. Pure.

The rules are those of Kubernetes' labels, also on one machine, so that every valid request is valid on a cluster.
"""

import re
from collections.abc import Mapping
from typing import Final

from evalkube_crds.names import GROUP
from evalkube_crds.problems import Problem

__all__ = ["MOST_TAGS", "PREFIX", "labels_of", "of_labels", "problems"]

PREFIX: Final = f"tags.{GROUP}/"
MOST_TAGS: Final = 32
_WORD: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LONGEST_SHOWN: Final = 80
_RULE: Final = (
    "must have at most 63 letters, digits, '-', '_' and '.', and a letter or digit at both ends (the rule of "
    "Kubernetes' labels)"
)


def problems(tags: Mapping[str, str], field: str = "tags") -> list[Problem]:
    """The problems of these tags, each with its field and a reason."""
    if len(tags) > MOST_TAGS:
        return [Problem(field, f"must have at most {MOST_TAGS} tags, but has {len(tags)}")]
    found = [Problem(f"{field}.{_shown(name)}", f"its name {_RULE}") for name in tags if not _is_word(name)]
    values = tags.items()
    return found + [
        Problem(f"{field}.{_shown(name)}", f"its value {_RULE}, or be empty")
        for name, value in values
        if value and not _is_word(value)
    ]


def labels_of(tags: Mapping[str, str]) -> dict[str, str]:
    """The labels of a resource with these tags."""
    return {PREFIX + name: value for name, value in tags.items()}


def of_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """The tags of a resource with these labels, by name."""
    return {name.removeprefix(PREFIX): labels[name] for name in sorted(labels) if name.startswith(PREFIX)}


def _is_word(text: str) -> bool:
    return _WORD.fullmatch(text) is not None


def _shown(name: str) -> str:
    return name[:_LONGEST_SHOWN]
