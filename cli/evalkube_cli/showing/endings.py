"""How a command ends: what is said of a failure, and the exit code that it has."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from evalkube import errors
from evalkube_cli.exits import Exit
from evalkube_cli.showing import output
from evalkube_crds.names import Reason
from evalkube_crds.problems import Problem

__all__ = ["by_flags", "ended", "suggestion"]

Naming = Callable[[Sequence[Problem]], Iterable[Problem]]


def ended(command: str, work: Callable[[], Exit], named: Naming = tuple) -> Exit:
    """The exit code of `work`, or of what it raises, which is said. `named`: problems by what the user typed."""
    try:
        return work()
    except errors.BadRequest as refused:
        for problem in named(refused.problems):
            output.complain(str(problem))
        return Exit.REFUSED
    except errors.RunFailed as failed:
        cause = f"{failed.reason}: {failed}" if failed.reason else str(failed)
        output.complain(f"the run failed: {cause}")
        if failed.response.get("output_dir"):
            output.complain(f"what it left: {failed.response['output_dir']}")
        for note in getattr(failed, "__notes__", ()):
            output.complain(note)
        return Exit.FAILED
    except (errors.EvalkubeError, TimeoutError) as problem:
        output.complain(f"evalkube {command}: {problem}")
        return Exit.REFUSED if isinstance(problem, errors.NotFound) else Exit.SERVICE
    except KeyboardInterrupt:
        output.complain("interrupted")
        return Exit.INTERRUPTED


def by_flags(flags: Mapping[str, str], known: Iterable[str]) -> Naming:
    """Names a query parameter by its option: `flags`, where it is called something else than the parameter."""

    def named(problems: Sequence[Problem]) -> list[Problem]:
        options = {name: flags.get(name, f"--{name}") for name in known}
        return [Problem(options.get(one.field, one.field), one.reason) for one in problems]

    return named


_MAY_BE_PATH = (Reason.TARGET_REFUSED, Reason.MODEL_NOT_FOUND, Reason.ALL_SAMPLES_FAILED, Reason.ALL_REQUESTS_FAILED)


def suggestion(flag: str, url: str | None, reason: str, message: str) -> str | None:
    """What to try where an endpoint was not found and its URL has no path: most have their API under /v1."""
    if url is None or "404" not in message or reason not in _MAY_BE_PATH:
        return None
    parts = urlsplit(url)
    if parts.path.startswith("/v1") or not parts.netloc:
        return None
    path = f"/v1{parts.path}".rstrip("/")
    return f"the endpoint answers 404; did you mean {flag} {parts._replace(path=path).geturl()} ?"
