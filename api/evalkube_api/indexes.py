"""The indexes of runs that were looked at last, and the few bytes of a run's lines that one sample needs.

An index is a file that a run leaves (see `evalkube_report.samples` and `requests`). It is kept in memory for as long as
there is room, and read again when the file is another: a run that goes on in an old folder replaces it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from evalkube_api import errors
from evalkube_api.backend import ArtifactEntry, Backend, Span
from evalkube_crds.names import Kind
from evalkube_crds.status import Run
from evalkube_report import requests, samples

__all__ = ["Indexes"]
