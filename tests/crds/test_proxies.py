"""Which proxy leads to a URL, and what is none."""

import pytest

from evalkube_crds import proxies
from evalkube_crds.proxies import BadProxy, Proxies

P, Q = "http://p:3128", "http://q:3128"

# name: environment, url, proxy
CHOICES: dict[str, tuple[dict[str, str], str, str | None]] = {
    "none": ({}, "http://h/v1", None),
    "http": ({"HTTP_PROXY": P}, "http://h/v1", P),
    "https is another variable": ({"HTTP_PROXY": P}, "https://h/v1", None),
    "https": ({"HTTPS_PROXY": P}, "https://h/v1", P),
    "all": ({"ALL_PROXY": P}, "https://h/v1", P),
    "its own goes before all": ({"ALL_PROXY": Q, "HTTP_PROXY": P}, "http://h/v1", P),
    "lower case goes before upper case": ({"HTTP_PROXY": Q, "http_proxy": P}, "http://h/v1", P),
    "lower case, and empty": ({"HTTP_PROXY": Q, "http_proxy": ""}, "http://h/v1", None),
    "empty": ({"HTTP_PROXY": " "}, "http://h/v1", None),
    "without a scheme": ({"HTTP_PROXY": "p:3128"}, "http://h/v1", P),
    "without a port": ({"HTTP_PROXY": "http://p/"}, "http://h/v1", "http://p:80"),
    "SOCKS": ({"ALL_PROXY": "socks5://p"}, "http://h/v1", "socks5://p:1080"),
    "SOCKS, names there": ({"ALL_PROXY": "socks5h://p:9"}, "https://h/v1", "socks5h://p:9"),
    "an https proxy": ({"HTTPS_PROXY": "https://p"}, "https://h/v1", "https://p:443"),
    "IPv6": ({"HTTP_PROXY": "http://[::1]:3128"}, "http://h/v1", "http://[::1]:3128"),
    "credentials are not shown": ({"HTTP_PROXY": "http://u:secret%40pw@p:3128"}, "http://h/v1", P),
}


@pytest.mark.parametrize(("environment", "url", "proxy"), CHOICES.values(), ids=CHOICES.keys())
def test_the_proxy_of_a_url(environment: dict[str, str], url: str, proxy: str | None) -> None:
    """By the scheme of the URL; credentials are no part of its name."""
    found = proxies.read(environment).for_url(url)
    assert (found and str(found)) == proxy


# name: NO_PROXY, url, whether it is reached directly
DIRECT: dict[str, tuple[str, str, bool]] = {
    "a name": ("example.org", "http://example.org/v1", True),
    "below a name": ("example.org", "http://a.b.example.org/v1", True),
    "the end of a name is none": ("example.org", "http://badexample.org/v1", False),
    "a leading dot": (".example.org", "http://example.org/v1", True),
    "a leading dot, below": (".example.org", "http://a.example.org/v1", True),
    "a star and a dot": ("*.example.org", "http://a.example.org/v1", True),
    "another case": ("Example.ORG", "http://EXAMPLE.org/v1", True),
    "a dot at the end": ("example.org.", "http://example.org/v1", True),
    "a dot at the host's end": ("example.org", "http://example.org./v1", True),
    "beyond ASCII": ("bücher.example", "http://xn--bcher-kva.example/v1", True),
    "everything": ("*", "http://h/v1", True),
    "everything among others": ("a, *", "http://h/v1", True),
    "nothing": ("", "http://h/v1", False),
    "by commas and spaces": ("a b,c , h", "http://h/v1", True),
    "an address": ("10.1.2.3", "http://10.1.2.3:8000/v1", True),
    "another address": ("10.1.2.3", "http://10.1.2.30/v1", False),
    "a network": ("10.0.0.0/8", "http://10.1.2.3/v1", True),
    "a network with host bits": ("127.0.0.1/8", "http://127.5.5.5/v1", True),
    "outside of a network": ("10.0.0.0/8", "http://11.1.2.3/v1", False),
    "a network is no name": ("10.0.0.0/8", "http://ten.example/v1", False),
    "an IPv6 address": ("::1", "http://[::1]:8000/v1", True),
    "an IPv6 address in brackets": ("[::1]", "http://[::1]:8000/v1", True),
    "an IPv6 address spelt otherwise": ("0:0:0:0:0:0:0:1", "http://[::1]/v1", True),
    "an IPv6 network": ("fd00::/8", "http://[fd12::7]/v1", True),
    "outside of an IPv6 network": ("fd00::/8", "http://[fe80::7]/v1", False),
    "IPv4 in IPv6": ("10.0.0.0/8", "http://[::ffff:10.1.2.3]/v1", True),
    "a port": ("h:8000", "http://h:8000/v1", True),
    "another port": ("h:8000", "http://h:8001/v1", False),
    "the scheme's port": ("h:80", "http://h/v1", True),
    "an address and a port": ("10.1.2.3:8000", "http://10.1.2.3:8000/v1", True),
    "an IPv6 address and a port": ("[::1]:8000", "http://[::1]:8000/v1", True),
    "an IPv6 address and another port": ("[::1]:8000", "http://[::1]:8001/v1", False),
    "with a scheme": ("http://h", "http://h/v1", True),
    "localhost is no address": ("localhost", "http://127.0.0.1/v1", False),
    "beside what means nothing": ("10.0.0.0/99,<local>,h", "http://h/v1", True),
}


