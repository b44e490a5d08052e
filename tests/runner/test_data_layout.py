"""Which files hold which split, from names and metadata alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_runner.data import card, layout

_HUB = ("main/test-00000-of-00001.parquet", "main/train-00000-of-00001.parquet", "socratic/test-00000-of-00001.parquet")
_SUBJECTS = ("dev/law_dev.csv", "val/law_val.csv", "val/art_val.csv", "test/law_test.csv")


@pytest.mark.parametrize(
    ("paths", "subset", "split", "expected"),
    [
        pytest.param(_HUB, "main", "test", (_HUB[0],), id="hub layout"),
        pytest.param(_HUB, "socratic", "test", (_HUB[2],), id="another subset"),
        pytest.param(
            ("data/test-00000-of-00001.parquet",),
            "main",
            "test",
            ("data/test-00000-of-00001.parquet",),
            id="data folder",
        ),
        pytest.param(("test.jsonl", "train.jsonl"), "main", "train", ("train.jsonl",), id="loose files"),
        pytest.param(_SUBJECTS, "law", "val", ("val/law_val.csv",), id="split folder and subject"),
        pytest.param(
            ("law/validation-0000.parquet",), "law", "val", ("law/validation-0000.parquet",), id="val is validation"
        ),
        pytest.param(("IQ.jsonl", "EQ.jsonl"), "EQ", "test", ("EQ.jsonl",), id="a file for each subset"),
        pytest.param(("qa_test.jsonl", "qa.jsonl"), "qa", "test", ("qa_test.jsonl",), id="a told split goes first"),
        pytest.param(("my_test.jsonl",), "my_test", "test", ("my_test.jsonl",), id="subset named like a split"),
        pytest.param(("test.csv", "test.jsonl"), "main", "test", ("test.jsonl",), id="one format only"),
        pytest.param(("LAW/Test.JSONL",), "law", "test", ("LAW/Test.JSONL",), id="letter case"),
        pytest.param(
            ("q/test/0001.parquet", "q/test/0000.parquet"),
            "q",
            "test",
            ("q/test/0000.parquet", "q/test/0001.parquet"),
            id="numbered parts",
        ),
        pytest.param(("dev/a.jsonl.gz",), "a", "dev", ("dev/a.jsonl.gz",), id="packed"),
        pytest.param(("HumanEval.jsonl",), "main", "test", ("HumanEval.jsonl",), id="the one file there is"),
        pytest.param(("a_2024.csv", "a_2025.csv"), "a_2025", "test", ("a_2025.csv",), id="a year is no shard"),
        pytest.param(("LICENSE.txt", "a.txt", "b.txt"), "b", "test", ("b.txt",), id="texts"),
        pytest.param(("notes.txt", "test.jsonl"), "notes", "test", None, id="sad: a text beside records"),
        pytest.param(("LICENSE.txt", "README.md"), "main", "test", None, id="sad: a licence alone"),
        pytest.param(_SUBJECTS, "law", "validate", None, id="sad: no such split"),
        pytest.param(_SUBJECTS, "music", "val", None, id="sad: no such subset"),
        pytest.param(("test.jsonl",), "law", "test", None, id="sad: loose file, one subset of many"),
        pytest.param(("README.md", "loader.py", "all.zip"), "main", "test", None, id="sad: a script and an archive"),
        pytest.param((), "main", "test", None, id="sad: nothing"),
    ],
)
def test_choose(paths: tuple[str, ...], subset: str, split: str, expected: tuple[str, ...] | None) -> None:
    """The names that the hubs and people use lead to the right files."""
    choice = layout.layout_of(paths).choose(subset, split)
    assert (choice.paths if choice else None) == expected


@pytest.mark.parametrize(
    ("paths", "subset", "split", "expected"),
    [
        pytest.param(("mgsm_de.tsv", "mgsm_en.tsv"), "de", "test", "mgsm_de.tsv", id="name and subset"),
        pytest.param(("MGSM-de.tsv", "MGSM-en.tsv"), "de", "test", "MGSM-de.tsv", id="in capitals, with a dash"),
        pytest.param(("de/mgsm-test.csv", "en/mgsm-test.csv"), "de", "test", "de/mgsm-test.csv", id="name and split"),
        pytest.param(("mgsm_de_test.csv", "mgsm_de_train.csv"), "de", "train", "mgsm_de_train.csv", id="all three"),
        pytest.param(("mgsm_de.tsv", "de.tsv"), "de", "test", "de.tsv", id="the bare name goes first"),
        pytest.param(("mgsm_de.tsv", "mgsm_en.tsv"), "mgsm_en", "test", "mgsm_en.tsv", id="a subset called like it"),
        pytest.param(("high_school_de.tsv", "x.tsv"), "de", "test", None, id="sad: the end of another name"),
        pytest.param(("mgsmde.tsv", "x.tsv"), "de", "test", None, id="sad: no separator"),
    ],
)
def test_files_may_begin_with_the_name_of_the_data_set(
    paths: tuple[str, ...], subset: str, split: str, expected: str | None
) -> None:
    """It is left out where the files are not found by their whole names."""
    choice = layout.layout_of(paths, name="mgsm").choose(subset, split)
    assert (choice.paths[0] if choice else None) == expected


_SPLITS_ARE_SUBSETS = """---
configs:
- config_name: default
  data_files:
  - {split: murders, path: murder.csv}
  - {split: teams, path: data/teams-*}
