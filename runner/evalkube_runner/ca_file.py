"""The certificates that a run trusts beside the usual ones: its `ca_file`, read."""

import ssl

from evalkube_crds.endpoint import EndpointFields
from evalkube_crds.names import Reason
from evalkube_crds.paths import Readable
from evalkube_runner.data import opening
from evalkube_runner.errors import RunFailed
from evalkube_runner.trust import Trust

__all__ = ["trust_of"]

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_MAX_BYTES = 4 * 1024 * 1024


def trust_of(fields: EndpointFields, readable: Readable, *, field: str = "ca_file") -> Trust:
    """The certificates that a run trusts. `field` names its `ca_file` in messages.

    Raises RunFailed: PathForbidden, InvalidSpec for a file that is not there or holds no certificate.
    """
    if fields.ca_file is None:
        return Trust(verify=fields.verify)
    path = opening.found(fields.ca_file, readable, field)
    try:
        with opening.opened(path, readable) as file:
            trust = Trust(_certificates(file.read(_MAX_BYTES).decode("utf-8", "replace")))
        if trust.authorities:
            trust.context()
            return trust
    except ssl.SSLError:
        pass
    except OSError as problem:
        raise RunFailed(Reason.INVALID_SPEC, f"{field}: {path}: {problem.strerror or problem}") from None
    raise RunFailed(Reason.INVALID_SPEC, f"{field}: {path} holds no certificate in PEM form ({_BEGIN})")


def _certificates(text: str) -> str:
    """The certificates in `text`, without what stands around them: comments, perhaps a key."""
    found = []
    at = text.find(_BEGIN)
    while at >= 0 and (end := text.find(_END, at)) >= 0:
        found.append(text[at : end + len(_END)])
        at = text.find(_BEGIN, end)
    joined = "\n".join(found)
    return joined if joined.isascii() else ""
