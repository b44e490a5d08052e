"""Limits on what one run may send: sizes, numbers, and rates. Times come in as arguments; no I/O here."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from evalkube_operator.ingest.refusals import Refusal

__all__ = ["Bucket", "Limits", "RunUse"]

_GIB = 1 << 30
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """The installer's bounds. All are per run but those of a single body."""

    artifact_bytes: int = 8 * _GIB
    append_bytes: int = 8 * _MIB
    result_bytes: int = 64 * _MIB
    note_bytes: int = 64 << 10
    run_bytes: int = 32 * _GIB
    run_artifacts: int = 10_000
    requests_per_s: float = 200.0
    requests_burst: float = 1000.0
    bytes_per_s: float = 256.0 * _MIB
    bytes_burst: float = 1.0 * _GIB
    body_idle_s: float = 60.0


class Bucket:
    """A token bucket that may go into debt: a large artifact is taken whole, and the next one waits for it."""

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._level = burst
        self._at_s: float | None = None

    def wait_s(self, now_s: float) -> float:
        """How long until something may be taken; 0 when it may now."""
        if self._at_s is not None:
            self._level = min(self._burst, self._level + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        return 0.0 if self._level > 0 else -self._level / self._per_s + 1 / self._per_s

    def take(self, amount: float) -> None:
        """Take an amount. Where less is left, the bucket goes into debt."""
        self._level -= amount


@dataclass(slots=True)
class RunUse:
    """A run's use of the store: sizes by key, bytes on their way, and how fast they come."""

    limits: Limits
    requests: Bucket
    traffic: Bucket
    sizes: dict[str, int] = field(default_factory=dict)
    total_bytes: int = 0
    coming_bytes: int = 0

    @classmethod
    def begin(cls, limits: Limits, sizes: dict[str, int]) -> "RunUse":
        """The use of a run that has these artifacts."""
        return cls(
            limits=limits,
            requests=Bucket(limits.requests_per_s, limits.requests_burst),
            traffic=Bucket(limits.bytes_per_s, limits.bytes_burst),
            sizes=dict(sizes),
            total_bytes=sum(sizes.values()),
        )

    def admit(self, now_s: float) -> None:
        """Count one more request. Raises Refusal (429) where it comes too soon."""
        wait_s = max(self.requests.wait_s(now_s), self.traffic.wait_s(now_s))
        if wait_s > 0:
            raise Refusal(429, "too_fast", "this run sends faster than it may; wait", retry_after_s=wait_s)
        self.requests.take(1)

    def check(self, key: str, size_bytes: int, *, most_bytes: int) -> None:
        """Check that `key` may have `size_bytes`. Raises Refusal (413)."""
        limits = self.limits
        if size_bytes > most_bytes:
            raise Refusal(413, "too_large", f"{size_bytes} bytes; at most {most_bytes} are taken here")
        if key not in self.sizes and len(self.sizes) >= limits.run_artifacts:
            raise Refusal(413, "too_many", f"the run has {len(self.sizes)} artifacts already, the most it may have")
        after = self.total_bytes + self.coming_bytes + size_bytes - self.sizes.get(key, 0)
        if after > limits.run_bytes:
            raise Refusal(413, "run_full", f"the run's artifacts would be {after} bytes; at most {limits.run_bytes}")

    @contextmanager
    def coming(self, size_bytes: int) -> Iterator[None]:
        """Count so many bytes as on their way, until they have come or will not."""
        self.coming_bytes += size_bytes
        self.traffic.take(size_bytes)
        try:
            yield
        finally:
            self.coming_bytes -= size_bytes

    def has(self, key: str, size_bytes: int) -> None:
        """Note the size that the artifact `key` has now."""
        self.total_bytes += size_bytes - self.sizes.get(key, 0)
        self.sizes[key] = size_bytes

    def lost(self, key: str) -> None:
        """Note that the artifact `key` is gone."""
        self.total_bytes -= self.sizes.pop(key, 0)
