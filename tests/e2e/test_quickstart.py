"""examples/quickstart, applied by its own script to the tested installation."""

import subprocess

from e2e.conftest import Release
from e2e.kube import ROOT, condition


def test_quickstart(release: Release) -> None:
    """Both runs succeed at the first try, under the image's name of this installation."""
    script = [str(ROOT / "examples/quickstart/apply.sh"), release.kube.namespace]
    done = subprocess.run(script, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    for kind, name in (("evalrun", "quickstart-eval"), ("perfrun", "quickstart-perf")):
        run = release.kube.ended(kind, name)
        assert run["status"]["phase"] == "Succeeded", condition(run)
        assert run["status"]["progress"]["done"] == run["status"]["progress"]["total"]
    model = release.kube.get("deployment", "quickstart-model")
    assert model is not None
    assert model["spec"]["template"]["spec"]["containers"][0]["image"] == release.image
