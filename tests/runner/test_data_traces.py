"""Traces: their formats, their order and their faults, and prompts as long as the trace says."""

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from evalkube_crds.names import Reason
from evalkube_runner.data import tokens, traces
from evalkube_runner.data.random_texts import WordTexts
from evalkube_runner.data.trace_texts import TraceTexts
from evalkube_runner.errors import RunFailed
from fakes.readable import ANYTHING

AZURE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.9799600,4808,10
2023-11-16 18:17:04.0319600,3180,8
2023-11-16 18:18:00.0000001,110,0
"""
AZURE_2024 = """TIMESTAMP,ContextTokens,GeneratedTokens
2024-05-10 00:00:00.009930+00:00,2162,5
2024-05-10 00:00:00.017335+00:00,2399,6
2024-05-10 02:00:01+02:00,76,15
"""
MOONCAKE: list[dict[str, Any]] = [
    {"timestamp": 0, "input_length": 1300, "output_length": 500, "hash_ids": [0, 1, 2]},
    {"timestamp": 0, "input_length": 1100, "output_length": 3, "hash_ids": [0, 1, 7]},
    {"timestamp": 3000, "input_length": 600, "output_length": 9, "hash_ids": [0, 8]},
    {"timestamp": 3500, "input_length": 700, "output_length": 1, "hash_ids": [5]},
]
OURS = "timestamp\tinput_tokens\toutput_tokens\n0.25\t5\t1\n1.5\t7\t2\n"
BURST = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,ChatGPT,472,18,490,Conversation log\n"
BODIES: list[dict[str, Any]] = [
    {"timestamp": 1700000000.25, "body": {"messages": [{"role": "user", "content": "a"}]}, "completion_tokens": 4},
    {"timestamp": "2023-11-14T22:13:21Z", "body": '{"prompt": "b", "stream": false}', "request_id": "x"},
]


def read(tmp_path: Path, content: str | bytes | list[Any], name: str = "trace.jsonl", **wanted: Any) -> traces.Trace:
    """The trace in a file with this content."""
    path = tmp_path / name
    text = content if isinstance(content, str | bytes) else "\n".join(map(json.dumps, content))
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return traces.read(path, ANYTHING, traces.Wanted(**wanted))


@pytest.mark.parametrize(
    ("name", "content", "arrivals_ns", "lengths", "limits"),
    [
        pytest.param("a.csv", AZURE, [0, 52_000_000, 56_020_040_100], [4808, 3180, 110], [10, 8, 1], id="Azure 2023"),
        pytest.param("a.csv", "\ufeff" + AZURE_2024.replace("\n", "\r\n"), [0, 7_405_000, 990_070_000],
                     [2162, 2399, 76], [5, 6, 15], id="Azure 2024"),
        pytest.param("m.jsonl", MOONCAKE, [0, 0, 3_000_000_000, 3_500_000_000], [1300, 1100, 600, 700],
                     [500, 3, 9, 1], id="Mooncake"),
        pytest.param("m.json", json.dumps(MOONCAKE, indent=1), [0, 0, 3_000_000_000, 3_500_000_000],
                     [1300, 1100, 600, 700], [500, 3, 9, 1], id="Mooncake in one array"),
        pytest.param("m.txt", [{**MOONCAKE[0], "timestamp": 7.5}, {**MOONCAKE[1], "timestamp": "8"}], [0, 500_000],
                     [1300, 1100], [500, 3], id="Mooncake, whatever the file is called"),
        pytest.param("w.jsonl", BODIES, [0, 750_000_000], [-1, -1], [4, None], id="bodies"),
        pytest.param("o.dat", OURS, [0, 1_250_000_000], [5, 7], [1, 2], id="our own, with tabs"),
        pytest.param("o.csv", "\n \n" + OURS.replace("\t", " , "), [0, 1_250_000_000], [5, 7], [1, 2],
                     id="spaces and blank lines"),
        pytest.param("o.jsonl", [{"Timestamp": "2024-05-10 10:00:00 UTC", "input_tokens": 5.0, "output_tokens": "6"},
                                 {"timestamp": 1715335201, "input_tokens": 1, "output_tokens": 0}], [0, 10**9], [5, 1],
                     [6, 1], id="our own, as JSON"),
        pytest.param("b.csv", BURST, [0], [472], [18], id="BurstGPT"),
    ],
)  # fmt: skip
def test_what_traces_tell(
    tmp_path: Path, name: str, content: str | list[Any], arrivals_ns: list[int], lengths: list[int], limits: list[Any]
) -> None:
    """When each came after the first, how long it was, and how long its answer."""
    trace = read(tmp_path, content, name)
    assert trace.arrivals_ns(1).tolist() == arrivals_ns
    assert trace.input_lengths.tolist() == lengths
    assert [trace.limit(index) for index in range(len(trace))] == limits
    assert (trace.unordered, trace.left_out) == (0, {})


def test_speed_and_order(tmp_path: Path) -> None:
    """Faster, slower; what is out of order is sorted and told, those of one moment stay in order."""
    trace = read(tmp_path, [MOONCAKE[2], MOONCAKE[0], MOONCAKE[1], {**MOONCAKE[3], "input_length": 0}])
    assert trace.arrivals_ns(2).tolist() == [0, 0, 1_500_000_000]
    assert trace.arrivals_ns(0.5).tolist() == [0, 0, 6_000_000_000]
    assert (trace.input_lengths.tolist(), trace.unordered, trace.left_out) == ([1300, 1100, 600], 2, {"empty": 1})
    assert [trace.blocks(index)[1] for index in range(3)] == [1, 1, 8]


def test_a_trace_of_more_than_a_life(tmp_path: Path) -> None:
    """A speed that would make times of no meaning is refused."""
    trace = read(tmp_path, [MOONCAKE[0], {**MOONCAKE[1], "timestamp": 10**11}])
    assert trace.arrivals_ns(1).tolist() == [0, 10**17]
    with pytest.raises(
        RunFailed, match=r"trace_speed: at 0\.01 the last request of the trace would be due in more than"
    ):
        trace.arrivals_ns(0.01)


def test_memory_of_a_long_trace(tmp_path: Path) -> None:
    """Some integers for each request, no rows."""
    count = 20_000
    lines = [f"2024-05-10 00:{at // 60 % 60:02}:{at % 60:02},{at % 3000 + 1},7\n" for at in range(count)]
    path = tmp_path / "a.csv"
    path.write_text(AZURE.partition("\n")[0] + "\n" + "".join(lines))
    del lines
    tracemalloc.start()
    trace = traces.read(path, ANYTHING, traces.Wanted())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(trace) == count
    assert peak < 150 * count


def test_what_is_wanted_of_a_trace(tmp_path: Path) -> None:
    """The first so many, of such lengths; what is left out before them is told. No more is read."""
    assert len(read(tmp_path, MOONCAKE, most=2)) == 2
    assert read(tmp_path, AZURE + "broken", "a.csv", most=1).input_lengths.tolist() == [4808]
    trace = read(tmp_path, MOONCAKE, shortest=700, longest=1200, most=9)
    assert (trace.input_lengths.tolist(), trace.left_out) == ([1100, 700], {"too_long": 1, "too_short": 1})
    assert trace.arrivals_ns(1).tolist() == [0, 3_500_000_000]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "time,a,b\n1,2,3\n", r"a\.csv:1: not a request of a trace: it needs timestamp, and body, "),
        ("a.csv", "TIMESTAMP,ContextTokens\n2023-11-16 18:17:03,5\n", r"a\.csv:2: has no generatedtokens"),
        ("a.csv", AZURE.replace("Context", "Context,Context"), r"a\.csv:2: 3 cells where the header names 4 col"),
        ("a.csv", AZURE.replace("ContextTokens", "ContextTokens,ContextTokens"), r"a\.csv:1: a column is named twice"),
        ("a.csv", AZURE + '"2023', r"a\.csv:5: unexpected end of data"),
        ("a.csv", AZURE + "x" * (1 << 20), r"a\.csv:5: the line is too long"),
        ("a.csv", AZURE + "x" * (1 << 18), r"a\.csv:5: (field larger|1 cells where)"),
        ("a.csv", AZURE.encode() + b"\xff", r"a\.csv:5: not UTF-8: byte 0xff"),
        ("a.csv", AZURE.encode("utf-16"), r"a\.csv:1: not UTF-8: byte 0xff"),
        ("a.csv", AZURE + "2023-11-16 18:18:00,,5\n", r"a\.csv:5: has no contexttokens"),
        (
            "a.csv",
            AZURE + "0001-01-01 00:00:00+14:00,5,5\n",
            r"a\.csv:5: 0001-01-01 00:00 \+14:00 is beyond the calendar",
        ),
        ("a.csv", AZURE + "1969-12-31 23:59:59,5,5\n", r"a\.csv:5: .* is not a time that requests can have"),
        ("a.csv", AZURE + "9999-12-31 23:59:59,5,5\n", r"a\.csv:5: .* is not a time that requests can have"),
        ("a.csv", AZURE + "2023-11-16 18:18:00,9999999999,5\n", r"a\.csv:5: '9999999999' is not a number of tokens"),
        ("a.csv.gz", gzip.compress(AZURE.encode()), r"a\.csv\.gz: is compressed \(gzip\); give the trace unpacked"),
        ("a.parquet", b"PAR1", r"a\.parquet: is a Parquet file; give the trace unpacked"),
        (
            "o.csv",
            OURS.replace("0.25", "-0.25"),
            r"o\.csv:2: '-0.25' is not a time that .*: it must be 0 or more seconds",
        ),
        ("o.csv", OURS.replace("0.25", "NaN"), r"o\.csv:2: 'NaN' is not a time in seconds"),
        ("o.csv", OURS.replace("0.25", "1e999999999"), r"o\.csv:2: '1e999999999' is not a time that requests can have"),
        ("o.csv", OURS.replace("0.25", "inf"), r"o\.csv:2: 'inf' is not a time in seconds"),
        ("o.csv", 'timestamp,body\n5,"{}"\n', r"o\.csv:1: whole bodies need JSON lines"),
        ("o.csv", OURS.partition("\n")[0], r"o\.csv: holds no requests"),
        ("o.csv", "timestamp,input_tokens,output_tokens\n1,0,5\n", r"o\.csv: holds no requests"),
        ("a.csv", AZURE + ",,\nyesterday,5,5\n", r"a\.csv:6: 'yesterday' is not a date and a time"),
        ("a.csv", AZURE + "2023-11-16 18:18:00,-5,5\n", r"a\.csv:5: '-5' is not a number of tokens"),
        ("a.csv", AZURE + "2023-13-16 18:18:00,5,5\n", r"a\.csv:5: "),
        ("a.csv", AZURE + "2023-11-16 18:18:00,5\n", r"a\.csv:5: 2 cells where the header names 3 columns"),
        ("a.csv", AZURE.partition("\n")[0], r"a\.csv: holds no requests"),
        ("m.jsonl", "", r"m\.jsonl: holds no requests"),
        ("m.jsonl", " \r\n", r"m\.jsonl: holds no requests"),
        ("m.jsonl", "[]", r"m\.jsonl: holds no requests"),
        ("m.jsonl", "[1]", r"m\.jsonl:1: a request of a trace is an object"),
        ("m.jsonl", '{"timestamp": NaN, "input_length": 1, "output_length": 1}', r"m\.jsonl:1: not valid JSON"),
        (
            "m.jsonl",
            [MOONCAKE[0], {**MOONCAKE[1], "timestamp": -1}],
            r"m\.jsonl:2: -1 is not a time that requests can ",
        ),
        ("m.jsonl", [MOONCAKE[0], {**MOONCAKE[1], "timestamp": True}], r"m\.jsonl:2: True is not a time in ms"),
        ("m.jsonl", [MOONCAKE[0], {**MOONCAKE[1], "hash_ids": [-1]}], r"m\.jsonl:2: hash_ids must be"),
        ("w.jsonl", [{**BODIES[0], "body": []}], r"w\.jsonl:1: body must be an object"),
        ("w.jsonl", [{**BODIES[0], "body": "{"}], r"w\.jsonl:1: body is a string, but not the JSON of one"),
        ("m.jsonl", [{"a": 1}], r"m\.jsonl:1: not a request of a trace"),
        ("m.jsonl", [MOONCAKE[0], {"timestamp": 1, "input_length": 5}], r"m\.jsonl:2: has no output_length"),
        ("m.jsonl", [MOONCAKE[0], {**MOONCAKE[1], "hash_ids": ["x"]}], r"m\.jsonl:2: hash_ids must be"),
        ("m.jsonl", [MOONCAKE[0], {**MOONCAKE[1], "output_length": 1.5}], r"m\.jsonl:2: 1\.5 is not a number of"),
        ("m.jsonl", [MOONCAKE[0], {**MOONCAKE[1], "timestamp": "x"}], r"m\.jsonl:2: 'x' is not a time in ms"),
        (
            "w.jsonl",
            [BODIES[0], {"timestamp": 5, "body": "x"}],
            r"w\.jsonl:2: body is a string, but not the JSON of one",
        ),
        ("w.jsonl", [BODIES[0], {**BODIES[1], "timestamp": None}], r"w\.jsonl:2: None is not a time in seconds"),
        ("w.jsonl", [{**BODIES[0], "headers": {"x": "y"}}], r"w\.jsonl:1: headers of single requests are not sent"),
    ],
)
def test_faults_are_named_by_their_line(tmp_path: Path, name: str, content: str | bytes | list[Any], said: str) -> None:
    """File, line and what is wrong there."""
    with pytest.raises(RunFailed, match=said) as caught:
        read(tmp_path, content, name)
    assert caught.value.reason is Reason.DATASET_UNAVAILABLE


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> tokens.TokenCounter:
    """A tokenizer with bytes and merges, like those of large models."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    texts = [" ".join(tokens.COMMON_WORDS), *tokens.COMMON_WORDS] * 3
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=2500, initial_alphabet=alphabet, show_progress=False)
    )
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(str(path))
    return tokens.load(str(path), ANYTHING)


