"""Whose fault it is that no connection stands, and what is said of it: the same for evaluations and load tests."""

import errno
import socket
import ssl

import pytest

from evalkube_crds.names import ErrorClass
from evalkube_crds.proxies import Proxy
from evalkube_runner.http.connecting import Way, fault_of
from evalkube_runner.http.target import target_of
from evalkube_runner.wire.tunnel import ProxyRefused

DIRECT = Way(target_of("http://model:8000/v1"))
PROXIED = Way(target_of("http://model:8000/v1"), Proxy("http", "proxy", 3128))
THROUGH = "proxy http://proxy:3128: "


@pytest.mark.parametrize(
    ("problem", "way", "error", "says"),
    [
        pytest.param(
            ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('10.0.0.1', 8000)"),
            DIRECT,
            ErrorClass.CONNECT,
            "Connection refused",
            id="refused, without the words of the event loop",
        ),
        pytest.param(OSError("several failed"), DIRECT, ErrorClass.CONNECT, "several failed", id="no number"),
        pytest.param(
            socket.gaierror(socket.EAI_NONAME, "no such name"), DIRECT, ErrorClass.DNS, "no such name", id="name"
        ),
        pytest.param(TimeoutError(), DIRECT, ErrorClass.CONNECT_TIMEOUT, "no connection within 2.5 s", id="late"),
        pytest.param(ssl.SSLError(1, "wrong version"), DIRECT, ErrorClass.TLS, "wrong version", id="TLS"),
        pytest.param(OSError(errno.EMFILE, ""), DIRECT, ErrorClass.CLIENT_LIMIT, "open files", id="our files"),
        pytest.param(OSError(errno.EADDRNOTAVAIL, ""), DIRECT, ErrorClass.CLIENT_LIMIT, "port", id="our ports"),
        pytest.param(ProxyRefused("hung up"), PROXIED, ErrorClass.PROXY, f"{THROUGH}hung up", id="proxy refuses"),
        pytest.param(
            socket.gaierror(socket.EAI_NONAME, "no such name"),
            PROXIED,
            ErrorClass.PROXY,
            f"{THROUGH}no such name",
            id="name of the proxy",
        ),
        pytest.param(
            ConnectionResetError(errno.ECONNRESET, ""),
            PROXIED,
            ErrorClass.PROXY,
            f"{THROUGH}Connection reset by peer",
            id="reset behind the proxy",
        ),
        pytest.param(
            TimeoutError(), PROXIED, ErrorClass.CONNECT_TIMEOUT, f"{THROUGH}no connection within 2.5 s", id="late proxy"
        ),
        pytest.param(
            ssl.SSLError(1, "wrong version"), PROXIED, ErrorClass.TLS, "wrong version", id="TLS behind the proxy"
        ),
        pytest.param(OSError(errno.EMFILE, ""), PROXIED, ErrorClass.CLIENT_LIMIT, "open files", id="no proxy's fault"),
    ],
)
def test_whose_fault_it_is(problem: OSError, way: Way, error: ErrorClass, says: str) -> None:
    """The target, the proxy, this machine or time: told with the target's place, and with the proxy where it is one."""
    fault = fault_of(problem, way, 2.5)
    assert fault.error is error
    assert fault.message.startswith("model:8000: ")
    assert says in fault.message
    assert (THROUGH in fault.message) == (THROUGH in says)
