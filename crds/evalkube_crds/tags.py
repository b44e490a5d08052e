"""Tags of a run: words of its owner, which are labels of the resource under a prefix of their own. Pure.

The rules are those of Kubernetes for labels, on one machine too: a request that is right here is right there.
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
    "must have at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends, as labels of"
    " Kubernetes do"
)


def problems(tags: Mapping[str, str], field: str = "tags") -> list[Problem]:
    """What is wrong with these tags, each with its field and a reason."""
    if len(tags) > MOST_TAGS:
        return [Problem(field, f"must be at most {MOST_TAGS} tags, not {len(tags)}")]
    found = [Problem(f"{field}.{_shown(name)}", f"its name {_RULE}") for name in tags if not _is_word(name)]
    values = tags.items()
    return found + [
        Problem(f"{field}.{_shown(name)}", f"its value {_RULE}, or be empty")
        for name, value in values
        if value and not _is_word(value)
    ]


def labels_of(tags: Mapping[str, str]) -> dict[str, str]:
    """The labels of a resource that has these tags."""
    return {PREFIX + name: value for name, value in tags.items()}


def of_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """The tags of a resource that has these labels, by name."""
    return {name.removeprefix(PREFIX): labels[name] for name in sorted(labels) if name.startswith(PREFIX)}


def _is_word(text: str) -> bool:
    return _WORD.fullmatch(text) is not None


def _shown(name: str) -> str:
    return name[:_LONGEST_SHOWN]
