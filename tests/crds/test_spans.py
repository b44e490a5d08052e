"""Range and Content-Range."""

import pytest

from evalkube_crds import spans
from evalkube_crds.spans import Span


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", Span(0, 0)),
        ("bytes=5-", Span(5)),
        ("bytes=-7", Span(-7)),
        ("Bytes = 2-9", Span(2, 9)),
        (None, None),
        ("", None),
        ("lines=0-1", None),
        ("bytes=9-2", None),
        ("bytes=0-1,3-4", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=1--2", None),
    ],
)
def test_a_range_is_read(header: str | None, expected: Span | None) -> None:
    """What a server may pass over is None: the whole file is the answer then."""
    assert spans.asked(header) == expected


@pytest.mark.parametrize(
    ("span", "size_bytes", "expected"),
    [
        (Span(0), 10, Span(0, 9)),
        (Span(3, 5), 10, Span(3, 5)),
        (Span(3, 500), 10, Span(3, 9)),
        (Span(-4), 10, Span(6, 9)),
        (Span(-40), 10, Span(0, 9)),
        (Span(10), 10, None),
        (Span(-1), 0, None),
        (Span(0), 0, None),
    ],
)
def test_a_span_is_cut_to_the_file(span: Span, size_bytes: int, expected: Span | None) -> None:
    """None: the file has no byte of it."""
    assert span.within(size_bytes) == expected


def test_a_suffix_of_nothing_is_of_no_file() -> None:
    """`bytes=-0` asks for no byte, which no file can answer."""
    asked = spans.asked("bytes=-0")
    assert asked is not None
    assert asked.within(1 << 40) is None


@pytest.mark.parametrize("span", [Span(0, 0), Span(5), Span(-7), Span(2, 9)])
def test_a_span_survives_its_header(span: Span) -> None:
    """What is written is what is read."""
    assert spans.asked(f"bytes={spans.written(span)}") == span


def test_the_size_of_a_file_is_read_from_content_range() -> None:
    """Of a part and of a refusal; nothing else is taken for one."""
    assert spans.size_of(spans.told(Span(2, 3), 10)) == 10
    assert spans.size_of("bytes */77") == 77
    for text in ("", "bytes 0-1/*", "10"):
        with pytest.raises(ValueError, match="Content-Range"):
            spans.size_of(text)
