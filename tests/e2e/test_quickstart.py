"""examples/quickstart, applied as it stands."""

import re

from e2e.conftest import Release
from e2e.kube import ROOT, condition


def test_quickstart(release: Release) -> None:
    """Both runs succeed, in a namespace that knows nothing of them; only the image's name is the tested one's."""
    files = sorted((ROOT / "examples" / "quickstart").glob("*.yaml"))
    text = "\n---\n".join(path.read_text() for path in files)
    text = re.sub(r"image: \S+", f"image: {release.image}", text)
    release.kube.run("create", "-f", "-", stdin=text)
    for kind, name in (("evalrun", "quickstart-eval"), ("perfrun", "quickstart-perf")):
        run = release.kube.ended(kind, name)
        assert run["status"]["phase"] == "Succeeded", condition(run)
        assert run["status"]["progress"]["done"] == run["status"]["progress"]["total"]