---
"""


@pytest.mark.parametrize(
    ("subset", "few_shot", "expected"),
    [
        pytest.param("murders", False, ("murder.csv",), id="a file of another name"),
        pytest.param("Teams", False, ("data/teams-0000.parquet",), id="a pattern"),
        pytest.param("murders", True, None, id="sad: the evaluated records are no examples"),
        pytest.param("places", False, None, id="sad: no such split"),
    ],
)
def test_subsets_may_be_the_splits_of_one_configuration(
    subset: str, few_shot: bool, expected: tuple[str, ...] | None
) -> None:
    """A card that has one configuration may call its subsets splits."""
    found = layout.layout_of(("murder.csv", "data/teams-0000.parquet"), readme=_SPLITS_ARE_SUBSETS)
    choice = found.choose(subset, "test", few_shot=few_shot)
    assert (choice.paths if choice else None) == expected


def test_shards_stay_in_order() -> None:
    """All shards of a split are taken, in their order."""
    shards = tuple(f"main/test-{number:05d}-of-00012.parquet" for number in range(12))
    choice = layout.layout_of(reversed(shards)).choose("main", "test")
    assert choice is not None
    assert choice.paths == shards


def test_worked_examples_never_come_from_the_evaluated_file() -> None:
    """A file that tells no split is the evaluated one, not the source of worked examples."""
    folder = layout.layout_of(["IQ.jsonl"])
    assert folder.choose("IQ", "dev", few_shot=True) is None
    assert folder.choose("IQ", "test") == layout.Choice(("IQ.jsonl",), whole=True)


def test_only_subset_takes_files_that_name_none() -> None:
    """A benchmark with one subset is served by loose files, whatever its subset is called."""
    folder = layout.layout_of(["test.jsonl"])
    assert folder.choose("openai_humaneval", "test") is None
    assert folder.choose("openai_humaneval", "test", only_subset=True) is not None


_CARD = """---
configs:
- config_name: law
  data_files:
  - split: val
    path: a/*.parquet
  - {split: dev, path: [b/one.jsonl, "b/t*.jsonl"]}
- config_name: art
  data_dir: art
  data_files: all.csv
---
# Card
"""


def test_card_goes_before_names() -> None:
    """What the dataset card declares is followed, patterns included."""
    folder = layout.layout_of(["a/1.parquet", "a/2.parquet", "b/one.jsonl", "b/two.jsonl", "art/all.csv"], readme=_CARD)
    assert folder.choose("law", "val") == layout.Choice(("a/1.parquet", "a/2.parquet"))
    assert folder.choose("law", "dev") == layout.Choice(("b/one.jsonl", "b/two.jsonl"))
    assert folder.available() == {"art": ("train",), "law": ("dev", "val")}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# no front matter",
        "---\n: [\n---\n",
        "---\nconfigs: 3\n---\n",
        "---\n- a\n---\n",
        "---\nconfigs:\n- {config_name: 1}\n---\n",
    ],
)
def test_a_broken_card_is_no_card(text: str) -> None:
    """A card that says nothing readable leaves the file names to decide."""
    assert card.declared(text) == {}
    assert layout.layout_of(["test.jsonl"], readme=text).choose("main", "test") == layout.Choice(("test.jsonl",))


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"default": {"train": {"meta": "a.csv", "file": ""}}}, {"default": {"train": "a.csv"}}),
        ({"default": {"train": "a.csv"}}, {}),
        ({"question": "?"}, {}),
        ([1], {}),
    ],
)
def test_index(document: object, expected: dict[str, dict[str, str]]) -> None:
    """ModelScope's older index is read, anything else is not one."""
    assert layout.parse_index(document) == expected


def test_index_leads_to_its_files() -> None:
    """Files whose names tell nothing are found through the index."""
    folder = layout.layout_of(["x1.csv", "x2.csv"], index={"default": {"test": "x2.csv", "train": "x1.csv"}})
    assert folder.choose("main", "test") == layout.Choice(("x2.csv",))


_PART = st.text(alphabet="ab_-.0/ testdvlrn", min_size=1, max_size=20)


@given(
    st.lists(_PART.map(lambda name: name + ".jsonl"), max_size=8),
    _PART,
    st.sampled_from(["test", "val", "dev", "train"]),
)
def test_a_choice_is_made_of_given_files(paths: list[str], subset: str, split: str) -> None:
    """Whatever the names, only files of the folder are chosen, none twice."""
    choice = layout.layout_of(paths).choose(subset, split, only_subset=True)
    if choice is not None:
        assert set(choice.paths) <= set(paths)
        assert len(set(choice.paths)) == len(choice.paths)
