"""Metrics of the service for Prometheus. Requests are counted when they are answered; runs when metrics are read.

Labels have few values: the label of a route is its template, and all unknown paths share one label.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import Scope

from evalkube_api import errors
from evalkube_api.backend import WORDS, Census

__all__ = ["MEDIA_TYPE", "Metrics", "described"]

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_NOWHERE: Final = "other"
_SECONDS: Final = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
"""A submission is answered when its run has ended: up to hours."""


class Metrics:
    """The metrics of one service, in a registry of its own. `census` counts the runs when metrics are read."""

    def __init__(self, census: Callable[[], Census]) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.requests = Counter(
            "evalkube_api_http_requests_total",
            "HTTP requests by method, route and status; status none: the connection ended before the answer",
            ["method", "route", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "evalkube_api_http_request_duration_seconds",
            "Seconds to the end of an answer; submissions and results wait for the end of their run",
            ["method", "route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.waiting = Gauge(
            "evalkube_api_waiting_requests", "HTTP requests that wait for the end of their run now", registry=registry
        )
        self.submissions = Counter(
            "evalkube_api_submissions_total",
            "Submitted runs by kind and outcome (accepted, refused); a repeated request counts as accepted",
            ["kind", "outcome"],
            registry=registry,
        )
        for word in WORDS.values():
            for outcome in ("accepted", "refused"):
                self.submissions.labels(word, outcome)
        registry.register(_Runs(census))

    @contextlib.contextmanager
    def submission(self, word: str) -> Iterator[None]:
        """Counts a submission of that kind: as refused if it ends with errors.ApiError, else as accepted."""
        try:
            yield
        except errors.ApiError:
            self.submissions.labels(word, "refused").inc()
            raise
        self.submissions.labels(word, "accepted").inc()

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Counts one request. Its `scope` has been through the routes, unless it was refused before."""
        method = scope["method"] if scope["method"] in _METHODS else _NOWHERE
        route = _route(scope)
        self.requests.labels(method, route, str(status) if status else "none").inc()
        self.seconds.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)


def described() -> CollectorRegistry:
    """The registry of a service without runs. It has every metric."""
    return Metrics(lambda: Census({}, queued=0, unreadable=0)).registry


class _Runs(Collector):
    """The numbers of runs, which are looked up when metrics are read."""

    def __init__(self, census: Callable[[], Census]) -> None:
        self._census = census

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        seen = self._census()
        runs = GaugeMetricFamily("evalkube_api_runs", "Runs by kind and phase", labels=["kind", "phase"])
        for (kind, phase), count in sorted(seen.runs.items()):
            runs.add_metric([WORDS[kind], str(phase)], count)
        yield runs
        if seen.queued is not None:
            yield GaugeMetricFamily(
                "evalkube_api_queued_runs", "Runs on this machine that wait for their turn", value=seen.queued
            )
        if seen.unreadable is not None:
            yield CounterMetricFamily(
                "evalkube_api_unreadable_objects",
                "Versions of runs in the cluster that could not be read and were skipped",
                value=seen.unreadable,
            )


def _route(scope: Scope) -> str:
    path = getattr(scope.get("route"), "path", None)
    if isinstance(path, str):
        return path
    return str(scope["path"]) if scope["path"] == "/openapi.json" and "endpoint" in scope else _NOWHERE