def _shared(one: str, two: str) -> int:
    """How many words two texts have in common at their beginning."""
    pairs = list(zip(one.split(), two.split(), strict=False))
    return next((at for at, (mine, other) in enumerate(pairs) if mine != other), len(pairs))


def test_prompts_share_the_blocks_that_the_trace_says(tmp_path: Path, counter: tokens.TokenCounter) -> None:
    """Exactly as many tokens as each had; the same beginning for the same ids, and no more than that; the same prompt
    in whatever process.
    """
    trace = read(tmp_path, MOONCAKE)
    one, two = (TraceTexts(7, trace, WordTexts(counter)) for _ in range(2))
    texts = [str(one.item(index)) for index in range(4)]
    assert [counter.count(text) for text in texts] == [1300, 1100, 600, 700]
    assert [str(two.item(index)) for index in (3, 1, 2, 0)] == [texts[index] for index in (3, 1, 2, 0)]
    assert 1024 <= _shared(texts[0], texts[1]) < 1030
    assert 512 <= _shared(texts[0], texts[2]) < 518
    assert _shared(texts[0], texts[3]) < 6
    assert str(TraceTexts(8, trace, WordTexts(counter)).item(0)) != texts[0]


def test_prompts_of_other_traces(tmp_path: Path, counter: tokens.TokenCounter) -> None:
    """Without ids prompts share nothing; bodies are sent as they were, but streamed as the test says."""
    azure = TraceTexts(7, read(tmp_path, AZURE, "a.csv"), WordTexts(counter))
    texts = [str(azure.item(index)) for index in range(3)]
    assert [counter.count(text) for text in texts] == [4808, 3180, 110]
    assert _shared(texts[0], texts[1]) < 6
    workload = TraceTexts(7, read(tmp_path, BODIES, "w.jsonl"), WordTexts(None))
    assert [workload.item(index) for index in range(2)] == [BODIES[0]["body"], {"prompt": "b"}]
    assert [workload.only(np.array([1])).item(0)] == [{"prompt": "b"}]
