"""The few figures of a run that people look at first, chosen from its summary. Pure.

An evaluation has its score and the ends of its interval. A load test has what its fastest valid point came to (the
fastest of all where none is valid), and the load that a search found. Where the fastest point is not valid, the summary
has the figures of the fastest that is as `best_rps` and so on.
"""

from collections.abc import Mapping
from typing import Final

__all__ = ["BEST", "POINT_FIGURES", "figures_of"]

BEST: Final = "best_"
"""What names of figures of the fastest valid point begin with in a summary. They are no point's figures: a threshold
on `rps` is one on every point, and not on these once more."""
POINT_FIGURES: Final = ("rps", "output_tps", "ttft_p99_s", "latency_p99_s")
_SCORES: Final = ("score", "score_low", "score_high")
_FOUND: Final = ("sla/1/parallel", "sla/1/rate")


def figures_of(summary: Mapping[str, float]) -> dict[str, float]:
    """At most six, by name."""
    if "rps" not in summary:
        return {name: summary[name] for name in _SCORES if name in summary}
    found = {name: summary[name] for name in _FOUND if name in summary}
    of = BEST if f"{BEST}rps" in summary else f"{_fastest(summary)}/"
    figures = {name: summary[f"{of}{name}"] for name in POINT_FIGURES if f"{of}{name}" in summary}
    return {**(figures or {"rps": summary["rps"]}), **found}


def _fastest(summary: Mapping[str, float]) -> str:
    rates = {name.removesuffix("/rps"): rate for name, rate in summary.items() if name.endswith("/rps")}
    return max(rates, key=lambda point: rates[point], default="")
