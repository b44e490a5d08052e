"""The result documents of the most recently viewed runs, for pages and for comparisons."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import ValidationError
from starlette.requests import Request

from evalkube_api import errors
from evalkube_api.backend import ArtifactEntry, Backend
from evalkube_crds.results import EvalResult, PerfResult

__all__ = ["Documents", "NoDocument", "of"]

EVALUATION: Final = "reports/result.json"
LOAD_TEST: Final = "perf_result.json"
_MOST_BYTES: Final = 64 << 20
"""Of one document, and of all that are kept."""

Result = TypeVar("Result", EvalResult, PerfResult)


class NoDocument(errors.NotFound):
    """404: the run has no result that can be read. The message says why."""


@dataclass(frozen=True, slots=True)
class _Kept:
    entry: ArtifactEntry
    result: EvalResult | PerfResult


class Documents:
    """The results of the runs of `backend`. The last ones that were viewed are kept in memory, while there is room."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()

    async def evaluation(self, run_id: str) -> EvalResult:
        """The result of an evaluation. Raises NoDocument, errors.NotFound."""
        return await self._document(run_id, EVALUATION, EvalResult)

    async def load_test(self, run_id: str) -> PerfResult:
        """The result of a load test. Raises NoDocument, errors.NotFound."""
        return await self._document(run_id, LOAD_TEST, PerfResult)

    async def _document(self, run_id: str, path: str, kind: type[Result]) -> Result:
        try:
            artifact = await self._backend.artifact(run_id, path)
        except errors.NotFound:
            await self._backend.get(run_id)
            raise NoDocument(f"run {run_id} left no {path}; runs of older versions do not") from None
        try:
            kept = self._kept.get((run_id, path))
            if kept is not None and kept.entry == artifact.entry and isinstance(kept.result, kind):
                self._kept.move_to_end((run_id, path))
                return kept.result
            if artifact.entry.size_bytes > _MOST_BYTES:
                raise NoDocument(f"{path} of run {run_id} is too large to be read here")
            data = b"".join([chunk async for chunk in artifact.chunks])
        finally:
            await artifact.chunks.aclose()
        try:
            result = await asyncio.to_thread(kind.model_validate_json, data)
        except ValidationError:
            raise NoDocument(f"{path} of run {run_id} cannot be read: it is damaged, or of another version") from None
        self._kept[run_id, path] = _Kept(artifact.entry, result)
        self._kept.move_to_end((run_id, path))
        while sum(kept.entry.size_bytes for kept in self._kept.values()) > _MOST_BYTES:
            self._kept.popitem(last=False)
        return result


def of(request: Request) -> Documents:
    """The documents of the service that answers this request."""
    found = request.app.state.documents
    assert isinstance(found, Documents)
    return found
