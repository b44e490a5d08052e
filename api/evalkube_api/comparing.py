"""Compares runs by what they left: on one machine and on a cluster by the backend's artifacts."""

import asyncio
import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import orjson

from evalkube_api import errors
from evalkube_api.backend import Backend
from evalkube_api.documents import Documents, NoDocument
from evalkube_benchmarks.statistics import comparison, reviews
from evalkube_benchmarks.statistics.comparison import Side
from evalkube_crds import sample_lines
from evalkube_crds.names import Phase
from evalkube_crds.results import PerfResult
from evalkube_crds.seed import BESIDE
from evalkube_crds.status import EvalRun, PerfRun

__all__ = ["evaluations", "load_of"]

_PIECE_BYTES: Final = 1 << 20
"""Of reviews, read in a thread at a time: other requests are answered meanwhile."""


_comparisons = 0
"""At work now."""


async def evaluations(
    backend: Backend,
    baseline: str,
    candidates: Sequence[str],
    *,
    most_changed: int,
    fields: tuple[str, str] = ("baseline", "candidate"),
) -> list[dict[str, Any]]:
    """The comparison of each candidate with the baseline. `fields` of the request name the baseline and the candidates.

    Raises errors.NotFound; InvalidRequest for a load test; Conflict for a run without results or without reviews, and
    for runs that have nothing in common.
    """
    with _uncollected():
        first = await _side(backend, baseline, fields[0])
        found = []
        for candidate in candidates:
            side = await _side(backend, candidate, fields[1])
            try:
                found.append(await asyncio.to_thread(comparison.compare, first, side, most_changed=most_changed))
            except comparison.Incomparable as problem:
                raise errors.Conflict(str(problem), candidate) from None
        return found


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage collection meanwhile: with 100,000 samples each full one stops all requests for 0.2 s."""
    global _comparisons
    _comparisons += 1
    gc.disable()
    try:
        yield
    finally:
        _comparisons -= 1
        if not _comparisons:
            gc.enable()


async def _side(backend: Backend, run_id: str, field: str) -> Side:
    run = await backend.get(run_id)
    if not isinstance(run, EvalRun):
        raise errors.InvalidRequest.because(f"run {run_id} is a load test; evaluations are compared", field)
    if run.status.phase is not Phase.SUCCEEDED:
        raise errors.Conflict(f"run {run_id} has no results to compare: it is {run.status.phase}", run_id)
    if run.spec.dry_run:
        raise errors.Conflict(f"run {run_id} has no results to compare: it was a dry run", run_id)
    document: dict[str, dict[str, Any]] = await asyncio.to_thread(orjson.loads, await backend.results(run_id))
    known = [(report, await _read(backend, run_id, report)) for name, report in document.items() if name not in BESIDE]
    side = await asyncio.to_thread(Side.of, run_id, run.spec.model_dump(mode="json", by_alias=False), known)
    if not any(side.answers.values()):
        raise errors.Conflict(
            f"the reviews of run {run_id} are not there any more; its scores cannot be paired", run_id
        )
    return side


async def load_of(backend: Backend, documents: Documents, run_id: str, field: str) -> tuple[str, PerfResult]:
    """The result of a load test, which `field` of the request names.

    Raises errors.NotFound, InvalidRequest for an evaluation, Conflict for a run without a result.
    """
    run = await backend.get(run_id)
    if not isinstance(run, PerfRun):
        raise errors.InvalidRequest.because(f"run {run_id} is an evaluation, and not of the baseline's kind", field)
    if run.status.phase is not Phase.SUCCEEDED:
        raise errors.Conflict(f"run {run_id} has no results to compare: it is {run.status.phase}", run_id)
    try:
        return run_id, await documents.load_test(run_id)
    except NoDocument as problem:
        raise errors.Conflict(str(problem), run_id) from None


async def _read(backend: Backend, run_id: str, report: dict[str, Any]) -> list[reviews.Reviews]:
    """The reviews of a benchmark, by subset."""
    model, dataset = report["model_name"], report["dataset_name"]
    return [
        await _of_subset(backend, run_id, sample_lines.path("reviews", model, dataset, subset), subset)
        for subset in comparison.subsets_of(report)
    ]


async def _of_subset(backend: Backend, run_id: str, path: str, subset: str) -> reviews.Reviews:
    """The reviews of one subset; none where nothing of it could be scored."""
    found = reviews.Reviews(subset)
    try:
        artifact = await backend.artifact(run_id, path)
    except errors.NotFound:
        return found
    pieces: list[bytes] = []
    async for chunk in artifact.chunks:
        pieces.append(chunk)
        if sum(map(len, pieces)) >= _PIECE_BYTES:
            await asyncio.to_thread(found.feed, b"".join(pieces))
            pieces.clear()
    await asyncio.to_thread(found.feed, b"".join(pieces))
    return found
