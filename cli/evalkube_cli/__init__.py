"""The `evalkube` command and the Python client of its service. Neither imports a program: programs are named."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalkube_cli.client import EvalkubeClient
    from evalkube_cli.comparing import compare

__all__ = ["EvalkubeClient", "compare"]


def __getattr__(name: str) -> object:
    if name == "EvalkubeClient":  # `evalkube --help` has no use for an HTTP client
        from evalkube_cli.client import EvalkubeClient

        return EvalkubeClient
    if name == "compare":
        from evalkube_cli.comparing import compare

        return compare
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
