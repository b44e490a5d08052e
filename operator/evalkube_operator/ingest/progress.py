"""The progress of a run out of that of its shards. Pure."""

from collections.abc import Mapping

from evalkube_crds.results import Progress

__all__ = ["of_run"]


def of_run(by_shard: Mapping[int, Progress], shards: int) -> Progress:
    """What all shards did. The total is 0 (unknown) while a shard has not told its own; the slowest tells the end."""
    parts = list(by_shard.values())
    known = len(parts) == shards and all(part.total for part in parts)
    etas = [part.eta_seconds for part in parts if part.eta_seconds is not None]
    stages = {part.stage for part in parts}
    return Progress(
        done=sum(part.done for part in parts),
        total=sum(part.total for part in parts) if known else 0,
        eta_seconds=max(etas) if known and len(etas) == shards else None,
        stage=stages.pop() if len(stages) == 1 else None,
    )
