"""Times of tokens: TPOT and ITL of streams whose pieces, ends and choices differ, with times made by hand."""

import orjson
import pytest

from evalkube_crds.names import AnswerNote, TokenBasis
from evalkube_runner.perf.exchange import Exchange
from fakes.exchanges import DONE, MS, ROLE, STOP, exchange, point, said, used, values

# name: reads (ms, bytes), TPOT of each choice in ms
TPOTS: dict[str, tuple[list[tuple[int, bytes]], list[int]]] = {
    "the last token has no text, its time is the end's": (
        [(110, said()), (120, said()), (130, said()), (140, STOP), (140, used(4) + DONE)],
        [10],
    ),
    "the last text has the end beside it": (
        [(110, said()), (120, said()), (130, said(finish="length")), (160, used(3) + DONE)],
        [10],
    ),
    "an end of its own, right behind": (
        [(110, said()), (120, said()), (130, said()), (130, STOP), (130, used(3) + DONE)],
        [10],
    ),
    "an end of its own, late": (
        [(110, said()), (120, said()), (130, said()), (530, STOP), (530, used(3) + DONE)],
        [10],
    ),
    "usage and [DONE] come late": (
        [(110, said()), (120, said()), (130, said()), (140, STOP), (340, used(4)), (540, DONE)],
        [10],
    ),
    "a choice after the end does not count": (
        [(110, said()), (120, said()), (130, STOP), (330, said(None)), (330, used(3) + DONE)],
        [10],
    ),
    "several tokens to a chunk": (
        [(110, said("a b")), (130, said("c d")), (150, said("e")), (160, STOP), (160, used(6) + DONE)],
        [10],
    ),
    "without usage": ([(110, said()), (120, said()), (130, said()), (530, STOP + DONE)], [10]),
    "fewer tokens than chunks": ([(110, said()), (120, said()), (130, said()), (530, STOP + used(2) + DONE)], [20]),
    "one token": ([(110, said()), (120, STOP + used(1) + DONE)], []),
    "one text and an end": ([(110, said()), (120, STOP + used(2) + DONE)], [10]),
}


