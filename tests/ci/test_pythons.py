"""Which Pythons CI finds on a machine."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_NAMED = re.findall(r'"Programming Language :: Python :: ([\d.]+)"', (_ROOT / "pyproject.toml").read_text())
_TOOLS = ("bash", "dirname", "sed", "sort")
_REFUSES = "echo 'command not found' >&2; exit 127"  # as a shim of pyenv does


def _found(folder: Path, interpreters: dict[str, str]) -> list[tuple[str, str]]:
    """What `.ci/pythons` finds where only `interpreters` are: by path, the version that each has or what it does."""
    (folder / "bin").mkdir()
    for tool in _TOOLS:
        program = shutil.which(tool)
        assert program is not None
        (folder / "bin" / tool).symlink_to(program)
    for name, version in interpreters.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        # It is asked whether it is a version, in its second argument.
        script = version if " " in version else f"[[ $2 == *\"'{version}'\"* ]]"
        file.write_text(f"#!{folder}/bin/bash\n{script}\n")
        file.chmod(0o755)
    env = {"PATH": str(folder / "bin"), "PYENV_ROOT": str(folder / "pyenv")}
    command = [str(folder / "bin/bash"), str(_ROOT / ".ci/pythons")]
    lines = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, check=True).stdout.splitlines()
    return [(version, os.path.relpath(path, folder)) for version, path in (line.split(" ", 1) for line in lines)]


@pytest.mark.parametrize(
    ("interpreters", "found"),
    [
        pytest.param({}, [], id="none"),
        pytest.param({"bin/python3": "3.11"}, [("3.11", "bin/python3")], id="the default one alone"),
        pytest.param({"bin/python3": "3.10", "bin/python3.10": "3.10"}, [], id="one that is not named"),
        pytest.param(
            {"bin/python3.13": "3.13", "bin/python3": "3.12", "bin/python3.11": "3.11"},
            [("3.11", "bin/python3.11"), ("3.12", "bin/python3"), ("3.13", "bin/python3.13")],
            id="the oldest first",
        ),
        pytest.param(
            {"bin/python3.12": _REFUSES, "pyenv/versions/3.12.9/bin/python": "3.12"},
            [("3.12", "pyenv/versions/3.12.9/bin/python")],
            id="a shim that refuses",
        ),
        pytest.param(
            {f"pyenv/versions/{name}/bin/python": "3.13" for name in ("3.13.2", "3.13.10", "3.13.11t", "3.13-dev")},
            [("3.13", "pyenv/versions/3.13.10/bin/python")],
            id="the newest of pyenv's releases",
        ),
        pytest.param({"bin/python3.12": _REFUSES}, [], id="a shim and nothing behind it"),
    ],
)
def test_pythons_of_a_machine(tmp_path: Path, interpreters: dict[str, str], found: list[tuple[str, str]]) -> None:
    """Those that pyproject.toml names and that run, each once."""
    assert {version for version, _ in found} <= set(_NAMED)
    assert _found(tmp_path, interpreters) == found
