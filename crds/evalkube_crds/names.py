"""The vocabulary of the contract: API group, kinds, phases, conditions, reasons, error classes, exit codes.

Free text never stands where one of these words can: a reason is for programs, the message beside it for people.
"""

from enum import StrEnum
from typing import Final

from evalkube_crds.dialects import DIALECTS

GROUP: Final = "evalkube.io"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

API_KEY_LABEL: Final = f"{GROUP}/api-key"
"""A Secret whose label of this name is "true" may be used by the runs of its namespace."""

KEY_HOSTS_ANNOTATION: Final = f"{GROUP}/hosts"
"""Of such a Secret: where its key may be sent (`key_hosts`)."""

DATA_LABEL: Final = f"{GROUP}/data"
"""A ConfigMap or claim whose label of this name is "true" may be mounted by the runs of its namespace."""

RUN_NAME: Final = r"^[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?$"
"""What a run may be called: a DNS label, of at most 52 characters. The host names of its pods are the run's name, an
attempt and a shard, and have at most 63."""

RUN_NAME_RULE: Final = (
    "metadata.name must have at most 52 characters and consist of lower-case letters, digits and hyphens, with a "
    "letter or digit at both ends (no dots): the host names of the run's pods begin with it"
)

MAX_RECEIPT_BYTES: Final = 3584
"""A container's termination message may hold 4096 bytes; the receipt stays 3.5 KiB so that nothing truncates it."""

MAX_INLINE_RESULT_BYTES: Final = 32 * 1024
"""Results up to this size stand in the status itself; larger ones are referred to."""


class Kind(StrEnum):
    """The two kinds of run."""

    EVAL_RUN = "EvalRun"
    PERF_RUN = "PerfRun"


class Phase(StrEnum):
    """One word for people, derived from the conditions (`status.phase_of`); programs read conditions."""

    PENDING = "Pending"
    QUEUED = "Queued"
    SUSPENDED = "Suspended"
    STARTING = "Starting"
    RUNNING = "Running"
    COLLECTING = "Collecting"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    INTERRUPTED = "Interrupted"

    @property
    def terminal(self) -> bool:
        """Whether the run will never change again."""
        return self in _TERMINAL


_TERMINAL: Final = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED, Phase.INTERRUPTED})


class ConditionType(StrEnum):
    """The steps of a run, each a condition of its own in the status."""

    ACCEPTED = "Accepted"
    JOB_CREATED = "JobCreated"
    RUNNING = "Running"
    RESULTS_COLLECTED = "ResultsCollected"
    SUCCEEDED = "Succeeded"
    THRESHOLDS_MET = "ThresholdsMet"


