"""Where prompts come from: items by index. And what of a prompt is text. No I/O here."""

from typing import Protocol

from evalkube_runner.wire.answer import Prompt

__all__ = ["TextList", "Texts", "text_of"]


class Texts(Protocol):
    """Items by index, each the same whenever it is asked for."""

    def __len__(self) -> int:
        """How many there are."""

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


_PROMPTS = ("messages", "prompt", "input")  # where bodies have it; the last may hold one of the others


def text_of(prompt: Prompt) -> str:
    """All text in a prompt, as far as it has any: of messages and bodies the contents, joined by line breaks."""
    if isinstance(prompt, str):
        return prompt
    if isinstance(prompt, dict):
        inner = next((prompt[name] for name in _PROMPTS if name in prompt), "")
        return text_of(inner) if isinstance(inner, str | list | dict) else ""
    return "\n".join(_content(message) for message in prompt if isinstance(message, dict))


def _content(message: dict[str, object]) -> str:
    content = message.get("content")
    if isinstance(content, list):  # parts, of which only those of text are counted
        found = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n".join(text for text in found if isinstance(text, str))
    return content if isinstance(content, str) else ""
