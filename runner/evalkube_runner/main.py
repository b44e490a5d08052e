"""Executes one run: reads its document, hands it to the core, and always leaves a receipt.

On one machine, into folders, with secrets from the parent, whose end is the end of stdin:

    python -m evalkube_runner.main --run run.json --artifacts DIR --control DIR --scratch DIR --secrets-stdin

On a cluster, to the operator's ingest, with secrets from mounted files:

    python -m evalkube_runner.main --run run.json --shard 0 --attempt 0 --ingest URL --ingest-token-file FILE
        --receipt /dev/termination-log --targets RULES [--api-key-file FILE]
"""

import argparse
import asyncio
import fcntl
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from evalkube_benchmarks import collections, samples
from evalkube_crds import credentials, problems, requests, storage
from evalkube_crds.names import EXIT_CODES, MAX_RECEIPT_BYTES, Kind, Reason
from evalkube_crds.paths import Readable
from evalkube_crds.proxies import Proxies
from evalkube_crds.results import Receipt
from evalkube_crds.status import EvalRun, PerfRun, Run
from evalkube_crds.targets import TargetRules
from evalkube_crds.wording import printable
from evalkube_runner import deliver, logs
from evalkube_runner.context import RunContext, Share, Start, StartInstant
from evalkube_runner.data import opening
from evalkube_runner.deliver import Delivery
from evalkube_runner.errors import RunFailed
from evalkube_runner.gate import Gate
from evalkube_runner.redact import RedactingDelivery, Redactor, redacting
from evalkube_runner.settings import Settings, read_settings, tell_libraries, tell_other_clients
from evalkube_runner.supervise import supervise

__all__ = ["main"]

_LOG = logging.getLogger("evalkube.runner")
_LAST_WORD_S = 10.0
_LAST_WORD_PAUSE_S = 0.5
_MOUNTED = "spec.data mounts claims and ConfigMaps at /data/<name>"

_SECRETS = (*requests.SECRETS, *credentials.CREDENTIALS, *requests.JUDGE_KEYS)


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit code (`names.EXIT_CODES` by the receipt's reason)."""
    options = _parse(arguments)
    secrets = _read_secrets(options)
    settings, unfit = _settings()
    hidden = [*credentials.secret_values(secrets), *settings.hubs.tokens, *settings.proxies.secrets()]
    redactor = Redactor(hidden)
    log = logs.start(redactor)
    try:
        run = _read_run(options.run)
        if unfit is not None:
            raise unfit
    except RunFailed as failure:
        receipt = Receipt(run_id="unknown", shard=options.shard, reason=failure.reason, message=failure.message)
    else:
        logs.set_level(run.spec.debug)
        redactor = Redactor(hidden, spared=_names_in(run))
        receipt = _execute(run, _Given(options, settings, secrets), redactor, log)
    receipt = _redacted(receipt, redactor)
    (_LOG.info if receipt.reason is Reason.COMPLETED else _LOG.error)("%s: %s", receipt.reason, receipt.message)
    code = EXIT_CODES.get(receipt.reason, EXIT_CODES[Reason.INTERNAL_ERROR])
    return code if _leave(receipt, options) else EXIT_CODES[Reason.STORE_FULL]


def _names_in(run: Run) -> list[str]:
    """The names that the spec holds for all to read, and that stand in keys and paths of the result."""
    names = [run.spec.model, run.spec.model_id, run.metadata.name]
    if isinstance(run, EvalRun):
        names += [*run.spec.datasets, *collections.members_of(run.spec)]
    return [name for name in names if name is not None]


def _settings() -> tuple[Settings, RunFailed | None]:
    """The environment's settings, and the reason why they cannot be used: then they have no proxies."""
    try:
        return read_settings(), None
    except RunFailed as failure:
        return read_settings(proxies=Proxies()), failure


def _redacted(receipt: Receipt, redactor: Redactor) -> Receipt:
    return receipt.model_copy(update={"message": printable(redactor.text(receipt.message))})


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="evalkube runner", description="Execute one run (the service and the operator start it)"
    )
    parser.add_argument("--run", type=Path, required=True, help="the run's document (EvalRun or PerfRun), JSON")
    parser.add_argument("--shard", type=int, default=0, help="index of this shard")
    parser.add_argument("--cache", type=Path, help="folder data sets are kept in (default: EVALKUBE_CACHE)")
    parser.add_argument(
        "--readable", type=Path, action="append", default=[], help="folder that the run may read files from; repeatable"
    )
    parser.add_argument(
        "--closed",
        type=Path,
        action="append",
        default=[],
        help="folder inside one of those that it may not; repeatable",
    )
    machine = parser.add_argument_group("on one machine")
    machine.add_argument("--artifacts", type=Path, help="folder the artifacts go to")
    machine.add_argument("--control", type=Path, help="folder for progress, result, response and receipt")
    machine.add_argument(
        "--scratch", type=Path, help="empty folder for what is needed during the run (default: a new temporary one)"
    )
    machine.add_argument(
        "--secrets-stdin", action="store_true", help="secrets are a JSON line on stdin; stop when it ends"
    )
    cluster = parser.add_argument_group("on a cluster")
    cluster.add_argument("--ingest", help="URL of the operator's ingest")
    cluster.add_argument("--ingest-token-file", type=Path, help="file with the pod's token for it")
    cluster.add_argument("--ca", type=Path, help="certificate authority of ingest")
    cluster.add_argument("--attempt", type=int, default=0, help="number of this attempt")
    cluster.add_argument("--receipt", type=Path, help="file the receipt is written to")
    cluster.add_argument(
        "--targets",
        type=TargetRules.model_validate_json,
        help="rules for what may be connected to, JSON (default on a cluster: no link-local or metadata address)",
    )
    cluster.add_argument("--api-key-file", type=Path, help="file with the endpoint's key")
    cluster.add_argument("--judge-api-key-file", type=Path, help="file with the judges' key")
    cluster.add_argument(
        "--credentials-file", type=Path, help="file with other secrets (headers, parameters, body), JSON"
    )
    cluster.add_argument("--judge-credentials-file", type=Path, help="file with those for the judges, JSON")
    for place, name in enumerate(requests.JUDGE_KEYS):
        option = f"--{name.replace('_', '-')}-file"
        cluster.add_argument(option, type=Path, help=f"file with the key of judge.models[{place}] alone")
    options = parser.parse_args(arguments)
    if options.ingest is None and not (options.artifacts and options.control):
        parser.error("give --artifacts and --control, or --ingest and --receipt")
    if options.ingest is not None and not (options.ingest_token_file and options.receipt):
        parser.error("--ingest needs --ingest-token-file and --receipt")
    if options.ingest is not None and options.targets is None:
        options.targets = TargetRules()  # in a pod there are always rules
    return options


