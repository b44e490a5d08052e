"""A run's spec as names and values, without secrets. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from evalkube_crds.cluster import CLUSTER_ONLY
from evalkube_crds.credentials import is_secret
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.secret_keys import is_secret_key
from evalkube_report import formats

__all__ = ["Setting", "host_of", "settings_of", "shown_url"]

_LONGEST = 600
_FREE_MAPS = frozenset({"extra_query", "extra_headers", "headers", "extra_params"})
_BODIES = frozenset({"extra_body", "extra_args"})


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of a spec by its dotted name. `given`: the request set it."""

    name: str
    value: str
    given: bool


def host_of(url: str) -> str:
    """Host and port of a URL, without credentials."""
    return urlsplit(url).netloc.rpartition("@")[2]


def shown_url(url: str) -> str:
    """A URL without credentials and without the values of its query, which may hold a key."""
    parts = urlsplit(url)
    query = "?..." if parts.query else ""
    return f"{parts.scheme}://{host_of(url)}{parts.path}{query}"


def settings_of(spec: EvalRunSpec | PerfRunSpec, *, longest: int | None = _LONGEST) -> list[Setting]:
    """All fields that have a value, the given ones first.

    Fields that only a cluster uses are left out unless they were given. Of a value longer than `longest` both ends are
    shown.
    """
    set_by_request = spec.model_dump(mode="json", by_alias=False, exclude_unset=True)
    given = {path for name, value in set_by_request.items() for path, _ in _leaves(name, value)}
    found = []
    for name, value in spec.model_dump(mode="json", by_alias=False).items():
        if value is not None and (name in spec.model_fields_set or name not in CLUSTER_ONLY):
            found += [_setting(path, leaf, path in given, longest) for path, leaf in _leaves(name, value)]
    return sorted(found, key=lambda setting: not setting.given)


def _setting(path: str, leaf: Any, given: bool, longest: int | None) -> Setting:
    text = _shown(leaf, path)
    return Setting(path, text if longest is None else formats.clipped(text, longest), given)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if inner is not None:
                yield from _leaves(f"{path}.{name}", inner)
    elif value != []:
        yield path, value


def _shown(value: Any, path: str) -> str:
    names = path.split(".")
    above = set(names[:-1])
    if (above & _FREE_MAPS and is_secret(names[-1])) or (above & _BODIES and is_secret_key(names[-1])):
        return "***"
    if isinstance(value, str):
        return shown_url(value) if names[-1] in ("url", "api_url") else value
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return ", ".join(str(item) for item in value)
    return json.dumps(value, ensure_ascii=False)
