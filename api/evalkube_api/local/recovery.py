"""Ends the runs that a killed service left, at start-up. Blocking.

Their runners end by themselves when their stdin closes. A runner that still lives is ended here, so that no run is
called interrupted while it works.
"""

import logging
from datetime import datetime

from evalkube_api.local import exit_reason, run_document
from evalkube_api.local.execution import collected
from evalkube_api.local.process import end_survivor
from evalkube_api.local.store import Entry, RunStore
from evalkube_crds.names import Reason
from evalkube_crds.status import Run

__all__ = ["recover"]

_LOG = logging.getLogger("evalkube.service")


def recover(store: RunStore, now: datetime) -> tuple[list[Entry], list[tuple[Run, OSError]]]:
    """Every run of the store, ended; and the runs whose documents could not be written, with the reasons."""
    store.empty_trash()
    runs: list[Entry] = []
    unwritten: list[tuple[Run, OSError]] = []
    for run in store.all():
        if run.status.phase.terminal:
            runs.append(Entry.of(run))
            continue
        try:
            ended = _brought_to_an_end(store, run, now)
        except Exception:  # its files are foreign input: one run that nobody can end harms no other
            _LOG.exception("%s: cannot be ended, and is skipped", run.metadata.name)
            continue
        runs.append(Entry.of(ended))
        try:
            store.write(ended)
        except OSError as problem:
            unwritten.append((ended, problem))
    return runs, unwritten


def _brought_to_an_end(store: RunStore, run: Run, now: datetime) -> Run:
    run_id = run.metadata.name
    end_survivor(store.folder(run_id))
    seen = store.progress(run_id)
    ending = exit_reason.interrupted(store.receipt(run_id), seen[0] if seen else None, cancelled=run.spec.cancel)
    found = None
    if ending.reason is Reason.COMPLETED:
        ending, found = collected(store, run, ending)
    return run_document.ended(run, ending, now, found)
