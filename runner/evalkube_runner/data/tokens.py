"""A model's tokenizer (its tokenizer.json, by the `tokenizers` library): counting, cutting, and words of one token.

Counts are of plain text: no special token is added. No model code runs, and nothing is fetched.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from evalkube_crds.names import Reason
from evalkube_crds.paths import Readable
from evalkube_runner.data import opening
from evalkube_runner.errors import RunFailed

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["COMMON_WORDS", "TokenCounter", "load"]

_FILE: Final = "tokenizer.json"
# Enough for prompts that share nothing by chance; testing a whole vocabulary of 150,000 would take seconds.
_MAX_CANDIDATES: Final = 16_384
_MIN_WORDS: Final = 16
_TRIES: Final = 16

# Short common English words: one token each, after a space, in every large English vocabulary.
_COMMON: Final = """
about above after again air all also always and animal another answer any are area around art ask away back base be
bed been before began begin best better big bird black blue boat body book both box boy bring brown build but buy by
call came can car care carry change child city class clean clear close cold color come common cost could country
course cross cut dark day deep did do dog door down draw dry each early earth easy eat end enough even ever every eye
face fact fall family far farm fast father feel feet few field fill final find fine fire first fish five fly follow
food foot for form found four free friend from front full game gave get girl give go gold good got great green ground
group grow had half hand hard has have he head hear heart heat help her here high him his hold home horse hot hour
house how idea if in inch is island it just keep kind king knew know land language large last late laugh lay lead
learn leave left less let letter life light like line list listen little live long look lot love low made main make
man many map mark may me mean men might mile mind minute miss money moon more morning most mother mountain move much
music must my name near need never new next night no north note notice now number of off often oh old on once one only
open or order other our out over own page paper part pass pattern people perhaps person picture piece place plan plant
play point poor power press problem product pull put question quick rain ran reach read ready real red rest right
river road rock room round rule run said same saw say school science sea second see seem self sentence set seven
several shape she ship short should show side simple since sing sit six size sky sleep slow small snow so some song
soon sound south space special spell stand star start state stay step stood stop story street strong study such summer
sun sure surface table take talk teach tell ten test than that the their them then there these they thing think this
those though thought thousand three through time to together told too took top toward town travel tree true try turn
two under unit until up us use usual very voice wait walk want war warm was watch water way we week weight well went
were west what wheel when where which while white who whole why will wind winter with wonder wood word work world
would write year yes yet you young your
"""
COMMON_WORDS: Final = tuple(_COMMON.split())


class TokenCounter:
    """Counts tokens as one model does."""

    def __init__(self, tokenizer: "Tokenizer") -> None:
        self._tokenizer = tokenizer

    def count(self, text: str) -> int:
        """How many tokens the text has."""
        return len(self.encode(text))

    def counts(self, texts: Sequence[str]) -> list[int]:
        """`count` of each, on all cores."""
        return [len(found.ids) for found in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def encode(self, text: str) -> list[int]:
        """The token ids."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids; special tokens show."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

    def cut(self, text: str, tokens: int) -> str:
        """The beginning of the text with exactly `tokens` tokens, or the whole of a shorter text.

        A cut can fall inside a character or change how its end is read, so it is counted again and moved; where no cut
        has exactly that many (seen with one emoji of many tokens), the longest one below is given.
        """
        ids = self.encode(text)
        if len(ids) <= tokens:
            return text
        best, kept = "", tokens
        for _ in range(_TRIES):
            piece = self.decode(ids[:kept]).rstrip("\ufffd")
            found = self.count(piece)
            if found == tokens:
                return piece
            if found < tokens and len(piece) > len(best):
                best = piece
            kept = max(1, min(len(ids), kept + tokens - found))
        return best

    def words(self) -> tuple[str, ...]:
        """Words of letters that are one token each, alone and after a space. Raises RunFailed when there are too few.

        A text of n of them, with spaces between, has n tokens in every tokenizer that splits before spaces. Special and
        byte-fallback tokens are no words of letters and so never among them.
        """
        added = {token.content for token in self._tokenizer.get_added_tokens_decoder().values()}
        found = set()
        for token_id in sorted(self._tokenizer.get_vocab(with_added_tokens=False).values()):
            word = self.decode([token_id]).strip()
            if re.fullmatch(r"[A-Za-z]{2,12}", word) and word not in added:
                found.add(word)
            if len(found) >= _MAX_CANDIDATES:
                break
        candidates = sorted(found)
        alone, spaced = self.counts(candidates), self.counts([f"{word} {word}" for word in candidates])
        words = tuple(word for word, one, two in zip(candidates, alone, spaced, strict=True) if (one, two) == (1, 2))
        if len(words) < _MIN_WORDS:
            raise _failed(f"tokenizer_path: only {len(words)} words of one token in it, too few for random prompts")
        return words


def load(path: str, readable: Readable) -> TokenCounter:
    """The tokenizer at `path`: a tokenizer.json or a folder with one. Raises RunFailed(InvalidSpec, PathForbidden)."""
    from tokenizers import Tokenizer

    file = opening.found(path, readable, "tokenizer_path")
    if file.is_dir():
        file = file / _FILE
    try:
        data = opening.read(file, readable)
    except OSError as error:
        reason = "does not exist" if isinstance(error, FileNotFoundError) else error.strerror
        raise _failed(f"tokenizer_path: {file} {reason}; give a {_FILE} or a folder that holds one") from error
    try:
        return TokenCounter(Tokenizer.from_buffer(data))
    except Exception as error:  # the library raises bare Exception for every malformed file
        raise _failed(f"tokenizer_path: {file} is not a tokenizer of the tokenizers library: {error}") from error


def _failed(message: str) -> RunFailed:
    return RunFailed(Reason.INVALID_SPEC, message)
