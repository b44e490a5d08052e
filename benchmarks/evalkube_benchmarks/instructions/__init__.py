"""The verifiable instructions of IFEval (arXiv:2311.07911): which of them a reply follows. Pure."""

from evalkube_benchmarks.instructions.following import Followed, followed
from evalkube_benchmarks.instructions.table import INSTRUCTIONS, checked

__all__ = ["INSTRUCTIONS", "Followed", "checked", "followed"]
