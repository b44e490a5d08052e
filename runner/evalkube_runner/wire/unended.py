"""Events of a stream whose blank line has not come: whole whatever may follow, or not yet. Bytes in, bytes out."""

import orjson

__all__ = ["whole_events"]


def whole_events(pending: bytes, keys: tuple[str, ...]) -> list[bytes]:
    """The events in lines that have not ended yet, if each of them is whole whatever may follow; else none."""
    events: list[bytes] = []
    before: list[bytes] = []
    for line in pending.strip(b"\n").split(b"\n"):
        if line.startswith(b"data:"):
            if not _is_event(line, keys):
                return []
            events.append(b"\n".join([*before, line]))
            before = []
        elif line.startswith((b":", b"event:", b"id:", b"retry:")):
            before.append(line)
        else:
            return []
    return [] if before else events


def _is_event(line: bytes, keys: tuple[str, ...]) -> bool:
    """Whether a line is an event whatever may follow: an object with one of `keys`, or [DONE]."""
    said = line[5:].strip()
    if said == b"[DONE]":
        return True
    if not said.endswith(b"}"):
        return False
    try:
        found = orjson.loads(said)
    except orjson.JSONDecodeError:
        return False
    return isinstance(found, dict) and any(found.get(key) is not None for key in keys)
