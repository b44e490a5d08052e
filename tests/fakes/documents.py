"""The code blocks of the documents, and a shell that runs those of a page in a network of its own.

A model listens on port 8000 there. A comment before a block says what else becomes of it: `<!-- background: PORT -->`
runs until the page ends and listens there, `<!-- cluster -->` needs a cluster, `<!-- not run: REASON -->` is only read.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["CLUSTER", "PAGES", "ROOT", "Block", "blocks", "clone", "namespaces", "run_page", "script"]

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK: Final = re.compile(
    r"(?:<!-- (?P<note>[^\n]*) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_MODEL: Final = "background: 8000"
CLUSTER: Final = "cluster"
"""The comment before a block that needs a cluster."""


@dataclass(frozen=True, slots=True)
class Block:
    """A code block of a page: the language that it names, its text, and the comment before it."""

    page: str
    line: int
    language: str
    text: str
    note: str

    @property
    def runs(self) -> bool:
        """Whether it is run with the page."""
        return self.language == "bash" and (not self.note or self.note.startswith("background: "))


def blocks(page: Path) -> list[Block]:
    """The code blocks of `page`, in order."""
    text = page.read_text("utf-8")
    name = str(page.relative_to(ROOT))
    return [
        Block(name, text.count("\n", 0, found.start("text")), found["language"], found["text"], found["note"] or "")
        for found in _BLOCK.finditer(text)
    ]


def script(page: list[Block]) -> str:
    """One shell script of the blocks that run. A model stands on port 8000 as the page's own, or of its own."""
    own = any(block.note == _MODEL for block in page)
    model = Block("", 0, "bash", "evalkube mock-model --port 8000 --answers answers.jsonl --itl-ms 1\n", _MODEL)
    steps = ["set -euo pipefail"]
    for block in [*([] if own else [model]), *page]:
        if not block.runs:
            continue
        steps.append(f"echo '--- {block.page}:{block.line}' >&2")
        if block.note:
            port = block.note.removeprefix("background: ")
            steps += [f"(\n{block.text}) >&2 &", f"listening {port} $!"]
        else:
            steps.append(block.text)
    return "\n".join(steps) + "\n"


_PRELUDE: Final = """
listening() {
    for _ in $(seq 300); do
        (: </dev/tcp/127.0.0.1/$1) 2>/dev/null && return
        kill -0 "$2" 2>/dev/null || break
        sleep 0.1
    done
    echo "nothing listens on port $1" >&2
    exit 1
}
"""

_LOOPBACK: Final = """
import fcntl, os, socket, struct, sys
with socket.socket() as any_socket:  # SIOCSIFFLAGS of IFF_UP: a new network has a loopback that is down
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH22x", b"lo", 1))
os.execvp("bash", ["bash", *sys.argv[1:]])
"""


def _unshare() -> list[str]:
    """A network of its own, and processes that end with the first of them: no page leaves a program running."""
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", *user, "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]


def namespaces() -> bool:
    """Whether this machine gives a program a network of its own."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*_unshare(), "true"], capture_output=True, check=False).returncode == 0


def clone(folder: Path) -> None:
    """The repository's files in `folder`, with the tests' own `.venv`."""
    for entry in ROOT.iterdir():
        if not entry.name.startswith(".") and entry.name != "outputs":
            (folder / entry.name).symlink_to(entry)
    (folder / ".venv").symlink_to(sys.prefix)


def run_page(page: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """The blocks of `page`, run in `folder` as in a clone."""
    clone(folder)
    answers = subprocess.run(
        [sys.executable, "-m", "evalkube_benchmarks.samples"], capture_output=True, check=True, text=True
    ).stdout
    (folder / "answers.jsonl").write_text(answers, "utf-8")
    path = folder / ".script"
    path.write_text(_PRELUDE + script(blocks(page)), "utf-8")
    environment = {
        "HOME": str(folder),
        "PATH": f"{Path(sys.prefix) / 'bin'}:{os.environ.get('PATH', '')}",
        "LANG": "C.UTF-8",
    }
    return subprocess.run(
        [*_unshare(), sys.executable, "-c", _LOOPBACK, path.name],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
