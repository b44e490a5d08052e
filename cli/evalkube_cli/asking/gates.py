"""Conditions on a result: thresholds on figures, the health of the load generator, a limit on errors. Pure.

The names of figures are checked before anything is sent, against the names that such a result can have.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from evalkube.models import Word
from evalkube.outcome import LoadTest, Outcome
from evalkube_benchmarks.catalogue import catalogue
from evalkube_cli.exits import Exit
from evalkube_crds.names import Verdict
from evalkube_crds.problems import Problem, nearest
from evalkube_crds.summary import evaluation_names, load_test_names

__all__ = ["FailOn", "Finding", "fail_on", "findings", "threshold", "unknown_metric"]

_THRESHOLD: Final = re.compile(r"\s*(?P<metric>[^<>=\s]+)\s*(?P<op><=|>=|<|>)\s*(?P<value>[-+0-9.eE]+)\s*")
_LIMIT: Final = re.compile(r"errors\s*>\s*(?P<most>\d+(?:\.\d+)?)(?P<percent>\s*%)?")
_EXAMPLES: Final = 5
_FREE: Final = ("server_",)
_REPEATED: Final = re.compile(r"(pass@|pass\^|vote@)\d+")


def threshold(text: str) -> dict[str, Any] | Problem:
    """Reads `ttft_p99_s<0.5` as a threshold of a request. Returns a sentence where it is not one."""
    found = _THRESHOLD.fullmatch(text)
    try:
        if found is not None:
            return {"metric": found["metric"], "op": found["op"], "value": float(found["value"])}
    except ValueError:
        pass
    return _unread(text)


def _unread(text: str) -> Problem:
    return Problem("--threshold", f"{text!r} is not of the form NAME<NUMBER (or <=, >, >=), such as 'ttft_p99_s<0.5'")


def unknown_metric(metric: str, word: Word, body: Mapping[str, Any]) -> str | None:
    """The reason why no result of this request has such a figure, with the nearest name. None: one may have it."""
    scope, _, name = metric.rpartition("/")
    known = load_test_names() if word == "perf" else _evaluation_names(body)
    if name in known or name.startswith(_FREE) or _REPEATED.fullmatch(name) or scope in ("sla/1", "sla", "estimate"):
        return None
    if word == "eval" and (body.get("judge") or scope == "index"):
        return None  # the criteria of a judge and collections have names of their own
    near = f"; did you mean 'mean_{name}'?" if f"mean_{name}" in known else nearest(name, known)
    some = ", ".join(known[:_EXAMPLES])
    return f"no result has a figure {name!r}{near or f'; there are {some} ...'}"


def _evaluation_names(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The figure names of the requested benchmarks, where this version knows them all."""
    names = body.get("datasets")
    asked = {names} if isinstance(names, str) else set(names) if isinstance(names, list) else set()
    entries = [one for one in catalogue().benchmarks if one.name in asked] or catalogue().benchmarks
    metrics = dict.fromkeys(f"mean_{metric.name}" for entry in entries for metric in entry.metrics)
    return (*evaluation_names(), *metrics, *(f"{metric}_{end}" for metric in metrics for end in ("low", "high")))


# -------------------------------------------------------------------------------------------------------------- fail-on


@dataclass(frozen=True, slots=True)
class FailOn:
    """The conditions under which a command fails although its run succeeded. `most_failed`: a count, or a share if
    `as_share`.
    """

    verdicts: frozenset[Verdict] = frozenset({Verdict.INVALID})
    most_failed: float | None = None
    as_share: bool = False


def fail_on(text: str) -> FailOn | Problem:
    """Reads `invalid,degraded,errors>1%` as a value. Returns a sentence where it is not one."""
    verdicts: set[Verdict] = set()
    most: float | None = None
    as_share = False
    for word in (part.strip() for part in text.split(",")):
        if limit := _LIMIT.fullmatch(word):
            as_share = limit["percent"] is not None
            most = float(limit["most"]) / (100 if as_share else 1)
        elif word == "errors":
            most, as_share = 0.0, False
        elif word in ("invalid", "degraded"):
            verdicts |= {Verdict.INVALID, Verdict(word)}  # what is invalid is worse than degraded
        elif word != "none":
            known = ("invalid", "degraded", "errors", "errors>N", "errors>N%", "none")
            return Problem("--fail-on", f"{word!r} is not one of {', '.join(known)}{nearest(word, known)}")
    return FailOn(frozenset(verdicts), most, as_share)


@dataclass(frozen=True, slots=True)
class Finding:
    """A check that a result did not pass: the exit code and the sentence for it."""

    code: Exit
    text: str


def findings(outcome: Outcome, wanted: FailOn) -> list[Finding]:
    """The checks that a result did not pass. The first one decides the exit code."""
    return [*_verdict(outcome, wanted), *_errors(outcome, wanted), *_missed(outcome), *_unmet(outcome)]


def _verdict(outcome: Outcome, wanted: FailOn) -> Iterator[Finding]:
    if isinstance(outcome, LoadTest) and outcome.verdict in wanted.verdicts:
        said = "; ".join(f"{point}: {', '.join(reasons)}" for point, reasons in outcome.verdict_reasons.items())
        yield Finding(Exit.INVALID, f"the load generator's verdict is {outcome.verdict}: {said}")


def _errors(outcome: Outcome, wanted: FailOn) -> Iterator[Finding]:
    if wanted.most_failed is None or not outcome.failed:
        return
    share = outcome.failed / outcome.requested if outcome.requested else 1.0
    limit = f"{wanted.most_failed:.6g}" if not wanted.as_share else f"{100 * wanted.most_failed:g} %"
    if (share if wanted.as_share else outcome.failed) > wanted.most_failed:
        told = f"{outcome.failed:,} of {outcome.requested:,} failed ({share:.2%})"
        yield Finding(Exit.ERRORS, f"{told}, more than the limit of {limit}")


def _missed(outcome: Outcome) -> Iterator[Finding]:
    missed = [one for one in outcome.thresholds if not one.met]
    if missed:
        said = ", ".join(map(str, missed))
        yield Finding(Exit.THRESHOLD, f"thresholds missed: {said}")


def _unmet(outcome: Outcome) -> Iterator[Finding]:
    if not isinstance(outcome, LoadTest):
        return
    for group in outcome.sla.groups if outcome.sla is not None else ():
        if group.best is None:
            wanted = ", ".join(f"{name} {condition}" for name, condition in group.criteria.items())
            yield Finding(Exit.UNMET, f"no load meets {wanted}: {group.stopped}")
