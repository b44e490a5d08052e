"""The `evalkube` command and the Python client of its service. Neither imports a program: programs are named."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalkube_cli.client import EvalkubeClient

__all__ = ["EvalkubeClient"]


def __getattr__(name: str) -> object:
    if name == "EvalkubeClient":  # `evalkube --help` has no use for an HTTP client
        from evalkube_cli.client import EvalkubeClient

        return EvalkubeClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