class Reason(StrEnum):
    """Why a condition has its value, and why a run ended as it did."""

    # the ordinary course
    ACCEPTED = "Accepted"
    QUEUED = "Queued"
    SUSPENDED = "Suspended"
    WAITING_FOR_TURN = "WaitingForTurn"
    STARTING = "Starting"
    STARTED = "Started"
    PROGRESSING = "Progressing"
    COLLECTED = "Collected"
    COMPLETED = "Completed"
    THRESHOLDS_MET = "ThresholdsMet"
    THRESHOLDS_MISSED = "ThresholdsMissed"
    # the user's or the installer's
    CANCELLED = "Cancelled"
    INVALID_SPEC = "InvalidSpec"
    UNKNOWN_BENCHMARK = "UnknownBenchmark"
    DATASET_UNAVAILABLE = "DatasetUnavailable"
    SANDBOX_UNAVAILABLE = "SandboxUnavailable"
    RESULT_TOO_LARGE = "ResultTooLarge"
    # the target's
    AUTHENTICATION_FAILED = "AuthenticationFailed"
    TARGET_UNREACHABLE = "TargetUnreachable"
    TARGET_REFUSED = "TargetRefused"
    MODEL_NOT_FOUND = "ModelNotFound"
    ALL_SAMPLES_FAILED = "AllSamplesFailed"
    ALL_REQUESTS_FAILED = "AllRequestsFailed"
    # ours, or the machine's
    INTERRUPTED = "Interrupted"
    RUNNER_CRASHED = "RunnerCrashed"
    RUNNER_KILLED = "RunnerKilled"
    RESULT_MISSING = "ResultMissing"
    INTERNAL_ERROR = "InternalError"
    # the installer's rules, on a cluster
    FORBIDDEN = "Forbidden"
    TARGET_FORBIDDEN = "TargetForbidden"
    PROXY_INVALID = "ProxyInvalid"
    PATH_FORBIDDEN = "PathForbidden"
    SECRET_MISSING = "SecretMissing"  # noqa: S105 - not a password
    SECRET_NOT_OPTED_IN = "SecretNotOptedIn"  # noqa: S105 - not a password
    KEY_HOST_FORBIDDEN = "KeyHostForbidden"
    DATA_NOT_OPTED_IN = "DataNotOptedIn"
    # what keeps a pod from starting
    IMAGE_PULL_FAILED = "ImagePullFailed"
    INVALID_IMAGE = "InvalidImage"
    CLAIM_MISSING = "ClaimMissing"
    CONFIG_MAP_MISSING = "ConfigMapMissing"
    MOUNT_FAILED = "MountFailed"
    UNSCHEDULABLE = "Unschedulable"
    QUOTA_EXCEEDED = "QuotaExceeded"
    POD_REJECTED = "PodRejected"
    CONTAINER_START_FAILED = "ContainerStartFailed"
    STARTUP_DEADLINE_EXCEEDED = "StartupDeadlineExceeded"
    NAME_CONFLICT = "NameConflict"
    # what ends a pod or a Job that has started
    OOM_KILLED = "OOMKilled"
    EVICTED = "Evicted"
    PREEMPTED = "Preempted"
    POD_DELETED = "PodDeleted"
    NODE_LOST = "NodeLost"
    JOB_DELETED = "JobDeleted"
    JOB_LOST = "JobLost"
    ACTIVE_DEADLINE_EXCEEDED = "ActiveDeadlineExceeded"
    BARRIER_TIMEOUT = "BarrierTimeout"
    # what goes wrong with results
    COLLECT_DEADLINE_EXCEEDED = "CollectDeadlineExceeded"
    INGEST_UNAVAILABLE = "IngestUnavailable"
    STORE_FULL = "StoreFull"
    STORE_FAILED = "StoreFailed"
    SHARD_MISSING = "ShardMissing"
    RESULT_CORRUPT = "ResultCorrupt"


EXIT_CODES: Final[dict[Reason, int]] = {
    Reason.COMPLETED: 0,
    Reason.INTERNAL_ERROR: 1,
    Reason.INVALID_SPEC: 64,
    Reason.AUTHENTICATION_FAILED: 65,
    Reason.TARGET_UNREACHABLE: 66,
    Reason.RESULT_TOO_LARGE: 67,
    Reason.DATASET_UNAVAILABLE: 68,
    Reason.TARGET_REFUSED: 69,
    Reason.ALL_SAMPLES_FAILED: 70,
    Reason.ALL_REQUESTS_FAILED: 71,
    Reason.BARRIER_TIMEOUT: 72,
    Reason.TARGET_FORBIDDEN: 73,
    Reason.PATH_FORBIDDEN: 74,
    Reason.STORE_FULL: 75,
    Reason.STORE_FAILED: 76,
    Reason.MODEL_NOT_FOUND: 77,
    Reason.PROXY_INVALID: 78,
    Reason.UNKNOWN_BENCHMARK: 79,
    Reason.SANDBOX_UNAVAILABLE: 80,
    Reason.CANCELLED: 143,
}
"""What a runner exits with. 64 to 80 are final: trying again without a change would end the same way."""


class ErrorClass(StrEnum):
    """What went wrong with one request or one sample: a closed list, so that counts of several shards add up."""

    FORBIDDEN_TARGET = "forbidden_target"
    PROXY = "proxy"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    SEND = "send"
    CONNECT_TIMEOUT = "connect_timeout"
    CLIENT_LIMIT = "client_limit"
    HEADER_TIMEOUT = "header_timeout"
    FIRST_TOKEN_TIMEOUT = "first_token_timeout"  # noqa: S105 - not a password
    IDLE_TIMEOUT = "idle_timeout"
    TOTAL_TIMEOUT = "total_timeout"
    DISCONNECTED = "disconnected"
    STATUS_401 = "status_401"
    STATUS_403 = "status_403"
    STATUS_404 = "status_404"
    STATUS_429 = "status_429"
    STATUS_3XX = "status_3xx"
    STATUS_4XX = "status_4xx"
    STATUS_5XX = "status_5xx"
    ERROR_IN_STREAM = "error_in_stream"
    TRUNCATED_STREAM = "truncated_stream"
    EMPTY_STREAM = "empty_stream"
    PARSE = "parse"
    TOO_LARGE = "too_large"
    CANCELLED = "cancelled"
    SCORER = "scorer"
    JUDGE = "judge"


