"""Words, sentences and languages, counted as in the public verdicts of IFEval. Pure.

These were made with NLTK and langdetect, and other results change verdicts. Sentences are those of Punkt with NLTK's
English model, languages those of langdetect. The words in capitals are counted here.
"""

import functools
import re
from collections.abc import Callable

__all__ = ["capital_words", "language", "sentences", "words"]

_WORD = re.compile(r"\w+")


def words(text: str) -> int:
    """The number of words in a text: runs of letters, digits and underscores, so that "don't" is two."""
    return len(_WORD.findall(text))


def sentences(text: str) -> int:
    """The number of sentences in a text (Kiss and Strunk 2006)."""
    import punkt  # these libraries are loaded by a process that scores, not by one that lists benchmarks

    return len(punkt.sent_tokenize(text))


def language(text: str) -> str | None:
    """The code of a text's language (ISO 639-1, or zh-cn); None without a letter."""
    return _detector()(text)


@functools.cache
def _detector() -> Callable[[str], str | None]:
    import langdetect
    from langdetect.lang_detect_exception import LangDetectException

    # Detection draws at random; a reply must not be scored otherwise on a second look.
    langdetect.DetectorFactory.seed = 0

    def detected(text: str) -> str | None:
        try:
            found: str = langdetect.detect(text)
        except LangDetectException:
            return None
        return found

    return detected


# ------------------------------------------------------------------------------------------------- words in capitals
# The Penn Treebank's tokens as NLTK cuts them, as far as it matters to how many are in capitals: a comma or colon stays
# in a number, hyphens and slashes in a word, and what is contracted is two (DON'T is DO and N'T).

_APART = re.compile(r"[\s«»“”„‘’`\"\[\](){}<>;@#$%&?!*‒-―]+|--|\.{2,}|[:,](?!\d)")
_OPENED = re.compile(r"(?<!\w)'(?!(?:re|ve|ll|m|t|s|d|n)\b)(?=\w)", re.IGNORECASE)
_CONTRACTED = re.compile(r"(?<=[^' ])('[SMD]|'LL|'RE|'VE|N'T|')$", re.IGNORECASE)
_FUSED = re.compile(
    r"\b(?:(can)(not)|(d)('ye)|(gim)(me)|(gon)(na)|(got)(ta)|(lem)(me)|(more)('n)|(wan)(na)(?!\S))\b", re.IGNORECASE
)


def capital_words(text: str) -> int:
    """The number of words in capitals."""
    return sum(token.isupper() for piece in _APART.split(text) for token in _tokens(piece))


def _tokens(piece: str) -> list[str]:
    piece = _OPENED.sub("' ", piece).removesuffix(".")
    parts: list[str] = []
    while contracted := _CONTRACTED.search(piece):
        parts.append(contracted.group())
        piece = piece[: contracted.start()]
    fused = _FUSED.sub(lambda match: " ".join(part for part in match.groups() if part), piece)
    return [*fused.split(), *parts]
