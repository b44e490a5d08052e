"""Damaged objects: real ones in which fields are missing, or hold what nobody would expect there."""

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

__all__ = ["ODD", "damaged", "each_damage"]

_Path = tuple[str | int, ...]

ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    10**12,
    2**63 - 1,
    2**63,
    10**30,
    0.5,
    1e308,
    "",
    "x",
    "x" * 5000,
    "9" * 5000,
    "³",
    "\ud800",
    "a/b/c",
    "2026-11-01",
    "2026-11-01T00:00:00",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59Z",
    [],
    [None],
    [[{}]],
    {},
    {"a": None},
    {"metadata": {"metadata": []}},
    [{"controller": True}],
    [{"type": "Failed", "status": "True"}],
    [{"name": "runner", "state": {"terminated": {}}}],
]
"""What comes instead: nothing, other types, numbers and texts beyond all measure, times that are none, nonsense."""


def _paths(node: Any, here: _Path = ()) -> list[_Path]:
    parts = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [here, *(path for name, part in parts for path in _paths(part, (*here, name)))]


def _at(node: Any, path: _Path) -> Any:
    for part in path:
        node = node[part]
    return node


def each_damage(sound: Any) -> Iterator[tuple[str, Any]]:
    """`sound` with each of its fields taken out, and replaced by each oddity of its type, one at a time; in words."""
    for path in _paths(sound)[1:]:
        was = _at(sound, path)
        for odd in (None, *(odd for odd in ODD if type(odd) is type(was))):
            found = copy.deepcopy(sound)
            if odd is None:
                del _at(found, path[:-1])[path[-1]]
            else:
                _at(found, path[:-1])[path[-1]] = copy.deepcopy(odd)
            yield f"{path}: {str(odd)[:40]!r}", found


@st.composite
def damaged(draw: st.DrawFn, sound: Any) -> Any:
    """`sound` with one to three fields taken out or replaced, the half of them by an oddity of the same type."""
    found = copy.deepcopy(sound)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(_paths(found)))
        how = draw(st.sampled_from(["gone", "another type", "its type", "its type"]))
        like = [odd for odd in ODD if how == "another type" or type(odd) is type(_at(found, path))]
        odd = copy.deepcopy(draw(st.sampled_from(like or ODD)))
        if not path:
            found = odd if how == "another type" else found
        elif how == "gone":
            del _at(found, path[:-1])[path[-1]]
        else:
            _at(found, path[:-1])[path[-1]] = odd
    return found
