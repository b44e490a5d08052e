"""Tokens of the mock: word pieces whose concatenation is exactly the text. Pure; no dialect and no timing here.

A real tokenizer would cost a download and CPU, and the mock only needs a token count that client and server agree on. A
piece is a word with the white space before it; a CJK character is a piece by itself.
"""

import re

__all__ = ["count", "filler", "split"]

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uff00-\uffef\u3000-\u303f"
_PIECE = re.compile(rf"\s*(?:[{_CJK}]|[^\s{_CJK}]+)|\s+\Z")

# Plain words of 3-7 letters: with its space a piece is about as long as an average English token.
_PROSE = (
    "time year people way day man thing woman life child world school state family student group country problem hand "
    "part place case week company system program question work number night point home water room mother area money "
    "story fact month lot right study book eye job word issue side kind head house service friend father power hour "
    "game line end member law car city name team minute idea body back parent face level office door health person"
)
_WORDS = _PROSE.split()
_STRIDE = 37  # coprime to the number of words, so that every word comes before one comes again


def split(text: str) -> tuple[str, ...]:
    """The pieces of `text`; `"".join(split(text)) == text` always holds. Empty text has no pieces."""
    return tuple(_PIECE.findall(text))


def count(text: str) -> int:
    """The number `len(split(text))` for text that does not end in white space, without building the pieces."""
    return len(text.split()) if text.isascii() else sum(1 for _ in _PIECE.finditer(text.rstrip()))


def filler(length: int, seed: int) -> tuple[str, ...]:
    """Exactly `length` pieces of prose-like text; the same seed gives the same text."""
    words = [_WORDS[(seed + index * _STRIDE) % len(_WORDS)] for index in range(length)]
    return tuple(word if index == 0 else " " + word for index, word in enumerate(words))
