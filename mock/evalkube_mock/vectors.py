"""Embeddings and relevance scores that depend only on their texts. Pure; there is no model.

Every component of a vector is 1/sqrt(n) with a sign drawn from a hash of the text. So the length is exactly 1, equal
texts have equal vectors, and the vectors of different texts are nearly orthogonal. It is cheap too: eight components
take one look-up.
"""

import base64
import dataclasses
import hashlib
import math
import sys
from array import array
from functools import lru_cache

__all__ = ["MAX_DIMENSIONS", "Vector", "embed", "relevance"]

MAX_DIMENSIONS = 1 << 16


@dataclasses.dataclass(frozen=True, slots=True)
class Vector:
    """A vector of length 1: one sign per component."""

    signs: bytes  # eight components a byte; the last byte may have some too many
    dimensions: int

    def json(self) -> bytes:
        """Renders a JSON array."""
        table = _texts(self.dimensions)
        rest = -self.dimensions % 8
        text = b",".join([table[byte] for byte in self.signs])
        if rest:
            text = b",".join(text.split(b",")[:-rest])
        return b"[" + text + b"]"

    def base64(self) -> bytes:
        """Renders 32-bit floats, little endian, in base64, for OpenAI's `encoding_format`."""
        table = _packed(self.dimensions)
        return base64.b64encode(b"".join([table[byte] for byte in self.signs])[: 4 * self.dimensions])


def embed(text: str | tuple[int, ...], dimensions: int) -> Vector:
    """The vector of a text or of token ids."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else repr(text).encode()
    return Vector(hashlib.shake_128(data).digest(-(-dimensions // 8)), dimensions)


def relevance(query: str, document: str) -> float:
    """A score in [0, 1): the share of the query's words that the document has; a hash breaks ties."""
    words = set(query.casefold().split())
    shared = len(words & set(document.casefold().split())) / len(words) if words else 0.0
    draw = int.from_bytes(hashlib.shake_128(f"{query}\0{document}".encode("utf-8", "surrogatepass")).digest(4), "big")
    return 0.9 * shared + 0.1 * draw / 2**32


def _components(dimensions: int, byte: int) -> list[float]:
    size = 1 / math.sqrt(dimensions)
    return [size if byte >> bit & 1 else -size for bit in range(8)]


@lru_cache(maxsize=16)
def _texts(dimensions: int) -> tuple[bytes, ...]:
    return tuple(",".join(map(repr, _components(dimensions, byte))).encode() for byte in range(256))


@lru_cache(maxsize=16)
def _packed(dimensions: int) -> tuple[bytes, ...]:
    return tuple(_little_endian(_components(dimensions, byte)) for byte in range(256))


def _little_endian(values: list[float]) -> bytes:
    packed = array("f", values)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()
