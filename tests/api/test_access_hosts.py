"""Host headers: which are one, and which pass."""

import socket

import pytest

from evalkube_api import errors
from evalkube_api.access.hosts import Hosts, MachineNames, host_of, own_names, pattern, plain_name

READ = {
    "a name": ("example.org", "example.org"),
    "capitals, a port": ("Example.ORG:9000", "example.org"),
    "a final dot": ("example.org.", "example.org"),
    "a final dot and a port": ("localhost.:80", "localhost"),
    "a port without digits": ("localhost:", "localhost"),
    "an underscore": ("evalkube_api:9000", "evalkube_api"),
    "four numbers": ("127.0.0.1:9000", "127.0.0.1"),
    "six": ("[::1]:9000", "::1"),
    "six, mapped": ("[::ffff:10.0.0.1]", "::ffff:10.0.0.1"),
    "six, of a link": ("[FE80::1%eth0]", "fe80::1%eth0"),
}
GARBAGE = {
    "nothing": [""],
    "none": [],
    "two": ["localhost", "localhost"],
    "two, one foreign": ["localhost", "evil.example"],
    "a list": ["localhost, evil.example"],
    "a user": ["localhost@evil.example"],
    "a path": ["localhost/evil"],
    "a scheme": ["http://localhost"],
    "a space": ["local host"],
    "six without brackets": ["::1"],
    "six without brackets, a port": ["::1:9000"],
    "four in brackets": ["[127.0.0.1]"],
    "a name in brackets": ["[localhost]"],
    "an open bracket": ["[::1"],
    "a port too large": ["localhost:65536"],
    "a port of letters": ["localhost:http"],
    "two ports": ["localhost:1:2"],
    "only a port": [":9000"],
    "only a dot": ["."],
    "two final dots": ["localhost.."],
    "an empty label": ["a..b"],
    "a first dot": [".localhost"],
    "a label that is too long": ["x" * 64],
    "endless": ["a." * 100_000 + "a"],
    "percent": ["local%68ost"],
    "not ASCII": ["loc\u00e4lhost"],
    "an ASCII look-alike": ["lo\u212aalhost"],
    "a control character": ["localhost\x00"],
    "a line end": ["localhost\n"],
    "a star": ["*.example.org"],
}


@pytest.mark.parametrize(("header", "host"), READ.values(), ids=READ)
def test_a_host_header_is_read(header: str, host: str) -> None:
    """Name or address, without port."""
    assert host_of([header]) == host


@pytest.mark.parametrize("headers", GARBAGE.values(), ids=GARBAGE)
def test_what_is_not_one_host_is_refused(headers: list[str]) -> None:
    """Rather than guessed at."""
    with pytest.raises(errors.InvalidRequest) as refused:
        host_of(headers)
    assert [problem.field for problem in refused.value.problems] == ["Host"]


HOSTS = Hosts(
    {"laptop", "laptop.local"}, frozenset(map(pattern, ["Evals.example.org.", "*.team.example:9000", "10.0.0.1"]))
)
PASSES = [
    *("127.0.0.1", "10.1.2.3", "0.0.0.0", "::1", "fe80::1%eth0", "2001:db8::1"),
    *("localhost", "a.localhost", "a.b.localhost"),
    *("laptop", "laptop.local", "evals.example.org", "a.team.example", "a.b.team.example"),
]
FOREIGN = [
    *("evil.example", "localhost.evil.example", "localhost.localdomain", "notlocalhost", "127.0.0.1.nip.io"),
    *("127.1", "2130706433", "0x7f000001", "0177.0.0.1", "1.2.3.4.5", "256.1.1.1"),
    *(
        "a.laptop",
        "laptop.evil.example",
        "local",
        "team.example",
        "xteam.example",
        "a.evals.example.org",
        "example.org",
    ),
    *("org", "evals.example.org.evil.example"),
]


@pytest.mark.parametrize("host", PASSES)
def test_names_that_pass(host: str) -> None:
    """Addresses, localhost, the machine's own, those that were allowed."""
    HOSTS.check(host)


@pytest.mark.parametrize("host", FOREIGN)
def test_names_that_do_not(host: str) -> None:
    """Whatever they look like; the message has the name and the option."""
    with pytest.raises(errors.Misdirected, match=f"--allowed-host {host}"):
        HOSTS.check(host)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "*.",
        "*.*.example",
        "a.*.example",
        "http://example.org",
        "m\u00fcller.example",
        "a b",
        "[::1]",
        "a,b",
        "a\n",
    ],
)
def test_an_allowed_name_must_be_one(text: str) -> None:
    """Else the service does not start."""
    with pytest.raises(errors.ServiceError, match="--allowed-host"):
        pattern(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Evals.LAN", "evals.lan"),
        ("evals.lan.", "evals.lan"),
        ("0.0.0.0", None),
        ("::", None),
        ("", None),
        ("a b", None),
    ],
)
def test_the_name_in_an_address_to_listen_on(text: str, name: str | None) -> None:
    """None where it is no name."""
    assert plain_name(text) == name


OWN = {
    "a host name": ("Laptop", "", {"laptop", "laptop.local"}),
    "with a domain": ("laptop.example.org", "", {"laptop", "laptop.local", "laptop.example.org"}),
    "the resolver's": ("laptop", "Laptop.lan.", {"laptop", "laptop.local", "laptop.lan"}),
    "a foreign resolver's": ("laptop", "evil.example", {"laptop", "laptop.local"}),
    "its pretender": ("laptop", "laptop-x.evil.example", {"laptop", "laptop.local"}),
    "an address": ("laptop", "127.0.1.1", {"laptop", "laptop.local"}),
    "nothing": ("", "", set()),
    "no name": ("my laptop", "my.example", set()),
}


@pytest.mark.parametrize(("host", "full", "names"), OWN.values(), ids=OWN)
def test_the_machine_has_names(host: str, full: str, names: set[str]) -> None:
    """From its own settings; the resolver's word counts only where it agrees."""
    assert own_names(host, full) == names


def test_this_machine_s_names() -> None:
    """Are there at once."""
    names = MachineNames()
    assert all(name in names for name in own_names(socket.gethostname()))
    assert "evil.example" not in names
