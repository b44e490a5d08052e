"""The exit codes. Their table in the documents is a part of the reference (`test_reference`)."""

from evalkube_cli.exits import Exit


def test_codes_are_those_that_shells_can_tell_apart() -> None:
    """Each its own, and none that a shell gives to signals but Ctrl-C's."""
    codes = [code.value for code in Exit]
    assert len(set(codes)) == len(codes)
    assert [code for code in codes if code > 125] == [130]
