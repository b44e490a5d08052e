"""The keys of a request's body that carry secrets: finding them, taking them out and putting them back. Pure.

A key is secret by its name if its value is a text or a list of texts. Other objects and lists are searched; numbers are
never secret. A value that is taken out keeps its place, so that it can be put back: objects by key, lists by position,
with null where nothing was taken.
"""

import json
import re
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any, Final

from evalkube_crds.credentials import is_secret

__all__ = ["divided", "first", "is_secret_key", "joined"]

_DEEPEST: Final = 64
"""The maximum depth of a request; deeper values are left where they are."""

_LONGEST_NAME: Final = 128
"""The maximum length of a key's name that is examined; no interface has longer ones."""

_OF_TEXT: Final = re.compile(
    r"tokeni[sz]|token[-_.]?(ids?|types?|limit|budget|count)([-_.]|$)"
    r"|(^|[-_.])(bos|eos|eot|eom|pad|unk|sep|cls|mask|stop|start|end|begin|special|think|thinking|reasoning"
    r"|image|video|audio)[-_.]?token$",
    re.IGNORECASE,
)
"""The names in which "token" means a piece of text: `stop_token_ids`, `eos_token`, `tokenizer`."""


def is_secret_key(name: str) -> bool:
    """Whether a text under that key of a body is a secret. Names of a model's own tokens are not."""
    return is_secret(_OF_TEXT.sub("", name[:_LONGEST_NAME]))


def divided(given: Any) -> tuple[Any, dict[str, Any]]:
    """`given` without its secrets, and its secrets alone.

    `given` has the keys of a body, or is their JSON as a text. Anything else has no secrets.
    """
    keys = _keys(given)
    if keys is None:
        return given, {}
    kept, secret = _divided(keys, _DEEPEST)
    if secret is None:
        return given, {}
    return json.dumps(kept) if isinstance(given, str) else kept, secret


def first(given: Any) -> str | None:
    """The path of a secret in `given` (as in `divided`); None if it has none."""
    _, secret = divided(given)
    return _path(secret) if secret else None


def joined(value: Any, secret: Any) -> Any:
    """A copy of `value` with `secret` put back. Where both have a value, that of `secret` is used."""
    if isinstance(value, Mapping) and isinstance(secret, Mapping):
        return {**value, **{name: joined(value.get(name), inner) for name, inner in secret.items()}}
    if isinstance(value, list) and isinstance(secret, list):
        return [joined(mine, inner) for mine, inner in zip_longest(value, secret)]
    return value if secret is None else secret


def _keys(given: Any) -> dict[str, Any] | None:
    if isinstance(given, str) and not given.startswith("@"):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):  # whoever reads it says so
            return None
    return given if isinstance(given, dict) else None


def _divided(value: Any, room: int) -> tuple[Any, Any]:
    """Same as `divided`, with None instead of empty parts."""
    if not room:
        return value, None
    if isinstance(value, dict):
        kept: dict[str, Any] = {}
        secret: dict[str, Any] = {}
        for name, inner in value.items():
            if _is_text(inner) and is_secret_key(name):
                secret[name] = inner
                continue
            kept[name], found = _divided(inner, room - 1)
            if found is not None:
                secret[name] = found
        return (kept, secret) if secret else (value, None)
    if isinstance(value, list):
        parts = [_divided(inner, room - 1) for inner in value]
        if any(found is not None for _, found in parts):
            return [left for left, _ in parts], [found for _, found in parts]
    return value, None


def _is_text(value: Any) -> bool:
    words = value if isinstance(value, list) and value else [value]
    return all(isinstance(word, str) for word in words)


def _path(secret: Any) -> str:
    """The path of the first text in the secrets, such as `tools[0].authorization`."""
    path = ""
    while not _is_text(secret):
        if isinstance(secret, dict):
            name, secret = next(iter(secret.items()))
            shown = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"
            path += f".{shown}" if path else shown
        else:
            at = next(at for at, inner in enumerate(secret) if inner is not None)
            path, secret = f"{path}[{at}]", secret[at]
    return path
