"""The commands in the README and the documents: each runs as it stands, or says why it is only read."""

import json
from pathlib import Path

import pytest
import yaml

from fakes import documents
from fakes.documents import PAGES, ROOT, Block

BLOCKS = [block for page in PAGES for block in documents.blocks(page)]
RUNNING = [page for page in PAGES if any(block.runs for block in documents.blocks(page))]
LANGUAGES = {"bash", "json", "python", "text", "toml", "xml", "yaml"}


def _names(values: list[Block]) -> list[str]:
    return [f"{block.page}:{block.line}" for block in values]


def test_every_block_says_what_it_is() -> None:
    """A block names its language, and a command that is not run gives a reason."""
    assert _names([block for block in BLOCKS if block.language not in LANGUAGES]) == []
    notes = [block for block in BLOCKS if block.language == "bash" and block.note]
    known = ("background: ", documents.CLUSTER, "not run: ")
    assert _names([block for block in notes if not block.note.startswith(known)]) == []


@pytest.mark.parametrize(
    "block", [one for one in BLOCKS if one.language == "json"], ids=lambda one: f"{one.page}:{one.line}"
)
def test_every_block_of_json_can_be_read(block: Block) -> None:
    """Fields alone are read as those of an object; several lines may each be a value."""
    text = block.text.strip()
    if text.startswith('"'):
        json.loads("{" + text + "}")
        return
    try:
        json.loads(text)
    except ValueError:
        for line in text.splitlines():
            json.loads(line)


@pytest.mark.parametrize(
    "block", [one for one in BLOCKS if one.language == "yaml"], ids=lambda one: f"{one.page}:{one.line}"
)
def test_every_block_of_yaml_can_be_read(block: Block) -> None:
    """Also where it has several documents."""
    assert list(yaml.safe_load_all(block.text))


@pytest.mark.timeout(300)  # a page is a session of several runs
@pytest.mark.skipif(not documents.namespaces(), reason="this machine gives a program no network of its own")
@pytest.mark.parametrize("page", RUNNING, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_runs_as_it_stands(page: Path, tmp_path: Path) -> None:
    """The page's commands run in order, with a mock model on port 8000 and no other network."""
    done = documents.run_page(page, tmp_path)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
