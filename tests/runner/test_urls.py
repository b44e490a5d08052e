"""URLs beyond ASCII, as they go over the wire."""

import pytest

from evalkube_crds.names import Reason
from evalkube_runner import urls
from evalkube_runner.errors import RunFailed

URLS = {
    "plain": ("http://h:8000/v1?a=b&c=d", "http://h:8000/v1?a=b&c=d"),
    "a path": ("http://h/模型/v1", "http://h/%E6%A8%A1%E5%9E%8B/v1"),
    "a path that is encoded": ("http://h/%E6%A8%A1/a%2Fb", "http://h/%E6%A8%A1/a%2Fb"),
    "a query": ("http://h/v1?name=ü&b=%20", "http://h/v1?name=%C3%BC&b=%20"),
    "a host": ("https://bücher.example:8443/v1", "https://xn--bcher-kva.example:8443/v1"),
    "a host, not as of 2003": ("http://straße.example/v1", "http://xn--strae-oqa.example/v1"),
    "a host that is encoded": ("http://xn--bcher-kva.example/v1", "http://xn--bcher-kva.example/v1"),
    "a service's name": ("http://my_llm.team.svc/v1", "http://my_llm.team.svc/v1"),
    "an address": ("http://[::1]:81/v1", "http://[::1]:81/v1"),
    "an address of IPv4": ("http://127.0.0.1:8000/v1/chat/completions", "http://127.0.0.1:8000/v1/chat/completions"),
    "a port that goes without saying": ("https://h.example:443/v1", "https://h.example/v1"),
    "a host in capitals": ("http://LLM.example/v1", "http://llm.example/v1"),
    "a path with steps back": ("http://h/v1/../v2", "http://h/v2"),
}


@pytest.mark.parametrize(("url", "wanted"), URLS.values(), ids=URLS)
def test_urls_go_out_in_ascii(url: str, wanted: str) -> None:
    """Hosts by IDNA, paths and queries as UTF-8; what is ASCII stays as it is, and encoding twice changes nothing."""
    assert urls.encoded(url) == wanted
    assert urls.encoded(wanted) == wanted


@pytest.mark.parametrize(
    "url", ["http://☃.example/v1", "http://ＬＯＣＡＬ/v1", "http://256.0.0.1/v1", "http://10.0.0.01/v1"]
)
def test_a_host_that_is_no_name(url: str) -> None:
    """It is the spec that is wrong, not the program."""
    with pytest.raises(RunFailed) as failed:
        urls.encoded(url)
    assert failed.value.reason is Reason.INVALID_SPEC
    assert "url: " in failed.value.message
