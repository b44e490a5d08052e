"""The command that goes on where an interrupted run stopped."""

import json
from typing import Any

import pytest

from evalkube.models import Word
from evalkube_cli.showing import again

_HEADERS = json.dumps({"X-Auth-Token": "hidden-in-a-header"})
_ASKED = ("--model", "m m", "--limit=3")


@pytest.mark.parametrize(
    ("word", "more", "body", "kept"),
    [
        pytest.param("eval", (), {}, " --use-cache /out", id="an evaluation"),
        pytest.param("perf", (), {}, "", id="a load test"),
        pytest.param("eval", ("--use-cache", "/old"), {}, " --use-cache /out", id="one that went on already"),
        pytest.param("eval", ("--set", "use_cache=/old"), {}, " --use-cache /out", id="by a setting"),
        pytest.param("perf", ("--api-key", "sk-1"), {"api_key": "sk-1"}, "", id="a key"),
        pytest.param("perf", ("--api-key=sk-1",), {"api_key": "sk-1"}, "", id="a key in one word"),
        pytest.param("perf", ("--set", "api_key=sk-1"), {"api_key": "sk-1"}, "", id="a key as a setting"),
        pytest.param("perf", ("--set=api_key=sk-1",), {"api_key": "sk-1"}, "", id="the same in one word"),
        pytest.param("perf", ("--set", "seed=1"), {"seed": 1}, " --set seed=1", id="another setting"),
        pytest.param(
            "perf",
            ("--headers", _HEADERS),
            {"headers": json.loads(_HEADERS)},
            """ --headers '{"X-Auth-Token": "***"}'""",
            id="a secret in a header",
        ),
        pytest.param(
            "perf",
            ("--url", "http://h/v1?api_key=hidden-in-a-url"),
            {"url": "http://h/v1?api_key=hidden-in-a-url"},
            " --url 'http://h/v1?api_key=***'",
            id="a secret in a URL",
        ),
    ],
)
def test_the_command(word: Word, more: tuple[str, ...], body: dict[str, Any], kept: str) -> None:
    """Every word that was typed but for secrets."""
    command = again.command("/bin/evalkube", word, (*_ASKED, *more), {"model": "m m", **body}, "/out")
    assert command == f"/bin/evalkube {word} --model 'm m' --limit=3{kept}"


@pytest.mark.parametrize("program", ["evalkube", "/venv/evalkube_cli/main.py"])
def test_a_program_that_is_on_the_path(program: str) -> None:
    """By its name alone."""
    assert again.command(program, "perf", (), {}, None) == "evalkube perf"
