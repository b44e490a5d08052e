"""The context of a run beside its spec: its identity, its delivery, its secrets, and its sources of data."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evalkube_crds.credentials import NO_CREDENTIALS, Credentials
from evalkube_crds.load_news import LoadNews, OthersNews
from evalkube_crds.paths import Readable
from evalkube_crds.proxies import Proxies
from evalkube_runner.deliver import Delivery
from evalkube_runner.gate import Gate

__all__ = ["HubEndpoints", "RunContext", "Share", "Start", "StartInstant"]


@dataclass(frozen=True, slots=True)
class StartInstant:
    """The common start of all shards. `monotonic_ns` is on this process's clock (`time.monotonic_ns`); `start_at_ns` is
    on the clock of the process that chose it. `doubt_ns` is the most by which the first may differ from the second;
    None where that is not known.
    """

    monotonic_ns: int
    start_at_ns: int
    doubt_ns: int | None = None


Start = Callable[[int], Awaitable[StartInstant]]
"""Waits until all shards are ready for the point of that number; when they begin. Raises RunFailed."""

Share = Callable[[LoadNews], Awaitable[OthersNews | None]]
"""Tells the other shards how this one's load fares: what they told; None where nobody could be asked."""


@dataclass(frozen=True, slots=True)
class HubEndpoints:
    """Base URLs of the dataset hubs, and the tokens that gated data needs."""

    modelscope: str = "https://www.modelscope.cn"
    huggingface: str = "https://huggingface.co"
    modelscope_token: str | None = field(default=None, repr=False)
    huggingface_token: str | None = field(default=None, repr=False)

    @property
    def tokens(self) -> list[str]:
        """The tokens of hubs that are set."""
        return [token for token in (self.modelscope_token, self.huggingface_token) if token]


@dataclass(frozen=True, slots=True)
class RunContext:
    """The context of one shard of one run. `readable`: the folders of the files that the spec may name."""

    run_id: str
    delivery: Delivery
    scratch: Path
    cache: Path
    shard: int = 0
    shards: int = 1
    api_key: str | None = field(default=None, repr=False)
    judge_api_key: str | None = field(default=None, repr=False)
    judge_api_keys: Mapping[int, str] = field(default_factory=dict, repr=False)
    credentials: Credentials = field(default=NO_CREDENTIALS, repr=False)
    judge_credentials: Credentials = field(default=NO_CREDENTIALS, repr=False)
    hubs: HubEndpoints = HubEndpoints()
    offline: bool = False
    start: Start | None = None
    share: Share | None = None
    readable: Readable = field(default_factory=Readable)
    gate: Gate = field(default_factory=Gate)
    proxies: Proxies = field(default_factory=Proxies)

    def judge_key(self, place: int) -> str | None:
        """The key of the judge at that place: its own, or else the one for all judges."""
        return self.judge_api_keys.get(place, self.judge_api_key)
