"""Reads the needed figures from a page of Prometheus metrics. Pure.

Most lines of such a page are of other metrics, and the parser is slow (some 10 us a line): only lines of known names
are handed to it. Values of several engines or labels of one server are summed; those of another model are left out.
"""

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from evalkube_runner.server import names

__all__ = ["Cumulative", "NotRead", "Reading", "read"]

_NAMES: Final = names.sample_names()
_SHORT: Final = frozenset(name for name in _NAMES if not name.endswith("_bucket"))
_NAME_END: Final = re.compile(r"[{ \t]")
_EXEMPLAR: Final = re.compile(r" # \{[^\n]*$")
_MOST_SERIES: Final = 20_000
_MOST_GPUS: Final = 64
_SHOWN: Final = 5


class NotRead(ValueError):
    """A page without figures for the run. The message says why, in words."""


@dataclass(frozen=True, slots=True)
class Cumulative:
    """A histogram since the server's start; `buckets` by their upper ends, each with those below it."""

    count: float = 0.0
    total: float = 0.0
    buckets: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """The figures on a page. Times in seconds, shares from 0 to 1; `gpus` by GPU and figure. `started_s` is the start
    of the server's process, where known. `model` is whose figures these are, where that is not the run's own name for
    it.
    """

    servers: tuple[str, ...] = ()
    gauges: Mapping[str, float] = field(default_factory=dict)
    counters: Mapping[str, float] = field(default_factory=dict)
    histograms: Mapping[str, Cumulative] = field(default_factory=dict)
    gpus: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    started_s: float | None = None
    model: str | None = None


Labels: TypeAlias = Mapping[str, str]
Series: TypeAlias = dict[str, list[tuple[Labels, float]]]


def read(page: bytes, model: str, *, buckets: bool = True) -> Reading:
    """The figures of `model` on a page. Without `buckets`, most of its lines, in a fifth of the time. Raises
    NotRead.
    """
    series = _parsed(_picked(page, _NAMES if buckets else _SHORT))
    series, other = _of_model(_of_one_rank(series), model)
    servers = [server for server in names.SERVERS if _has(server, series)]
    gpus = _gpus(series)
    if not servers and not gpus:
        raise NotRead(f"nothing of vLLM, SGLang, TGI, llama.cpp or DCGM is on the page; {names.HOW}")
    started = [value for _, value in series.get(names.STARTED, ())]
    return Reading(
        servers=tuple(server.name for server in servers) + (("DCGM",) if gpus else ()),
        gauges={name: value for server in servers for name, value in _gauges(server, series).items()},
        counters={name: value for server in servers for name, value in _counters(server, series).items()},
        histograms={name: value for server in servers for name, value in _histograms(server, series).items()},
        gpus=gpus,
        started_s=max(started, default=None),
        model=other,
    )


def _picked(page: bytes, wanted: Collection[str]) -> str:
    """The lines of those names, without exemplars (OpenMetrics), which the parser of this format does not know."""
    lines = []
    for line in page.decode("utf-8", "replace").split("\n"):
        end = _NAME_END.search(line, 0, 200)
        if end is not None and line[: end.start()] in wanted:
            lines.append(_EXEMPLAR.sub("", line))
    if len(lines) > _MOST_SERIES:
        raise NotRead(f"the page has {len(lines)} lines of known metrics, and {_MOST_SERIES} are read")
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _parsed(text: str) -> Series:
    """The samples by name, but for those that are no number (yet)."""
    from prometheus_client.parser import text_string_to_metric_families  # 60 ms, which other load tests do not pay

    found: Series = defaultdict(list)
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if math.isfinite(sample.value):
                    found[sample.name].append((sample.labels, float(sample.value)))
    except (ValueError, IndexError, KeyError) as problem:
        raise NotRead(f"the page is not in Prometheus' text format: {str(problem)[:200]}") from None
    return dict(found)


def _of_one_rank(series: Series) -> Series:
    """Without the repetitions of an engine's further processes."""
    return {name: _first_ranks(samples) for name, samples in series.items()}


