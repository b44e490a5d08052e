"""Addresses of pages. What a page shows is in its URL, so that a link to it shows the same. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode

from starlette.datastructures import QueryParams

from evalkube_api import errors
from evalkube_crds.problems import Problem, nearest

__all__ = ["Address", "asked", "compare", "run", "sample"]

_LONGEST: Final = 2048
"""Room for the ids of all runs of a comparison; on a cluster each has a namespace and a name."""


@dataclass(frozen=True, slots=True)
class Address:
    """A path with its query, as text: `f"{here.but(page=2)}"`."""

    path: str
    query: Mapping[str, str] = field(default_factory=dict)

    def but(self, **changes: str | int | None) -> "Address":
        """The same with some parameters changed; None leaves one out."""
        changed = {**self.query, **{name: None if value is None else str(value) for name, value in changes.items()}}
        return Address(self.path, {name: value for name, value in changed.items() if value})

    def at(self, path: str) -> "Address":
        """Another path with the same query."""
        return Address(path, self.query)

    def __str__(self) -> str:
        return f"{self.path}?{urlencode(self.query, safe=',/')}" if self.query else self.path


def run(run_id: str) -> str:
    """The page of a run; an id of a cluster may have its namespace before it."""
    return f"/ui/runs/{quote(run_id, safe='')}"


def sample(run_id: str, dataset: str, subset: str, index: int) -> str:
    """The page of one sample."""
    names = "/".join(quote(name, safe="") for name in (dataset, subset))
    return f"{run(run_id)}/samples/{names}/{index}"


def compare(run_ids: list[str]) -> str:
    """The page of several runs beside one another; the first is the baseline."""
    return str(Address("/ui/compare", {"runs": ",".join(run_ids)} if run_ids else {}))


def asked(params: QueryParams, names: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The parameters of a page that have a value. `names`: which there are, with the words that each may be; none: any.

    Raises errors.InvalidRequest for others, and for what is there twice.
    """
    found: dict[str, str] = {}
    problems: list[Problem] = []
    for name, value in params.multi_items():
        if name not in names:
            problems.append(Problem(name[:80], "is not a parameter of this page" + (nearest(name, list(names)) or "")))
        elif name in found:
            problems.append(Problem(name, "is there more than once"))
        elif len(value) > _LONGEST:
            problems.append(Problem(name, f"is longer than {_LONGEST} characters"))
        elif value and names[name] and value not in names[name]:
            problems.append(Problem(name, f"must be one of {', '.join(names[name])}"))
        found[name] = value
    if problems:
        raise errors.InvalidRequest(problems[:10])
    return {name: value for name, value in found.items() if value}
