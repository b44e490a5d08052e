"""Ends a run early when it cannot succeed: nobody answers, a wrong key, a wrong path, a forbidden target.

No I/O; time is passed in.

Only as long as no request has ever succeeded. After that a failure is a matter of its sample. Before it, an endpoint
that may still be coming up is waited for (`arrival`).
"""

from collections.abc import Callable

from evalkube_crds.names import ErrorClass, Reason
from evalkube_runner import arrival
from evalkube_runner.errors import RunFailed
from evalkube_runner.eval import retry
from evalkube_runner.eval.client import RequestFailed
from evalkube_runner.wire.refusals import says_no_model, says_wrong_key

__all__ = ["EndpointGate", "reason_of"]

_REFUSALS = {
    ErrorClass.STATUS_401: (Reason.AUTHENTICATION_FAILED, "check api_key"),
    ErrorClass.STATUS_403: (Reason.AUTHENTICATION_FAILED, "check api_key and what it may do"),
    ErrorClass.STATUS_404: (Reason.TARGET_REFUSED, "check api_url and model"),
}
_REFUSALS_ENOUGH = 3


def reason_of(failure: RequestFailed) -> Reason:
    """The reason of a run that this failure ends."""
    if failure.error is ErrorClass.FORBIDDEN_TARGET:
        return Reason.TARGET_FORBIDDEN
    if (refusal := _refusal(failure)) is not None:
        return refusal[0]
    return Reason.TARGET_REFUSED if failure.error.startswith("status_") else Reason.TARGET_UNREACHABLE


def _refusal(failure: RequestFailed) -> tuple[Reason, str] | None:
    """The reason, and what to do, where every request would be refused in the same way."""
    authentication = failure.error in (ErrorClass.STATUS_401, ErrorClass.STATUS_403)
    if not authentication and says_wrong_key(failure.message):
        return _REFUSALS[ErrorClass.STATUS_401]
    if not authentication and says_no_model(failure.message):
        return Reason.MODEL_NOT_FOUND, "check model"
    return _REFUSALS.get(failure.error)


class EndpointGate:
    """Listens to the attempts of a run of `total` requests; see `client.Listener`.

    `grace_s`: how long from now on the endpoint may take to come up.
    """

    def __init__(self, target: str, total: int, clock: Callable[[], float], *, grace_s: float) -> None:
        self._target = target
        self._enough = min(_REFUSALS_ENOUGH, total)
        self._clock = clock
        self._grace_s = grace_s
        self._until_s = clock() + grace_s
        self._settled = False
        self.waited_until_s: float | None = None
        """When it was last found that the endpoint may still be coming up."""
        self._reached = False
        self._refused = 0

    @property
    def is_waiting(self) -> bool:
        """Whether all failures so far may mean that the endpoint is still starting."""
        return not self._settled and self.waited_until_s is not None

    def succeeded(self) -> None:
        """Note that the endpoint works: from now on nothing here fails the run."""
        self._settled = True

    def failed(self, failure: RequestFailed) -> bool:
        """Whether the endpoint may still be starting: then the attempt does not count.

        Raises RunFailed(AuthenticationFailed, ModelNotFound, TargetForbidden, TargetRefused, TargetUnreachable) once
        going on is pointless.
        """
        if self._settled:
            return False
        if failure.error is ErrorClass.FORBIDDEN_TARGET:
            raise RunFailed(Reason.TARGET_FORBIDDEN, f"{self._target}: {failure.message}")
        nobody = failure.error in retry.CONNECTING
        self._reached = self._reached or not nobody
        if arrival.may_come_up(failure.error, failure.status) and self._clock() < self._until_s:
            self.waited_until_s = self._clock()
            return True
        if nobody and not self._reached:
            raise self._unreachable(failure)
        self._count_refusal(failure)
        return False

    def _count_refusal(self, failure: RequestFailed) -> None:
        refusal = _refusal(failure)
        if refusal is not None:
            self._refused += 1
            if self._refused >= self._enough:
                reason, advice = refusal
                raise RunFailed(reason, f"{self._target} refuses every request: {failure.message}; {advice}")

    def _unreachable(self, failure: RequestFailed) -> RunFailed:
        waited = f" for {self._grace_s:g} s (target_grace)" if self._grace_s else ""
        return RunFailed(
            Reason.TARGET_UNREACHABLE,
            f"{self._target} cannot be reached{waited} ({failure.error}: {failure.message}); check api_url",
        )
