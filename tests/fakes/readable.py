"""What a test's run may read: this whole machine, where the test is about something else."""

from pathlib import Path
from typing import Final

from evalkube_crds.paths import Readable

__all__ = ["ANYTHING"]

ANYTHING: Final = Readable.of([Path("/")])