def _read_secrets(options: argparse.Namespace) -> dict[str, str]:
    """The secrets by name. One that cannot be read is left out: the endpoint then says that a key is missing."""
    if options.secrets_stdin:
        secrets: dict[str, str] = json.loads(sys.stdin.buffer.readline() or b"{}")
        return secrets
    files: dict[str, Path | None] = {name: getattr(options, f"{name}_file") for name in _SECRETS}
    return {
        name: path.read_text("utf-8").strip() for name, path in files.items() if path is not None and path.is_file()
    }


def _credentials(secrets: Mapping[str, str], name: str) -> credentials.Credentials:
    try:
        return credentials.parse(secrets.get(name, "{}"))
    except ValueError as problem:
        words = f'the Secret of {name} must hold JSON like {{"headers": {{"X-Auth-Token": "..."}}}}: {problem}'
        raise RunFailed(Reason.INVALID_SPEC, words) from None


def _read_run(path: Path) -> Run:
    try:
        document = json.loads(path.read_bytes())
        model = EvalRun if document["kind"] == Kind.EVAL_RUN else PerfRun
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise RunFailed(Reason.INVALID_SPEC, f"{path} is not a run's document: {problem!r}") from None
    try:
        return EvalRun.model_validate(document) if model is EvalRun else PerfRun.model_validate(document)
    except ValidationError as error:
        found = problems.problems_of(error, model, camel=True)
        raise RunFailed(Reason.INVALID_SPEC, problems.sentence(found)) from None


@dataclass(frozen=True, slots=True)
class _Given:
    """The options of this process."""

    options: argparse.Namespace
    settings: Settings
    secrets: dict[str, str] = field(repr=False)


def _execute(run: Run, given: _Given, redactor: Redactor, log: logs.Kept) -> Receipt:
    tell_libraries()
    tell_other_clients(given.settings)
    for entry in given.settings.proxies.unread:
        _LOG.warning("NO_PROXY: %s is no host, address or network, and has no effect", entry)
    with _scratch(given.options.scratch) as scratch, asyncio.Runner(loop_factory=_new_loop) as runner:
        return runner.run(_run(run, given, redactor, log, scratch))


