"""`python -m evalkube_runner`: what a pod runs.

Process 1 of a container does not hear a SIGTERM that it has no handler for, and importing the runner takes a second: a
run that is cancelled within it would otherwise load its endpoint until its grace period is over.
"""

import os
import signal
import sys
from typing import Final

_TERMINATED: Final = 128 + signal.SIGTERM


def _exit(*_: object) -> None:
    """At once: an exception raised here may be caught by the import that is under way."""
    os._exit(_TERMINATED)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _exit)
    from evalkube_runner.main import main

    sys.exit(main())
