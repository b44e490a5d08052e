"""Who may write and read: the token's pod, its owner now, and a memory that is short."""

import asyncio
from collections.abc import Awaitable

import pytest

from evalkube_operator.errors import Unavailable
from evalkube_operator.ingest.auth import INGEST_AUDIENCE, ReviewedTokens, TokenAuthenticator
from evalkube_operator.ingest.refusals import Refusal
from fakes.ingest import READER, Core, Reviews, pods


class _Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def _authenticator(reviews: Reviews, clock: _Clock | None = None) -> TokenAuthenticator:
    return TokenAuthenticator(ReviewedTokens(reviews, now=clock or _Clock()), Core(pods(2)), readers=[READER])


def _refusal(call: Awaitable[object]) -> tuple[int, str]:
    async def awaiting() -> object:
        return await call

    with pytest.raises(Refusal) as refusal:
        asyncio.run(awaiting())
    return refusal.value.status, refusal.value.code


def test_a_pod_is_its_shard() -> None:
    """By name and UID of the pod in the token."""
    identity = asyncio.run(_authenticator(Reviews()).runner("pod-1"))
    assert (identity.pod_uid, identity.owner.shard) == ("pod-1-uid", 1)


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        pytest.param("forged", (401, "bad_token"), id="not valid"),
        pytest.param("", (401, "bad_token"), id="empty"),
        pytest.param("pod" * 9000, (401, "bad_token"), id="endless"),
        pytest.param("nobody", (403, "not_a_pod"), id="bound to no pod"),
        pytest.param("pod-7", (403, "unknown_pod"), id="a pod of no run"),
        pytest.param("api", (401, "bad_token"), id="another audience's"),
    ],
)
def test_others_are_refused(token: str, expected: tuple[int, str]) -> None:
    """401 for who is unknown, 403 for who is known and has no shard."""
    assert _refusal(_authenticator(Reviews()).runner(token)) == expected


def test_only_the_named_account_reads() -> None:
    """The API's token, not a runner's."""
    asyncio.run(_authenticator(Reviews()).reader("api"))
    assert _refusal(_authenticator(Reviews()).reader("pod-0")) == (401, "bad_token")
    others = TokenAuthenticator(ReviewedTokens(Reviews()), Core({}), readers=["someone:else"])
    assert _refusal(others.reader("api")) == (403, "not_a_reader")


def test_a_review_is_remembered_for_a_minute() -> None:
    """One question for many requests, also for those that come at once; then it is asked again."""

    async def scenario() -> None:
        reviews, clock = Reviews(), _Clock()
        tokens = ReviewedTokens(reviews, now=clock)
        await asyncio.gather(*(tokens.review("pod-0", INGEST_AUDIENCE) for _ in range(20)))
        assert reviews.asked == 1
        reviews.revoked.add("pod-0")
        clock.now_s += 59
        assert await tokens.review("pod-0", INGEST_AUDIENCE) is not None
        clock.now_s += 2
        assert await tokens.review("pod-0", INGEST_AUDIENCE) is None
        reviews.revoked.clear()
        clock.now_s += 11
        assert await tokens.review("pod-0", INGEST_AUDIENCE) is not None
        assert reviews.asked == 3

    asyncio.run(scenario())


def test_an_outage_is_not_remembered() -> None:
    """The API server's absence is nobody's fault and over when it is over."""

    async def scenario() -> None:
        reviews = Reviews(down=True)
        tokens = ReviewedTokens(reviews)
        with pytest.raises(Unavailable):
            await tokens.review("pod-0", INGEST_AUDIENCE)
        reviews.down = False
        assert await tokens.review("pod-0", INGEST_AUDIENCE) is not None

    asyncio.run(scenario())
