"""The verifiable instructions of IFEval (arXiv:2311.07911), and the ones that a reply follows. Pure."""

from evalkube_benchmarks.instructions.following import Followed, followed
from evalkube_benchmarks.instructions.table import INSTRUCTIONS, checked

__all__ = ["INSTRUCTIONS", "Followed", "checked", "followed"]
