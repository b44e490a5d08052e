"""The command that continues an interrupted run, or starts it anew. Pure. No secret is in it."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from evalkube.models import Word
from evalkube_crds import credentials, taking
from evalkube_crds.redaction import Redactor
from evalkube_crds.requests import SECRETS

__all__ = ["command"]

_KEY, _FROM, _SET = "--api-key", "--use-cache", "--set"


def command(program: str, word: Word, arguments: Sequence[str], body: Mapping[str, Any], output_dir: str | None) -> str:
    """The command for the run with this request. An evaluation continues from `output_dir`.

    The key of the endpoint is left out. Other secrets of the request (in headers, judges, bodies) are masked.
    """
    own = {name: str(body[name]) for name in SECRETS if body.get(name)}
    hidden = Redactor(credentials.secret_values(taking.taken(body).secrets() | own))
    kept = [hidden.text(one) for one in _kept(arguments)]
    if word == "eval" and output_dir is not None:
        kept += [_FROM, output_dir]
    return shlex.join([_called(program), word, *kept])


def _kept(arguments: Sequence[str]) -> Iterator[str]:
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if name not in (_KEY, _FROM, _SET):
            yield word
            continue
        value = value if equals else next(words, "")
        if name == _SET and value.partition("=")[0].strip() not in _NOT_SET:
            yield from (name, value)


_NOT_SET: Final = (*SECRETS, "use_cache")


def _called(program: str) -> str:
    """The command as it was called."""
    path = Path(program)
    return str(path) if path.name == "evalkube" and len(path.parts) > 1 else "evalkube"
