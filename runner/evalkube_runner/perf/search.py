"""Which value a search for a service level tries next, or what it has found: a function of what was measured so far.
No clock, no I/O.

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
from evalkube_crds.sla import Criterion

__all__ = ["PEAK_MARGIN", "Found", "Probed", "Space", "Try", "highest", "outcome", "peak", "so_far", "step"]

_STEP = 1.05
"""Two loads closer than this are not told apart: a careful run differs by that much from the next."""
_NUDGE: float = _STEP**0.9
"""From a load to the next one, so that the two are not told apart, however they are rounded."""
_OVERLOADED = 1.25
"""A server that does so much less than it is asked for is overloaded; of few requests, less may be chance."""
_ASIDE = 1.02
"""From a load to one that says the same, where the first could not be measured."""
_LEAP = 4
PEAK_MARGIN = 0.02
"""A figure must be better by so much to be better at all, or the top of a plateau would be sought in its noise."""
_PEAK_STEP = 1.05


@dataclass(frozen=True, slots=True)
class Space:
    """What may be tried: from ``lower`` to ``upper``, beginning at ``start``; whole numbers, or three digits."""

    lower: float
    upper: float
    start: float
    whole: bool

    def at(self, wanted: float) -> float:
        """The value that is nearest."""
        return min(max(float(round(wanted)) if self.whole else _three_digits(wanted), self.lower), self.upper)

    def between(self, low: float, high: float) -> float | None:
        """The value to try between two; None when they are next to each other."""
        return self.near(math.sqrt(low * high), low, high)

    def near(self, wanted: float, low: float, high: float) -> float | None:
        """The value next to a wanted one that is told apart from both; None when these are next to each other."""
        if high <= low * _STEP or (self.whole and high - low < 2):
            return None
        wanted = min(max(wanted, low * _NUDGE), high / _NUDGE)
        if self.whole:
            return float(min(max(round(wanted), math.floor(low) + 1), math.ceil(high) - 1))
        return _three_digits(wanted)

    def leapt(self, value: float) -> float:
        """The next one far upwards."""
        return min(self.upper, _LEAP * value)

    def doubled(self, value: float) -> float:
        """The next one upwards."""
        return min(self.upper, 2 * value)

    def aside(self, value: float) -> float:
        """The one right below."""
        below = min(round(value / _ASIDE), value - 1) if self.whole else _three_digits(value / _ASIDE)
        return max(self.lower, float(below))

    def halved(self, value: float) -> float:
        """The next one downwards."""
        return max(self.lower, float(value // 2) if self.whole else _three_digits(value / 2))


@dataclass(frozen=True, slots=True)
class Try:
    """Measure this value next."""

    value: float


@dataclass(frozen=True, slots=True)
class Found:
    """The search is over: the answer, None where there is none, and why it ends here."""

    value: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Probed:
    """What was measured at a value. Not ``valid``: it tells of the client, and speaks neither for nor against the
    server.
    """

    figures: Mapping[str, float]
    valid: bool


def step(space: Space, group: Sequence[Criterion], probed: Mapping[float, Probed]) -> Try | Found:
    """What the search for ``group`` does next, or its answer."""
    known = {value: one for value, one in probed.items() if one.valid}
    if group[0].bound is None:
        found = peak(space, _scores(group, known), _knee(space, known))
    else:
        found = highest(space, _met(group, known), _guess(space, group, known))
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
    return _lowest_best(_scores(group, known)) if group[0].bound is None else _held(_met(group, known))


def _scores(group: Sequence[Criterion], known: Mapping[float, Probed]) -> dict[float, float | None]:
    return {value: _score(group[0], one.figures) for value, one in known.items()}


def _met(group: Sequence[Criterion], known: Mapping[float, Probed]) -> dict[float, bool]:
    return {value: not _shortfall(group, one.figures) for value, one in known.items()}


def _kept_up(space: Space, wanted: Try, best: float | None, probed: Mapping[float, Probed]) -> Try | Found:
    """What is tried where the client itself could not keep up at a value: nothing from there on. First the load right
    below, which is not told apart from it: that is as good, if it was a bad moment of the machine. Else, and after
    that, the middle of it and of what held.
    """
    told = 0.0 if best is None else best * _STEP
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
    """What a probe says of ``group``."""
    if not one.valid:
        return "invalid"
    return "missed" if _shortfall(group, one.figures) else "met"


def _shortfall(group: Sequence[Criterion], figures: Mapping[str, float]) -> str:
    """What is not as it should be, in words; nothing where all criteria are met. All requests must succeed, unless the
    group says itself how many may fail.
    """
    said = [
        f"{criterion.metric} is {figures[criterion.metric]:.4g}, wanted {criterion.op} {criterion.bound:g}"
        if criterion.metric in figures and criterion.bound is not None
        else f"there is no {criterion.metric}"
        for criterion in group
        if not criterion.met(figures)
    ]
    success = figures.get("success_rate", 0.0)
    if success < 1 and not sla.forgives_failures(group):
        said.append(f"{1 - success:.2%} of the requests failed")
    return ", ".join(said)


def _score(criterion: Criterion, figures: Mapping[str, float]) -> float | None:
    if _shortfall([criterion], figures):
        return None
    return figures[criterion.metric] if criterion.op == "max" else -figures[criterion.metric]


def _held(met: Mapping[float, bool]) -> float | None:
    """The highest value that passed, below the lowest that did not."""
    missed = min((value for value, good in met.items() if not good), default=math.inf)
    return max((value for value, good in met.items() if good and value < missed), default=None)


def _lowest_best(scores: Mapping[float, float | None]) -> float | None:
    """The lowest value within ``PEAK_MARGIN`` of the best score."""
    known = {value: score for value, score in scores.items() if score is not None}
    if not known:
        return None
    top = max(known.values())
    return min(value for value, score in known.items() if score >= top - PEAK_MARGIN * abs(top))


@dataclass(frozen=True, slots=True)
class Guess:
    """Where the answer should be, and how often it was not there: the loads of about that much that missed."""

    value: float
    missed: int = 0


def _guess(space: Space, group: Sequence[Criterion], known: Mapping[float, Probed]) -> Guess | None:
    """Where the answer should be, by the loads that missed: the most throughput that they reached is the capacity, and
    beyond it waits grow in proportion to the load.

    With a rate the load at capacity is that throughput, with `parallel` the requests that it keeps in flight (Little's
    law) at the latency of a load that was met.
    """
    met = _met(group, known)
    missed = sorted(value for value, good in met.items() if not good)
    held = _held(met)
    capacity = max((known[value].figures.get("rps", 0.0) for value in missed), default=0.0)
    if not capacity or (held is None and space.whole):
        return None
    if space.whole:
        capacity *= known[min(known)].figures.get("avg_latency", 0.0)
    wrong = sum(value <= capacity * _NUDGE for value in missed)
    if held is None:
        return Guess(capacity, wrong)
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
    return Guess(min(crossings, default=capacity), wrong)


def highest(space: Space, met: Mapping[float, bool], guess: Guess | None = None) -> Try | Found:
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
        down = None if guess is None else space.near(_wanted(guess, None, missed), space.lower / _STEP, missed)
        return Try(space.halved(missed) if down is None else max(space.lower, down))
    middle = space.between(held, missed)
    if guess is not None:
        middle = space.near(_wanted(guess, held, missed), held, missed)
    if middle is None:
        return Found(held, f"{missed:g} does not meet the criteria any more")
    return Try(middle)


def _wanted(guess: Guess, held: float | None, missed: float) -> float:
    """Where to look for the answer: at the guess; from there in growing steps, down where it missed and up where it
    held, but no farther than the middle of what surrounds the answer.
    """
    if guess.missed:
        lower = missed / math.pow(_NUDGE, 2 ** min(guess.missed - 1, 7))
        return lower if held is None else max(lower, math.sqrt(held * missed))
    if held is None or guess.value > held:
        return guess.value
    return min(held * (held / guess.value) ** 3, math.sqrt(held * missed))


def _knee(space: Space, known: Mapping[float, Probed]) -> float | None:
    """The load at the most throughput that was seen, where more load than that was tried: there it saturates."""
    most = max((one.figures.get("rps", 0.0) for one in known.values()), default=0.0)
    if space.whole and most:
        most *= known[min(known)].figures.get("avg_latency", 0.0)
    return most if 0 < most * _OVERLOADED < max(known, default=0.0) else None


def peak(space: Space, scores: Mapping[float, float | None], knee: float | None = None) -> Try | Found:
    """The value with the largest score (>= 0 or all below 0; None: it does not count), given those tried, and where
    the server saturates.

    Assumes that scores rise to one peak, or plateau, and fall from there. Of values within ``PEAK_MARGIN`` of the best
    the lowest is the answer: no load should be higher than it needs to be.
    """
    best = _lowest_best(scores)
    if best is None:
        lowest = min(scores, default=None)
        if lowest is None:
            return Try(space.start)
        if lowest <= space.lower:
            return Found(None, f"nothing counts, not even at the lower bound {lowest:g}")
        return Try(space.halved(lowest))
    below = max((value for value in scores if value < best), default=None)
    above = min((value for value in scores if value > best), default=None)
    overloaded = knee is not None and not space.whole and 2 * knee < best
    if above is None and best < space.upper and not overloaded:
        return Try(space.doubled(best) if space.whole or len(scores) == 1 else space.leapt(best))
    if below is None and best > space.lower:
        return Try(space.halved(best) if knee is None or knee * _NUDGE > best else space.at(knee))
    gaps = [] if below is None or _is_linear(scores, below, best) else [(below, best)]
    gaps += [] if above is None else [(best, above)]
    for low, high in sorted(gaps, key=lambda gap: (not gap[0] < (knee or 0) < gap[1], gap[0] / gap[1])):
        middle = space.near(_towards(knee, low, high), low, high) if high > low * _PEAK_STEP else None
        if middle is not None:
            return Try(middle)
    edge = "lower" if best <= space.lower else "upper" if best >= space.upper else None
    return Found(best, f"it is the {edge} bound" if edge else "its neighbours are not better")


def _is_linear(scores: Mapping[float, float | None], low: float, high: float) -> bool:
    """Whether twice the load gave twice the figure, so that nothing in between gives more than at the end."""
    at_low, at_high = scores[low] or 0.0, scores[high] or 0.0
    return at_low > 0 and at_high / high >= at_low / low / _STEP


def _towards(knee: float | None, low: float, high: float) -> float:
    """Where in a gap to look for a better value: at the knee, right beside it where it is known, else in the middle."""
    if knee is not None and low < knee * _NUDGE and knee / _NUDGE < high:
        return knee
    return math.sqrt(low * high)


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")
