"""Two evaluations of four sample items of GSM8K by a service: right about the first alone, and the second alone."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakes.mock_model import running_mock
from fakes.service import Service, running_service

__all__ = ["Compared", "two_evaluations"]

_ANSWERS = {"base": "1980", "tuned": "10"}


@dataclass(frozen=True, slots=True)
class Compared:
    """The service, and the ids and folders of both runs."""

    service: Service
    ids: tuple[str, str]
    folders: tuple[Path, Path]


@contextlib.contextmanager
def two_evaluations(outputs: Path) -> Iterator[Compared]:
    """With the real runner and a mock model."""
    with running_service(outputs, standin=False) as service:
        answers = []
        for name, answer in _ANSWERS.items():
            with running_mock("--default-answer", f"\\boxed{{{answer}}}") as url:
                base_url = f"{url.removesuffix('/v1')}/v1"
                body: dict[str, Any] = {"model": name, "api_url": base_url, "datasets": ["gsm8k"]}
                # So that the answer has more than reports.
                body |= {"prices": {"input": 1, "output": 2}, "eval_batch_size": "auto"}
                done = service.post("eval", body | {"dataset_hub": "sample", "limit": 4, "work_dir": name})
            assert done.status_code == 200, done.text
            answers.append(done.json())
        first, second = answers
        yield Compared(service, (first["id"], second["id"]), (Path(first["output_dir"]), Path(second["output_dir"])))
