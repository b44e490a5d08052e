"""The head of every page about a result: its place, its title, and its actions. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from evalkube_api.backend import ArtifactEntry
from evalkube_api.ui import addresses
from evalkube_api.ui.addresses import Address
from evalkube_api.ui.paging import Choice
from evalkube_crds import tags
from evalkube_crds.names import Kind
from evalkube_crds.status import Run
from evalkube_report import formats

__all__ = ["File", "Head", "Way", "files", "of_run", "tabs"]


@dataclass(frozen=True, slots=True)
class Way:
    """A link to an action or a download."""

    label: str
    href: str
    download: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a page. `crumbs`: the pages above it, as address and name; `deletable`: the run that can be deleted
    from here."""

    kind: str
    title: str
    here: str
    crumbs: tuple[tuple[str, str], ...]
    tags: tuple[tuple[str, str], ...] = ()
    ways: tuple[Way, ...] = ()
    deletable: str | None = None


_RUNS: Final = ("/ui", "Runs")
_FILES: Final = {
    Kind.EVAL_RUN: (("Report", "reports/report.html"), ("Samples as CSV", "reports/samples.csv")),
    Kind.PERF_RUN: (("Report", "perf_report.html"), ("Summary as CSV", "summary.csv")),
}
_KINDS: Final = {Kind.EVAL_RUN: "Evaluation", Kind.PERF_RUN: "Load test"}


def of_run(run: Run, *, read_only: bool, below: str | None = None) -> Head:
    """The head of a run's page. `below`: the name of the page, if it is a page below the run's own."""
    run_id, kind = run.metadata.name, Kind(run.kind)
    files = f"/api/v1/runs/{quote(run_id, safe='')}/artifacts"
    ways = [Way("Compare", addresses.compare([run_id]))]
    ways += [] if read_only else [Way("Clone", str(Address("/ui/new", {"clone": run_id})))]
    ways += [Way(label, f"{files}/{path}", download=path.endswith(".csv")) for label, path in _FILES[kind]]
    ways.append(Way("All files (zip)", f"{files}.zip", download=True))
    title = run.spec.model_id or run.spec.model
    return Head(
        kind=_KINDS[kind],
        title=title,
        here=below or run_id,
        crumbs=(_RUNS, (addresses.run(run_id), run_id)) if below else (_RUNS,),
        tags=tuple(sorted(tags.of_labels(run.metadata.labels).items())),
        ways=tuple(ways) if below is None else (),
        deletable=run_id if below is None and not read_only else None,
    )


def tabs(here: Address, views: Mapping[str, str], chosen: str) -> tuple[Choice, ...]:
    """The tabs of a page. `views`: the word of each in the URL, and its name."""
    return tuple(
        Choice(name, None, str(Address(here.path, {"view": word} if word else {})), word == chosen)
        for word, name in views.items()
    )


@dataclass(frozen=True, slots=True)
class File:
    """One file of a run."""

    path: str
    href: str
    size: str


def files(run_id: str, entries: Iterable[ArtifactEntry]) -> tuple[File, ...]:
    """The files of a run."""
    above = f"/api/v1/runs/{quote(run_id, safe='')}/artifacts/"
    return tuple(File(one.path, above + quote(one.path), _size(one.size_bytes)) for one in entries)


def _size(size_bytes: int) -> str:
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size_bytes >= size:
            return f"{formats.significant(size_bytes / size, 3)} {unit}"
    return f"{size_bytes} bytes"
