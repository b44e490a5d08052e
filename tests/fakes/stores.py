"""Stores for tests: a real folder and, where one answers, a real S3 server."""

import os
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from evalkube_operator.ports import RunKey
from evalkube_operator.store import opening
from evalkube_operator.store.interface import Content, Store

RUN = RunKey("team", "my.run", "0b5c8a34-94b6-4fb5-9a0b-8f3c0f6e3a11")
KINDS = ("volume", "s3")


def opened(kind: str, folder: Path) -> Store:
    """An empty store of that kind. Skips the test where there is no S3 server."""
    if kind == "volume":
        return opening.open_store(opening.VolumeSettings(folder / "store", reserve_bytes=0))
    return opening.open_store(s3_settings())


def s3_settings() -> opening.S3Settings:
    """A prefix of its own on the server of the usual variables, or on one started with the test credentials."""
    environment = os.environ
    endpoint = environment.get("AWS_ENDPOINT_URL", "http://127.0.0.1:7070")
    try:
        urllib.request.urlopen(endpoint, timeout=20).close()
    except urllib.error.HTTPError as answer:
        answer.close()  # it answers, if only to say that it wants a signature
    except OSError as problem:
        pytest.skip(f"no S3 server at {endpoint} ({problem}): start one and set AWS_ENDPOINT_URL")
    return opening.S3Settings(
        bucket=environment.get("S3_BUCKET", "evalkube"),
        prefix=f"tests/{uuid.uuid4().hex}",
        endpoint=endpoint,
        region=environment.get("AWS_REGION", "us-east-1"),
        access_key_id=environment.get("AWS_ACCESS_KEY_ID", "testaccess"),
        secret_access_key=environment.get("AWS_SECRET_ACCESS_KEY", "testsecret"),
        allow_http=True,
    )


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    """The pieces, one by one."""
    for piece in pieces:
        yield piece


async def read(content: Content | None) -> bytes | None:
    """All of it, as many bytes as were promised."""
    if content is None:
        return None
    data = b"".join([chunk async for chunk in content.chunks])
    assert len(data) == content.size_bytes
    return data
