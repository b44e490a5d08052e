"""The named data sets of load tests: rows in every shape, their file, and what is left out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkube_crds.names import CONVERSATIONS, PERF_DATASETS, Reason
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner.context import RunContext
from evalkube_runner.data import catalogue, dialogues, prompts, rows
from evalkube_runner.deliver import FileDelivery
from evalkube_runner.errors import RunFailed
from fakes.readable import ANYTHING

Load = Callable[..., prompts.PromptSource]

SWIFT = {"conversation": [{"human": "q1", "assistant": "a1"}, {"human": "q2", "assistant": "a2"}]}
ORIGINAL = {"id": "x", "conversations": [{"from": "human", "value": "q1"}, {"from": "gpt", "value": "a1"},
                                         {"from": "human", "value": "q2"}, {"from": "gpt", "value": "a2"}]}  # fmt: skip
FOUR = [
    {"role": "user", "content": "q1"},
    {"role": "assistant", "content": "a1"},
    {"role": "user", "content": "q2"},
    {"role": "assistant", "content": "a2"},
]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads prompts for a spec given as keywords."""
    context = RunContext(
        run_id="r1",
        delivery=FileDelivery(tmp_path / "out", tmp_path / "control", pipeline="perf"),
        scratch=tmp_path / "scratch",
        cache=tmp_path / "cache",
        offline=True,
        readable=ANYTHING,
    )

    def loaded(**fields: Any) -> prompts.PromptSource:
        return prompts.load(PerfRunSpec(model="m", url="http://h/v1/completions", **fields), context, chat=False)

    return loaded


def asked(source: prompts.PromptSource) -> list[object]:
    """All prompts."""
    return [source.item(index) for index in range(len(source))]


def test_every_named_set_is_of_the_contract() -> None:
    """The table and the contract's list have the same names."""
    named = {*catalogue.SETS, "line_by_line", "random", "custom", "workload_trace"}
    assert named | set(CONVERSATIONS) == set(PERF_DATASETS)
    assert {name.removesuffix("_multi_turn") for name in CONVERSATIONS} < named


@pytest.mark.parametrize("name", sorted(catalogue.SETS))
def test_samples_of_our_own(load: Load, name: str) -> None:
    """Each has a few that ship, in its own shape, none of them twice."""
    found = asked(load(dataset=name, data_source="sample"))
    assert len(found) >= 4
    assert len(set(map(str, found))) == len(found)
    assert all(len(str(text)) > 20_000 for text in found) == (name == "longalpaca")


@pytest.mark.parametrize(
    ("row", "messages"),
    [
        pytest.param(SWIFT, FOUR, id="ModelScope's ShareGPT"),
        pytest.param(ORIGINAL, FOUR, id="the original ShareGPT"),
        pytest.param({"messages": FOUR}, FOUR, id="messages"),
        pytest.param(FOUR, FOUR, id="a list of messages"),
        pytest.param({"conversations": FOUR}, FOUR, id="conversations of messages"),
        pytest.param({"conversation": [{"human": "q1", "assistant": None}]}, FOUR[:1], id="no answer"),
        pytest.param({"system": "s", **SWIFT}, [{"role": "system", "content": "s"}, *FOUR], id="a system text"),
        pytest.param({"conversations": [{"from": "GPT", "value": "hi"}, {"from": "user", "value": "q"}]},
                     [{"role": "assistant", "content": "hi"}, {"role": "user", "content": "q"}], id="the model begins"),
        pytest.param({"conversations": []}, [], id="nobody speaks"),
    ],
)  # fmt: skip
def test_conversations_in_every_shape(row: Any, messages: list[dict[str, object]]) -> None:
    """Rows of all kinds tell the same messages; what is asked first is a person's first words."""
    assert dialogues.messages_of(row) == messages
    first = next((message["content"] for message in messages if message["role"] == "user"), "")
    assert dialogues.first_question(row) == first


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"text": "x"}, "has no list of messages"),
        ("x", "has no list of messages"),
        ({"messages": "x"}, "has no list of messages"),
        ({"conversations": ["x"]}, "a message is an object"),
        ({"conversations": [{"from": "narrator", "value": "x"}]}, "nobody knows who 'narrator' is"),
        ({"conversations": [{"from": "human", "value": 5}]}, "what a message says is a text"),
        ({"conversations": [{"text": "x"}]}, "a message has a role and content"),
    ],
)
def test_rows_that_are_no_conversations(load: Load, tmp_path: Path, row: Any, said: str) -> None:
    """They are refused with the line."""
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(SWIFT) + "\n\n" + json.dumps(row) + "\n")
    with pytest.raises(RunFailed, match=rf"rows\.jsonl:3: .*{said}") as caught:
        load(dataset="share_gpt_en", dataset_path=str(path))
    assert caught.value.reason is Reason.DATASET_UNAVAILABLE


