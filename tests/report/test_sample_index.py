"""The index of an evaluation's samples: made of lines, written, loaded, and where it says that lines are."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds.names import SampleState
from evalkube_report.samples import index as sample_index
from evalkube_report.samples import page, sample
from evalkube_report.samples.building import Builder
from evalkube_report.samples.index import STATES, Index, IndexUnreadable
from fakes.sample_lines import error, jsonl, prediction, result, review


def _built(
    reviews: Sequence[bytes] = (),
    predictions: Sequence[bytes] = (),
    errors: Sequence[bytes] = (),
    repeats: int = 1,
) -> Index:
    builder = Builder(result(gsm8k=["main"]), repeats)
    builder.add(0, 0, reviews=reviews, predictions=predictions, errors=errors)
    return builder.index()


@pytest.mark.parametrize(
    ("line", "state"),
    [
        pytest.param(review(0, 1.0), SampleState.RIGHT, id="all of the score"),
        pytest.param(review(0, 0.5), SampleState.PARTIAL, id="a part of it"),
        pytest.param(review(0, 0.0), SampleState.WRONG, id="none, for another answer"),
        pytest.param(review(0, 0.0, None), SampleState.NO_ANSWER, id="nothing was read of the reply"),
        pytest.param(review(0, 0.0, " "), SampleState.NO_ANSWER, id="nothing but blanks were"),
        pytest.param(review(0, 0.5, None), SampleState.PARTIAL, id="nothing was read, and it scores all the same"),
        pytest.param(review(0, 0.0, None, judging={"judgements": []}), SampleState.WRONG, id="a judge read all of it"),
        pytest.param(review(0, None), SampleState.ERRORED, id="no metric could be told"),
    ],
)
def test_a_scored_sample_has_a_state(line: dict[str, Any], state: SampleState) -> None:
    """By its score and by what was read of its answer."""
    (row,) = _built(jsonl(line)).rows
    assert STATES[row["state"]] is state


def test_a_later_score_makes_up_for_an_error() -> None:
    """A sample that errored and was scored when the run went on has no error; one that was not, has its class."""
    index = _built(jsonl(review(1)), jsonl(prediction(1)), jsonl(error(1), error(2, "status_429")))
    entries = page.select(index, page.SampleQuery()).entries
    assert [(one.index, one.state, one.error) for one in entries] == [
        (1, SampleState.RIGHT, None),
        (2, SampleState.ERRORED, "status_429"),
    ]


def test_of_two_lines_about_a_sample_the_last_one_counts() -> None:
    """A line that was mended stands after the one that it replaces."""
    index = _built(jsonl(review(0, 0.0), review(0, 1.0)), jsonl(prediction(0, latency_s=9), prediction(0, latency_s=2)))
    (entry,) = page.select(index, page.SampleQuery()).entries
    assert (entry.state, entry.latency_s) == (SampleState.RIGHT, 2.0)


def test_torn_and_foreign_lines_move_no_offset() -> None:
    """The lines after them are found where they are."""
    reviews = [b'{"index": 0, "samp\n', b"\n", b"[1]\r\n", *jsonl({"index": -1}, review(4, 0.5))]
    index = _built(reviews)
    place = index.slices(0)["reviews"]
    assert (place.path, b"".join(reviews)[place.offset :][: place.length]) == (
        "reviews/m/gsm8k_main.jsonl",
        reviews[-1][:-1],
    )


def test_repeats_are_told_apart() -> None:
    """Lines count samples: the question times its repeats, and which one it is."""
    index = _built(jsonl(*(review(at) for at in range(6))), repeats=3)
    assert index.rows["repeat"].tolist() == [0, 1, 2, 0, 1, 2]


def test_a_sample_is_found_by_its_names() -> None:
    """A sample of another subset that has the same number is another one."""
    builder = Builder(result(gsm8k=["main"], mmlu=["law", "logic"]), 1)
    builder.add(0, 0, reviews=jsonl(review(3)))
    builder.add(1, 1, reviews=jsonl(review(2), review(3)))
    index = builder.index()
    wanted = [("gsm8k", "main", 3), ("mmlu", "logic", 3), ("mmlu", "law", 3), ("arc", "main", 3), ("mmlu", "logic", 9)]
    assert [index.find(*names) for names in wanted] == [0, 2, None, None, None]


_SCORES = st.sampled_from([0.0, 0.25, 1.0])
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(
    st.dictionaries(st.integers(0, 5000), st.tuples(_SCORES, _TEXTS, _TEXTS), max_size=20),
    st.lists(st.sampled_from([b"\n", b"{}\n", b"null\r\n", b"\xff\n"]), max_size=3),
)
def test_every_sample_is_read_back_whole(samples: dict[int, tuple[float, str, str]], noise: list[bytes]) -> None:
    """Through the file of the index, whatever texts hold and whatever stands between the lines."""
    reviews = noise + jsonl(*(review(at, score, found) for at, (score, found, _) in samples.items()))
    predictions = jsonl(*(prediction(at, answer) for at, (*_, answer) in reversed(samples.items()))) + noise
    index = sample_index.load(sample_index.save(_built(reviews, predictions)))
    files = {"reviews": b"".join(reviews), "predictions": b"".join(predictions)}
    read = {}
    for row in range(len(index.rows)):
        places = index.slices(row)
        lines = {kind: files[kind][place.offset :][: place.length] for kind, place in places.items()}
        found = sample.read(page.entry(index, row), lines)
        read[found.entry.index] = (found.scores["acc"], found.extracted, found.answer)
    assert read == samples
    assert index.rows["index"].tolist() == sorted(samples)


def test_numpy_reads_the_rows_of_the_file() -> None:
    """A program of one's own needs nothing of ours for it."""
    index = _built(jsonl(review(0), review(1, 0.0)))
    rows = np.load(io.BytesIO(sample_index.save(index)))
    assert rows["score"].tolist() == [1.0, 0.0]


def _file() -> bytes:
    return sample_index.save(_built(jsonl(review(0), review(1))))


def _of_other_numbers(field: str) -> bytes:
    index = _built(jsonl(review(0)))
    index.rows[field] = 200
    return sample_index.save(index)


def _of_other_fields() -> bytes:
    file = io.BytesIO()
    np.save(file, np.arange(3))
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>", id="a page"),
        pytest.param(_of_other_fields(), id="another array"),
        pytest.param(_file()[:-3], id="torn at the end"),
        pytest.param(_file()[:500], id="torn in the rows"),
        pytest.param(_file()[:20], id="torn in the head"),
        pytest.param(_file().replace(b'"version":1', b'"version":9'), id="of another version"),
        pytest.param(_file().replace(b'"model"', b'"molar"'), id="without a name"),
        pytest.param(_of_other_numbers("dataset"), id="of a data set that has no name"),
        pytest.param(_of_other_numbers("subset"), id="of a subset that has none"),
        pytest.param(_of_other_numbers("state"), id="of an unknown state"),
        pytest.param(_of_other_numbers("error"), id="of an unknown error"),
    ],
)
def test_what_is_no_index_is_refused_in_words(data: bytes) -> None:
    """They say which file, and what to do."""
    with pytest.raises(IndexUnreadable, match=r"reports/samples\.npy .*without it"):
        sample_index.load(data)
