"""Opens the store of the settings: one line for each kind."""

from dataclasses import dataclass
from pathlib import Path

from evalkube_operator.store.interface import Store
from evalkube_operator.store.s3 import S3Settings, S3Store
from evalkube_operator.store.volume import VolumeStore

__all__ = ["S3Settings", "VolumeSettings", "open_store"]


@dataclass(frozen=True, slots=True)
class VolumeSettings:
    """A folder, and how much of its file system stays free."""

    root: Path
    reserve_bytes: int = 64 << 20


def open_store(settings: VolumeSettings | S3Settings) -> Store:
    """The store of these settings. Touches the disk (volume), not yet the network (s3): see `Store.check`."""
    match settings:
        case VolumeSettings():
            return VolumeStore(settings.root, reserve_bytes=settings.reserve_bytes)
        case S3Settings():
            return S3Store(settings)
