"""The dialects of the mock. A new one is one file and one line here."""

from evalkube_mock.dialects.anthropic import Anthropic
from evalkube_mock.dialects.dashscope import DashScope
from evalkube_mock.dialects.embeddings import Embeddings
from evalkube_mock.dialects.gemini import Gemini
from evalkube_mock.dialects.model import Dialect, Headers
from evalkube_mock.dialects.openai import OpenAI
from evalkube_mock.dialects.rerank import Rerank
from evalkube_mock.dialects.responses import Responses

__all__ = ["DIALECTS", "FALLBACK", "claiming"]

FALLBACK: Dialect = OpenAI()
DIALECTS: tuple[Dialect, ...] = (
    FALLBACK,
    Responses(),
    Anthropic(),
    Gemini(),
    DashScope(),
    Embeddings(),
    Rerank(),
)


def claiming(path: str, headers: Headers) -> Dialect:
    """The dialect that answers a request to no generating endpoint: the first that accepts it, or OpenAI."""
    others = (dialect for dialect in DIALECTS if dialect is not FALLBACK)
    return next((dialect for dialect in others if dialect.claims(path, headers)), FALLBACK)
