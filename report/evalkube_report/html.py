"""Self-contained HTML reports: one page for each result. Nothing is fetched: no script, font or picture.

All text from a model, a server or a data set is untrusted. The templates escape it, and the page's content security
policy allows no script but the page's own.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import EvalResult, PerfResult
from evalkube_report.evaluation import view as eval_view
from evalkube_report.evaluation.rows import SampleRow
from evalkube_report.load_test import view as perf_view
from evalkube_report.plots.heat_map import Cell
from evalkube_report.requests.series import Series as RequestSeries

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["eval_report", "perf_report"]

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def eval_report(
    result: EvalResult,
    *,
    spec: EvalRunSpec,
    samples: Sequence[SampleRow] = (),
    cells: Mapping[str, Sequence[Cell]] = MappingProxyType({}),
) -> str:
    """The page of an evaluation. It shows at most 200 of `samples`: errored, wrong and a few right ones.

    `cells`: those of the heat maps, by dataset.
    """
    return _page("eval.html.j2", eval_view.context(result, spec, samples, cells))


def perf_report(
    result: PerfResult, *, spec: PerfRunSpec, requests: Mapping[str, RequestSeries] = MappingProxyType({})
) -> str:
    """The page of a load test, with all points of its sweep.

    `requests`: the requests of each point over time, by the point's name; needed for percentiles over time.
    """
    return _page("perf.html.j2", perf_view.context(result, spec, requests))


def _page(template: str, context: dict[str, Any]) -> str:
    page = _environment().get_template(template).render(context)
    # half a surrogate pair cannot be written as UTF-8, and control characters are no part of HTML; models emit both
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", page).encode("utf-8", "replace").decode("utf-8")


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined  # only a run that got as far as a report needs it
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("evalkube_report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates = resources.files("evalkube_report") / "templates"
    script = (templates / "page.js").read_text("utf-8")
    environment.globals.update(
        style=Markup((templates / "page.css").read_text("utf-8")),  # noqa: S704 - files of our own
        script=Markup(script),  # noqa: S704
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    return environment
