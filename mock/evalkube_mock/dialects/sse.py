"""Server-sent events as bytes (https://html.spec.whatwg.org/multipage/server-sent-events.html). Pure."""

from typing import Any

import orjson

__all__ = ["named"]


def named(document: dict[str, Any]) -> bytes:
    """Renders an event that is named after the `type` of its document, as in Anthropic's API and OpenAI's responses."""
    return b"event: %s\ndata: %s\n\n" % (document["type"].encode(), orjson.dumps(document))
