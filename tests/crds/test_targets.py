"""Which endpoints a run may name, in every spelling that a client would understand."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds import targets
from evalkube_crds.targets import TargetRules

METADATA = {
    "dotted": "http://169.254.169.254/latest",
    "a port": "http://169.254.169.254:80/v1",
    "a trailing dot": "http://169.254.169.254./v1",
    "one decimal number": "http://2852039166/v1",
    "one hexadecimal number": "http://0xA9FEA9FE/v1",
    "octal parts": "http://0251.0376.0251.0376/v1",
    "mixed parts": "http://169.0xfe.43518/v1",
    "leading zeros that make octal": "http://0000251.254.169.254/v1",
    "full-width digits": "http://１６９.２５４.１６９.２５４/v1",
    "ideographic full stops": "http://169。254。169。254/v1",
    "percent-encoded": "http://%31%36%39.254.169.254/v1",
    "IPv4-mapped": "http://[::ffff:169.254.169.254]/v1",
    "IPv4-mapped in hexadecimal": "http://[::ffff:a9fe:a9fe]/v1",
    "IPv4-compatible": "http://[::169.254.169.254]/v1",
    "NAT64": "http://[64:ff9b::a9fe:a9fe]/v1",
    "6to4": "http://[2002:a9fe:a9fe::1]/v1",
    "link-local IPv6": "http://[fe80::1]/v1",
    "with a zone": "http://[fe80::1%25eth0]/v1",
    "AWS over IPv6": "http://[fd00:ec2::254]/v1",
    "Alibaba": "http://100.100.100.200/v1",
    "Azure": "http://168.63.129.16/v1",
    "a name of Google's": "http://metadata.google.internal/v1",
    "in capitals, with a dot": "http://METADATA.google.internal./v1",
    "wildcard DNS": "http://169.254.169.254.nip.io/v1",
    "wildcard DNS with dashes": "http://x.169-254-169-254.sslip.io/v1",
}


@pytest.mark.parametrize("url", METADATA.values(), ids=METADATA.keys())
def test_metadata_services_are_refused(url: str) -> None:
    """However they are written."""
    assert targets.objection(url, TargetRules())
    assert not targets.objection(url, TargetRules(allow_link_local=True))


@pytest.mark.parametrize(
    "url",
    [
        "http://model.runs.svc:8000/v1",
        "https://api.openai.com/v1",
        "http://10.0.0.7/v1",
        "http://[2001:db8::1]:8000/v1",
        "http://169.253.255.255/v1",
        "http://metadata.example.org/v1",
        "http://256.256.256.256/v1",
        "http://8.8.8.8.nip.io/v1",
    ],
)
def test_others_are_not(url: str) -> None:
    """Private networks are where models are."""
    assert targets.objection(url, TargetRules()) == ""


def test_allowed_goes_before_denied_and_both_before_the_rest() -> None:
    """By name, by domain, by network."""
    rules = TargetRules(allowed=("169.254.169.254", "*.good.org"), denied=("10.0.0.0/8", "*.org"))
    assert not targets.objection("http://169.254.169.254/v1", rules)
    assert targets.objection("http://169.254.169.253/v1", rules)
    assert targets.objection("http://0xA000001/v1", rules)
    assert not targets.objection("http://a.good.org/v1", rules)
    assert targets.objection("http://bad.org.evil.org/v1", rules)


def test_what_names_no_host_is_refused() -> None:
    """Rather than let through."""
    assert targets.objection("http://[::1/v1", TargetRules())
    assert targets.objection("http:///v1", TargetRules())


@given(st.integers(0, 2**32 - 1))
def test_every_spelling_of_an_address_is_that_address(number: int) -> None:
    """Decimal, hexadecimal, octal parts, two parts, mapped into IPv6."""
    address = ipaddress.IPv4Address(number)
    high, low = number >> 24, number & 0xFFFFFF
    octal = ".".join(f"0{part:o}" for part in address.packed)
    for text in (str(address), str(number), hex(number), octal, f"{high}.{low}", f"::ffff:{address}"):
        assert targets.host_address(text) == address, text


@given(st.text(max_size=40))
def test_any_text_gets_an_answer(text: str) -> None:
    """No spelling raises."""
    targets.objection(f"http://{text}/v1", TargetRules())
    targets.host_address(text)
