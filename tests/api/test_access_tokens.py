"""The token of a service and the file it is in."""

import logging
import os
import stat
from pathlib import Path

import pytest

from evalkube_api import errors
from evalkube_api.access.tokens import TokenFile, Unusable, bearer, usable

TOKEN = b"0123456789abcdef-~+/="
OTHER = b"fedcba9876543210"

FIT = {
    "as it is": TOKEN,
    "a line": TOKEN + b"\n",
    "a line of Windows": TOKEN + b"\r\n",
    "white space around": b"\n \t" + TOKEN + b" \n\n",
}
UNFIT = {
    "nothing": b"",
    "white space": b" \n\t\n",
    "short": b"0123456789abcde",
    "long": b"x" * 4097,
    "a space inside": b"01234567 89abcdef",
    "two lines": TOKEN + b"\n" + TOKEN,
    "a tab inside": b"01234567\t89abcdef",
    "a control character": b"01234567\x0089abcdef",
    "delete": b"01234567\x7f89abcdef",
    "UTF-8": "0123456789abcdefgh\u00fc".encode(),
    "a byte order mark": b"\xef\xbb\xbf" + TOKEN,
    "UTF-16": TOKEN.decode().encode("utf-16"),
}


@pytest.mark.parametrize("content", FIT.values(), ids=FIT)
def test_a_token_is_read(content: bytes) -> None:
    """Without what is around it."""
    assert usable(content) == TOKEN


@pytest.mark.parametrize("content", UNFIT.values(), ids=UNFIT)
def test_what_is_no_token_is_refused(content: bytes, tmp_path: Path) -> None:
    """At the start, with the file's name, and never with what is in it."""
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(errors.ServiceError, match=f"--token-file {path}: ") as refused:
        TokenFile(path)
    assert "0123456" not in str(refused.value)
    assert "xxx" not in str(refused.value)


@pytest.mark.parametrize("name", ["none", ".", "a\0b"])
def test_what_cannot_be_read_is_refused(name: str, tmp_path: Path) -> None:
    """Nothing, a folder, a name that is none."""
    with pytest.raises(errors.ServiceError, match="--token-file"):
        TokenFile(tmp_path / name)


@pytest.mark.timeout(20)
def test_a_file_without_end_is_refused() -> None:
    """Not read to its end."""
    with pytest.raises(errors.ServiceError, match="--token-file /dev/zero"):
        TokenFile(Path("/dev/zero"))


