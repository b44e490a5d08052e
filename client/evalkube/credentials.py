"""The token of a service. It is read from a file and written into a header, and nowhere else."""

from pathlib import Path

from evalkube import errors
from evalkube_crds.problems import Problem

__all__ = ["checked", "from_file"]


def checked(token: str) -> str:
    """`token`, if a header can hold it. Raises errors.BadRequest, whose message does not contain it."""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise _refused("token", "must be printable ASCII without spaces, at least one character")
    return token


def from_file(path: Path) -> str:
    """The token in `path`, without white space around it. Raises errors.BadRequest."""
    try:
        token = path.read_text("ascii").strip()
    except OSError as problem:
        raise _refused("--token-file", f"{path} cannot be read: {problem.strerror or problem}") from None
    except UnicodeDecodeError:
        raise _refused("--token-file", f"{path} must hold printable ASCII") from None
    try:
        return checked(token)
    except errors.BadRequest as problem:
        raise _refused("--token-file", f"{path} {problem.problems[0].reason}") from None


def _refused(field: str, reason: str) -> errors.BadRequest:
    return errors.BadRequest([Problem(field, reason)])
