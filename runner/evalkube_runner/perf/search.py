"""Decides which value a search for a service level tries next, or its answer, from what was measured so far.

Both searches go up (or down) until the answer is surrounded. That for the highest load goes where a measurement above
capacity says that the capacity is (`_guess`), and from there in growing steps; it ends where two loads are not told
apart. That for the best figure tries the load at which the server saturates (`_knee`), and what is beside it; else it
cuts what surrounds the best in two. Neither believes in luck: where measurements contradict each other, the lower load
that failed wins over the higher one that passed. A load at which the client could not keep up says nothing of the
server, and ends what can be known (`_kept_up`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from evalkube_crds import sla
from evalkube_crds.figure import Unit
from evalkube_crds.sla import Criterion
from evalkube_runner.perf.search_peak import lowest_best, peak
from evalkube_runner.perf.search_space import NUDGE, STEP, Found, Space, Try

__all__ = ["Found", "Probed", "Space", "Try", "outcome", "so_far", "step"]

_OVERLOADED = 1.25
"""A server that does so much less than it is asked for is overloaded; of few requests, less may be chance."""


@dataclass(frozen=True, slots=True)
class Probed:
    """The measurement at a value. Where it is not `valid` it speaks of the client, and neither for nor against the
    server.
    """

    figures: Mapping[str, float]
    valid: bool


def step(space: Space, group: Sequence[Criterion], probed: Mapping[float, Probed]) -> Try | Found:
    """The next step of the search for `group`, or its answer."""
    known = {value: one for value, one in probed.items() if one.valid}
    if group[0].bound is None:
        found = peak(space, _scores(group, known), _knee(space, known))
    else:
        found = _highest(space, _met(group, known), _guess(space, group, known))
    if isinstance(found, Try):
        return _kept_up(space, found, so_far(group, probed), probed)
    missed = [value for value in sorted(known) if _shortfall(group, known[value].figures)]
    beyond = next((value for value in missed if found.value is None or value > found.value), None)
    if beyond is None:
        return found
    return Found(found.value, f"{found.why} (at {beyond:g}: {_shortfall(group, known[beyond].figures)})")


def so_far(group: Sequence[Criterion], probed: Mapping[float, Probed]) -> float | None:
    """The answer that there would be without any further value."""
    known = {value: one for value, one in probed.items() if one.valid}
    return lowest_best(_scores(group, known)) if group[0].bound is None else _held(_met(group, known))


def _scores(group: Sequence[Criterion], known: Mapping[float, Probed]) -> dict[float, float | None]:
    return {value: _score(group[0], one.figures) for value, one in known.items()}


def _met(group: Sequence[Criterion], known: Mapping[float, Probed]) -> dict[float, bool]:
    return {value: not _shortfall(group, one.figures) for value, one in known.items()}


def _kept_up(space: Space, wanted: Try, best: float | None, probed: Mapping[float, Probed]) -> Try | Found:
    """The next value where the client could not keep up at one: nothing from there on. First the load right below,
    which cannot be told apart from it: it holds if the machine only had a bad moment. After that, the middle between it
    and what held.
    """
    told = 0.0 if best is None else best * STEP
    spoilt = sorted(value for value, one in probed.items() if not one.valid and value > told)
    if wanted.value not in probed and (not spoilt or wanted.value < spoilt[0]):
        return wanted
    end = spoilt[0] if spoilt else wanted.value
    middle = space.halved(end) if best is None else space.between(best, end)
    if len(spoilt) < 2 and space.aside(end) > (best or 0.0):
        middle = space.aside(end)
    if middle is None or middle in probed:
        return Found(best, f"the client itself could not keep up at {end:g}, tried twice, so no more is known")
    return Try(middle)


def outcome(group: Sequence[Criterion], one: Probed) -> Literal["met", "missed", "invalid"]:
    """The outcome of a probe for `group`."""
    if not one.valid:
        return "invalid"
    return "missed" if _shortfall(group, one.figures) else "met"


def _shortfall(group: Sequence[Criterion], figures: Mapping[str, float]) -> str:
    """The criteria that are missed, in words; empty where all are met. All requests must succeed, unless the group says
    itself how many may fail.
    """
    said = [_missed(criterion, figures) for criterion in group if not criterion.met(figures)]
    success = figures.get("success_rate", 0.0)
    if success < 1 and not sla.forgives_failures(group):
        said.append(f"{1 - success:.2%} of the requests failed")
    return ", ".join(said)


def _missed(criterion: Criterion, figures: Mapping[str, float]) -> str:
    figure = sla.FIGURES[criterion.metric]
    if criterion.metric not in figures or criterion.bound is None:
        return f"there is no {figure.title}"
    unit = "" if figure.unit is Unit.SHARE else f" {figure.unit}"
    value = f"{figures[criterion.metric]:.4g}{unit}"
    return f"{figure.title} is {value}, wanted {criterion.op} {criterion.bound:g}{unit}"


def _score(criterion: Criterion, figures: Mapping[str, float]) -> float | None:
    if _shortfall([criterion], figures):
        return None
    return figures[criterion.metric] if criterion.op == "max" else -figures[criterion.metric]


def _held(met: Mapping[float, bool]) -> float | None:
    """The highest value that passed, below the lowest that did not."""
    missed = min((value for value, good in met.items() if not good), default=math.inf)
    return max((value for value, good in met.items() if good and value < missed), default=None)


@dataclass(frozen=True, slots=True)
class _Guess:
    """The expected answer, and how often it was wrong: the number of loads of about that size that missed."""

    value: float
    missed: int = 0


def _guess(space: Space, group: Sequence[Criterion], known: Mapping[float, Probed]) -> _Guess | None:
    """The expected answer, by the loads that missed. The most throughput that they reached is the capacity, and beyond
    it waits grow in proportion to the load.

    With a rate the load at capacity is that throughput, with `parallel` the requests that it keeps in flight (Little's
    law) at the latency of a load that was met.
    """
    met = _met(group, known)
    missed = sorted(value for value, good in met.items() if not good)
    held = _held(met)
    capacity = max((known[value].figures.get("rps", 0.0) for value in missed), default=0.0)
    if space.whole and known:
        capacity *= known[min(known)].figures.get("avg_latency", 0.0)
    if not capacity or (held is None and space.whole):
        return None
    wrong = sum(value <= capacity * NUDGE for value in missed)
    if held is None:
        return _Guess(capacity, wrong)
    base = min(max(capacity, held), missed[0])
    crossings = [
        base + (criterion.bound - low) / (high - low) * (missed[0] - base)
        for criterion in group
        if criterion.bound is not None
        and criterion.op in ("<=", "<")
        and (low := known[held].figures.get(criterion.metric)) is not None
        and (high := known[missed[0]].figures.get(criterion.metric)) is not None
        and low < criterion.bound < high
    ]
    return _Guess(min(crossings, default=capacity), wrong)


def _highest(space: Space, met: Mapping[float, bool], guess: _Guess | None = None) -> Try | Found:
    """The highest value that meets the criteria, given which tried ones did, and where it should be. Assumes that less
    load is no worse.
    """
    missed = min((value for value, good in met.items() if not good), default=None)
    held = _held(met)
    if missed is None:
        if held is None:
            return Try(space.start)
        if held >= space.upper:
            return Found(held, f"the upper bound {held:g} meets the criteria")
        return Try(space.doubled(held) if len(met) == 1 else space.leapt(held))
    if held is None:
        if missed <= space.lower:
            return Found(None, f"the lower bound {missed:g} does not meet the criteria")
        down = None if guess is None else space.near(_wanted(guess, None, missed), space.lower / STEP, missed)
        return Try(space.halved(missed) if down is None else max(space.lower, down))
    middle = space.between(held, missed)
    if guess is not None:
        middle = space.near(_wanted(guess, held, missed), held, missed)
    if middle is None:
        return Found(held, f"{missed:g} does not meet the criteria any more")
    return Try(middle)


def _wanted(guess: _Guess, held: float | None, missed: float) -> float:
    """The next place to look: the guess; then growing steps from there, down where it missed and up where it held, at
    most to the middle of what surrounds the answer.
    """
    if guess.missed:
        lower = missed / math.pow(NUDGE, 2 ** min(guess.missed - 1, 7))
        return lower if held is None else max(lower, math.sqrt(held * missed))
    if held is None or guess.value > held:
        return guess.value
    return min(held * (held / guess.value) ** 3, math.sqrt(held * missed))


def _knee(space: Space, known: Mapping[float, Probed]) -> float | None:
    """The load with the most throughput, where more load was tried: the server saturates there."""
    most = max((one.figures.get("rps", 0.0) for one in known.values()), default=0.0)
    if space.whole and most:
        most *= known[min(known)].figures.get("avg_latency", 0.0)
    return most if 0 < most * _OVERLOADED < max(known, default=0.0) else None
