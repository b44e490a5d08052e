"""Figures about the operator for Prometheus. Counted where things happen; names end in their unit."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

__all__ = ["Metrics"]

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """One registry of its own, so that tests and programs do not share any."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.reconcile_seconds = Histogram(
            "evalkube_reconcile_seconds", "Time for one look at a run", buckets=_SECONDS, registry=registry
        )
        self.reconcile_errors = Counter(
            "evalkube_reconcile_errors_total", "Looks that failed and are done over", ["error"], registry=registry
        )
        self.runs = Gauge("evalkube_runs", "Runs that there are", registry=registry)
        self.waiting = Gauge("evalkube_runs_waiting", "Runs that wait for their turn to start", registry=registry)
        self.runner_pods = Gauge("evalkube_runner_pods", "Pods of the runs that have their turn", registry=registry)
        self.store_full = Gauge(
            "evalkube_store_full", "Whether the store has no room, and no run starts (1) or not (0)", registry=registry
        )
        self.queue = Gauge("evalkube_queue_length", "Runs that wait for a look", registry=registry)
        self.queue_age_seconds = Gauge(
            "evalkube_queue_oldest_seconds", "How long the first of them waits", registry=registry
        )
        self.loop_lag_seconds = Gauge("evalkube_loop_lag_seconds", "How late the event loop is", registry=registry)
        self.leader = Gauge("evalkube_leader", "Whether this replica leads", registry=registry)
        self.ghosts = Counter(
            "evalkube_ghosts_total", "Objects that had gone without a word", ["kind"], registry=registry
        )
        self.unreadable = Counter(
            "evalkube_unreadable_objects_total",
            "Versions of objects that could not be read and were passed over",
            ["kind"],
            registry=registry,
        )
        self.ended = Counter("evalkube_runs_ended_total", "Runs that ended", ["kind", "reason"], registry=registry)
        self.ingest_seconds = Histogram(
            "evalkube_ingest_request_seconds",
            "Requests to ingest",
            ["route", "status"],
            buckets=_SECONDS,
            registry=registry,
        )

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)
