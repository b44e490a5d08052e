"""Prompts of load tests: sources, filters, forms, and exact lengths with real tokenizers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from evalkube_crds.names import Reason
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner.context import RunContext
from evalkube_runner.data import lines, prompts, texts, tokens
from evalkube_runner.deliver import FileDelivery
from evalkube_runner.errors import RunFailed
from fakes.readable import ANYTHING

Load = Callable[..., prompts.PromptSource]


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

    def loaded(*, chat: bool = True, **fields: Any) -> prompts.PromptSource:
        return prompts.load(PerfRunSpec(model="m", url="http://h/v1/chat/completions", **fields), context, chat=chat)

    return loaded


_CORPUS = [" ".join(tokens.COMMON_WORDS[at::7]) for at in range(7)] * 3 + [
    *tokens.COMMON_WORDS,
    "naïve café 水的沸点 😀 tokenization",
]


def _trained(tokenizer: Tokenizer, trainer: Any) -> Tokenizer:
    tokenizer.train_from_iterator(_CORPUS, trainer)
    tokenizer.add_special_tokens([AddedToken("endoftext", special=True)])
    return tokenizer


def _byte_level() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return _trained(tokenizer, trainers.BpeTrainer(vocab_size=2500, initial_alphabet=alphabet, show_progress=False))


def _metaspace() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="first")])
    special = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256))]
    return _trained(tokenizer, trainers.BpeTrainer(vocab_size=2500, special_tokens=special, show_progress=False))


def _word_piece() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return _trained(
        tokenizer, trainers.WordPieceTrainer(vocab_size=2500, special_tokens=["[UNK]"], show_progress=False)
    )


_KINDS = {"byte_level": _byte_level, "metaspace": _metaspace, "word_piece": _word_piece}


@pytest.fixture(scope="module")
def tokenizers_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one trained tokenizer of each kind."""
    folder = tmp_path_factory.mktemp("tokenizers")
    for name, make in _KINDS.items():
        (folder / name).mkdir()
        make().save(str(folder / name / "tokenizer.json"))
    return folder


@pytest.mark.parametrize("kind", sorted(_KINDS))
def test_random_prompts_have_exactly_the_tokens_asked_for(load: Load, tokenizers_folder: Path, kind: str) -> None:
    """Counted by the tokenizer itself, lengths spread over the range, the prefix on top and shared."""
    source = load(
        dataset="random", min_prompt_length=5, max_prompt_length=60, prefix_length=9,
        tokenizer_path=str(tokenizers_folder / kind), apply_chat_template=False,
    )  # fmt: skip
    own = Tokenizer.from_file(str(tokenizers_folder / kind / "tokenizer.json"))
    made = [str(source.item(index)) for index in range(300)]
    counts = [len(own.encode(text, add_special_tokens=False).ids) - 9 for text in made]
    assert (min(counts), max(counts)) == (5, 60)
    assert len(set(counts)) == 56
    assert len({tuple(text.split()[:9]) for text in made}) == 1
    assert len(set(made)) == 300
    assert "endoftext" not in " ".join(made)
    assert source.data.length_basis == "tokens"


@pytest.mark.parametrize("kind", sorted(_KINDS))
def test_groups_and_distributions_are_exact_in_tokens(load: Load, tokenizers_folder: Path, kind: str) -> None:
    """Prefixes of several groups and drawn lengths are what the tokenizer counts, of whatever kind it is."""
    fields: dict[str, Any] = {"dataset": "random", "chat": False, "prefix_length": 30}
    args = {"prefix_groups": 3, "input_len": {"distribution": "lognormal", "median": 20, "sigma": 0.8, "max": 90}}
    source = load(dataset_args=args, tokenizer_path=str(tokenizers_folder / kind), **fields)
    in_words = load(dataset_args=args, **fields)
    own = Tokenizer.from_file(str(tokenizers_folder / kind / "tokenizer.json"))
    counts = [len(own.encode(str(source.item(index)), add_special_tokens=False).ids) for index in range(200)]
    assert counts == [len(str(in_words.item(index)).split()) for index in range(200)]
    assert len({str(source.item(index)).partition(" ")[0] for index in range(200)}) <= 3


