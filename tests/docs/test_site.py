"""The documents as a site: it is built, every link within leads somewhere, and it fetches nothing from elsewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FETCHED = re.compile(r'<(?:link|script|img|iframe|source)\b[^>]*?(?:href|src)="(https?:)?//[^"]+"')


def test_every_link_leads_somewhere(tmp_path: Path) -> None:
    """`make docs` fails at a page or an anchor that does not exist, and pages load nothing from another host."""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 25
    fetching = [page.name for page in pages if _fetched(page.read_text("utf-8"))]
    assert fetching == []


def _fetched(text: str) -> list[str]:
    tags = [found.group() for found in _FETCHED.finditer(text)]
    return [tag for tag in tags if 'rel="canonical"' not in tag]


def test_links_of_the_readme_lead_somewhere() -> None:
    """README and CONTRIBUTING name files of the project that are there."""
    for name in ("README.md", "CONTRIBUTING.md", "crds/README.md"):
        page = ROOT / name
        links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))
        assert [link for link in links if not (page.parent / link).exists()] == []
