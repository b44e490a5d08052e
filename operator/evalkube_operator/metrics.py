"""The operator's metrics for Prometheus. They are counted where things happen; names end in their unit."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

__all__ = ["Metrics", "described"]

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The metrics, in a registry of their own, so that tests and programs share none."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.reconcile_seconds = Histogram(
            "evalkube_reconcile_seconds",
            "Seconds that one reconciliation of a run takes",
            buckets=_SECONDS,
            registry=registry,
        )
        self.reconcile_errors = Counter(
            "evalkube_reconcile_errors_total",
            "Reconciliations that failed and are tried again",
            ["error"],
            registry=registry,
        )
        self.runs = Gauge("evalkube_runs", "Runs that exist", registry=registry)
        self.waiting = Gauge("evalkube_runs_waiting", "Runs that wait for their turn to start", registry=registry)
        self.runner_pods = Gauge(
            "evalkube_runner_pods", "Runner pods of the runs that may start or have started", registry=registry
        )
        self.store_full = Gauge(
            "evalkube_store_full", "1 while the store is full and no run starts, else 0", registry=registry
        )
        self.queue = Gauge("evalkube_queue_length", "Runs that wait to be reconciled", registry=registry)
        self.queue_age_seconds = Gauge(
            "evalkube_queue_oldest_seconds",
            "Seconds that the run has waited which waits longest to be reconciled",
            registry=registry,
        )
        self.loop_lag_seconds = Gauge(
            "evalkube_loop_lag_seconds", "Seconds by which the event loop wakes up late", registry=registry
        )
        self.leader = Gauge("evalkube_leader", "1 where this replica is the leader, else 0", registry=registry)
        self.ghosts = Counter(
            "evalkube_ghosts_total",
            "Objects that were gone although no watch event said so",
            ["kind"],
            registry=registry,
        )
        self.unreadable = Counter(
            "evalkube_unreadable_objects_total",
            "Versions of objects that could not be read and were skipped",
            ["kind"],
            registry=registry,
        )
        self.ended = Counter("evalkube_runs_ended_total", "Runs that ended", ["kind", "reason"], registry=registry)
        self.ingest_seconds = Histogram(
            "evalkube_ingest_request_seconds",
            "Seconds that requests to ingest take",
            ["route", "status"],
            buckets=_SECONDS,
            registry=registry,
        )

    def text(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)


def described() -> CollectorRegistry:
    """The registry of a new operator, with every metric that there is."""
    return Metrics().registry
