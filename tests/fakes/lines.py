"""Lines of runs as lists have them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from evalkube_api.backend import Line
from evalkube_crds.names import Kind, Phase

__all__ = ["START", "a_line"]

START = datetime(2025, 12, 4, 10, tzinfo=UTC)


def a_line(number: int, **changes: Any) -> Line:
    """The evaluation that was made in second `number`, and succeeded."""
    created = START + timedelta(seconds=number)
    fields: dict[str, Any] = {
        "run_id": f"r{number}",
        "kind": Kind.EVAL_RUN,
        "phase": Phase.SUCCEEDED,
        "reason": None,
        "message": "",
        "model": "m",
        "created": created,
        "started": None,
        "completed": None,
        "output_dir": None,
        "namespace": None,
        "tags": {},
        "datasets": (),
        "verdict": None,
        "progress": None,
        "headline": {},
        "summary": b"{}",
        "queue": None,
        "place": (created.strftime("%Y%m%dT%H%M%S.%f"), f"r{number}", f"u{number}"),
    }
    return Line(**{**fields, **changes})
