"""The page about the service itself: version, backend, queue, benchmarks, data."""

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from evalkube_api.backend import Backend, Census
from evalkube_api.settings import Settings
from evalkube_api.ui import pages
from evalkube_benchmarks.catalogue import Catalogue, Entry, catalogue
from evalkube_crds.names import Kind, Phase
from evalkube_report.configuration import shown_url
from evalkube_report.table import Row, Table

__all__ = ["router"]

_BACKENDS: Final = {
    "local": "this machine: one process for each run",
    "kubernetes": "a Kubernetes cluster: one resource for each run",
    "folder": "a folder of outputs, read-only",
}
_HUBS: Final = {"MODELSCOPE_ENDPOINT": "ModelScope", "HF_ENDPOINT": "Hugging Face"}


def router(backend: Backend, settings: Settings) -> APIRouter:
    """`/ui/service`."""
    routes = APIRouter(include_in_schema=False)
    listed = catalogue()
    benchmarks = _benchmarks(listed)
    collections = _collections(listed)

    @routes.get("/ui/service")
    async def about(request: Request) -> Response:
        census = backend.census()
        context = {
            "facts": _facts(settings, pages.shell_of(request)),
            "queue": _queue(settings, census),
            "runs": _runs(census),
            "data": _data(settings),
            "benchmarks": benchmarks,
            "collections": collections,
        }
        return pages.page(request, "service.html.j2", context)

    return routes


def _facts(settings: Settings, shell: pages.Shell) -> list[tuple[str, str]]:
    guarded = "a token is asked for" if shell.token else "no token is asked for"
    reach = "others can reach it" if shell.exposed else ""
    return [
        ("Version", shell.version),
        ("Runs on", _BACKENDS[settings.backend]),
        ("Place", shell.place),
        ("Access", ", ".join(part for part in (guarded, reach) if part)),
    ]


def _queue(settings: Settings, census: Census) -> list[tuple[str, str]]:
    working = sum(times for (_, phase), times in census.runs.items() if not phase.terminal)
    found = [("Active", f"{working:,}")]
    if census.queued is not None:
        found.append(("Waiting", f"{census.queued:,}"))
    if census.unreadable:
        found.append(("Cannot be read", f"{census.unreadable:,}"))
    if settings.backend == "local":
        alone = "runs alone" if settings.perf_alone else "runs beside evaluations"
        found += [
            ("Evaluations at once", str(settings.max_evals)),
            ("A load test", alone),
            ("Runs that may wait", f"{settings.max_waiting:,}"),
        ]
    return found


def _runs(census: Census) -> Table:
    kinds = (Kind.EVAL_RUN, Kind.PERF_RUN)
    rows = [
        Row((str(phase), *(f"{census.runs.get((kind, phase), 0):,}" for kind in kinds)))
        for phase in Phase
        if any(census.runs.get((kind, phase)) for kind in kinds)
    ]
    return Table("Runs by phase", ("Phase", "Evaluations", "Load tests"), tuple(rows))


def _data(settings: Settings) -> list[tuple[str, str]]:
    if settings.backend == "kubernetes":
        cluster = settings.cluster
        spaces = "all" if cluster.all_namespaces else ", ".join((cluster.namespace, *cluster.namespaces))
        return [("Namespaces", spaces), ("Store", cluster.store_url or "none; the files of runs cannot be read")]
    if settings.backend == "folder":
        return [("Folder", str(settings.outputs))]
    given = settings.runner_environment
    hubs = [(f"Hub {name}", shown_url(given[at])) for at, name in _HUBS.items() if at in given]
    offline = [("Hubs", "not used (EVALKUBE_OFFLINE)")] if given.get("EVALKUBE_OFFLINE") else []
    folders = ", ".join(map(str, settings.data)) or "none beside the outputs (--data)"
    return [("Outputs", str(settings.outputs)), ("Folders that requests may read", folders), *hubs, *offline]


def _benchmarks(listed: Catalogue) -> Table:
    rows = tuple(
        Row((one.name, one.category, one.pretty_name, _metrics(one), _items(one))) for one in listed.benchmarks
    )
    return Table("Benchmarks of this version", ("Name", "Category", "Title", "Metrics", "Questions"), rows, words=4)


def _metrics(entry: Entry) -> str:
    judged = " (judged)" if entry.judged else ""
    return ", ".join(figure.name for figure in entry.metrics) + judged


def _items(entry: Entry) -> str:
    return "your own" if entry.items is None else f"{entry.items:,}"


def _collections(listed: Catalogue) -> Table:
    rows = tuple(Row((one.name, ", ".join(one.members))) for one in listed.collections)
    return Table("Collections of benchmarks", ("Name", "Benchmarks"), rows, words=2)
