"""What several tests of the operator begin with."""

from collections.abc import Iterator

import pytest

from fakes.story import Story


@pytest.fixture
def story() -> Iterator[Story]:
    """A new one, whose threads end with the test."""
    made = Story()
    yield made
    made.operator.close()
