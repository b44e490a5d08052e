"""The dialects that the mock speaks. A new one is one file and one line here."""

from evalkube_mock.dialects.model import Dialect
from evalkube_mock.dialects.openai import OpenAI

__all__ = ["DIALECTS"]

DIALECTS: tuple[Dialect, ...] = (OpenAI(),)
