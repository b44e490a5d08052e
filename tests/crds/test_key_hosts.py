"""Where a key may be sent, by what its Secret says."""

import pytest

from evalkube_crds import key_hosts

PERMITTED = {
    "the host": ("api.example.org", "https://api.example.org/v1"),
    "any port": ("api.example.org", "http://api.example.org:8000/v1"),
    "this port": ("api.example.org:8000", "http://api.example.org:8000/v1"),
    "the scheme's port": ("api.example.org:443", "https://api.example.org/v1"),
    "one of several": ("a.org, api.example.org\n b.org", "https://api.example.org"),
    "below a domain": ("*.example.org", "https://api.eu.example.org/v1"),
    "below a domain, on a port": ("*.example.org:8443", "https://api.example.org:8443/v1"),
    "another case": ("API.Example.ORG", "https://Api.example.org/v1"),
    "a trailing dot": ("api.example.org.", "https://api.example.org./v1"),
    "an address": ("10.0.0.7", "http://10.0.0.7:8000/v1"),
    "an IPv6 address": ("fd00::7", "http://[fd00::7]:8000/v1"),
    "an IPv6 address with its port": ("[FD00::7]:8000", "http://[fd00::7]:8000/v1"),
    "a Service": ("model", "http://model:8000/v1"),
    "every host": ("*", "https://anything.org"),
}
REFUSED = {
    "another host": ("api.example.org", "https://evil.org/v1"),
    "the host as a prefix": ("api.example.org", "https://api.example.org.evil.org/v1"),
    "the host as a suffix": ("example.org", "https://evilexample.org/v1"),
    "another port": ("api.example.org:443", "https://api.example.org:8443/v1"),
    "the domain itself": ("*.example.org", "https://example.org/v1"),
    "a domain as a suffix": ("*.example.org", "https://evilexample.org/v1"),
    "the host in the path": ("api.example.org", "https://evil.org/api.example.org"),
    "the host in the query": ("api.example.org", "https://evil.org?api.example.org"),
    "a backslash": ("*.example.org", "https://evil.org\\.example.org/v1"),
    "percent": ("*.example.org", "https://evil.org%2f.example.org/v1"),
    "user info": ("api.example.org", "https://api.example.org@evil.org/v1"),
    "no entry": ("", "https://api.example.org/v1"),
    "commas": (" , ,", "https://api.example.org/v1"),
    "a star inside": ("api.*.org", "https://api.example.org/v1"),
    "a star at the end": ("api.example.*", "https://api.example.org/v1"),
    "a star before no dot": ("*example.org", "https://evilexample.org/v1"),
    "a star and a dot": ("*.", "https://api.example.org/v1"),
    "a URL instead of a host": ("https://api.example.org", "https://api.example.org/v1"),
    "a broken URL": ("api.example.org", "https://[/v1"),
    "a port that is none": ("api.example.org", "https://api.example.org:99999/v1"),
}


@pytest.mark.parametrize(("annotation", "url"), PERMITTED.values(), ids=PERMITTED.keys())
def test_permitted(annotation: str, url: str) -> None:
    """By host, by port where one is named, by domain."""
    assert key_hosts.permits(annotation, url)


@pytest.mark.parametrize(("annotation", "url"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(annotation: str, url: str) -> None:
    """Whatever is not plainly named."""
    assert not key_hosts.permits(annotation, url)


def test_the_annotation_of_a_request_permits_its_own_endpoints_alone() -> None:
    """As the service writes it for a key that came with a request."""
    urls = ["https://Api.example.org/v1", "http://[fd00::7]:8000/v1", "https://api.example.org/v2"]
    annotation = key_hosts.hosts_of(urls)
    assert annotation == "api.example.org:443,[fd00::7]:8000"
    assert all(key_hosts.permits(annotation, url) for url in urls)
    assert not key_hosts.permits(annotation, "http://api.example.org/v1")
