"""What a browser's cookie holds, and how long it counts."""

from dataclasses import dataclass, field

import pytest

from evalkube_api.access.sessions import LIFETIME_S, Sessions

TOKEN = b"tok-0123456789abcdef"


@dataclass
class World:
    """A service's token and clock."""

    token: bytes = TOKEN
    now: float = 1_000_000.0
    sessions: Sessions = field(init=False)

    def __post_init__(self) -> None:
        self.sessions = Sessions(lambda: self.token, now=lambda: self.now)


def test_what_was_opened_is_open() -> None:
    """Here, and at another replica with the same token; each is another one."""
    world, other = World(), World()
    value = world.sessions.opened()
    assert world.sessions.is_open(value)
    assert other.sessions.is_open(value)
    assert value != world.sessions.opened()


def test_it_ends_by_itself() -> None:
    """After its time."""
    world = World()
    value = world.sessions.opened()
    world.now += LIFETIME_S - 1
    assert world.sessions.is_open(value)
    world.now += 1
    assert not world.sessions.is_open(value)


def test_it_can_be_ended() -> None:
    """That one, and no other."""
    world = World()
    value, other = world.sessions.opened(), world.sessions.opened()
    world.sessions.end(value)
    assert not world.sessions.is_open(value)
    assert world.sessions.is_open(other)


def test_another_token_ends_all() -> None:
    """As it does for programs."""
    world = World()
    value = world.sessions.opened()
    world.token = b"new-0123456789abcdef"
    assert not world.sessions.is_open(value)


def test_the_token_is_not_in_it() -> None:
    """In no form that shows it."""
    assert TOKEN.decode() not in World().sessions.opened()


@pytest.mark.parametrize("change", ["later", "cut", "longer", "unsigned", "empty", "foreign", "none"])
def test_what_was_changed_is_none_of_ours(change: str) -> None:
    """Whoever made it."""
    world = World()
    value = world.sessions.opened()
    expiry, random, signature = value.split(".")
    forged = {
        "later": f"{int(expiry) + 3600}.{random}.{signature}",
        "cut": value[:-1],
        "longer": value + "0" * 300,
        "unsigned": f"{expiry}.{random}.",
        "empty": "",
        "foreign": Sessions(lambda: b"another-0123456789", now=lambda: world.now).opened(),
        "none": None,
    }
    assert not world.sessions.is_open(forged[change])
    world.sessions.end(forged[change])
    assert world.sessions.is_open(value)


def test_what_was_ended_takes_no_more_memory_than_it_may() -> None:
    """The oldest are forgotten, and what would have ended by itself."""
    world = World()
    first = world.sessions.opened()
    world.sessions.end(first)
    for _ in range(10_000):
        world.sessions.end(world.sessions.opened())
    assert len(world.sessions._ended) == 10_000
    world.now += LIFETIME_S
    world.sessions.end(World(now=world.now).sessions.opened())
    assert len(world.sessions._ended) == 1
