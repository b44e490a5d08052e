"""Decides whether an endpoint that has failed, and has not answered yet, may still be starting. Pure.

Its server is still loading a model, or its Service, DNS name or route is a few seconds old. A spec's `target_grace`
says how long such a failure is none, for evaluations and load tests alike.
"""

from typing import Final

from evalkube_crds.names import ErrorClass

__all__ = ["may_come_up", "pause_s"]

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 2.0
_LONGEST_ASKED_S: Final = 30.0
_NOBODY: Final = frozenset({ErrorClass.DNS, ErrorClass.CONNECT, ErrorClass.CONNECT_TIMEOUT, ErrorClass.DISCONNECTED})
_NOT_YET: Final = frozenset({502, 503, 504})
"""What a server that is loading says, or a gateway in front of one that is not there."""


def may_come_up(error: ErrorClass, status: int | None) -> bool:
    """Whether a failure passes when a server has started. A wrong certificate, key or path does not pass. Nor does an
    answer (`status`: its own) that breaks off: its server has started.
    """
    return status in _NOT_YET if status else error in _NOBODY


def pause_s(tries: int, asked_s: float | None = None) -> float:
    """The pause after so many failed tries, in seconds: not less than the server asked for, and at most half a
    minute.
    """
    return max(min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(tries - 1, 10)), min(asked_s or 0.0, _LONGEST_ASKED_S))