def test_random_prompts_depend_on_seed_and_index_alone(load: Load) -> None:
    """Any shard, in any order, makes the same prompt for an index; another seed makes another."""
    one, two = (load(dataset="random", seed=7, min_prompt_length=20, max_prompt_length=20) for _ in range(2))
    assert [one.item(index) for index in (5, 0, 2**33)] == [two.item(index) for index in (5, 0, 2**33)]
    assert one.item(5) != one.item(6)
    assert load(dataset="random", seed=8, min_prompt_length=20, max_prompt_length=20).item(5) != one.item(5)
    assert (one.data.length_basis, one.data.prompts) == ("words", None)
    assert len(one) == prompts.ENDLESS


def test_without_a_tokenizer_lengths_are_words(load: Load) -> None:
    """Common words stand in for tokens, and the prefix is shared."""
    source = load(dataset="random", min_prompt_length=3, max_prompt_length=3, prefix_length=4, chat=False)
    first, second = str(source.item(0)).split(), str(source.item(1)).split()
    assert (len(first), first[:4]) == (7, second[:4])
    assert set(first) <= set(tokens.COMMON_WORDS)
    assert len(set(tokens.COMMON_WORDS)) == len(tokens.COMMON_WORDS)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(text=st.text(max_size=80), wanted=st.integers(1, 40))
def test_a_cut_is_never_too_long(tokenizers_folder: Path, text: str, wanted: int) -> None:
    """Whatever the text, its cut has at most the tokens asked for; a short text stays as it is."""
    counter = tokens.load(str(tokenizers_folder / "byte_level"), ANYTHING)
    cut = counter.cut(text, wanted)
    assert counter.count(cut) <= wanted
    if counter.count(text) <= wanted:
        assert cut == text


def test_samples_and_roles(load: Load) -> None:
    """The sample prompts come as messages for chat, as text for completions."""
    chat, plain = load(data_source="sample"), load(data_source="sample", chat=False)
    assert len(chat) == 24
    assert chat.item(0) == [{"role": "user", "content": plain.item(0)}]
    assert chat.item(24) == chat.item(0)
    assert (chat.data.source, chat.data.left_out, chat.data.prompts) == ("sample", {}, 24)


def _lines(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "prompts.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def test_lines_of_all_three_kinds(load: Load, tmp_path: Path) -> None:
    """Text, messages and whole bodies may stand in one file; text may begin with a bracket."""
    messages = [{"role": "user", "content": "hé"}]
    path = _lines(tmp_path, "\ufeffhello  ", "", json.dumps(messages), '{"prompt": "p", "n": 2}', "[sic] {ok}")
    source = load(dataset="line_by_line", dataset_path=path, apply_chat_template=False)
    assert [source.item(index) for index in range(len(source))] == [
        "hello",
        messages,
        {"prompt": "p", "n": 2},
        "[sic] {ok}",
    ]


MESSAGES = [{"role": "user", "content": "one"}]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param('{ "messages": [{"role": "user", "content": "one"}] }', {"messages": MESSAGES}, id="a space"),
        pytest.param('{\t"messages":[{"role":"user","content":"one"}]}', {"messages": MESSAGES}, id="a tab"),
        pytest.param('{   "prompt": "p"}', {"prompt": "p"}, id="spaces"),
        pytest.param('  {"prompt": "p"}  ', {"prompt": "p"}, id="spaces round it"),
        pytest.param('{"prompt": "p"}\r', {"prompt": "p"}, id="a carriage return behind it"),
        pytest.param('\ufeff{ "prompt": "p"}', {"prompt": "p"}, id="a byte order mark before it"),
        pytest.param('[ {"role": "user", "content": "one"} ]', MESSAGES, id="a list with spaces"),
        pytest.param('[\t{ "role": "user", "content": "one"}]', MESSAGES, id="a list with a tab"),
        pytest.param("{ braces } of prose", "{ braces } of prose", id="prose in braces"),
        pytest.param("[ 1, 2 ]", "[ 1, 2 ]", id="a list of numbers is prose"),
        pytest.param("{}", "{}", id="nothing in braces is prose"),
    ],
)
def test_json_however_it_is_spaced(load: Load, tmp_path: Path, line: str, expected: object) -> None:
    """White space that JSON allows makes no text of messages or of a body."""
    source = load(dataset="line_by_line", dataset_path=_lines(tmp_path, line), apply_chat_template=False)
    assert source.item(0) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["fine", '{ "prompt": '], r"prompts\.txt:2: begins like JSON"),
        (["fine", '{"prompt": '], r"prompts\.txt:2: begins like JSON"),
        (['[{"content": "x"}]'], r"prompts\.txt:1: .* object with a role"),
        (["", " "], "holds no prompts"),
    ],
)
def test_malformed_lines(load: Load, tmp_path: Path, lines: list[str], expected: str) -> None:
    """A line that is not right is named."""
    with pytest.raises(RunFailed, match=expected) as caught:
        load(dataset="line_by_line", dataset_path=_lines(tmp_path, *lines))
    assert caught.value.reason is Reason.DATASET_UNAVAILABLE


