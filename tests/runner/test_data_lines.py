"""Prompts of a file of the user's own: what is taken as what, and where a fault is."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalkube_crds.names import Reason
from evalkube_runner.data import lines, spans
from evalkube_runner.errors import RunFailed
from fakes.readable import ANYTHING

ONE = [{"role": "user", "content": "one"}]
TWO = [{"role": "user", "content": "two"}, {"role": "assistant", "content": "2"}]
BODY = {"prompt": "p", "n": 2}
BODY_P, BODY_Q = {"prompt": "p"}, {"prompt": "q"}
TOOLS = {"messages": ONE, "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]}
QUOTES = {"prompt": 'a "quoted" \\ text with { and ] in it\n, and é 😀'}


def read(tmp_path: Path, content: str | bytes, name: str = "prompts.jsonl") -> lines.LineFile:
    """The prompts of a file with this content."""
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return lines.LineFile(path, ANYTHING)


def items(source: lines.LineFile) -> list[object]:
    """All of them."""
    return [source.item(index) for index in range(len(source))]


PRETTY = "\n".join(json.dumps(value, indent=2) for value in (BODY, ONE, QUOTES))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(f"{json.dumps(ONE)}\n{json.dumps(BODY)}\ntext\n", [ONE, BODY, "text"], id="lines of all kinds"),
        pytest.param(json.dumps(TOOLS) + "\n", [TOOLS], id="a body with tools"),
        pytest.param("\ufeff" + json.dumps(BODY) + "\r\n\r\n  \r\ntext\r\n", [BODY, "text"], id="BOM, CRLF, blanks"),
        pytest.param(PRETTY, [BODY, ONE, QUOTES], id="over several lines, one after the other"),
        pytest.param(PRETTY.replace("\n", "\r\n"), [BODY, ONE, QUOTES], id="the same with CRLF"),
        pytest.param("first\n" + PRETTY + "\nlast", ["first", BODY, ONE, QUOTES, "last"], id="between lines of text"),
        pytest.param('{"prompt": "p"}{"prompt": "q"} {"prompt": "p"}\nt', [BODY_P, BODY_Q, BODY_P, "t"], id="one line"),
        pytest.param('{\n\n"prompt"\n:\n"p"\n}\n{ "prompt":\t"q" }', [BODY_P, BODY_Q], id="odd spaces"),
        pytest.param(json.dumps([BODY, QUOTES]), [BODY, QUOTES], id="one array of bodies"),
        pytest.param(json.dumps([BODY, QUOTES], indent=4), [BODY, QUOTES], id="one array of bodies over many lines"),
        pytest.param(json.dumps([ONE, TWO], indent=1), [ONE, TWO], id="one array of lists of messages"),
        pytest.param(json.dumps(["a\nb", ONE, BODY], indent=1), ["a\nb", ONE, BODY], id="one array of all kinds"),
        pytest.param(json.dumps(TWO, indent=2), [TWO], id="one list of messages over many lines is one prompt"),
        pytest.param(json.dumps(TWO) + "\n" + json.dumps(ONE), [TWO, ONE], id="lists of messages in lines"),
        pytest.param('"a \\"text\\"\\nof two lines"\n"b"', ['a "text"\nof two lines', "b"], id="JSON strings"),
        pytest.param('"quoted", he said\n"', ['"quoted", he said', '"'], id="text that begins with a quote"),
        pytest.param('[ 1 ]\n[sic] {ok}\n["a" list]', ["[ 1 ]", "[sic] {ok}", '["a" list]'], id="text in brackets"),
        pytest.param('["a", "b"]\nmore', ['["a", "b"]', "more"], id="a list of texts is text where more follows"),
        pytest.param("a\u2028b\x0bc\n", ["a\u2028b\x0bc"], id="other separators end no line"),
    ],
)  # fmt: skip
def test_what_is_taken_as_what(tmp_path: Path, content: str, expected: list[object]) -> None:
    """However JSON is spaced; text stays text."""
    assert items(read(tmp_path, content)) == expected


def test_quotes_of_a_text_file_stay(tmp_path: Path) -> None:
    """Only a file that says it is JSON has JSON strings; empty ones are left out and counted."""
    assert items(read(tmp_path, '"To be"\n', "prompts.txt")) == ['"To be"']
    source = read(tmp_path, '"To be"\n""\n" "\n', "prompts.jsonl")
    assert (items(source), source.empty) == (["To be"], 2)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(
            '{"prompt": "p"}\n{"prompt": \n{"prompt": "q"}', r":2: begins like JSON .* does not end", id="cut"
        ),
        pytest.param(
            '{"prompt": "p"}\n{"prompt": "q\n', r":2: begins like JSON .* string does not end", id="open string"
        ),
        pytest.param('text\n\n{"a": [1, 2}\n{"b": 1}', r":3: begins like JSON .* another kind", id="wrong bracket"),
        pytest.param('{\n  "a": 1,\n  "b" 2\n}', r":3: begins like JSON", id="a line inside of an object"),
        pytest.param('{"a": 1} and more', r":1: something stands behind JSON: and more", id="text behind an object"),
        pytest.param('{\n"a": 1\n},\n{"a": 2}', r":3: something stands behind JSON", id="commas without an array"),
        pytest.param('[{"a": 1},\n {"a": 2},\n]', r":3: .*comma and another value", id="a comma too many"),
        pytest.param('[{"a": 1}\n {"a": 2}]', r":2: .*comma", id="a comma too few"),
        pytest.param('[{"a": 1},\n{"a": ', r":2: .*does not end", id="a cut array"),
        pytest.param('[{"a": 1},\n 5]', r":2: neither a text, nor messages, nor a body", id="a number among bodies"),
        pytest.param('[{"a": 1},\n {}]', r":2: neither a text, nor messages, nor a body", id="nothing among bodies"),
        pytest.param('[[{"role": "user"}],\n [{"content": "x"}]]', r":2: .*object with a role", id="no role"),
        pytest.param('[{"content": "x"}]', r":1: .*object with a role", id="no role in a line"),
        pytest.param(b"fine\nb\xe9d\n", r":2: not UTF-8: byte 0xe9", id="Latin-1"),
        pytest.param('{"a": 1}\n'.encode("utf-16"), r":1: not UTF-8: byte 0xff", id="UTF-16"),
    ],
)
def test_faults_are_named_by_their_line(tmp_path: Path, content: str | bytes, said: str) -> None:
    """File, line and what is wrong there."""
    with pytest.raises(RunFailed, match=r"prompts\.jsonl" + said) as caught:
        read(tmp_path, content)
    assert caught.value.reason is Reason.DATASET_UNAVAILABLE


_LEAF = st.text(max_size=9) | st.integers(-9, 9) | st.none()
_VALUE = st.recursive(
    _LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
_BODY = st.dictionaries(st.text(max_size=6), _VALUE, min_size=1, max_size=4)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bodies=st.lists(_BODY, min_size=1, max_size=5),
    indent=st.sampled_from([None, 0, 1, "\t"]),
    ascii_only=st.booleans(),
)
def test_any_objects_in_any_spacing(
    tmp_path: Path, bodies: list[dict[str, object]], indent: int | str | None, ascii_only: bool
) -> None:
    """One after the other or as one array, the same objects come back."""
    written = [json.dumps(body, indent=indent, ensure_ascii=ascii_only) for body in bodies]
    assert items(read(tmp_path, "\n".join(written))) == bodies
    if not {"role", "content"} & bodies[0].keys():
        assert items(read(tmp_path, json.dumps(bodies, indent=indent, ensure_ascii=ascii_only))) == bodies


_ROWS: list[object] = [{"a": "x]}", "b": [1, {"c": 'q"'}]}, {"a": None}, {"a": -1.5e3}]
_LISTS: list[object] = [ONE, TWO]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        pytest.param("\n".join(map(json.dumps, _ROWS)), _ROWS, id="lines"),
        pytest.param("\n\n".join(json.dumps(row, indent=2) for row in _ROWS), _ROWS, id="over several lines"),
        pytest.param(json.dumps(_ROWS), _ROWS, id="an array"),
        pytest.param("\ufeff" + json.dumps(_ROWS, indent=2) + "\r\n", _ROWS, id="an array over several lines"),
        pytest.param("\n".join(map(json.dumps, _LISTS)), _LISTS, id="lines, each a list of messages"),
        pytest.param(json.dumps(_LISTS), _LISTS, id="an array of lists of messages"),
        pytest.param(json.dumps(TWO, indent=2), [TWO], id="one list of messages"),
        pytest.param("[1, 2]\n[3]", [[1, 2], [3]], id="lines, each an array"),
        pytest.param(" [ ] ", [], id="an array of nothing"),
        pytest.param(" \n", [], id="nothing"),
    ],
)
def test_values_of_a_file_of_rows(text: str, rows: list[object]) -> None:
    """JSON lines, objects over several lines and one array tell the same values."""
    data = text.encode()
    found = spans.values(data)
    assert [json.loads(data[found[index]]) for index in range(len(found))] == rows
