"""The interface of a source of prompts: items by index; and the text in a prompt. No I/O here."""

from typing import Final, Protocol

from evalkube_runner.wire.answer import Prompt

__all__ = ["TextList", "Texts", "text_of"]


class Texts(Protocol):
    """Items by index, each the same whenever it is asked for."""

    def __len__(self) -> int:
        """The number of texts."""

    def item(self, index: int) -> Prompt:
        """Text, messages or a whole body; 0 <= index < len."""


class TextList:
    """Texts in memory."""

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts

    def __len__(self) -> int:
        return len(self._texts)

    def item(self, index: int) -> Prompt:
        """One text."""
        return self._texts[index]


def text_of(prompt: Prompt) -> str:
    """The text in a prompt: of messages and bodies the contents, joined by line breaks."""
    if isinstance(prompt, str):
        return prompt
    if isinstance(prompt, dict):
        found = [prompt[name] for name in _TEXTS if name in prompt]
        return "\n".join(text_of(inner) for inner in found if isinstance(inner, str | list | dict))
    return "\n".join(_content(part) for part in prompt if isinstance(part, dict | str))


_TEXTS: Final = ("messages", "prompt", "input", "query", "documents")


def _content(message: dict[str, object] | str) -> str:
    content = message if isinstance(message, str) else message.get("content", message.get("text"))
    if isinstance(content, list):  # parts, of which only those of text are counted
        found = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n".join(text for text in found if isinstance(text, str))
    return content if isinstance(content, str) else ""
