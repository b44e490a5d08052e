"""Texts of others, made safe to show on a terminal, in a log, in a status. Pure."""

import re
from typing import Final

from evalkube_crds.redaction import CUT

__all__ = ["clip", "in_json", "printable"]

_MESSAGE_CHARS: Final = 300

_COMMANDS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and line feed; DEL; C1, by which eight-bit terminals take commands
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what changes the direction of text
    "\u2028\u2029"  # line ends that nobody sees
    "\ud800-\udfff"  # halves of pairs, which no output can encode
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"  # what is not seen, or hides what is
)


def printable(text: str) -> str:
    """`text` with U+FFFD for each character that a terminal obeys. Tabs and line feeds stay."""
    return _COMMANDS.sub("\ufffd", text.replace("\r\n", "\n"))


def in_json(text: str) -> str:
    """Equivalent JSON `text` in which JSON escapes replace all such characters."""
    return _COMMANDS.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def clip(text: str, most: int = _MESSAGE_CHARS) -> str:
    """`text` on one line, printable, with at most that many characters."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= most else line[: most - 1] + CUT
