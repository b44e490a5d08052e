"""The parameter reference is what the models say."""

from pathlib import Path

from evalkube_crds import parameters
from evalkube_crds.requests import EvalRequest, PerfRequest

PAGE = Path(__file__).parents[2] / "docs" / "parameters.md"


def test_the_committed_page_is_what_the_models_say() -> None:
    """``make generate`` writes it anew."""
    assert PAGE.read_text() == parameters.markdown()


def test_every_field_of_a_request_has_its_row() -> None:
    """None is left out, the cluster's fields included."""
    page = PAGE.read_text()
    missing = [
        name for model in (EvalRequest, PerfRequest) for name in model.model_fields if f"| `{name}` |" not in page
    ]
    assert missing == []