def _first_ranks(samples: Sequence[tuple[Labels, float]]) -> list[tuple[Labels, float]]:
    if not any(label in labels for labels, _ in samples for label in names.RANKS):
        return list(samples)
    firsts: dict[frozenset[tuple[str, str]], tuple[list[str], Labels, float]] = {}
    for labels, value in samples:
        key = frozenset((name, text) for name, text in labels.items() if name not in names.RANKS)
        rank = [labels.get(name, "").rjust(8) for name in names.RANKS]
        if key not in firsts or rank < firsts[key][0]:
            firsts[key] = (rank, labels, value)
    return [(labels, value) for _, labels, value in firsts.values()]


def _of_model(series: Series, model: str) -> tuple[Series, str | None]:
    """The series of `model`, and of those that name none. A server's only model is the run's, whatever it is called:
    a run may use an alias or an adapter of it. Raises NotRead where several are there and none is the run's.
    """
    served = dict.fromkeys(
        labels["model_name"] for samples in series.values() for labels, _ in samples if labels.get("model_name")
    )
    if model in served or not served:
        wanted, other = model, None
    elif len(served) == 1:
        wanted = other = next(iter(served))
    else:
        listed = ", ".join(repr(name[:80]) for name in list(served)[:_SHOWN])
        raise NotRead(f"the server has metrics of the models {listed}, and none of {model[:80]!r}")
    kept = {
        name: [(labels, value) for labels, value in samples if labels.get("model_name", wanted) in (wanted, "")]
        for name, samples in series.items()
    }
    return {name: samples for name, samples in kept.items() if samples}, other


def _has(server: names.Server, series: Series) -> bool:
    families = (name for found in server.histograms.values() for name in found)
    plain = (name for table in (server.gauges, server.counters) for found in table.values() for name in found)
    return any(name in series for name in plain) or any(f"{name}_count" in series for name in families)


def _first(wanted: Iterable[str], series: Series, suffix: str = "") -> str | None:
    return next((name for name in wanted if f"{name}{suffix}" in series), None)


def _gauges(server: names.Server, series: Series) -> dict[str, float]:
    found: dict[str, float] = {}
    for figure, wanted in server.gauges.items():
        name = _first(wanted, series)
        values = [value for _, value in series.get(name or "", ()) if value >= 0]  # -1: not known yet
        if values:
            found[figure] = sum(values) / len(values) if figure in names.SHARES else sum(values)
    return found


def _counters(server: names.Server, series: Series) -> dict[str, float]:
    found = {figure: _first(wanted, series) for figure, wanted in server.counters.items()}
    return {figure: _total(series, name) for figure, name in found.items() if name is not None}


def _total(series: Series, name: str) -> float:
    return math.fsum(value for _, value in series.get(name, ()))


def _histograms(server: names.Server, series: Series) -> dict[str, Cumulative]:
    found: dict[str, Cumulative] = {}
    for figure, wanted in server.histograms.items():
        name = _first(wanted, series, "_count")
        if name is not None:
            buckets = _buckets(series.get(f"{name}_bucket", ()))
            found[figure] = Cumulative(_total(series, f"{name}_count"), _total(series, f"{name}_sum"), buckets)
    return found


def _buckets(samples: Iterable[tuple[Labels, float]]) -> tuple[tuple[float, float], ...]:
    """The buckets by their upper ends; none where engines have different ones, because then they have no sum."""
    total: dict[float, float] = defaultdict(float)
    times: dict[float, int] = defaultdict(int)
    for labels, value in samples:
        try:
            bound = float(labels["le"])
        except (KeyError, ValueError):
            return ()
        total[bound] += value
        times[bound] += 1
    return tuple(sorted(total.items())) if len(set(times.values())) == 1 else ()


def _gpus(series: Series) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for name, gpu in names.GPU.items():
        for labels, value in series.get(name, ()):
            key = _gpu_name(labels)
            if key in found or len(found) < _MOST_GPUS:
                found.setdefault(key, {})[gpu.figure] = value * gpu.factor
    return found


def _gpu_name(labels: Labels) -> str:
    """`host/0`, `host/0/3` for a part of a GPU (MIG): there are several in a cluster with the number 0."""
    host = labels.get("Hostname") or labels.get("hostname") or ""
    parts = (host, labels.get("gpu") or labels.get("UUID") or "", labels.get("GPU_I_ID") or "")
    return "/".join(part[:80] for part in parts if part) or "GPU"
