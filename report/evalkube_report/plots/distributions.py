"""Plots of a contract histogram: the count of each value, and the share of values up to each. Pure."""

from collections.abc import Mapping

from evalkube_crds.histogram import Histogram
from evalkube_report import formats
from evalkube_report.formats import Unit
from evalkube_report.plots.bins import bars
from evalkube_report.plots.values import Axis, Columns, Limit, Plot, Series

__all__ = ["cumulative", "distribution"]

_MARKED = (50, 90, 99)
_SHARES = (*range(0, 100, 2), 99.0, 99.5, 99.9, 100.0)
_LOG_FROM = 20.0


def distribution(
    histogram: Histogram, title: str, *, unit: Unit | None = None, limits: tuple[Limit, ...] = ()
) -> Plot | None:
    """Columns with the count of each value, with p50, p90 and p99 marked.

    Values are in ns unless `unit` says otherwise; `limits` are in the unit of the histogram. The axis is logarithmic if
    the range is wide. None if nothing was counted.
    """
    found = bars(histogram)
    if found is None:
        return None
    unit = unit or formats.time_unit([histogram.percentile(99)])
    marks = [
        Limit("x", (value or 0.0) / unit.size, f"p{percent}", "mark")
        for percent, value in zip(_MARKED, histogram.percentiles(_MARKED), strict=True)
    ]
    return Plot(
        title=f"{title}, distribution",
        x=Axis(title, unit.name, "log" if found.log else "linear", zero=False),
        y=Axis("values", whole=True),
        columns=Columns(tuple(edge / unit.size for edge in found.edges), found.counts),
        limits=(*marks, *(Limit("x", one.value / unit.size, one.label) for one in limits)),
    )


def cumulative(
    histograms: Mapping[str, Histogram], title: str, *, unit: Unit | None = None, limits: tuple[Limit, ...] = ()
) -> Plot | None:
    """The share of values up to each value, of several histograms in one plot, by name.

    Units as in `distribution`. None if nothing was counted.
    """
    known = {name: histogram for name, histogram in histograms.items() if histogram.count}
    if not known:
        return None
    unit = unit or formats.time_unit(histogram.percentile(99) for histogram in known.values())
    series = []
    for name, histogram in known.items():
        values = [(value or 0.0) / unit.size for value in histogram.percentiles(_SHARES)]
        series.append(Series(name, tuple(values), _SHARES))
    low = min((one.xs[0] for one in series if one.xs[0] > 0), default=0.0)
    high = max(one.xs[-1] for one in series)
    wide = low > 0 and high / low >= _LOG_FROM
    return Plot(
        title=f"{title}, share of requests up to each value",
        x=Axis(title, unit.name, "log" if wide else "linear", zero=not wide),
        y=Axis("share of requests", "%"),
        series=tuple(series),
        limits=tuple(Limit("x", one.value / unit.size, one.label) for one in limits),
    )
