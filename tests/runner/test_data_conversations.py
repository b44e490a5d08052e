"""Conversations: the turns of recorded ones in every shape, and drawn ones."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from evalkube_crds.names import Reason
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner.data import conversations, opening, rows, tokens
from evalkube_runner.data.lengths import Lengths
from evalkube_runner.data.random_texts import WordTexts, random_texts
from evalkube_runner.errors import RunFailed
from fakes.load_tests import context, spec
from fakes.readable import ANYTHING
from fakes.word_tokenizer import save_word_tokenizer


def says(role: str, content: object = "x") -> dict[str, object]:
    """A message."""
    return {"role": role, "content": content}


SYSTEM, ASKED, AGAIN, ANSWER = says("system", "s"), says("user", "q1"), says("user", "q2"), says("assistant", "a")
PARTS = says("user", [{"type": "text", "text": "q"}])


@pytest.mark.parametrize(
    ("messages", "turns"),
    [
        pytest.param([ASKED, ANSWER, AGAIN, ANSWER], ((ASKED,), (AGAIN,)), id="two"),
        pytest.param([ASKED, ANSWER, AGAIN], ((ASKED,), (AGAIN,)), id="the last is not answered"),
        pytest.param([SYSTEM, ASKED, ANSWER], ((SYSTEM, ASKED),), id="a system message before"),
        pytest.param([ASKED, AGAIN, ANSWER], ((ASKED, AGAIN),), id="two questions at once"),
        pytest.param([ANSWER, ASKED, ANSWER], ((ASKED,),), id="the model begins"),
        pytest.param([SYSTEM, ANSWER, ASKED, ANSWER], ((SYSTEM, ASKED),), id="the model greets after a system message"),
        pytest.param([SYSTEM, ANSWER], (), id="a system message alone"),
        pytest.param([PARTS, ANSWER], ((PARTS,),), id="parts"),
        pytest.param([ASKED, ANSWER, says("user", " "), ANSWER, AGAIN], ((ASKED,),), id="until nothing is said"),
        pytest.param([ASKED, ANSWER, says("tool"), ANSWER, AGAIN], ((ASKED,),), id="until a tool answers"),
        pytest.param([ASKED, ANSWER, SYSTEM, ANSWER], ((ASKED,),), id="until nobody asks"),
        pytest.param([says("user", ""), ANSWER, AGAIN], (), id="nothing is said at first"),
        pytest.param([ANSWER], (), id="nobody asks"),
        pytest.param([], (), id="empty"),
    ],
)
def test_turns_without_their_answers(messages: list[dict[str, object]], turns: tuple[object, ...]) -> None:
    """What comes anew with each turn."""
    assert conversations.turns_of(messages) == turns


LONG = {"conversation": [{"human": f"q{at}", "assistant": "a"} for at in range(5)]}
SHORT = {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}
NOBODY: dict[str, Any] = {"messages": []}


def _rows(tmp_path: Path, *written: object) -> rows.Rows:
    path = tmp_path / "talks.jsonl"
    path.write_text("\n".join(map(json.dumps, written)))
    return rows.opened(path, ANYTHING)


def test_too_few_and_too_many_turns(tmp_path: Path) -> None:
    """Short ones are left out, long ones cut, and both told."""
    found = _rows(tmp_path, LONG, SHORT, NOBODY, [ASKED, ANSWER, AGAIN, ANSWER])
    source = conversations.RowConversations(found, conversations.Bounds((2, 3)))
    assert [len(source.conversation(index)) for index in range(len(source))] == [3, 2]
    assert source.conversation(0).turns[2] == (says("user", "q2"),)
    assert (dict(source.left_out), source.cut) == ({"too_short": 1, "empty": 1}, 1)
    assert len(conversations.RowConversations(found)) == 3


def test_a_row_that_is_none_is_named(tmp_path: Path) -> None:
    """By its line."""
    with pytest.raises(RunFailed, match=r"talks\.jsonl:2: has no list of messages") as caught:
        conversations.RowConversations(_rows(tmp_path, SHORT, {"text": "x"}))
    assert caught.value.reason is Reason.DATASET_UNAVAILABLE


@pytest.mark.parametrize("name", ["share_gpt_en", "share_gpt_zh"])
def test_our_samples_have_several_turns(name: str) -> None:
    """So they serve as conversations."""
    found = rows.opened(next((opening.SAMPLES / name).iterdir()), ANYTHING)
    source = conversations.RowConversations(found, conversations.Bounds((2, None)))
    assert (len(source), dict(source.left_out)) == (len(found), {})


def _drawn(seed: int = 7) -> conversations.RandomConversations:
    made = WordTexts(None)
    spec = PerfRunSpec.model_validate(
        {
            "model": "m", "url": "http://h/v1", "dataset": "random", "seed": seed, "prefix_length": 4,
            "dataset_args": {"input_len": {"distribution": "fixed", "value": 9}},
        }
    )  # fmt: skip
    first = random_texts(spec, None)
    return conversations.RandomConversations(seed, Lengths(2, 5), first, Lengths(3, 6), made)


def test_drawn_conversations() -> None:
    """As many turns and words as asked for, a prefix in the first; uniform within four standard errors of a mean,
    sqrt(((b - a + 1)^2 - 1) / 12 / n).
    """
    count = 2_000
    made = [_drawn().conversation(index) for index in range(count)]
    turns = [len(each) for each in made]
    assert set(turns) == {2, 3, 4, 5}
    assert abs(sum(turns) / count - 3.5) < 4 * math.sqrt(15 / 12 / count)
    words = [[len(str(message["content"]).split()) for (message,) in each.turns] for each in made]
    assert {each[0] for each in words} == {13}
    assert {length for each in words for length in each[1:]} == {3, 4, 5, 6}
    assert len({str(each.turns[0][0]["content"]).split()[3] for each in made}) == 1


def test_conversations_depend_on_seed_and_index_alone() -> None:
    """Whoever asks, in whatever order."""
    one, two = _drawn(), _drawn()
    assert [one.conversation(at) for at in (5, 0, 2**33)] == [two.conversation(at) for at in (2**33, 0, 5)][::-1]
    assert one.conversation(5) != one.conversation(6)
    assert one.conversation(5) != _drawn(8).conversation(5)


@pytest.mark.parametrize(
    ("lengths", "left_out"),
    [
        pytest.param((0, None), {}, id="any"),
        pytest.param((2, 2), {}, id="all as long as wanted"),
        pytest.param((3, 9), {"too_short": 1}, id="a turn too short"),
        pytest.param((0, 1), {"too_long": 1}, id="a turn too long"),
    ],
)
def test_lengths_are_of_what_is_said_in_a_turn(
    tmp_path: Path, lengths: tuple[int, int | None], left_out: dict[str, int]
) -> None:
    """Not of the answers, and not of turns that are cut off."""
    found = _rows(tmp_path, [ASKED, says("assistant", "long"), AGAIN, ANSWER, says("user", "much longer")])
    source = conversations.RowConversations(found, conversations.Bounds((1, 2), lengths))
    assert dict(source.left_out) == left_out
    assert len(source) == 1 - len(left_out)


def test_lengths_in_tokens(tmp_path: Path) -> None:
    """With a tokenizer; a text that surely fits is not counted."""
    counter = tokens.load(save_word_tokenizer(tmp_path), ANYTHING)
    found = _rows(tmp_path, [says("user", "one two three"), ANSWER, says("user", "four")])
    assert len(conversations.RowConversations(found, conversations.Bounds(lengths=(0, 3), counter=counter))) == 1
    assert len(conversations.RowConversations(found, conversations.Bounds(lengths=(0, 2), counter=counter))) == 0
    assert len(conversations.RowConversations(found, conversations.Bounds(lengths=(2, 9), counter=counter))) == 0


TOOL = {"type": "function", "function": {"name": "weather"}}


def test_tools_of_a_row(tmp_path: Path) -> None:
    """They stay with it; a list alone has none."""
    found = _rows(tmp_path, {"messages": [ASKED], "tools": [TOOL]}, {"messages": [ASKED], "tools": []}, [ASKED])
    source = conversations.RowConversations(found)
    assert [source.conversation(at).tools for at in range(3)] == [(TOOL,), None, None]


def test_tools_that_are_none_are_named(tmp_path: Path) -> None:
    """By their line."""
    with pytest.raises(RunFailed, match=r"talks\.jsonl:1: tools is a list of objects"):
        conversations.RowConversations(_rows(tmp_path, {"messages": [ASKED], "tools": ["weather"]}))


@pytest.mark.parametrize(
    ("role", "first", "sent"),
    [
        pytest.param("system", [ASKED], [says("system", "p"), ASKED], id="a system message before"),
        pytest.param("system", [SYSTEM, ASKED], [says("system", "p\ns"), ASKED], id="one is there"),
        pytest.param("user", [SYSTEM, ASKED], [SYSTEM, says("user", "p\nq1")], id="before what a person says"),
        pytest.param("user", [PARTS], [says("user", "p"), PARTS], id="before parts"),
    ],
)
def test_a_prefix_before_the_first_turn(
    tmp_path: Path, role: str, first: list[dict[str, object]], sent: list[dict[str, object]]
) -> None:
    """And before no other."""
    (tmp_path / "p.txt").write_text("p")
    _rows(tmp_path, [*first, ANSWER, AGAIN])
    wanted = spec(
        *("http://h/v1",),
        dataset="custom_multi_turn",
        dataset_path=str(tmp_path / "talks.jsonl"),
        data_source=None,
        dataset_args={"prefix_file": str(tmp_path / "p.txt"), "prefix_role": role},
    )
    found = conversations.load(wanted, context(tmp_path)).item(0)
    assert found.turns == (tuple(sent), (AGAIN,))


def test_none_that_fits(tmp_path: Path) -> None:
    """It is told why; a file without any is another matter."""
    _rows(tmp_path, SHORT, NOBODY)
    wanted = spec(
        *("http://h/v1",),
        dataset="custom_multi_turn",
        dataset_path=str(tmp_path / "talks.jsonl"),
        data_source=None,
        min_turns=2,
    )
    with pytest.raises(RunFailed, match=r"none of the 2 conversations of .* fits: 1 too short, 1 empty") as caught:
        conversations.load(wanted, context(tmp_path))
    assert caught.value.reason is Reason.INVALID_SPEC
    (tmp_path / "talks.jsonl").write_text("")
    with pytest.raises(RunFailed, match="holds no conversations"):
        conversations.load(wanted, context(tmp_path / "again"))
