"""What a run may connect to, with a resolver that says what the test wants."""

import asyncio
import socket

import pytest

from evalkube_crds.names import EXIT_CODES, Reason
from evalkube_crds.targets import TargetRules
from evalkube_runner.gate import Gate, TargetForbidden, resolve
from fakes.names import Names

RULES = TargetRules(denied=("10.9.0.0/16",), allowed=("good.test",))
FORBIDDEN = {
    "a pod's name with the metadata address": ("169-254-169-254.default.pod.cluster.local", ["169.254.169.254"]),
    "Google's short name": ("metadata.goog", ["169.254.169.254"]),
    "wildcard DNS": ("169-254-169-254.nip.io", ["169.254.169.254"]),
    "any name with the metadata address": ("model.test", ["169.254.169.254"]),
    "over IPv6": ("model.test", ["fd00:ec2::254"]),
    "mapped into IPv6": ("model.test", ["::ffff:169.254.169.254"]),
    "through NAT64": ("model.test", ["64:ff9b::a9fe:a9fe"]),
    "link-local with its zone": ("model.test", ["fe80::1%eth0"]),
    "the pod itself, by zero": ("model.test", ["0.0.0.0"]),
    "a name in a denied network": ("model.test", ["10.9.0.7"]),
    "all of several": ("model.test", ["169.254.169.254", "10.9.0.7"]),
    "a metadata service's name, whatever its address": ("metadata.google.internal", ["10.0.0.7"]),
}


@pytest.mark.parametrize(("host", "found"), FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_a_forbidden_address_is_not_handed_out(host: str, found: list[str]) -> None:
    """Whatever name it has; the message says which, and who can change that."""
    with pytest.raises(TargetForbidden, match=r"targets\.allow") as refused:
        asyncio.run(Gate(RULES, Names(found)).addresses(host, 80))
    assert host in refused.value.message
    assert (refused.value.reason, refused.value.exit_code) == (Reason.TARGET_FORBIDDEN, 73)
    assert asyncio.run(Gate(None, Names(found)).addresses(host, 80)) == found  # one's own machine


@pytest.mark.parametrize(
    ("host", "found", "permitted"),
    [
        ("model.test", ["10.0.0.7"], ["10.0.0.7"]),
        ("model.test", ["2001:db8::7", "10.0.0.7"], ["2001:db8::7", "10.0.0.7"]),
        ("model.test", ["10.9.0.7", "10.0.0.7", "fe80::1", "10.0.0.8"], ["10.0.0.7", "10.0.0.8"]),
        ("good.test", ["169.254.169.254", "10.9.0.7"], ["169.254.169.254", "10.9.0.7"]),
    ],
    ids=["one", "both families", "the permitted ones of several", "a name that is allowed"],
)
def test_permitted_addresses_are_handed_out_in_order(host: str, found: list[str], permitted: list[str]) -> None:
    """As the resolver gives them."""
    assert asyncio.run(Gate(RULES, Names(found)).addresses(host, 80)) == permitted


def test_each_answer_is_judged() -> None:
    """A name that has another address the second time is refused the second time."""

    async def twice() -> None:
        gate = Gate(RULES, Names(["10.0.0.7"], ["169.254.169.254"]))
        assert await gate.addresses("model.test", 80) == ["10.0.0.7"]
        await gate.addresses("model.test", 80)

    with pytest.raises(TargetForbidden):
        asyncio.run(twice())


def test_what_is_refused_by_name_is_not_looked_up() -> None:
    """A look-up is a message too."""
    names = Names(["10.0.0.7"])
    with pytest.raises(TargetForbidden):
        asyncio.run(Gate(RULES, names).addresses("metadata.goog", 80))
    assert names.asked == []


def test_a_name_without_an_address_is_no_forbidden_one() -> None:
    """It is an OSError, as the system's resolver has it."""
    with pytest.raises(socket.gaierror):
        asyncio.run(Gate(RULES, Names([])).addresses("model.test", 80))
    with pytest.raises(socket.gaierror):
        asyncio.run(resolve("a" * 64 + ".test", 80))


def test_what_a_proxy_connects_to_is_judged_by_every_address() -> None:
    """Which one the proxy takes is not known; a name that only the proxy can resolve is judged by itself."""

    async def passed_on(host: str, found: list[str]) -> None:
        await Gate(RULES, Names(found)).check_passed_on(host, 443)

    asyncio.run(passed_on("model.test", ["10.0.0.7"]))
    asyncio.run(passed_on("model.test", []))
    for host, found in (("model.test", ["10.0.0.7", "10.9.0.7"]), ("metadata.goog", [])):
        with pytest.raises(TargetForbidden):
            asyncio.run(passed_on(host, found))


def test_what_would_be_refused_later_is_refused_early() -> None:
    """Each URL's host; one that has no address yet may get one."""
    names = Names([], ["10.0.0.7"], ["10.9.0.7"])
    urls = ["http://later.test/v1", "https://model.test/v1", "http://judge.test:81/v1"]
    with pytest.raises(TargetForbidden, match=r"judge\.test \(10\.9\.0\.7\)"):
        asyncio.run(Gate(RULES, names).check(urls))
    assert names.asked == ["later.test", "model.test", "judge.test"]


def test_on_ones_own_machine_nothing_is_asked_early() -> None:
    """Nothing would be refused."""
    names = Names([])
    asyncio.run(Gate(None, names).check(["http://169.254.169.254/v1"]))
    assert names.asked == []


def test_a_forbidden_target_has_an_exit_code_of_its_own() -> None:
    """By which Kubernetes knows that another try is of no use."""
    assert EXIT_CODES[Reason.TARGET_FORBIDDEN] == 73
    assert len(set(EXIT_CODES.values())) == len(EXIT_CODES)
