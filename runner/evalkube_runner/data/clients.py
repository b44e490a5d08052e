"""The hubs' official clients behind one small interface: list a data set, download one of its files.

Clients are imported when they are first used (0.2 s each, httpx 0.06). Neither is ever asked to run a data set's
loading script. Every failure becomes a HubError; what to do about it is hub.py's to say. Caching is ours (cache.py):
the clients only write into the folder they are given.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeVar

from evalkube_crds.wording import clip
from evalkube_runner.context import HubEndpoints
from evalkube_runner.data.cache import Entry
from evalkube_runner.data.layout import is_data_file

__all__ = ["HubClient", "HubError", "HubErrorKind", "HubName", "Listing", "client_of"]

HubName = Literal["modelscope", "huggingface"]
T = TypeVar("T")

_CONNECT_TIMEOUT_S: Final = 5.0
_ANSWER_TIMEOUT_S: Final = 15.0
_ATTEMPTS: Final = 2
_CONVERTED: Final = "refs/convert/parquet"


class HubErrorKind(StrEnum):
    """The kind of a hub's error."""

    UNREACHABLE = "unreachable"
    NOT_FOUND = "not found"
    UNAUTHORIZED = "unauthorized"
    GATED = "gated"
    BUSY = "busy"
    BROKEN = "broken"


