"""Runs the service so that it does not outlive who started it: `python -m evalkube.with_parent service --port 0 ...`.

The starter holds the other end of standard input and never writes. When it ends, in whatever way, input ends, and the
service gets SIGTERM; that works where the starter was killed, too, and on every POSIX system.
"""

import os
import signal
import sys
import threading
import time
from importlib import import_module
from typing import Final

from evalkube import faults, settings

__all__ = ["main"]

_PROGRAMS: Final = {"service": "evalkube_api.main", "view": "evalkube_api.viewing"}
"""Names, not imports: the client knows no program."""

_GRACE_S: Final = 60.0
"""More than the service takes to end its runs in order."""


def main() -> int:
    """The program that the first argument names, with the others; returns its exit code."""
    threading.Thread(target=_end_with_stdin, name="stdin", daemon=True).start()
    name, *arguments = sys.argv[1:]
    try:
        program = import_module(_PROGRAMS[name]).app
        program(args=arguments, prog_name=f"evalkube {name}")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except Exception as problem:
        faults.tell(f"evalkube {name}", problem, debug=settings.debug())
        return 1
    return 0


def _end_with_stdin() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