@pytest.mark.parametrize("name", TPOTS)
def test_time_per_output_token(name: str) -> None:
    """The span and the tokens that are divided belong together, however a server ends its answers."""
    reads, tpots = TPOTS[name]
    found = point(exchange(*reads)).histograms.get("tpot_ns")
    assert ([] if found is None else [found.low // MS]) == tpots


def thought(made: int, thoughts: int) -> bytes:
    counts = {
        "prompt_tokens": 7,
        "completion_tokens": made,
        "completion_tokens_details": {"reasoning_tokens": thoughts},
    }
    return b"data: " + orjson.dumps({"choices": [], "usage": counts}) + b"\n\n"


EVERY_10 = [(110, said()), (120, said()), (130, said()), (140, said())]
CUT = [*EVERY_10[:3], (140, said(finish="length"))]

# name: reads; the gaps and TPOT in ms
MERGED: dict[str, tuple[list[tuple[int, bytes]], list[int], int]] = {
    "a token each": ([*CUT, (140, used(4) + DONE)], [10, 10, 10], 10),
    "a token each, and one that ends": ([*EVERY_10, (150, STOP + used(5) + DONE)], [10, 10, 10], 10),
    "without a usage": ([*CUT, (140, DONE)], [10, 10, 10], 10),
    "fewer tokens than pieces": ([*CUT, (140, used(2) + DONE)], [10, 10, 10], 30),
    "two in each of the others": ([*CUT, (140, used(7) + DONE)], [5, 5, 5, 5, 5, 5], 5),
    "two in each of the others, and one that ends": (
        [*EVERY_10, (145, STOP + used(8) + DONE)],
        [5, 5, 5, 5, 5, 5],
        5,
    ),
    "one that is over": ([*CUT, (140, used(5) + DONE)], [10, 10, 5, 5], 7),
    "in reads of several pieces": (
        [(110, said()), (130, said() * 2), (150, said(finish="length")), (150, used(7) + DONE)],
        [5, 5, 5, 5, 10, 10],
        6,
    ),
    "in the first read alone": ([(110, said() + said(finish="length")), (110, used(4) + DONE)], [0], 0),
    "thoughts that were not shown": ([*CUT, (140, thought(104, 100) + DONE)], [10, 10, 10], 10),
    "thoughts that were not shown, and two in each": (
        [*CUT, (140, thought(107, 100) + DONE)],
        [5, 5, 5, 5, 5, 5],
        5,
    ),
    "thoughts that were shown": ([*CUT, (140, thought(4, 2) + DONE)], [10, 10, 10], 10),
}


@pytest.mark.parametrize("name", MERGED)
def test_several_tokens_to_a_piece(name: str) -> None:
    """Gaps are those of tokens, as far as the server says how many there were: their sum is the time they took."""
    reads, gaps, tpot = MERGED[name]
    found = point(exchange(*reads)).histograms
    itl = found["itl_ns"]
    assert (itl.count, itl.total // MS, itl.low // MS, itl.high // MS) == (len(gaps), sum(gaps), min(gaps), max(gaps))
    assert found["tpot_ns"].low // MS == tpot


# name: reads, TTFT in ms after the request, gaps in ms, chunks
BLANKS: dict[str, tuple[list[tuple[int, bytes]], int | None, list[int], int]] = {
    "tokens within a character, by the usage": (
        [(105, ROLE), (110, said("")), (120, said("水")), (130, said()), (140, STOP + used(4) + DONE)],
        10,
        [10, 10],
        3,
    ),
    "tokens within a character, without usage": (
        [(105, ROLE), (110, said("")), (120, said("水")), (130, said()), (140, STOP + DONE)],
        10,
        [10, 10],
        3,
    ),
    "tokens that are not shown": (
        [(110, said()), (120, said("")), (130, said("")), (140, said()), (150, STOP + used(5) + DONE)],
        10,
        [10, 10, 10],
        4,
    ),
    "nothing but tokens that are not shown": (
        [(110, said("")), (120, said("")), (130, STOP + used(3) + DONE)],
        10,
        [10],
        2,
    ),
    "keep-alives, by the usage": (
        [(105, ROLE), (110, said("")), (120, said("")), (150, said()), (160, said()), (170, STOP + used(3) + DONE)],
        50,
        [10],
        2,
    ),
    "keep-alives, without usage": (
        [(110, said("")), (120, said("")), (150, said()), (160, said()), (170, STOP + DONE)],
        50,
        [10],
        2,
    ),
    "two in one read": (
        [(110, said("") * 2), (120, said("水") + said("")), (130, said()), (140, STOP + used(6) + DONE)],
        10,
        [0, 5, 5, 10],
        5,
    ),
}


@pytest.mark.parametrize("name", BLANKS)
def test_empty_pieces(name: str) -> None:
    """They are tokens where the usage has room for them or they stand within a character, else keep-alives."""
    reads, ttft, gaps, chunks = BLANKS[name]
    one = exchange(*reads)
    found = point(one).histograms
    assert (found["ttft_ns"].low // MS, one.chunks) == (ttft, chunks)
    assert found["itl_ns"].count == len(gaps)
    assert found["itl_ns"].total == sum(gaps) * MS


def two_choices(*ends: bytes) -> Exchange:
    """Two choices in turn, a token of each every 20 ms, from 110 and 120 ms on."""
    reads = [(110 + 10 * at, said(index=at % 2)) for at in range(6)]
    return exchange(*reads, *((170 + 10 * at, end) for at, end in enumerate(ends)), choices=2)


STOPS = (said(None, finish="stop"), said(None, index=1, finish="length"))


def test_each_choice_has_its_own_gaps() -> None:
    """Two answers at once do not halve the times of either; TTFT is the first token of any."""
    found = point(two_choices(*STOPS, used(8) + DONE))
    assert values(found)["itl_ns"] == (4, 20 * MS)
    assert values(found)["tpot_ns"] == (2, 20 * MS)
    assert values(found)["ttft_ns"] == (1, 10 * MS)
    assert (found.output_tokens, found.finish_reasons) == (8, {"stop": 1, "length": 1})
    assert (found.truncated, found.answer_notes) == (1, {})


def test_each_choice_has_its_own_usage() -> None:
    """They add up."""
    counts = {"prompt_tokens": 7, "completion_tokens": 4}
    ends = (said(None, finish="stop", usage=counts), said(None, index=1, finish="stop", usage=counts))
    found = point(two_choices(*ends, DONE))
    assert (found.output_tokens, found.input_tokens, found.token_basis) == (8, 7, {TokenBasis.USAGE: 1})


@pytest.mark.parametrize("end", [b"", DONE], ids=["no [DONE]", "[DONE]"])
def test_a_server_that_ignores_n_is_told(end: bytes) -> None:
    """One answer where two were asked for is a success of less work."""
    found = point(exchange((110, said()), (120, said()), (130, STOP + end), choices=2))
    assert (found.succeeded, found.answer_notes) == (1, {AnswerNote.FEWER_CHOICES: 1})
    assert values(found)["tpot_ns"] == (1, 10 * MS)


def test_choices_that_nobody_asked_for_are_in_no_time() -> None:
    """Their tokens are in the usage, and not in the time per token."""
    reads = [(110 + 10 * at, said(index=at % 2)) for at in range(6)]
    found = point(exchange(*reads, (170, STOPS[0] + STOPS[1] + used(6) + DONE)))
    assert values(found)["itl_ns"] == (2, 20 * MS)
    assert values(found)["tpot_ns"] == (1, 20 * MS)
    assert (found.output_tokens, found.answer_notes) == (6, {AnswerNote.MORE_CHOICES: 1})
