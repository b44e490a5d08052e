"""What the API server says of a run before anybody else sees it: the right verdict, and a message that helps."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.documents import eval_run, perf_run
from e2e.kube import Kube

Document = dict[str, Any]

TABLE: dict[str, dict[str, Document]] = yaml.safe_load((Path(__file__).parent / "manifests.yaml").read_text())
ROWS = {f"{kind}, {name}": (kind, row) for kind, rows in TABLE.items() for name, row in rows.items()}


def manifest(kind: str, row: Document) -> Document:
    """A valid run with the row's fields laid over it."""
    run = (eval_run if kind == "EvalRun" else perf_run)(row.get("name", "dry-run"), "model")
    run["spec"] = {name: value for name, value in {**run["spec"], **row["spec"]}.items() if value is not None}
    return run


def test_there_are_enough() -> None:
    """Sixty at least, of both verdicts."""
    refused = sum("error" in row for _, row in ROWS.values())
    assert len(ROWS) >= 60
    assert 20 <= refused < len(ROWS) - 20


@pytest.mark.parametrize("name", ROWS)
def test_verdict(kube: Kube, name: str) -> None:
    """Valid ones are taken, the others refused for what is wrong with them, and for nothing else."""
    kind, row = ROWS[name]
    file = yaml.safe_dump(manifest(kind, row))
    said = kube.run("create", "--dry-run=server", "-f", "-", stdin=file, check=False)
    if "error" in row:
        assert row["error"].lower() in said.lower(), said
        assert "created" not in said
    else:
        assert "created (server dry run)" in said, said
