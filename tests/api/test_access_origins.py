"""Requests that a browser makes for another site's page."""

import pytest

from evalkube_api import errors
from evalkube_api.access import origins

# Host, Sec-Fetch-Site, Origin
OURS = {
    "no browser": ("localhost:9000", [], []),
    "our page": ("localhost:9000", ["same-origin"], ["http://localhost:9000"]),
    "typed by a person": ("localhost:9000", ["none"], []),
    "our page, an older browser": ("localhost:9000", [], ["http://localhost:9000"]),
    "capitals": ("LocalHost:9000", [], ["http://localhost:9000"]),
    "the scheme's port": ("evals.example.org", [], ["http://evals.example.org:80"]),
    "behind TLS": ("evals.example.org", [], ["https://evals.example.org"]),
    "behind TLS, its port": ("evals.example.org:443", [], ["https://evals.example.org"]),
    "six": ("[::1]:9000", [], ["http://[::1]:9000"]),
    "behind a proxy that has another Host": ("127.0.0.1:9000", ["same-origin"], ["https://evals.example.org"]),
}
FOREIGN = {
    "another site": ("localhost:9000", ["cross-site"], ["https://evil.example"]),
    "another site without an origin": ("localhost:9000", ["cross-site"], []),
    "another service of this machine": ("localhost:9000", ["same-site"], ["http://localhost:3000"]),
    "one of both": ("localhost:9000", ["same-origin", "cross-site"], []),
    "a word we do not know": ("localhost:9000", ["near"], []),
    "an empty word": ("localhost:9000", [""], []),
    "an older browser": ("localhost:9000", [], ["https://evil.example"]),
    "an older browser, another port": ("localhost:9000", [], ["http://localhost:3000"]),
    "an older browser, no port": ("localhost:9000", [], ["http://localhost"]),
    "an older browser, another scheme": ("localhost", [], ["https://localhost:80"]),
    "a page that hides its origin": ("localhost:9000", [], ["null"]),
    "a file": ("localhost:9000", [], ["file://"]),
    "an extension": ("localhost:9000", [], ["chrome-extension://localhost:9000"]),
    "two origins": ("localhost:9000", [], ["http://localhost:9000", "https://evil.example"]),
    "a list of origins": ("localhost:9000", [], ["http://localhost:9000 https://evil.example"]),
    "ours as a user": ("localhost:9000", [], ["http://localhost:9000@evil.example"]),
    "ours as a prefix": ("localhost", [], ["http://localhost.evil.example"]),
    "an empty origin": ("localhost:9000", [], [""]),
    "no host": ("", [], ["http://"]),
    "a port that is none": ("localhost:9000", [], ["http://localhost:port"]),
    "brackets": ("localhost:9000", [], ["http://[localhost"]),
}


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH", "BREW"])
@pytest.mark.parametrize(("host", "sites", "given"), OURS.values(), ids=OURS)
def test_what_is_ours(method: str, host: str, sites: list[str], given: list[str]) -> None:
    """Passes."""
    origins.check(method, host, sites=sites, origins=given)


@pytest.mark.parametrize(("host", "sites", "given"), FOREIGN.values(), ids=FOREIGN)
def test_what_is_foreign(host: str, sites: list[str], given: list[str]) -> None:
    """Changes nothing, and may look: it gets no CORS headers, so that its page sees nothing."""
    with pytest.raises(errors.CrossSite):
        origins.check("POST", host, sites=sites, origins=given)
    origins.check("GET", host, sites=sites, origins=given)