@pytest.mark.parametrize(("no_proxy", "url", "direct"), DIRECT.values(), ids=DIRECT.keys())
def test_what_needs_no_proxy(no_proxy: str, url: str, direct: bool) -> None:
    """Names with all below them, addresses, networks, each with or without a port."""
    assert (proxies.read({"HTTP_PROXY": P, "NO_PROXY": no_proxy}).for_url(url) is None) == direct


def test_what_means_nothing_is_told() -> None:
    """An entry that cannot be read keeps nothing from the proxy, and is not passed over in silence."""
    assert proxies.read({"HTTP_PROXY": P, "NO_PROXY": "a,10.0.0.0/99,a*b"}).unread == ("10.0.0.0/99", "a*b")


@pytest.mark.parametrize(
    "value",
    [
        "ftp://p:21",
        "socks4://p",
        "http://",
        "http://p:99999",
        "http://p:0",
        "http://user:hidden#pass@p:3128",
        "http://user:12#hidden@p:3128",
        "http://user:12/hidden@p:3128",
        "http://us er:hidden@p:3128",
        "http://p:hidden",
        f"socks5://u:{'hidden' * 50}@p",
    ],
)
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "https_proxy", "ALL_PROXY"])
def test_what_is_no_proxy(variable: str, value: str) -> None:
    """The message names the variable and shows nothing of its value, any part of which may be the password."""
    with pytest.raises(BadProxy, match=f"^{variable}: ") as refused:
        proxies.read({variable: value})
    assert "hidden" not in str(refused.value)


def test_credentials() -> None:
    """Decoded for the proxy, hidden in texts, and known to whoever redacts."""
    found = proxies.read({"ALL_PROXY": "http://us%40er:p%2Fass%20word@p:3128"})
    proxy = found.for_url("http://h")
    assert proxy is not None
    assert (proxy.username, proxy.password) == ("us@er", "p/ass word")
    assert proxy.basic == "Basic dXNAZXI6cC9hc3Mgd29yZA=="
    assert proxy.url == "http://us%40er:p%2Fass%20word@p:3128"
    assert not any("ass" in text for text in (repr(found), str(proxy)))
    assert {"p/ass word", "p%2Fass%20word", "dXNAZXI6cC9hc3Mgd29yZA=="} <= set(found.secrets())


def test_the_environment_of_other_clients() -> None:
    """What the hubs' clients read: nothing that one of them chokes on, and the same way to the hubs."""
    environment = {"ALL_PROXY": "p:3128", "NO_PROXY": ".a.org,fd00::/8,[::1],10.0.0.0/8,b.org:8000"}
    urls = ["http://[fd00::7]/", "https://huggingface.co", "http://10.1.2.3"]
    made = proxies.for_other_clients(proxies.read(environment), urls)
    assert (made["HTTP_PROXY"], made["https_proxy"], made["ALL_PROXY"]) == (P, P, "")
    assert made["NO_PROXY"] == made["no_proxy"] == "fd00::7,10.1.2.3,a.org,10.0.0.0/8,b.org:8000"
    assert set(proxies.for_other_clients(Proxies(), []).values()) == {""}
    socks = proxies.for_other_clients(proxies.read({"ALL_PROXY": "socks5://u:p@h"}), [])
    assert socks["HTTPS_PROXY"] == "socks5h://u:p@h:1080"
