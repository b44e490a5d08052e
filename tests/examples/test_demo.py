"""The demo of the README, as a newcomer runs it."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from evalkube_cli.exits import Exit

ROOT = Path(__file__).parents[2]
COMMAND = Path(sys.executable).with_name("evalkube")


@pytest.mark.skipif(shutil.which("curl") is None, reason="the demo posts with curl")
@pytest.mark.skipif(not COMMAND.exists(), reason="evalkube is not installed here (make test installs it)")
def test_the_demo_shows_both_answers_and_leaves_nothing_running(tmp_path: Path) -> None:
    """It exits with 0, its answers have EvalScope's keys, its reports exist, the next commands that it names
    work as they stand, and its processes are gone."""
    settings = {"EVALKUBE": str(COMMAND), "PYTHON": sys.executable, "DEMO_DIR": str(tmp_path / "demo")}
    demo = ["bash", str(ROOT / "examples" / "demo.sh")]
    done = subprocess.run(
        demo, env={**os.environ, **settings}, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    evaluation = json.loads((tmp_path / "demo" / "eval.json").read_text())
    assert (evaluation["status"], evaluation["message"]) == ("success", "Evaluation completed")
    assert set(evaluation["result"]) == {"gsm8k", "iquiz"}
    load = json.loads((tmp_path / "demo" / "perf.json").read_text())
    assert (load["status"], load["message"]) == ("success", "Performance test completed")
    assert set(load["results"]["parallel_10_number_100"]) == {"metrics", "percentiles"}
    reports = [Path(line) for line in done.stdout.splitlines() if line.endswith("report.html")]
    assert [report.is_file() for report in reports] == [True, True]
    assert "100 of 100" in done.stdout
    following, looking = (line.split() for line in done.stdout.splitlines()[-2:])
    again = subprocess.run(following, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    # a busy machine may have made the figures no measurement
    assert again.returncode in (Exit.DONE, Exit.INVALID), again.stderr
    assert "parallel_10_number_100" in again.stdout
    with subprocess.Popen([*looking, "--port", "0"], cwd=ROOT, stdout=subprocess.PIPE, text=True) as view:
        assert view.stdout is not None
        assert "read-only" in view.stdout.readline()
        view.terminate()
    assert not [line for line in _command_lines() if str(tmp_path).encode() in line]


def _command_lines() -> list[bytes]:
    """Of all processes, where the system tells."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            found.append(path.read_bytes())
    return found