@contextmanager
def _scratch(given: Path | None) -> Iterator[Path]:
    """A scratch folder that is deleted with the run. Whoever gave it removes it, when nobody holds its lock any
    more.
    """
    if given is None:
        with tempfile.TemporaryDirectory(prefix="evalkube-", ignore_cleanup_errors=True) as made:
            yield Path(made)
        return
    handle = os.open(given, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield given
    finally:
        os.close(handle)


def _new_loop() -> asyncio.AbstractEventLoop:
    import uvloop  # not where only the receipt of a bad document is written

    return uvloop.new_event_loop()


async def _run(run: Run, given: _Given, redactor: Redactor, log: logs.Kept, scratch: Path) -> Receipt:
    options, settings, secrets = given.options, given.settings, given.secrets
    cache = options.cache or settings.cache
    async with _outside(run, options) as outside:
        try:
            await outside.greet()
        except RunFailed as failure:
            name = run.metadata.name
            return Receipt(run_id=name, shard=options.shard, reason=failure.reason, message=failure.message)
        context = RunContext(
            run_id=run.metadata.name,
            delivery=RedactingDelivery(outside.delivery, redactor),
            scratch=scratch,
            cache=cache,
            readable=_readable(options, cache),
            shard=options.shard,
            shards=run.spec.shards,
            api_key=secrets.get("api_key"),
            judge_api_key=secrets.get("judge_api_key"),
            judge_api_keys={place: secrets[name] for place, name in enumerate(requests.JUDGE_KEYS) if name in secrets},
            credentials=_credentials(secrets, "credentials"),
            judge_credentials=_credentials(secrets, "judge_credentials"),
            hubs=settings.hubs,
            offline=settings.offline,
            start=outside.start,
            share=redacting(outside.share, redactor) if outside.share is not None else None,
            gate=Gate(options.targets),
            proxies=settings.proxies,
        )
        receipt = await supervise(run, context, redactor, watch_stdin=options.secrets_stdin, log=log)
        artifacts = receipt.artifacts and outside.complete()
        receipt = _redacted(receipt, redactor).model_copy(update={"artifacts": artifacts})
        if receipt.reason is Reason.COMPLETED:
            await outside.finished(receipt)
        return receipt


def _readable(options: argparse.Namespace, cache: Path) -> Readable:
    """The folders that the run may read: its options', the cache of data sets, and our own samples."""
    remedy = "folders to read from are added with --data" if options.ingest is None else _MOUNTED
    return Readable.of([*options.readable, cache, opening.SAMPLES, samples.FOLDER], options.closed, remedy=remedy)


async def _nobody(receipt: Receipt) -> None:
    """Report the end to nobody: the process that started this one sees it."""


async def _at_home() -> None:
    """Greet nobody: there is no ingest."""


@dataclass(frozen=True, slots=True)
class _Outside:
    """The surroundings of a run. `start` lets shards agree on a start, `share` on their loads (None: there are no other
    shards). `complete` says whether all has arrived. `greet` fails where nothing will arrive. `finished` takes the
    receipt of a run that is done.
    """

    delivery: Delivery
    start: Start | None = None
    share: Share | None = None
    complete: Callable[[], bool] = lambda: True
    greet: Callable[[], Awaitable[None]] = _at_home
    finished: Callable[[Receipt], Awaitable[None]] = _nobody


@asynccontextmanager
async def _outside(run: Run, options: argparse.Namespace) -> AsyncIterator[_Outside]:
    if options.ingest is None:
        pipeline = "eval" if isinstance(run, EvalRun) else "perf"
        earlier = Path(run.spec.use_cache) if isinstance(run, EvalRun) and run.spec.use_cache else None
        files = deliver.FileDelivery(options.artifacts, options.control, pipeline=pipeline, earlier=earlier)
        yield _Outside(files, complete=lambda: files.complete)
        return
    from evalkube_runner.ingest.delivery import IngestDelivery

    ingest = IngestDelivery(
        options.ingest,
        options.ingest_token_file,
        run_uid=run.metadata.uid,
        attempt=options.attempt,
        shard=options.shard,
        ca=options.ca,
        patience_s=run.spec.deadlines.collect,
    )

    async def start(turn: int) -> StartInstant:
        return await ingest.start_together(turn, patience_s=run.spec.deadlines.startup)

    async with ingest:
        several = run.spec.shards > 1
        together, share = (start, ingest.share) if several else (None, None)
        yield _Outside(ingest, together, share, lambda: ingest.complete, ingest.greet, ingest.finished)


def _leave(receipt: Receipt, options: argparse.Namespace) -> bool:
    """Leave the receipt; whether it was written. Where it finds no room in time, the exit code alone has the reason."""
    until_s = time.monotonic() + _LAST_WORD_S
    while True:
        try:
            if options.receipt is not None:
                options.receipt.write_bytes(_fitting(receipt))  # a mounted file: it cannot be replaced, only written
            else:
                deliver.replace_file(options.control / "receipt.json", _fitting(receipt))
        except OSError as problem:
            if not storage.may_pass(problem) or time.monotonic() >= until_s:
                _LOG.error("the receipt cannot be written: %s", storage.words_of(problem))
                return False
        else:
            return True
        time.sleep(_LAST_WORD_PAUSE_S)


def _fitting(receipt: Receipt) -> bytes:
    """The receipt in at most `MAX_RECEIPT_BYTES`: figures go first, then the end of the message."""
    data = receipt.model_dump_json(by_alias=True).encode()
    while len(data) > MAX_RECEIPT_BYTES:
        if receipt.headline:
            kept = dict(list(receipt.headline.items())[: len(receipt.headline) // 2])
            receipt = receipt.model_copy(update={"headline": kept})
        else:
            receipt = receipt.model_copy(update={"message": receipt.message[: len(receipt.message) * 3 // 4]})
        data = receipt.model_dump_json(by_alias=True).encode()
    return data


if __name__ == "__main__":
    sys.exit(main())
