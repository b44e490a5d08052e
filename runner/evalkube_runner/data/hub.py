"""One data set of a hub: its layout and its files, from the cache where they are there, else downloaded into it.

Asks the network only for what the cache lacks: the listing, the card, and the files of the wanted split. Raises
RunFailed(DatasetUnavailable) with what failed and the ways out. Blocking.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from evalkube_crds.names import Reason
from evalkube_runner.context import RunContext
from evalkube_runner.data import cache, card, clients, layout
from evalkube_runner.data.cache import Manifest, Shelf
from evalkube_runner.data.clients import HubErrorKind, HubName
from evalkube_runner.errors import RunFailed

__all__ = ["HubName", "Repository"]

_LOCK_TIMEOUT_S: Final = 900.0
_INDEX_MAX_BYTES: Final = 256 * 1024
_CARD: Final = "README.md"
_SITES: Final = {"modelscope": "ModelScope", "huggingface": "Hugging Face"}
_TOKENS: Final = {"modelscope": "MODELSCOPE_API_TOKEN", "huggingface": "HF_TOKEN"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """`subject` begins messages (a benchmark's name); `ways_out` ends them, saying which options lead to other data."""

    hub: HubName
    dataset_id: str
    context: RunContext
    subject: str
    ways_out: str
    force_redownload: bool = False

    def folder(self) -> layout.Layout:
        """The subsets and splits on the hub."""
        return self._layout_of(self._known([]))

    def fetch(self, subset: str, split: str, *, few_shot: bool = False, only_subset: bool = False) -> list[Path]:
        """The files of one split, on disk."""
        found = self.folder()
        choice = found.choose(subset, split, few_shot=few_shot, only_subset=only_subset)
        if choice is None:
            raise self._failed(layout.missing(found, subset, split, self._name(), few_shot=few_shot))
        return self.fetch_files(choice.paths)

    def fetch_files(self, paths: Iterable[str]) -> list[Path]:
        """Files by their paths in the repository, on disk."""
        wanted = list(paths)
        manifest = self._known(wanted)
        places = {path: self._shelf().file(manifest, path) for path in wanted}
        gone = [path for path, place in places.items() if place is None]
        if gone:
            raise self._failed(f"{gone[0]} vanished from the cache {self._shelf().root} while it was read")
        return [place for place in places.values() if place is not None]

    def origin(self) -> str:
        """ "modelscope:owner/name@revision", as far as it is known without the network."""
        manifest = self._shelf().manifest()
        return f"{self.hub}:{self.dataset_id}@{manifest.revision if manifest else 'unknown'}"

    def _shelf(self) -> Shelf:
        return Shelf(self.context.cache, self.hub, self.dataset_id)

    def _known(self, paths: list[str]) -> Manifest:
        """The manifest, with the card and `paths` on disk. Where these are there already, neither lock nor network is
        used.
        """
        manifest = self._shelf().manifest()
        if manifest is not None and not self._outdated(manifest) and not self._lacking(manifest, paths):
            return manifest
        if self.context.offline:
            raise self._failed(f"{self._name()} is not in the cache {self._shelf().root}, and the runner is offline")
        import filelock

        try:
            with self._shelf().locked(_LOCK_TIMEOUT_S) as staging:
                # Another process may have been faster while this one waited for the lock.
                return self._completed(self._shelf().manifest(), paths, staging)
        except clients.HubError as error:
            raise self._refused(error) from error
        except cache.TornError as error:
            raise self._failed(f"{self._name()} did not arrive whole: {error}") from error
        except filelock.Timeout as error:
            raise self._failed(
                f"another process has held {self._shelf().root}/lock for {_LOCK_TIMEOUT_S:.0f} s"
            ) from error
        except OSError as error:
            raise self._failed(
                f"the cache {self._shelf().root} cannot be written: {error.strerror or error}"
            ) from error

    def _completed(self, manifest: Manifest | None, paths: list[str], staging: Path) -> Manifest:
        shelf = self._shelf()
        client = clients.client_of(self.hub, self.context.hubs, self.context.scratch)
        if manifest is None or self._outdated(manifest):
            manifest = self._listed(client)
            shelf.write(manifest)
        for path in self._lacking(manifest, paths):
            entry = manifest.entries.get(path)
            if entry is None:
                raise self._failed(f"{self._name()} has no file {path}")
            staged = client.download(self.dataset_id, manifest.revision, entry, staging)
            manifest = shelf.add(manifest, entry, staged)
        return manifest

    def _listed(self, client: clients.HubClient) -> Manifest:
        listing = client.listing(self.dataset_id)
        return cache.new_manifest(
            hub=self.hub,
            dataset_id=self.dataset_id,
            endpoint=client.endpoint,
            revision=listing.revision,
            fetched_by=self.context.run_id,
            entries=listing.entries,
        )

    def _outdated(self, manifest: Manifest) -> bool:
        # Once for a run: its splits and shards are to be of one revision.
        return self.force_redownload and manifest.fetched_by != self.context.run_id

    def _lacking(self, manifest: Manifest, paths: list[str]) -> list[str]:
        metadata = [path for path in (_CARD, self._index_path(manifest)) if path in manifest.entries]
        return [path for path in [*metadata, *paths] if self._shelf().file(manifest, path) is None]

    def _index_path(self, manifest: Manifest) -> str:
        path = self.dataset_id.rpartition("/")[2] + ".json"
        entry = manifest.entries.get(path)
        return path if entry is not None and (entry.size_bytes or 0) <= _INDEX_MAX_BYTES else ""

    def _layout_of(self, manifest: Manifest) -> layout.Layout:
        readme = self._shelf().file(manifest, _CARD)
        index = self._shelf().file(manifest, self._index_path(manifest))
        return layout.layout_of(
            manifest.entries,
            name=self.subject,
            readme=_beginning_of(readme) if readme else None,
            index=_index_in(index) if index else None,
        )

    def _name(self) -> str:
        return f"{_SITES[self.hub]} data set {self.dataset_id}"

    def _failed(self, message: str) -> RunFailed:
        return RunFailed(Reason.DATASET_UNAVAILABLE, f"{self.subject}: {message}. {self.ways_out}")

    def _refused(self, error: clients.HubError) -> RunFailed:
        endpoint = getattr(self.context.hubs, self.hub)
        proxy = self.context.proxies.for_url(endpoint)
        site = f"{_SITES[self.hub]} at {endpoint}" + (f" (through the proxy {proxy})" if proxy is not None else "")
        name, token = self._name(), _TOKENS[self.hub]
        what = {
            HubErrorKind.UNREACHABLE: f"{site} cannot be reached, and {name} is not in the cache {self._shelf().root}",
            HubErrorKind.NOT_FOUND: f"{name} is not found on {site}; check dataset_id",
            HubErrorKind.UNAUTHORIZED: f"{name} does not exist or is private (then give the runner {token})",
            HubErrorKind.GATED: f"{name} is gated: accept its terms on its page and give the runner {token}",
            HubErrorKind.BUSY: f"{site} is overloaded; try again later",
            HubErrorKind.BROKEN: f"{name} did not arrive whole",
        }
        return self._failed(f"{what[error.kind]} ({error.detail})")


def _beginning_of(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(card.MOST_BYTES).decode(errors="replace")


def _index_in(path: Path) -> dict[str, dict[str, str]]:
    try:
        return layout.parse_index(orjson.loads(path.read_bytes()))
    except orjson.JSONDecodeError:
        return {}  # JSON lines under the repository's name: data, not an index
