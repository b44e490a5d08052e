"""Which endpoints runs may reach: by every name that a client would understand, and by the address behind it."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from evalkube_crds import addresses, targets
from evalkube_crds.targets import TargetRules

METADATA = {
    "dotted": "http://169.254.169.254/latest",
    "a port": "http://169.254.169.254:80/v1",
    "a user": "http://model.example.org@169.254.169.254/v1",
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
    "NAT64 of one's own": "http://[64:ff9b:1::a9fe:a9fe]/v1",
    "translated": "http://[::ffff:0:a9fe:a9fe]/v1",
    "6to4": "http://[2002:a9fe:a9fe::1]/v1",
    "Teredo": "http://[2001:0:a00:1::5601:5601]/v1",
    "ISATAP": "http://[2001:db8::5efe:a9fe:a9fe]/v1",
    "link-local IPv6": "http://[fe80::1]/v1",
    "with a zone": "http://[fe80::1%25eth0]/v1",
    "AWS over IPv6": "http://[fd00:ec2::254]/v1",
    "credentials of EKS pods": "http://[fd00:ec2::23]/v1",
    "credentials of ECS tasks": "http://169.254.170.2/v1",
    "Oracle over IPv6": "http://[fd00:c1::a9fe:a9fe]/v1",
    "Akamai over IPv6": "http://[fd00:a9fe:a9fe::1]/v1",
    "Scaleway over IPv6": "http://[fd00:42::42]/v1",
    "Google over IPv6, in full": "http://[fd20:00ce:0000::0254]/v1",
    "Alibaba": "http://100.100.100.200/v1",
    "Azure": "http://168.63.129.16/v1",
    "a name of Google's": "http://metadata.google.internal/v1",
    "in capitals, with a dot": "http://METADATA.google.internal./v1",
    "with a letter that is not seen": "http://meta\u00addata.google.internal/v1",
    "Google's short name": "http://metadata.goog/v1",
    "Google's shortest": "http://metadata/v1",
    "Tencent": "http://metadata.tencentyun.com/v1",
    "IBM": "https://api.metadata.cloud.ibm.com/v1",
    "AWS by name": "http://instance-data/v1",
    "AWS by name, in a region": "http://instance-data.eu-west-1.compute.internal/v1",
    "wildcard DNS": "http://169.254.169.254.nip.io/v1",
    "wildcard DNS with dashes": "http://x.169-254-169-254.sslip.io/v1",
    "wildcard DNS in hexadecimal": "http://app-a9fea9fe.nip.io/v1",
    "wildcard DNS with a second address": "http://10.0.0.1.169.254.169.254.nip.io/v1",
    "wildcard DNS over IPv6": "http://fd00-ec2--254.sslip.io/v1",
    "another wildcard DNS": "http://169-254-169-254.traefik.me/v1",
    "a pod's name": "http://169-254-169-254.default.pod.cluster.local/v1",
    "a pod's short name": "http://169-254-169-254.default.pod/v1",
    "a pod's name over IPv6": "http://fe80--1.default.pod.cluster.local./v1",
    "a machine's name": "http://ip-169-254-169-254.ec2.internal/v1",
}


@pytest.mark.parametrize("url", METADATA.values(), ids=METADATA.keys())
def test_metadata_services_are_refused(url: str) -> None:
    """However they are written; the message says who can change that."""
    assert "targets.allow" in targets.objection(url, TargetRules())
    assert not targets.objection(url, TargetRules(allow_link_local=True))


NOBODY = {
    "unspecified": "http://0.0.0.0:8000/v1",
    "zero": "http://0/v1",
    "unspecified IPv6": "http://[::]:8000/v1",
    "unspecified, mapped": "http://[::ffff:0:0]/v1",
    "multicast": "http://224.0.0.1/v1",
    "multicast IPv6": "http://[ff02::1]/v1",
    "broadcast": "http://255.255.255.255/v1",
}


@pytest.mark.parametrize("url", NOBODY.values(), ids=NOBODY.keys())
def test_what_is_no_endpoints_address_is_refused(url: str) -> None:
    """Leave for link-local addresses is none for these; the list of the allowed goes before."""
    assert targets.objection(url, TargetRules(allow_link_local=True))
    assert not targets.objection(url, TargetRules(allowed=("0.0.0.0/0", "::/0")))


OTHERS = {
    "a service": "http://model.runs.svc:8000/v1",
    "a public API": "https://api.openai.com/v1",
    "a private address": "http://10.0.0.7/v1",
    "the pod itself": "http://127.0.0.1:8000/v1",
    "the pod itself over IPv6": "http://[::1]:8000/v1",
    "IPv6": "http://[2001:db8::1]:8000/v1",
    "a private address through NAT64": "http://[64:ff9b::a00:7]/v1",
    "just below link-local": "http://169.253.255.255/v1",
    "just above link-local": "http://169.255.0.0/v1",
    "beside Alibaba's": "http://100.100.100.201/v1",
    "beside AWS's": "http://[fd00:ec2::255]/v1",
    "beside the broadcast": "http://255.255.255.254/v1",
    "a name that begins alike": "http://metadata.example.org/v1",
    "a name that ends alike": "http://my-metadata.goog/v1",
    "numbers that are no address": "http://256.256.256.256/v1",
    "wildcard DNS of another address": "http://8.8.8.8.nip.io/v1",
    "a name that ends like wildcard DNS": "http://169.254.169.254.notnip.io/v1",
    "a pod": "http://10-0-0-7.default.pod.cluster.local/v1",
    "a namespace called pod": "http://model.pod.svc.cluster.local/v1",
    "an international name": "http://bücher.example/v1",
}


@pytest.mark.parametrize("url", OTHERS.values(), ids=OTHERS.keys())
def test_others_are_not(url: str) -> None:
    """Private networks are where models are."""
    assert targets.objection(url, TargetRules()) == ""


@pytest.mark.parametrize(
    ("host", "address", "permitted"),
    [
        ("model.example.org", "10.0.0.7", True),
        ("model.example.org", "2001:db8::7", True),
        ("model.example.org", "169.254.169.254", False),
        ("model.example.org", "::ffff:169.254.169.254", False),
        ("model.example.org", "64:ff9b::a9fe:a9fe", False),
        ("model.example.org", "fe80::1%eth0", False),
        ("model.example.org", "0.0.0.0", False),
        ("model.example.org", "not an address", False),
        ("model.example.org", "10.9.0.7", False),
        ("good.example.org", "10.9.0.7", True),
        ("GOOD.example.org.", "169.254.169.254", True),
        ("model.example.org", "10.9.9.9", True),
        ("bad.example.org", "10.0.0.7", False),
        ("bad.example.org", "10.9.9.9", True),
        ("metadata.goog", "10.0.0.7", False),
    ],
)
def test_an_address_is_judged_with_the_name_that_has_it(host: str, address: str, permitted: bool) -> None:
    """Allowed by either goes before denied by either, and both before the rest."""
    rules = TargetRules(allowed=("good.example.org", "10.9.9.9"), denied=("bad.example.org", "10.9.0.0/16"))
    words = targets.address_objection(host, address, rules)
    assert (words == "") == permitted, words
    assert permitted or address.removeprefix("::ffff:").partition("%")[0] in words


def test_allowed_goes_before_denied_and_both_before_the_rest() -> None:
    """By name, by domain, by network."""
    rules = TargetRules(allowed=("169.254.169.254", "*.good.org"), denied=("10.0.0.0/8", "*.org"))
    assert not targets.objection("http://169.254.169.254/v1", rules)
    assert targets.objection("http://169.254.169.253/v1", rules)
    assert targets.objection("http://0xA000001/v1", rules)
    assert targets.objection("http://[::ffff:10.0.0.1]/v1", rules)
    assert targets.objection("http://10-0-0-1.default.pod/v1", rules)
    assert not targets.objection("http://a.good.org/v1", rules)
    assert targets.objection("http://bad.org.evil.org/v1", rules)
    assert targets.objection("http://169.254.169.254%2f.good.org/v1", rules)


def test_an_allowed_address_opens_no_way_to_the_other_one_beside_it() -> None:
    """A Teredo address carries two; the one that is allowed says nothing of the other."""
    both = targets.objection("http://[2001:0:a00:1::5601:5601]/v1", TargetRules(allowed=("10.0.0.0/8",)))
    assert "link-local" in both
    assert not targets.objection("http://[64:ff9b::a9fe:1]/v1", TargetRules(allowed=("169.254.0.1",)))
    assert not targets.objection("http://[64:ff9b::a9fe:1]/v1", TargetRules(allowed=("64:ff9b::a9fe:1",)))


@pytest.mark.parametrize(
    "denied",
    ["*.Example.ORG.", "10.0.0.7", "10.0.0.9/24", "::ffff:10.0.0.0/104", "64:ff9b::/96", "bücher.example"],
)
def test_entries_are_read_like_hosts(denied: str) -> None:
    """Capitals, a trailing dot, the host bits of a network, IPv4 inside IPv6, other letters than ASCII."""
    rules = TargetRules(denied=(denied,))
    hosts = ("a.example.org", "10.0.0.7", "[64:ff9b::a00:7]", "bücher.example", "xn--bcher-kva.example")
    assert any(targets.objection(f"http://{host}/v1", rules) for host in hosts)
    assert not targets.objection("http://other.test/v1", rules)


@pytest.mark.parametrize(
    "entry", ["", "http://model/v1", "model:8000", "10.0.0.0/33", "10.0.0/8/8", "a b", "fe80::/200", "10.*", "1?.0.0.1"]
)
def test_an_entry_that_could_never_match_is_refused(entry: str) -> None:
    """It would be a wall with a hole, or a door that never opens."""
    with pytest.raises(ValidationError, match="neither a host name"):
        TargetRules(denied=(entry,))


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
        assert addresses.literal(text) == address, text


@given(st.text(max_size=40))
def test_any_text_gets_an_answer(text: str) -> None:
    """No spelling raises."""
    targets.objection(f"http://{text}/v1", TargetRules())
    targets.name_objection(text, TargetRules())
    targets.address_objection(text, text, TargetRules())
    addresses.literal(text)
    addresses.in_name(f"{text}.nip.io")
