"""Whose certificates are accepted, and what a refused one is told about. The same for evaluations, judges and load
tests.

Trusted are the authorities of SSL_CERT_FILE or SSL_CERT_DIR where one is set, else the system's and Mozilla's, and
beside them those of a run's `ca_file`.
"""

import ssl
from dataclasses import dataclass

from evalkube_crds.endpoint import EndpointFields
from evalkube_crds.names import Reason
from evalkube_crds.paths import Readable
from evalkube_runner.data import opening
from evalkube_runner.errors import RunFailed

__all__ = ["Trust", "trust_of", "words"]

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Trust:
    """What a server's certificate is checked against. `authorities`: certificates in PEM form, beside the usual ones;
    `verify` false: it is not checked at all.
    """

    authorities: str = ""
    verify: bool = True

    def context(self) -> ssl.SSLContext:
        """For many connections: reading the certificates takes a while. Raises ssl.SSLError."""
        context = ssl.create_default_context()
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        if not _chosen_by_environment():
            import certifi

            context.load_verify_locations(certifi.where())
        # From Python 3.13 on strict by default, and what authorities of one's own leave out would be refused there.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.authorities:
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # also a certificate that no authority of ours signed
            context.load_verify_locations(cadata=self.authorities)
        return context


def _chosen_by_environment() -> bool:
    """Whether SSL_CERT_FILE or SSL_CERT_DIR leads elsewhere than to the system's own."""
    paths = ssl.get_default_verify_paths()
    return paths.cafile not in (None, paths.openssl_cafile) or paths.capath not in (None, paths.openssl_capath)


def trust_of(fields: EndpointFields, readable: Readable, *, field: str = "ca_file") -> Trust:
    """What a run asks for. `field` names its `ca_file` in messages.

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


def words(problem: ssl.SSLError) -> str:
    """What went wrong in a handshake, and what to do about it."""
    if not isinstance(problem, ssl.SSLCertVerificationError):
        return str(problem)
    why = problem.verify_message or str(problem)
    return f"the certificate is refused: {why}; ca_file names certificates to trust, verify: false trusts any"
