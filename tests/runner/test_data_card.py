"""Dataset cards: what they declare, and that none costs more than its length."""

import time

import pytest

from evalkube_runner.data import card, layout

MOST_CPU_S = 10.0
"""A megabyte of YAML takes about one second; what grew with the square of it took minutes."""


def _card(front: str) -> str:
    return f"---\n{front}\n---\n# A data set\n"


_LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 30)
)

HOSTILE = {
    "line feeds after the first line": "---" + "\n" * 200_000 + "x",
    "line feeds before the last line": _card("\n" * 1_000_000),
    "line feeds and no end": "---\n" + "a: 1\n" + "\n" * 1_000_000,
    "blanks after the dashes": "---" + " \n" * 500_000,
    "dashes": "---\n" + "--- x\n" * 150_000,
    "blanks in a line": _card("configs:" + " " * 900_000 + "x"),
    "aliases of aliases as a split": _card(
        _LAUGHS + "\nconfigs: [{config_name: c, data_files: [{split: *a29, path: x}]}]"
    ),
    "aliases of aliases as a path": _card(
        _LAUGHS + "\nconfigs: [{config_name: c, data_files: [{split: test, path: *a29}]}]"
    ),
    "aliases of aliases as configs": _card(_LAUGHS + "\nconfigs: *a29"),
    "merges of merges": _card(
        "a0: &a0 {x: 1}\n"
        + "\n".join(f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 9)}]}}" for level in range(1, 30))
        + "\nconfigs: [*a29]"
    ),
    "one config many times over": _card(
        "p: &p [" + "x," * 20_000 + "x]\nf: &f [" + "{split: s, path: *p}," * 20_000 + "]\n"
        "configs: [" + "{config_name: c, data_files: *f}," * 10_000 + "]"
    ),
    "empty paths many times over": _card(
        "f: &f ["
        + "{split: s, path: []}," * 20_000
        + "]\nconfigs: ["
        + "{config_name: c, data_files: *f}," * 10_000
        + "]"
    ),
    "an alias of itself": _card("configs: &c [*c, {config_name: c, data_files: *c}]"),
    "deep lists": _card("configs: " + "[" * 500_000),
    "deep maps": _card("configs: " + "{a: " * 200_000),
    "deep blocks": _card("\n".join(" " * level + "a:" for level in range(1_300))),
    "deep items": _card("- " * 400_000),
    "a long name": _card("configs: [{config_name: " + "c" * 900_000 + ", data_files: {}}]"),
    "many keys": _card("".join(f"k{number}: {number}\n" for number in range(80_000))),
    "quotes": _card('configs: "' + "\\n" * 400_000 + '"'),
    "comments": _card("# x\n" * 200_000),
    "tags": _card("configs: !!python/object/apply:os.system ['true']"),
    "a number as long as the card": _card("configs: " + "9" * 900_000),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_card_is_no_card(text: str) -> None:
    """It declares nothing, and takes a time that grows with its length."""
    began = time.thread_time()
    found = layout.layout_of(["test.jsonl"], readme=text[: card.MOST_BYTES])
    assert time.thread_time() - began < MOST_CPU_S
    assert found.choose("main", "test") == layout.Choice(("test.jsonl",))


HONEST = {
    "windows line ends": ("configs:\r\n- config_name: a\r\n  data_files: x.csv\r", {"a": {"train": ("x.csv",)}}),
    "names that look like numbers": (
        "configs: [{config_name: 2024, data_files: [{split: no, path: 1.csv}]}]",
        {"2024": {"no": ("1.csv",)}},
    ),
    "a folder": (
        "configs: [{config_name: a, data_dir: b/, data_files: [{split: test, path: [./c, d]}]}]",
        {"a": {"test": ("b/c", "b/d")}},
    ),
    "no folder": ("configs: [{config_name: a, data_dir: null, data_files: c}]", {"a": {"train": ("c",)}}),
    "shared by an alias": (
        "f: &f [{split: test, path: x}]\nconfigs: [{config_name: a, data_files: *f}, {config_name: b, data_files: *f}]",
        {"a": {"test": ("x",)}, "b": {"test": ("x",)}},
    ),
    "a split in two parts": (
        "configs: [{config_name: a, data_files: [{split: s, path: x}, {split: s, path: y}]}]",
        {"a": {"s": ("x", "y")}},
    ),
}


@pytest.mark.parametrize(("front", "wanted"), HONEST.values(), ids=HONEST.keys())
def test_what_a_card_declares(front: str, wanted: dict[str, dict[str, tuple[str, ...]]]) -> None:
    """Names and patterns are texts, whatever YAML would make of them."""
    assert card.declared(_card(front)) == wanted


def test_more_patterns_than_can_be_matched() -> None:
    """The names of the files tell instead."""
    configs = ",".join(f"{{config_name: c{number}, data_files: 'x{number}*'}}" for number in range(10_000))
    began = time.thread_time()
    found = layout.layout_of(
        [f"x{number}/test.jsonl" for number in range(20_000)], readme=_card(f"configs: [{configs}]")
    )
    assert time.thread_time() - began < MOST_CPU_S
    assert found.choose("x7", "test") == layout.Choice(("x7/test.jsonl",))


def test_a_pattern_of_stars_is_matched_in_time() -> None:
    """Against the longest names that a hub lists."""
    text = _card(f"configs: [{{config_name: c, data_files: '{'*a' * 500}b'}}]")
    began = time.thread_time()
    layout.layout_of([f"{'a' * 4000}{number}.jsonl" for number in range(20)], readme=text)
    assert time.thread_time() - began < MOST_CPU_S
