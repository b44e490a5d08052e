"""Comparing two runs beside everything else that a service does."""

import asyncio
import gc
import threading
from pathlib import Path

import pytest

from evalkube_api import comparing
from evalkube_api.folder.backend import FolderBackend
from evalkube_benchmarks.statistics.reviews import Answered, Key, Reviews
from fakes import many_samples


def test_reviews_are_read_beside_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, in threads: the loop answers other requests meanwhile, however many samples there are."""
    run_id = many_samples.evaluated(tmp_path, 3_000, question="What is number {}?" + " Think." * 100)
    readers: list[int] = []
    feed, answers = Reviews.feed, Reviews.answers

    def noted_feed(self: Reviews, piece: bytes) -> None:
        readers.append(threading.get_ident())
        feed(self, piece)

    def noted_answers(self: Reviews) -> dict[Key, list[Answered]]:
        readers.append(threading.get_ident())
        return answers(self)

    monkeypatch.setattr(Reviews, "feed", noted_feed)
    monkeypatch.setattr(Reviews, "answers", noted_answers)

    async def read() -> int:
        backend = FolderBackend(tmp_path)
        await backend.start()
        (found,) = await comparing.evaluations(backend, run_id, [run_id], most_changed=0)
        await backend.close()
        assert found["benchmarks"]["gsm8k"]["questions"] == 3_000 * 49 // 50
        return threading.get_ident()

    loop = asyncio.run(read())
    assert len(readers) > 2  # in pieces
    assert loop not in readers
    assert gc.isenabled()  # after its pause
