"""The exit codes and their table in the documents."""

from pathlib import Path

from evalkube_cli.exits import Exit, markdown

_PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"


def test_the_documents_have_the_table() -> None:
    """Generated (`make generate`), so that it cannot say anything else."""
    assert markdown() in _PAGE.read_text("utf-8")


def test_codes_are_those_that_shells_can_tell_apart() -> None:
    """Each its own, and none that a shell gives to signals but Ctrl-C's."""
    codes = [code.value for code in Exit]
    assert len(set(codes)) == len(codes)
    assert [code for code in codes if code > 125] == [130]
