"""Whose certificates are accepted, and what a refused one is told about. The same for evaluations, judges and load
tests.

Trusted are the authorities of SSL_CERT_FILE or SSL_CERT_DIR where one is set, else the system's and Mozilla's, and
beside them those of a run's `ca_file`.
"""

import ssl
from dataclasses import dataclass

__all__ = ["Trust", "words"]


@dataclass(frozen=True, slots=True)
class Trust:
    """The certificates that a server's is checked against. `authorities`: certificates in PEM form, beside the usual
    ones; `verify` false: nothing is checked.
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


def words(problem: ssl.SSLError) -> str:
    """The message about a failed handshake, and what to do about it."""
    if not isinstance(problem, ssl.SSLCertVerificationError):
        return str(problem)
    why = problem.verify_message or str(problem)
    return f"the certificate is refused: {why}; ca_file names certificates to trust, verify: false trusts any"
