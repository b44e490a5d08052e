"""The generated pages of the documents: each is what the code says, and leaves nothing out."""

from pathlib import Path

import pytest

from evalkube_cli.reference import command
from evalkube_crds.figures import QUANTITIES, RATES
from evalkube_crds.names import ErrorClass, Reason
from evalkube_crds.reasons import ERROR_CLASSES, FAILURES, PROGRESS
from evalkube_crds.requests import EvalRequest, PerfRequest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", command.pages(DOCS))
def test_a_committed_page_is_what_the_code_says(name: str) -> None:
    """`make generate` writes it anew."""
    assert (DOCS / name).read_text("utf-8") == command.pages(DOCS)[name]


def test_every_field_of_a_request_has_its_row() -> None:
    """No field is left out of the parameters, those of a cluster included."""
    page = (DOCS / "parameters.md").read_text("utf-8")
    missing = [
        name for model in (EvalRequest, PerfRequest) for name in model.model_fields if f"| `{name}` |" not in page
    ]
    assert missing == []


def test_every_reason_is_explained_once() -> None:
    """Each reason is either a step of the ordinary course or a failure, and a failure has a remedy."""
    assert sorted([*PROGRESS, *FAILURES]) == sorted(Reason)
    assert [reason for reason, one in FAILURES.items() if not one.remedy] == []


def test_every_class_of_error_is_explained() -> None:
    """None of the closed list is left out."""
    assert sorted(ERROR_CLASSES) == sorted(ErrorClass)


def test_every_figure_has_a_meaning() -> None:
    """The page of metric names has no empty cell."""
    assert [one.name for one in (*RATES, *QUANTITIES) if not one.meaning] == []
    assert "|  |\n" not in (DOCS / "metrics.md").read_text("utf-8")