GIVEN = {
    "as documented": [b"Bearer " + TOKEN],
    "small": [b"bearer " + TOKEN],
    "capitals": [b"BEARER " + TOKEN],
    "several spaces": [b"Bearer    " + TOKEN],
    "white space around": [b"  Bearer " + TOKEN + b" \t"],
}
REFUSED = {
    "nothing": [],
    "empty": [b""],
    "no token": [b"Bearer"],
    "no token but spaces": [b"Bearer   "],
    "no scheme": [TOKEN],
    "another scheme": [b"Basic " + TOKEN],
    "a longer scheme": [b"Bearers " + TOKEN],
    "no space": [b"Bearer" + TOKEN],
    "a tab": [b"Bearer\t" + TOKEN],
    "a colon": [b"Bearer: " + TOKEN],
    "another token": [b"Bearer " + OTHER],
    "a part of it": [b"Bearer " + TOKEN[:-1]],
    "more than it": [b"Bearer " + TOKEN + b"x"],
    "other capitals": [b"Bearer " + TOKEN.upper()],
    "twice in one": [b"Bearer " + TOKEN + b" " + TOKEN],
    "a list": [b"Bearer " + TOKEN + b", Bearer " + OTHER],
    "two headers": [b"Bearer " + TOKEN, b"Bearer " + TOKEN],
    "two headers, one wrong": [b"Bearer " + OTHER, b"Bearer " + TOKEN],
    "in quotes": [b'Bearer "' + TOKEN + b'"'],
    "not ASCII": [b"Bearer \xff" + TOKEN],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with the token, for its owner alone."""
    file = tmp_path / "token"
    file.write_bytes(TOKEN + b"\n")
    file.chmod(0o600)
    return file


@pytest.mark.parametrize("headers", GIVEN.values(), ids=GIVEN)
def test_the_token_lets_in(headers: list[bytes], path: Path) -> None:
    """However the scheme is spelt (RFC 9110, 11.1)."""
    assert bearer(headers) == TOKEN
    TokenFile(path).check(headers)


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED)
def test_nothing_else_does(headers: list[bytes], path: Path) -> None:
    """And the refusal has none of it."""
    with pytest.raises(errors.Unauthorized) as refused:
        TokenFile(path).check(headers)
    assert TOKEN.decode() not in str(refused.value)
    assert OTHER.decode() not in str(refused.value)


@pytest.mark.parametrize(
    ("mode", "warned"), [(0o600, False), (0o400, False), (0o640, False), (0o644, True), (0o604, True), (0o602, True)]
)
def test_a_file_that_others_may_read(mode: int, warned: bool, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Is used, with a warning."""
    path.chmod(mode)
    with caplog.at_level(logging.WARNING):
        TokenFile(path)
    assert ("others on this machine" in caplog.text) == warned


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Now."""
        return self.seconds


def lets_in(file: TokenFile, token: bytes) -> bool:
    """Whether the token is the one."""
    try:
        file.check([b"Bearer " + token])
    except errors.Unauthorized:
        return False
    return True


def test_a_changed_file_is_read_again(path: Path) -> None:
    """Within a second, and the token before lets nobody in any more; of the same length and time of change, too."""
    clock = Clock()
    file = TokenFile(path, now=clock)
    before = path.stat()
    path.write_bytes(TOKEN[::-1] + b"\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert lets_in(file, TOKEN)
    clock.seconds = 1.0
    assert (lets_in(file, TOKEN), lets_in(file, TOKEN[::-1])) == (False, True)


def test_a_mounted_secret_that_changes(tmp_path: Path) -> None:
    """As the kubelet does it: a link is replaced."""
    for name, token in (("1", TOKEN), ("2", OTHER)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_bytes(token)
    data, clock = tmp_path / "..data", Clock()
    data.symlink_to("1")
    file = TokenFile(data / "token", now=clock)
    (tmp_path / "new").symlink_to("2")
    (tmp_path / "new").rename(data)
    clock.seconds = 1.0
    assert (lets_in(file, TOKEN), lets_in(file, OTHER)) == (False, True)


def spoil(path: Path, how: str) -> None:
    """Make of the file what holds no token."""
    if how in ("empty", "short"):
        path.write_bytes(OTHER[:8] if how == "short" else b"")
        return
    path.unlink()
    if how == "a folder":
        path.mkdir()
    if how == "a pipe":
        os.mkfifo(path)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("how", ["empty", "short", "gone", "a folder", "a pipe"])
def test_a_file_that_is_spoilt_changes_nothing(how: str, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody gets in by it and nobody is locked out; it is said once. When it is well again, it is read."""
    clock = Clock()
    file = TokenFile(path, now=clock)
    spoil(path, how)
    for second in (1.0, 2.0, 3.0):
        clock.seconds = second
        assert (lets_in(file, TOKEN), lets_in(file, b""), lets_in(file, OTHER[:8])) == (True, False, False)
    assert caplog.text.count("the old token stays valid") == 1
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    path.write_bytes(OTHER)
    clock.seconds = 4.0
    assert (lets_in(file, TOKEN), lets_in(file, OTHER)) == (False, True)
    assert TOKEN.decode() not in caplog.text
    assert OTHER[:8].decode() not in caplog.text


@pytest.mark.timeout(20)
def test_a_pipe_is_read_once() -> None:
    """`--token-file <(pass show evalkube)`: there is nothing to read a second time, and no waiting for it."""
    reading, writing = os.pipe()
    clock = Clock()
    os.write(writing, TOKEN)
    os.close(writing)
    file = TokenFile(Path(f"/dev/fd/{reading}"), now=clock)
    os.close(reading)
    for second in (0.0, 5.0, 10.0):
        clock.seconds = second
        assert lets_in(file, TOKEN)


def test_the_token_is_in_no_repr(path: Path) -> None:
    """Of the object that has it."""
    assert TOKEN.decode() not in repr(TokenFile(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_unfit_token_is_named_by_what_is_wrong() -> None:
    """And a way to make one."""
    with pytest.raises(Unusable, match="openssl rand -hex 32"):
        usable(b"short")
