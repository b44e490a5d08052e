"""How long a load test takes from the start of its process to its first request: `python bench/perf_start.py`.

A raw server on this machine notes when the first bytes of each run arrive; the bar is half a second. The first run
fills the caches of files and is not counted.
"""

import argparse
import json
import socket
import statistics
import threading
import time
from typing import Any

import perf_run

BAR_S = 0.5
_BODY = json.dumps(
    {"choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}]}
).encode()
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)


class Noting:
    """A server that answers whatever it is sent with one fixed answer, and notes when."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.sent_s: list[float] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            while connection.recv(1 << 20):  # a small request arrives whole
                self.sent_s.append(time.monotonic())
                connection.sendall(_ANSWER)


def start_s(server: Noting, **spec: Any) -> float:
    """From the start of one run's process to its first request."""
    server.sent_s.clear()
    base = f"http://127.0.0.1:{server.port}"
    with perf_run.run(base, number=[4], parallel=[2], stream=False, **spec) as ran:
        return server.sent_s[0] - ran.began_s


def main() -> None:
    """Print the times with and without the connection test, which is itself a request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    server = Noting()
    worst = 0.0
    for name, spec in (("connection test", {}), ("load", {"noTestConnection": True})):
        times = [start_s(server, **spec) for _ in range(options.runs + 1)][1:]
        worst = max(worst, statistics.median(times))
        print(f"to the first request of the {name}: {statistics.median(times):.3f} s (least {min(times):.3f})")
    print(f"bar {BAR_S} s: {'kept' if worst <= BAR_S else 'NOT kept'}")
    raise SystemExit(worst > BAR_S)


if __name__ == "__main__":
    main()
