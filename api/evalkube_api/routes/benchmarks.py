"""The benchmarks that an evaluation may name."""

from typing import Annotated

from fastapi import APIRouter, Query

from evalkube_api import errors, openapi
from evalkube_benchmarks.catalogue import Catalogue, Entry, catalogue
from evalkube_crds.problems import nearest

__all__ = ["router"]

Category = Annotated[str | None, Query(max_length=100, description="Only benchmarks of this category")]
Language = Annotated[str | None, Query(max_length=100, description="Only benchmarks in this language (ISO 639-1)")]
Text = Annotated[str | None, Query(max_length=200, description="Only benchmarks with this in name or description")]


def router() -> APIRouter:
    """`/api/v1/benchmarks`."""
    routes = APIRouter()
    whole = catalogue()

    @routes.get("/api/v1/benchmarks", tags=["service"], responses=openapi.BENCHMARKS)
    async def read_benchmarks(category: Category = None, language: Language = None, q: Text = None) -> Catalogue:
        """The benchmarks of this version: names, sizes, metrics, and the sources and licences of their data.

        A collection is listed where one of its members is."""
        _check("category", category, {one.category for one in whole.benchmarks})
        _check("language", language, {word for one in whole.benchmarks for word in one.languages})
        found = [
            one
            for one in whole.benchmarks
            if category in (None, one.category)
            and (language is None or language in one.languages)
            and (q is None or _holds(one, q.casefold()))
        ]
        names = {one.name for one in found}
        groups = [group for group in whole.collections if names.intersection(group.members)]
        return Catalogue(benchmarks=found, collections=groups)

    return routes


def _check(field: str, given: str | None, known: set[str]) -> None:
    if given is not None and given not in known:
        near = nearest(given, sorted(known)) or f"; one of {', '.join(sorted(known))}"
        raise errors.InvalidRequest.because(f"{given[:80]!r} is not in any benchmark{near}", field)


def _holds(one: Entry, text: str) -> bool:
    return any(text in part.casefold() for part in (one.name, one.pretty_name, one.description))
