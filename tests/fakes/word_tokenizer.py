"""A tokenizer whose counts one can make by hand: every word between white space is a token."""

from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers

__all__ = ["save_word_tokenizer"]


def save_word_tokenizer(folder: Path) -> str:
    """Write its tokenizer.json into `folder`; the path for `tokenizer_path`."""
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    file = folder / "tokenizer.json"
    tokenizer.save(str(file))
    return str(file)
