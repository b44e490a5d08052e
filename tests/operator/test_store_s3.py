"""What is particular to a bucket: parts that are merged, a server that is away, and the end of the program."""

import asyncio
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import obstore
import pytest

from evalkube_operator.store.interface import StoreFull, StoreUnavailable
from evalkube_operator.store.keys import ShardKey
from evalkube_operator.store.s3 import S3Settings, S3Store
from fakes.raw_server import raw_server
from fakes.stores import RUN, chunks, opened, read, s3_settings

_KEY = ShardKey(RUN, 0, 0).at("p.jsonl")
_SETTINGS = S3Settings("b", region="r", access_key_id="hush", secret_access_key="hush", allow_http=True)


def test_a_journal_does_not_become_thousands_of_objects() -> None:
    """300 small appends are a few dozen objects, and a reader that began before a merge reads on."""

    async def scenario() -> None:
        store = S3Store(s3_settings())
        size = 0
        for number in range(20):
            size = await store.append(_KEY, size, b"%d\n" % number)
        before, length = await store.get(_KEY), size
        for number in range(20, 300):
            size = await store.append(_KEY, size, b"%d\n" % number)
        expected = b"".join(b"%d\n" % number for number in range(300))
        assert await read(before) == expected[:length]
        assert await read(await store.get(_KEY)) == expected
        objects = await obstore.list(store._bucket).collect_async()
        assert len(objects) < 32

    asyncio.run(scenario())


def test_another_writers_part_is_found_out() -> None:
    """Two operators for a moment: nobody's acknowledged bytes are written over."""

    async def scenario() -> None:
        settings = s3_settings()
        first, second = S3Store(settings), S3Store(settings)
        assert await first.append(_KEY, 0, b"one\n") == 4
        assert await second.append(_KEY, 4, b"two\n") == 8
        assert await first.append(_KEY, 4, b"two\n") == 8
        assert await first.append(_KEY, 8, b"three\n") == 14
        assert await read(await S3Store(settings).get(_KEY)) == b"one\ntwo\nthree\n"

    asyncio.run(scenario())


def test_a_bucket_that_is_away_is_unavailable() -> None:
    """Within seconds, whatever was asked."""

    async def scenario() -> None:
        store = S3Store(
            S3Settings(
                "b",
                endpoint="http://127.0.0.1:9",
                region="r",
                access_key_id="a",
                secret_access_key="s",
                allow_http=True,
            )
        )
        began = time.monotonic()
        for use in (store.put(_KEY, chunks(b"x")), store.append(_KEY, 0, b"x"), store.stat(_KEY), store.check()):
            with pytest.raises(StoreUnavailable, match="the bucket"):
                await use
        assert time.monotonic() - began < 20

    asyncio.run(scenario())


def _refusal(status: str, code: str, message: str) -> bytes:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(_refusal("403 Forbidden", "QuotaExceeded", ""), id="Ceph, a quota"),
        pytest.param(_refusal("400 Bad Request", "XMinioAdminBucketQuotaExceeded", ""), id="MinIO"),
        pytest.param(_refusal("507 Insufficient Storage", "XMinioStorageFull", "full"), id="MinIO, its disks"),
        pytest.param(
            _refusal("403 Forbidden", "AccessDenied", "Bucket size quota is reached, maximum: 9"),
            id="Garage",
        ),
    ],
)
def test_a_bucket_without_room_is_said_to_be_full(answer: bytes) -> None:
    """In the words of each server: of a write and of the probe, before a probe's patience (5 s) is over."""

    async def scenario() -> None:
        async with raw_server(lambda connection, request: [answer]) as server:
            store = S3Store(replace(_SETTINGS, endpoint=f"http://127.0.0.1:{server.port}"))
            async with asyncio.timeout(5):
                with pytest.raises(StoreFull, match="the bucket has no room"):
                    await store.check()
            with pytest.raises(StoreFull):
                await store.put(_KEY, chunks(b"x"))

    asyncio.run(scenario())


def test_no_key_is_shown() -> None:
    """Settings end up in logs."""
    assert "hush" not in repr(_SETTINGS)


_PROGRAM = """
import asyncio
from fakes.stores import chunks, s3_settings
from evalkube_operator.store.s3 import S3Store
async def main():
    store = S3Store(s3_settings())
    await store.put("a", chunks(b"x"))
    await store.delete("a")
asyncio.run(main())
"""


def test_a_program_that_ends_after_a_request_ends_well(tmp_path: Path) -> None:
    """The client's threads have let go of Python by then, every time."""
    opened("s3", tmp_path)  # or skip
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    programs = [subprocess.Popen([sys.executable, "-c", _PROGRAM], env=environment) for _ in range(8)]
    assert [program.wait() for program in programs] == [0] * 8