def test_a_large_file_stays_on_disk(tmp_path: Path) -> None:
    """Two integers a line are held, not the lines."""
    path = tmp_path / "many.txt"
    path.write_bytes(b"".join(b"line %d of the file\n" % number for number in range(200_000)))
    source = lines.LineFile(path, ANYTHING)
    assert len(source) == 200_000
    assert source.item(123_456) == "line 123456 of the file"
    assert source.held_bytes == 16 * 200_000


def test_filters_count_characters_or_tokens(load: Load, tmp_path: Path, tokenizers_folder: Path) -> None:
    """Without a tokenizer lengths are characters, with one tokens."""
    path = _lines(tmp_path, "it", "the animal", "the the the the the")
    found = load(dataset="line_by_line", dataset_path=path, min_prompt_length=3, max_prompt_length=10, chat=False)
    assert ([found.item(i) for i in range(len(found))], found.data.left_out) == (
        ["the animal"],
        {"too_short": 1, "too_long": 1},
    )
    by_tokens = load(
        dataset="line_by_line", dataset_path=path, min_prompt_length=2, max_prompt_length=5, chat=False,
        tokenizer_path=str(tokenizers_folder / "byte_level"),
    )  # fmt: skip
    assert [by_tokens.item(i) for i in range(len(by_tokens))] == ["the animal", "the the the the the"]
    assert (by_tokens.data.left_out, by_tokens.data.length_basis) == ({"too_short": 1}, "tokens")


def test_nothing_left_by_the_filters(load: Load) -> None:
    """Filters that leave nothing are refused with their unit."""
    with pytest.raises(RunFailed, match="none of the 24 prompts of sample has 5000 to 131072 characters") as caught:
        load(data_source="sample", min_prompt_length=5000)
    assert caught.value.reason is Reason.INVALID_SPEC


@pytest.mark.parametrize(
    ("args", "lengths", "told"),
    [
        pytest.param({"target_input_len": 3}, [2, 3], (2, {}, 1), id="cap"),
        pytest.param({"target_input_len": 3, "input_len_mode": "drop"}, [3], (1, {"too_short": 1}, 1), id="drop"),
        pytest.param({"target_input_len": 9, "prefix_file": "prefix.txt"}, [9, 9], (2, {}, 0), id="filled by a prefix"),
        pytest.param({"target_input_len": 40, "prefix_file": "prefix.txt", "prefix_role": "user"}, [40, 40], (2, {}, 0),
                     id="long"),
    ],
)  # fmt: skip
def test_target_length(
    load: Load, tmp_path: Path, tokenizers_folder: Path, args: dict[str, Any], lengths: list[int], told: object
) -> None:
    """Longer prompts are cut, shorter ones kept, dropped, or filled up by the prefix, to the token; it is told."""
    (tmp_path / "prefix.txt").write_text("once there was a small house on the hill near the river")
    if "prefix_file" in args:
        args = {**args, "prefix_file": str(tmp_path / args["prefix_file"])}
    source = load(
        dataset="line_by_line", dataset_path=_lines(tmp_path, "the animal", "the boat on the river"),
        tokenizer_path=str(tokenizers_folder / "byte_level"), dataset_args=args,
    )  # fmt: skip
    own = Tokenizer.from_file(str(tokenizers_folder / "byte_level" / "tokenizer.json"))
    items: list[Any] = [source.item(index) for index in range(len(source))]
    assert [sum(len(own.encode(m["content"]).ids) for m in item) for item in items] == lengths
    assert (source.data.prompts, source.data.left_out, source.data.cut) == told
    roles = ["system", "user"] if args.get("prefix_file") and args.get("prefix_role") != "user" else ["user"]
    assert all([message["role"] for message in item] == roles for item in items)


