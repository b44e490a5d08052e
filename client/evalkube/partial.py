"""The partial result of an interrupted run, read from its files. It is marked as partial."""

from dataclasses import dataclass
from typing import Any

from evalkube.client import Client
from evalkube.models import Progress, Run
from evalkube_benchmarks.statistics.reviews import Reviews

__all__ = ["Partial", "PartialScore", "partial_of"]


@dataclass(frozen=True, slots=True)
class PartialScore:
    """The mean of the main metric over the samples that were scored."""

    dataset: str
    metric: str
    samples: int
    score: float


@dataclass(frozen=True, slots=True)
class Partial:
    """An interrupted run: its last known progress and, for an evaluation, the scores so far."""

    run: Run
    seen: Progress
    scores: tuple[PartialScore, ...] = ()

    @property
    def done(self) -> int:
        """The number of samples or requests that were done, at least the number that have a score."""
        told = 0 if self.run.progress is None else self.run.progress.done
        return max(told, self.seen.done, sum(score.samples for score in self.scores))

    @property
    def total(self) -> int:
        """The number of all samples or requests; 0 if it is not known."""
        return max(self.seen.total, 0 if self.run.progress is None else self.run.progress.total)

    def document(self, again: str) -> dict[str, Any]:
        """The partial result, ready for JSON. `again` is the command that continues the run."""
        return {
            "status": "interrupted",
            "partial": True,
            "id": self.run.id,
            "phase": str(self.run.phase),
            "done": self.done,
            "total": self.total,
            "figures": self.seen.figures,
            "scores": {
                one.dataset: {"metric": one.metric, "samples": one.samples, "score": one.score} for one in self.scores
            },
            "output_dir": self.run.output_dir,
            "again": again,
        }


def partial_of(client: Client, run_id: str, seen: Progress) -> Partial:
    """The partial result of an interrupted run."""
    run = client.run(run_id)
    paths = [file.path for file in client.artifacts(run_id) if file.path.startswith("reviews/")]
    scores = []
    for dataset in dict.fromkeys(filter(None, (_dataset_of(path, run) for path in paths))):
        files = [client.artifact(run_id, path) for path in paths if _dataset_of(path, run) == dataset]
        if (score := _score(dataset, files)) is not None:
            scores.append(score)
    return Partial(run, seen, tuple(scores))


def _dataset_of(path: str, run: Run) -> str | None:
    """The benchmark of a file of reviews (reviews/MODEL/BENCHMARK_SUBSET.jsonl)."""
    stem = path.rpartition("/")[2].removesuffix(".jsonl")
    known = run.datasets or list(run.spec.get("datasets", ()))
    return max((name for name in known if stem.startswith(f"{name}_")), key=len, default=None)


def _score(dataset: str, files: list[bytes]) -> PartialScore | None:
    values, metric = list[float](), ""
    for lines in files:
        read = Reviews(dataset)
        read.feed(lines)
        for answers in read.answers().values():
            metric = answers[0].main
            values += [answer.values[answer.main] for answer in answers]
    return PartialScore(dataset, metric, len(values), sum(values) / len(values)) if values else None
