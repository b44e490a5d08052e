"""Runs a program that must not outlive who started it: `python -m evalkube_cli.attended service ...`.

The starter holds the other end of standard input and never writes. When it ends, in whatever way, input ends, and the
program gets SIGTERM; that works where the starter was killed, too, and on every POSIX system.
"""

import os
import signal
import sys
import threading
import time

from evalkube_cli import main as command

__all__ = ["main"]

_GRACE_S = 60.0
"""More than the service takes to end its runs in order."""


def main() -> int:
    """The program that the arguments name; returns its exit code."""
    threading.Thread(target=_end_with_stdin, name="stdin", daemon=True).start()
    return command.main()


def _end_with_stdin() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