def test_token_ids(load: Load, tokenizers_folder: Path) -> None:
    """tokenize_prompt sends ids that decode to the prompt."""
    folder = str(tokenizers_folder / "byte_level")
    source = load(prompt="the animal", tokenizer_path=folder, tokenize_prompt=True, chat=False)
    ids = source.item(0)
    assert isinstance(ids, list)
    assert tokens.load(folder, ANYTHING).decode(ids) == "the animal"  # type: ignore[arg-type]  # ids, as just asked for


def test_custom_prompt_and_template(load: Load, tmp_path: Path) -> None:
    """A literal or a file's text; a template's strings take prompt and model without breaking its JSON."""
    (tmp_path / "p.txt").write_text('say "hi"\n%m')
    body = '{"model": "%m", "messages": [{"role": "user", "content": "Q: %p"}], "n": 1}'
    assert load(prompt="hello", chat=False).item(3) == "hello"
    assert load(prompt=f"@{tmp_path}/p.txt", query_template=body).item(0) == {
        "model": "m", "messages": [{"role": "user", "content": 'Q: say "hi"\n%m'}], "n": 1
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"prompt": "@/nowhere/p"}, "prompt: /nowhere/p does not exist"),
        ({"tokenizer_path": "/nowhere"}, "tokenizer_path: /nowhere does not exist"),
        ({"tokenizer_path": __file__}, "is not a tokenizer"),
        ({"data_source": "local"}, "dataset_path: data_source local needs the file"),
        ({"data_source": "sample", "query_template": "[1]"}, "must be a JSON object"),
        ({"data_source": "sample", "query_template": "{"}, "not valid JSON"),
        (
            {"data_source": "sample", "dataset_args": {"prefix_file": "/nowhere"}},
            "prefix_file: /nowhere does not exist",
        ),
    ],
)
def test_options_that_lead_nowhere(load: Load, fields: dict[str, Any], expected: str) -> None:
    """Each is named with its reason."""
    with pytest.raises(RunFailed, match=expected) as caught:
        load(**fields)
    assert caught.value.reason is Reason.INVALID_SPEC


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, r"openqa: .*HC3-Chinese is not in the cache .*Ways out: data_source 'local'.*'sample'"),
        ({"data_source": "huggingface"}, "Hello-SimpleAI/HC3-Chinese is not in the cache"),
        ({"dataset_path": "/nowhere/q.jsonl"}, r"dataset_path: /nowhere/q\.jsonl does not exist"),
        ({"dataset": "line_by_line", "dataset_path": "/nowhere"}, "dataset_path: /nowhere does not exist"),
    ],
)
def test_prompts_that_are_not_there(load: Load, fields: dict[str, Any], expected: str) -> None:
    """No data: what is missing and the ways out."""
    with pytest.raises(RunFailed, match=expected) as caught:
        load(**fields)
    assert caught.value.reason is Reason.DATASET_UNAVAILABLE


def test_local_openqa(load: Load, tmp_path: Path) -> None:
    """A file of questions, or the folder that holds it, serves as openqa."""
    (tmp_path / "open_qa.jsonl").write_text('{"question": "q1"}\n{"question": "q2"}\n')
    assert load(dataset_path=str(tmp_path), chat=False).item(1) == "q2"
    (tmp_path / "bad.jsonl").write_text('{"question": "q1"}\n{"text": "q2"}\n')
    with pytest.raises(RunFailed, match=r"bad\.jsonl:2: has no text in its field 'question'"):
        load(dataset_path=str(tmp_path / "bad.jsonl"))


def test_text_of() -> None:
    """All forms of a prompt tell their text."""
    assert texts.text_of({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}) == "a"
    assert texts.text_of({"prompt": "b"}) == "b"
    assert texts.text_of({"input": "b"}) == "b"
    assert texts.text_of({"input": {"messages": [{"role": "user", "content": "b"}]}, "parameters": {}}) == "b"
    assert texts.text_of({"prompt": [1, 2]}) == ""
    assert texts.text_of({"input": ["b", "c"]}) == "b\nc"
    assert texts.text_of({"query": "q", "documents": ["b", {"text": "c"}], "top_n": 1}) == "q\nb\nc"
    messages: list[dict[str, object]] = [{"role": "system", "content": "c"}, {"role": "user", "content": "d"}]
    assert texts.text_of(messages) == "c\nd"
    assert texts.text_of({"x": 1}) == ""
