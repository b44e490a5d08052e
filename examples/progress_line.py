"""Reads GET /api/v1/runs?limit=1 on stdin and rewrites one line of the terminal with how far that run is."""

import json
import sys

try:
    run = json.load(sys.stdin)["runs"][0]
except (ValueError, KeyError, IndexError):
    sys.exit(0)  # not accepted yet
progress = run.get("progress") or {}
done, total = progress.get("done", 0), progress.get("total", 0)
bar = "#" * (30 * done // total if total else 0)
print(f"\r{run['id']} {run['phase']:<10} [{bar:<30}] {done}/{total} ", end="", flush=True)
