"""Whose certificates are accepted, in evaluations and load tests alike. Real TLS on loopback."""

from pathlib import Path

import pytest

from evalkube_benchmarks.benchmark import Message
from evalkube_crds.evalrun import GenerationConfig, JudgeModel
from evalkube_crds.names import ErrorClass, Reason
from evalkube_crds.paths import Readable
from evalkube_runner.ca_file import trust_of
from evalkube_runner.errors import RunFailed
from evalkube_runner.eval.client import Client, RequestFailed
from evalkube_runner.gate import Gate
from evalkube_runner.perf import sweep
from evalkube_runner.trust import Trust
from fakes import certificates, load_tests, scripted_endpoint
from fakes.certificates import AUTHORITY, SELF_SIGNED, SERVER
from fakes.readable import ANYTHING
from fakes.scripted_endpoint import answering

# name: the server's certificate, ca_file, verify, the host's name, SSL_CERT_FILE, whether it is accepted
CASES: dict[str, tuple[Path, Path | None, bool, str, Path | None, bool]] = {
    "nobody's authority": (SERVER, None, True, "127.0.0.1", None, False),
    "our authority": (SERVER, AUTHORITY, True, "127.0.0.1", None, True),
    "our authority, by name": (SERVER, AUTHORITY, True, "localhost", None, True),
    "our authority, another name": (SERVER, AUTHORITY, True, "127.0.0.2", None, False),
    "self-signed": (SELF_SIGNED, None, True, "127.0.0.1", None, False),
    "self-signed, named": (SELF_SIGNED, SELF_SIGNED, True, "127.0.0.1", None, True),
    "the certificate itself": (SERVER, SERVER, True, "127.0.0.1", None, True),
    "another authority": (SELF_SIGNED, AUTHORITY, True, "127.0.0.1", None, False),
    "unchecked": (SELF_SIGNED, None, False, "127.0.0.2", None, True),
    "the environment's": (SERVER, None, True, "127.0.0.1", AUTHORITY, True),
    "beside the environment's": (SELF_SIGNED, SELF_SIGNED, True, "127.0.0.1", AUTHORITY, True),
}


@pytest.mark.parametrize(
    ("certificate", "ca_file", "verify", "host", "environment", "accepted"), CASES.values(), ids=CASES.keys()
)
def test_a_certificate(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    certificate: Path,
    ca_file: Path | None,
    verify: bool,
    host: str,
    environment: Path | None,
    accepted: bool,
) -> None:
    """Accepted or refused by both kinds; a refusal names the fields that would change it."""
    if environment is not None:
        monkeypatch.setenv("SSL_CERT_FILE", str(environment))
    fields = {"verify": verify, **({"ca_file": str(ca_file)} if ca_file is not None else {})}

    async def work() -> None:
        tls = certificates.serving(certificate)
        async with scripted_endpoint.running(answering("C"), tls=tls, host=host) as endpoint:
            wanted = load_tests.spec(endpoint.url, number=[2], parallel=[1], stream=False, **fields)
            trust = trust_of(wanted, ANYTHING)
            config = GenerationConfig(retries=1)
            async with Client(
                endpoint.url, "m", config, api_key=None, connections=1, gate=Gate(), trust=trust
            ) as client:
                if accepted:
                    assert (await client.ask([Message("user", "hi")])).text == "C"
                    result = await sweep.load_test(wanted, load_tests.context(tmp_path))
                    assert result.points[0].succeeded == 2
                    return
                with pytest.raises(RequestFailed) as asked:
                    await client.ask([Message("user", "hi")])
            with pytest.raises(RunFailed) as loaded:
                await sweep.load_test(wanted, load_tests.context(tmp_path))
            assert (asked.value.error, loaded.value.reason) == (ErrorClass.TLS, Reason.TARGET_UNREACHABLE)
            for text in (asked.value.message, loaded.value.message):
                assert "certificate is refused: " in text
                assert "ca_file" in text
                assert "verify: false" in text
            assert not endpoint.bodies

    load_tests.run(work())


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\nxx\n", None])
def test_a_file_without_a_certificate(tmp_path: Path, content: bytes | None) -> None:
    """It is refused before any request, by the field's name; also one that is cut off, and a folder."""
    path = tmp_path / "ca.pem"
    path.mkdir() if content is None else path.write_bytes(content)
    judge = JudgeModel(model="m", api_url="https://h/v1", ca_file=str(path))
    with pytest.raises(RunFailed, match=r"^judge\.models\[0\]\.ca_file: .*ca\.pem") as failed:
        trust_of(judge, ANYTHING, field="judge.models[0].ca_file")
    assert failed.value.reason is Reason.INVALID_SPEC


def test_a_file_elsewhere_is_not_read(tmp_path: Path) -> None:
    """It may lie only where a run may read."""
    judge = JudgeModel(model="m", api_url="https://h/v1", ca_file=str(AUTHORITY))
    with pytest.raises(RunFailed) as failed:
        trust_of(judge, Readable.of([tmp_path]))
    assert failed.value.reason is Reason.PATH_FORBIDDEN


def test_only_certificates_are_taken_from_a_file() -> None:
    """Not the key beside them."""
    judge = JudgeModel(model="m", api_url="https://h/v1", ca_file=str(SERVER))
    found = trust_of(judge, ANYTHING)
    assert found.authorities.count("BEGIN") == 1
    assert "KEY" not in found.authorities


def test_the_usual_authorities_stay() -> None:
    """A run's own stand beside them."""
    usual = len(Trust().context().get_ca_certs())
    assert usual > 50
    assert len(Trust(AUTHORITY.read_text()).context().get_ca_certs()) == usual + 1
