"""`GET /ui/compare`: finds the runs to compare, and keeps the last comparisons."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from evalkube_api import comparing, documents, errors
from evalkube_api.backend import Backend, RunQuery
from evalkube_api.documents import Documents
from evalkube_api.ui import addresses, compare, pages, paging
from evalkube_api.ui.addresses import Address
from evalkube_api.ui.head import Head
from evalkube_crds.names import Kind, Phase
from evalkube_crds.status import EvalRun, Run
from evalkube_report import comparison as loads

__all__ = ["Comparing"]

_KEPT: Final = 12
_MOST_CHANGED: Final = 10_000
_LISTED: Final = 60
_PATIENCE_S: Final = 0.1
"""A page waits so long for a comparison; of very many samples it takes longer, and the page asks again."""

Task: TypeAlias = asyncio.Task[dict[str, Any]]


class Comparing:
    """The comparison page for the runs of `backend`."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._kept: OrderedDict[tuple[str, str], Task] = OrderedDict()
        self._working = asyncio.Lock()

    async def page(self, request: Request) -> Response:
        """The page. Its whole state is in the URL: `runs` (the first is the baseline), and the choices."""
        asked = addresses.asked(request.query_params, compare.PARAMETERS)
        ids = compare.runs_of(asked)
        if "add" in asked:
            return RedirectResponse(addresses.compare(ids), 303)
        here = Address(request.url.path, asked)
        runs = [await self._backend.get(run_id) for run_id in ids]
        context: dict[str, Any] = {
            "head": Head("Comparison", self._title(runs), "Compare", (("/ui", "Runs"),)),
            "here": here,
            "sides": compare.sides(runs, here) if runs else (),
            "further": await self._further(runs),
            "kind": runs[0].kind if runs else None,
            "problem": None,
            "working": False,
        }
        good = [run for run in runs if run.kind == runs[0].kind and run.status.phase is Phase.SUCCEEDED]
        context["compared"] = len(good) > 1 and good[0] is runs[0]
        if context["compared"]:
            context["specs"] = compare.spec_table(good)
            try:
                if isinstance(good[0], EvalRun):
                    context |= await self._evaluations(good, runs, here)
                else:
                    context |= await self._loads(documents.of(request), good, runs, here)
            except (errors.Conflict, errors.NotFound) as problem:
                context |= {"compared": False, "problem": str(problem)}
        return pages.page(request, "compare.html.j2", context)

    @staticmethod
    def _title(runs: Sequence[Run]) -> str:
        models = list(dict.fromkeys(run.spec.model_id or run.spec.model for run in runs))
        return (
            " against ".join(reversed(models[:2]))
            if len(runs) == 2
            else f"{len(runs)} runs"
            if runs
            else "Compare runs"
        )

    async def _further(self, runs: Sequence[Run]) -> tuple[tuple[str, str], ...]:
        """The newest runs that can be added to the comparison."""
        if len(runs) >= compare.MOST:
            return ()
        kind = Kind(runs[0].kind) if runs else None
        found = await self._backend.list(RunQuery(kind=kind, phases=frozenset({Phase.SUCCEEDED}), limit=_LISTED))
        listed = [(line.run_id, line.model, f"{line.created:%Y-%m-%d %H:%M}") for line in found.runs]
        return compare.add_choices(listed, [run.metadata.name for run in runs])

    async def _loads(
        self, results: Documents, good: Sequence[Run], runs: Sequence[Run], here: Address
    ) -> dict[str, Any]:
        names = dict(zip((run.metadata.name for run in runs), compare.named(runs), strict=True))
        tests = [(names[run.metadata.name], await results.load_test(run.metadata.name)) for run in good]
        try:
            found = await asyncio.to_thread(loads.load_tests, tests)
        except loads.Incomparable as problem:
            raise errors.Conflict(str(problem), tests[0][0]) from None
        return await asyncio.to_thread(compare.load_tests, tests, found, here)

    async def _evaluations(self, good: Sequence[Run], runs: Sequence[Run], here: Address) -> dict[str, Any]:
        names = dict(zip((run.metadata.name for run in runs), compare.named(runs), strict=True))
        baseline, *others = [run.metadata.name for run in good]
        pairs, problems = [], []
        compared: dict[str, dict[str, Any]] = {}
        tasks = await self._pairs(baseline, others)
        if tasks is None:
            return {"working": True}
        for other, task in tasks.items():
            try:
                compared[other] = task.result()
            except errors.Conflict as problem:
                problems.append(f"{names[other]}: {problem}")
            else:
                pairs.append(compare.pair(compared[other], (names[baseline], names[other])))
        if not compared:
            raise errors.Conflict("; ".join(problems), baseline)
        against = here.query.get("against", next(iter(compared)))
        if against not in compared:
            raise errors.InvalidRequest.because("is not one of the runs that are compared", "against")
        page = paging.page_of(here.query.get("page"))
        plain = here.but(page=None, benchmark=None, change=None)
        return {
            "pairs": pairs,
            "warnings": problems,
            "against": names[against],
            "candidates": tuple(
                paging.Choice(names[other], None, str(plain.but(against=other)), other == against) for other in compared
            ),
            **compare.flips(compared[against], here, page=page),
        }

    async def _pairs(self, baseline: str, others: Sequence[str]) -> Mapping[str, Task] | None:
        """The comparisons with the baseline; None if that takes longer than a page may. The work then goes on."""
        found = {other: self._pair(baseline, other) for other in others}
        await asyncio.wait(found.values(), timeout=_PATIENCE_S)
        return found if all(task.done() for task in found.values()) else None

    def _pair(self, baseline: str, other: str) -> Task:
        """The comparison of two evaluations. Each pair is compared once, because results of ended runs do not change.

        A failed comparison is tried again.
        """
        task = self._kept.get((baseline, other))
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._kept[baseline, other] = asyncio.create_task(self._compared(baseline, other))
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)[1].cancel()
        self._kept.move_to_end((baseline, other))
        return task

    async def _compared(self, baseline: str, other: str) -> dict[str, Any]:
        async with self._working:  # one at a time: both runs' answers are in memory
            (found,) = await comparing.evaluations(
                self._backend, baseline, [other], most_changed=_MOST_CHANGED, fields=("runs", "runs")
            )
            return found
