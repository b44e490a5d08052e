"""The commands of the documents that need a cluster, run as they stand."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.conftest import namespace
from e2e.kube import Kube
from fakes import documents

PAGES = {
    str(page.relative_to(documents.ROOT)): found
    for page in documents.PAGES
    if (found := [block for block in documents.blocks(page) if block.note == documents.CLUSTER])
}


@pytest.fixture
def own(cluster: Kube, tmp_path: Path) -> Iterator[tuple[Kube, Path]]:
    """A namespace of the test's own, and a kubeconfig whose current context is in it."""
    name = f"evalkube-e2e-docs-{secrets.token_hex(3)}"
    config = tmp_path / "kubeconfig"
    config.write_text(cluster.run("config", "view", "--raw", "--flatten"))
    cluster.run("config", "set-context", "--current", "--kubeconfig", str(config), "--namespace", name)
    cluster.apply(namespace(name))
    yield Kube(name), config
    if os.environ.get("EVALKUBE_E2E_KEEP") != "1":
        cluster.run("delete", "namespace", name, "--wait=false")


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_run_on_a_cluster(page: str, own: tuple[Kube, Path], tmp_path: Path) -> None:
    """In order, in a folder that has the repository's files."""
    kube, config = own
    folder = tmp_path / "clone"
    folder.mkdir()
    documents.clone(folder)
    script = "\n".join(["set -euxo pipefail", *(block.text for block in PAGES[page])])
    done = subprocess.run(
        ["bash"],
        input=script,
        cwd=folder,
        env={**os.environ, "KUBECONFIG": str(config)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    if page == "docs/cluster.md":
        assert len(kube.select("secrets", "evalkube.io/api-key=true")) == 1
        assert [each["data"].keys() for each in kube.select("configmaps", "evalkube.io/data=true")] == [
            {"general_test.jsonl"}
        ]