class HubError(Exception):
    """The hub refused, or did not answer."""

    def __init__(self, kind: HubErrorKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a data set at one revision (a commit, where the hub tells one)."""

    revision: str
    entries: list[Entry]


class HubClient(Protocol):
    """One hub. Both calls block, and raise HubError."""

    endpoint: str

    def listing(self, dataset_id: str) -> Listing:
        """All files of the newest revision."""

    def download(self, dataset_id: str, revision: str, entry: Entry, into: Path) -> Path:
        """One file, written somewhere under `into`."""


def client_of(hub: HubName, endpoints: HubEndpoints, scratch: Path) -> HubClient:
    """The client of one hub; `scratch` takes what the client itself wants to keep."""
    if hub == "huggingface":
        return HuggingFace(endpoints.huggingface, endpoints.huggingface_token)
    return ModelScope(endpoints.modelscope, endpoints.modelscope_token, scratch)


class HuggingFace:
    """The client over huggingface_hub. Its metadata call takes a timeout and never retries, so it fails fast."""

    def __init__(self, endpoint: str, token: str | None) -> None:
        self.endpoint = endpoint.rstrip("/")
        self._token: str | Literal[False] = token or False

    def listing(self, dataset_id: str) -> Listing:
        """One request: the commit and, for every file, size and digest.

        Where a data set has no file with records but a loading script, that of the branch with its records as parquet,
        which Hugging Face keeps for many of them.
        """
        listing = self._listing(dataset_id, "main")
        if any(is_data_file(entry.path) for entry in listing.entries):
            return listing
        try:
            return self._listing(dataset_id, _CONVERTED)
        except HubError as error:
            if error.kind is HubErrorKind.NOT_FOUND:
                return listing
            raise

    def _listing(self, dataset_id: str, revision: str) -> Listing:
        from huggingface_hub import HfApi

        api = HfApi(endpoint=self.endpoint, token=self._token)
        info = _twice(
            lambda: api.dataset_info(dataset_id, revision=revision, files_metadata=True, timeout=_ANSWER_TIMEOUT_S),
            _hugging_face_trouble,
        )
        entries = []
        for file in info.siblings or []:
            lfs_sha256 = getattr(file.lfs, "sha256", None)
            digest = f"sha256:{lfs_sha256}" if lfs_sha256 else f"git:{file.blob_id}" if file.blob_id else ""
            entries.append(Entry(file.rfilename, file.size, digest))
        return Listing(info.sha or revision, entries)

    def download(self, dataset_id: str, revision: str, entry: Entry, into: Path) -> Path:
        """Download into `into`, not into the client's own cache: two caches of one file are of no use."""
        from huggingface_hub import hf_hub_download
        from huggingface_hub.utils.tqdm import disable_progress_bars

        disable_progress_bars()  # they would fill the run's log

        def fetch() -> str:
            return hf_hub_download(
                dataset_id,
                entry.path,
                repo_type="dataset",
                revision=revision,
                local_dir=into,
                endpoint=self.endpoint,
                etag_timeout=_ANSWER_TIMEOUT_S,
                token=self._token,
            )

        return Path(_told(fetch, _hugging_face_trouble))


class ModelScope:
    """The client over modelscope_hub. It retries for up to a minute when the hub cannot be reached, which only the
    environment could change. So one plain request asks first whether the hub is there and knows the data set.
    """

    def __init__(self, endpoint: str, token: str | None, scratch: Path) -> None:
        self.endpoint = endpoint.rstrip("/")
        self._token = token or ""
        self._scratch = scratch
        self._made: Any = None

    def listing(self, dataset_id: str) -> Listing:
        """The files, with the newest commit among them as the revision: the listing names no other."""
        self._ask_first(dataset_id)
        # `legacy` is the client's own name for the API that serves data sets; list_repo_files drops the commit ids.
        raw: list[dict[str, Any]] = _told(
            lambda: self._api().legacy.list_repo_files(dataset_id, "dataset"), _ms_trouble
        )
        files = [item for item in raw if (item.get("Type") or "blob") != "tree"]
        newest = max(files, key=lambda item: item.get("CommittedDate") or 0, default={})
        return Listing(str(newest.get("Revision") or "master"), [_ms_entry(item) for item in files])

    def download(self, dataset_id: str, revision: str, entry: Entry, into: Path) -> Path:
        """Download from the branch, and check the listing's digest: not every commit of the listing can be asked
        for.
        """
        kind, _, digest = entry.digest.partition(":")

        def fetch() -> Path:
            path: Path = self._api().download_file(
                dataset_id,
                "dataset",
                entry.path,
                local_dir=into,
                expected_sha256=digest if kind == "sha256" else None,
            )
            return path

        return _told(fetch, _ms_trouble)

    def _ask_first(self, dataset_id: str) -> None:
        import httpx

        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        timeout = httpx.Timeout(_ANSWER_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S)

        def ask() -> None:
            url = f"{self.endpoint}/api/v1/datasets/{dataset_id}"
            httpx.get(url, headers=headers, timeout=timeout, follow_redirects=True).raise_for_status()

        _twice(ask, _httpx_trouble)

    def _api(self) -> Any:
        if self._made is None:
            import modelscope_hub
            from modelscope_hub.config import HubConfig

            logging.getLogger("modelscope_hub").setLevel(logging.WARNING)
            # config_dir holds logins as pickles; a private folder means that none but the given token is ever used.
            folder = self._scratch / "modelscope"
            config = HubConfig(self.endpoint, folder / "cache", folder / "config", self._token)
            self._made = modelscope_hub.HubApi(config)
        return self._made


def _ms_entry(item: dict[str, Any]) -> Entry:
    sha256 = item.get("Sha256")
    # 0 stands for an empty file and for an unknown size.
    return Entry(
        str(item.get("Path") or item.get("Name")), item.get("Size") or None, f"sha256:{sha256}" if sha256 else ""
    )


def _twice(call: Callable[[], T], trouble: Callable[[Exception], HubError]) -> T:
    """The call's value. A call that found the hub unreachable or busy is made once more: a dropped packet is no
    outage.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return _told(call, trouble)
        except HubError as error:
            if error.kind not in (HubErrorKind.UNREACHABLE, HubErrorKind.BUSY):
                raise
            time.sleep(0.5)
    return _told(call, trouble)


def _told(call: Callable[[], T], trouble: Callable[[Exception], HubError]) -> T:
    try:
        return call()
    except Exception as error:  # the edge to code of others: each of its many errors gets one of our kinds
        raise trouble(error) from error


def _of_status(status: int | None, detail: str) -> HubError:
    kinds = {
        401: HubErrorKind.UNAUTHORIZED,
        403: HubErrorKind.GATED,
        404: HubErrorKind.NOT_FOUND,
        429: HubErrorKind.BUSY,
    }
    if status is None:
        return HubError(HubErrorKind.UNREACHABLE, detail)
    return HubError(kinds.get(status, HubErrorKind.BUSY if status >= 500 else HubErrorKind.BROKEN), detail)


def _httpx_trouble(error: Exception) -> HubError:
    import httpx

    if isinstance(error, httpx.HTTPStatusError):
        return _of_status(error.response.status_code, f"HTTP {error.response.status_code}")
    return HubError(HubErrorKind.UNREACHABLE, _brief(error))


def _hugging_face_trouble(error: Exception) -> HubError:
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return HubError(HubErrorKind.GATED, _brief(error))
    if isinstance(error, errors.HfHubHTTPError):
        return _of_status(getattr(error.response, "status_code", None), _brief(error))
    if isinstance(error, errors.LocalEntryNotFoundError) and error.__cause__ is not None:
        return _hugging_face_trouble(error.__cause__) if isinstance(error.__cause__, Exception) else _gone(error)
    if isinstance(error, errors.FileMetadataError) or "onsistency check" in str(error):
        return HubError(HubErrorKind.BROKEN, _brief(error))
    return _gone(error)


def _ms_trouble(error: Exception) -> HubError:
    from modelscope_hub import errors

    if isinstance(error, errors.FileIntegrityError):
        return HubError(HubErrorKind.BROKEN, _brief(error))
    if isinstance(error, errors.APIError) and error.status_code:
        return _of_status(error.status_code, _brief(error))
    return _gone(error)


def _gone(error: Exception) -> HubError:
    return HubError(HubErrorKind.UNREACHABLE, _brief(error))


def _brief(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return clip(text.partition("\n")[0])
