"""Finds the highest load that meets a service level: measures what `search` asks for until it has its answer.

Each value is measured several times, and the runs are added up. All groups of criteria share what was measured.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from evalkube_crds import merge, sla, steady, verdict
from evalkube_crds.names import Verdict
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.point_names import point_name
from evalkube_crds.results import PerfResult, SlaGroup, SlaProbe, SlaResult
from evalkube_runner.context import RunContext
from evalkube_runner.perf import search
from evalkube_runner.perf.limits import most_parallel
from evalkube_runner.perf.point import Point, arrivals_of
from evalkube_runner.perf.point_runner import PointRunner

__all__ = ["merge_runs", "run_of", "space_of", "tune"]

_LOG = logging.getLogger("evalkube.runner.perf")
_TRIES = 2
_AT_ONCE = ("processes", "connections_peak", "connections_limit")
_MULTIPLIER = {"parallel": 2.0, "rate": 30.0}
"""Requests of a run by value: two turns of every slot; half a minute of a rate, because a queue that grows takes time
to show.
"""


async def tune(spec: PerfRunSpec, context: RunContext, runner: PointRunner, result: PerfResult) -> None:
    """Search for each group of `spec.sla_params`; points and answers go into `result`. Raises RunFailed."""
    tuner = _Tuner(spec, runner)
    space = space_of(spec, most_parallel(context))
    result.sla = SlaResult(variable=spec.sla_variable, runs=spec.sla_num_runs)
    for conditions in spec.sla_params or ():
        result.sla.groups.append(await tuner.find(space, conditions))
        _LOG.info("%s: %s, because %s", conditions, result.sla.groups[-1].best, result.sla.groups[-1].stopped)
    result.points = [point for _, point in sorted(tuner.points.items())]
    await context.delivery.put("sla_summary.json", result.sla.model_dump_json(indent=2, by_alias=False).encode())


def space_of(spec: PerfRunSpec, most_parallel: int) -> search.Space:
    """The space of a search. It begins at the given load, else at the lower bound."""
    whole = spec.sla_variable == "parallel"
    lower = spec.sla_lower_bound
    upper = max(lower, min(spec.sla_upper_bound, most_parallel)) if whole else spec.sla_upper_bound
    given = spec.sla_variable in spec.model_fields_set
    start = float(spec.parallel[0] if whole else spec.rate[0]) if given else lower
    return search.Space(lower, upper, min(max(start, lower), upper), whole)


def run_of(spec: PerfRunSpec, value: float) -> Point:
    """The point of one run at `value`; its name is that of all its runs together."""
    multiplier = spec.sla_number_multiplier or _MULTIPLIER[spec.sla_variable]
    needed = math.ceil(sla.requests_needed(spec.sla_params or ()) / spec.sla_num_runs)
    number = max(needed, round(value * multiplier))
    warmup = spec.warmup_of(number)
    total = number * spec.sla_num_runs
    if spec.sla_variable == "rate":
        name = point_name(number=total, rate=value)
        return Point(name, number, spec.sla_fixed_parallel, value, warmup, 0, arrivals=arrivals_of(spec))
    parallel = int(value)
    rate = spec.rate[0] if spec.rate[0] > 0 else None
    name = point_name(number=total, parallel=parallel)
    return Point(name, number, parallel, rate, warmup, 0, arrivals=arrivals_of(spec), ramp_up_s=spec.ramp_up)


class _Tuner:
    """The measurements of a search, and what makes more of them."""

    def __init__(self, spec: PerfRunSpec, runner: PointRunner) -> None:
        self._spec = spec
        self._runner = runner
        self._first = 0
        self._probed: dict[float, search.Probed] = {}
        self.points: dict[float, PerfPoint] = {}

    async def find(self, space: search.Space, conditions: dict[str, str]) -> SlaGroup:
        """Search for the highest load that meets one group of criteria."""
        group = sla.group_of(conditions)
        step = search.step(space, group, self._probed)
        while isinstance(step, search.Try):
            if not self._runner.gone:
                await self._measure(step.value)
                step = search.step(space, group, self._probed)
            if self._runner.gone:  # whatever the last value has come to: it was not the load
                step = search.Found(search.so_far(group, self._probed), f"the target was gone: {self._runner.gone}")
        best = step.value
        capped = best == space.upper < self._spec.sla_upper_bound
        return SlaGroup(
            criteria=conditions,
            best=best,
            point=None if best is None else self.points[best].name,
            figures={} if best is None else dict(self._probed[best].figures),
            stopped=f"{step.why}; no more connections can be held here" if capped else step.why,
            probes=[
                SlaProbe(
                    value=value,
                    point=self.points[value].name,
                    outcome=search.outcome(group, one),
                    figures={name: one.figures[name] for name in conditions if name in one.figures},
                )
                for value, one in sorted(self._probed.items())
            ],
        )

    async def _measure(self, value: float) -> None:
        """Measure all runs at a value. A run in which the client could not keep up says nothing and is repeated."""
        point = run_of(self._spec, value)
        runs: list[PerfPoint] = []
        async with self._runner.rows(point.name, point.total * self._spec.sla_num_runs) as rows:
            for run in range(self._spec.sla_num_runs):
                runs.append(await self._valid_run(point, run, rows))
                if runs[-1].verdict is Verdict.INVALID or self._runner.gone:
                    break
            whole = merge_runs(runs)
            await self._runner.deliver(whole)
        figures = sla.figures_of(whole, intended=self._spec.sla_variable == "rate")
        self.points[value] = whole
        self._probed[value] = search.Probed(figures, whole.verdict is not Verdict.INVALID)

    async def _valid_run(self, point: Point, run: int, rows: list[Path]) -> PerfPoint:
        """The first of some tries in which the client kept up, else the last one; the rows of the others go."""
        kept = len(rows)
        for tries_left in reversed(range(_TRIES)):
            if self._first:
                await self._runner.pause(point)
            del rows[kept:]
            found = await self._run(point, run, rows)
            if found.verdict is not Verdict.INVALID or not tries_left or self._runner.gone:
                break
            _LOG.warning("%s: run %d is made again: %s", point.name, run + 1, "; ".join(found.verdict_reasons))
        return found

    async def _run(self, point: Point, run: int, rows: list[Path]) -> PerfPoint:
        first, self._first = self._first, self._first + point.total
        return await self._runner.measure(replace(point, first=first, run=run), rows)


def merge_runs(runs: Sequence[PerfPoint]) -> PerfPoint:
    """The merged point of runs that followed each other. The pauses between them are taken out of its time, so that
    they do not lower its throughput. A run in which the client could not keep up makes it all invalid.
    """
    moved: list[PerfPoint] = []
    end_ns = 0
    for run in runs:
        start_ns = end_ns or run.started_at_ns
        end_ns = start_ns + max(run.ended_at_ns - run.started_at_ns, 0)
        moved.append(run.model_copy(update={"started_at_ns": start_ns, "ended_at_ns": end_ns}))
    whole = merge.merge_points(moved)
    whole.number = sum(run.number for run in runs)
    whole.steady = steady.in_turn([run.steady for run in runs if run.steady is not None])
    for name in _AT_ONCE:  # shards' processes work at the same time, runs' do not
        setattr(whole.health, name, max(getattr(run.health, name) for run in runs))
    whole.verdict, whole.verdict_reasons = verdict.judge_point(whole)
    for run in runs:
        if run.verdict is Verdict.INVALID and whole.verdict is not Verdict.INVALID:
            whole.verdict, whole.verdict_reasons = run.verdict, run.verdict_reasons
    return whole