ROWS = [{"instruction": "one"}, {"instruction": " "}, {"instruction": "zwei\n😀", "output": "x"}]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("l.jsonl", "\n".join(map(json.dumps, ROWS))),
        ("l.jsonl", "\ufeff" + "\r\n".join(map(json.dumps, ROWS))),
        ("l.json", json.dumps(ROWS)),
        ("l.json", json.dumps(ROWS, indent=2, ensure_ascii=False)),
        ("l.json", "\n".join(map(json.dumps, ROWS))),
        ("l.json", json.dumps({"version": 1, "data": ROWS})),
        ("l.csv", 'instruction\none\n" "\n"zwei\n😀"\n'),
        ("l.tsv", 'instruction\toutput\none\t\n" "\t\n"zwei\n😀"\tx\n'),
    ],
    ids=["lines", "BOM and CRLF", "array", "indented", "lines in .json", "in an object", "csv", "tsv"],
)
def test_a_local_file_in_every_format(load: Load, tmp_path: Path, name: str, content: str) -> None:
    """The texts are the same, and rows without one are left out."""
    path = tmp_path / name
    path.write_text(content, encoding="utf-8", newline="")
    source = load(dataset="longalpaca", dataset_path=str(path))
    assert asked(source) == ["one", "zwei\n😀"]
    assert (source.data.prompts, source.data.left_out) == (2, {"empty": 1})


def test_the_file_in_a_folder(load: Load, tmp_path: Path) -> None:
    """By its name, wherever it lies; else the only one with data; several are told."""
    (tmp_path / "README.md").write_text("# x")
    with pytest.raises(RunFailed, match="no file with data; give the file itself"):
        load(dataset="share_gpt_en", dataset_path=str(tmp_path))
    (tmp_path / "mine.jsonl").write_text(json.dumps({"conversation": [{"human": "mine"}]}))
    assert asked(load(dataset="share_gpt_en", dataset_path=str(tmp_path))) == ["mine"]
    (tmp_path / "other.jsonl").write_text("{}")
    with pytest.raises(RunFailed, match=r"not one file alone: mine\.jsonl, other\.jsonl; give the file itself"):
        load(dataset="share_gpt_en", dataset_path=str(tmp_path))
    (tmp_path / "sharegpt_jsonl").mkdir()
    (tmp_path / "sharegpt_jsonl" / "common_en_70k.jsonl").write_text(json.dumps(SWIFT))
    assert asked(load(dataset="share_gpt_en", dataset_path=str(tmp_path))) == ["q1"]


def test_rows_stay_on_disk(tmp_path: Path) -> None:
    """A row is parsed when it is asked for, in an array too; a broken one is named when it is met."""
    path = tmp_path / "many.json"
    path.write_text("[" + ",\n".join(json.dumps({"n": number}) for number in range(10_000)) + "]")
    found = rows.opened(path, ANYTHING)
    assert (len(found), found.row(7_000), found.place(7_000)) == (10_000, {"n": 7_000}, f"{path}:7001")
    path.write_text('[{"n": 1},\n{"n" 2}]')
    with pytest.raises(RunFailed, match=r"many\.json:2: not valid JSON"):
        rows.opened(path, ANYTHING).row(1)