class SampleState(StrEnum):
    """What became of one sample of an evaluation. The order is that of reports; each sample is in exactly one."""

    RIGHT = "right"
    PARTIAL = "partial"
    WRONG = "wrong"
    NO_ANSWER = "no_answer"
    ERRORED = "errored"


NO_CONNECTION: Final = frozenset(
    {ErrorClass.DNS, ErrorClass.PROXY, ErrorClass.CONNECT, ErrorClass.CONNECT_TIMEOUT, ErrorClass.TLS}
)
"""What fails before there is a connection."""


def error_class_of_status(status: int) -> ErrorClass:
    """The class of an HTTP answer that is not a success (`status` outside 200 to 299)."""
    exact = {
        401: ErrorClass.STATUS_401,
        403: ErrorClass.STATUS_403,
        404: ErrorClass.STATUS_404,
        407: ErrorClass.PROXY,
        429: ErrorClass.STATUS_429,
    }
    if status in exact:
        return exact[status]
    if status >= 500:
        return ErrorClass.STATUS_5XX
    return ErrorClass.STATUS_4XX if status >= 400 else ErrorClass.STATUS_3XX


class Verdict(StrEnum):
    """Whether the client was healthy enough for its numbers to speak of the server."""

    VALID = "valid"
    DEGRADED = "degraded"
    INVALID = "invalid"


class TokenBasis(StrEnum):
    """Where token counts come from, best first."""

    USAGE = "usage"
    TOKENIZER = "tokenizer"
    CHUNKS = "chunks"
    NONE = "none"


class Clock(StrEnum):
    """Whose the times are at which answers arrived."""

    KERNEL = "kernel"
    """The kernel's, taken as the bytes came: a busy client does not change them."""
    PROGRAM = "program"
    """Ours, taken when the bytes were read."""
    MIXED = "mixed"
    """Some the kernel's, some ours."""


class AnswerNote(StrEnum):
    """What is odd about answers that count as successes nevertheless."""

    FEWER_CHOICES = "fewer_choices"
    MORE_CHOICES = "more_choices"
    IMPLAUSIBLE_USAGE = "implausible_usage"


ANSWER_NOTES: Final[dict[AnswerNote, str]] = {
    AnswerNote.FEWER_CHOICES: "answers have fewer choices than n_choices asked for: does the server ignore n?",
    AnswerNote.MORE_CHOICES: "answers have choices that nobody asked for; they are in no time and no text",
    AnswerNote.IMPLAUSIBLE_USAGE: "answers state token counts that cannot be; they are not used",
}
"""The notes in words, to stand behind a count."""


class SteadyAbsence(StrEnum):
    """Why a load has no steady part."""

    TOO_SHORT = "too_short"
    UNSETTLED = "unsettled"
    UNBALANCED = "unbalanced"


STEADY_ABSENCES: Final[dict[SteadyAbsence, str]] = {
    SteadyAbsence.TOO_SHORT: "too few requests were sent between the first ones, which find an empty server, and the "
    "last ones; in a closed loop four times as many as slots may do, and 10 more",
    SteadyAbsence.UNSETTLED: "the load was still growing or changing when the last request was sent",
    SteadyAbsence.UNBALANCED: "more requests came than ended, or fewer: the number in flight did not stay what it was",
}
"""The reasons in words."""


CONVERSATIONS: Final = (
    "share_gpt_en_multi_turn",
    "share_gpt_zh_multi_turn",
    "random_multi_turn",
    "custom_multi_turn",
)
"""The sources of conversations a load test knows."""

PERF_DATASETS: Final = (
    *("openqa", "longalpaca", "share_gpt_en", "share_gpt_zh"),
    *("line_by_line", "random", "custom", "workload_trace"),
    *CONVERSATIONS,
)
"""The sources of prompts a load test knows."""

WORDS: Final = frozenset[str](
    [
        *(
            word
            for words in (Kind, Phase, ConditionType, Reason, ErrorClass, Verdict, TokenBasis, SteadyAbsence)
            for word in words
        ),
        *PERF_DATASETS,
        *DIALECTS,
        *(row.kind for row in DIALECTS.values()),
        API_VERSION,
        "EvalResult",
        "PerfResult",
        "characters",
        "huggingface",
        "modelscope",
        "parallel",
        "too_long",
        "too_short",
    ]
)
"""The contract's own words, in which nobody needs to look for a secret."""
