"""The vocabulary of the contract: API group, kinds, phases, conditions, reasons, error classes, exit codes.

Free text is never used where one of these words fits: a reason is for programs, the message beside it for people.
"""

from enum import StrEnum
from typing import Final

from evalkube_crds.dialects import DIALECTS

GROUP: Final = "evalkube.io"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

API_KEY_LABEL: Final = f"{GROUP}/api-key"
"""The label whose value "true" on a Secret lets the runs of its namespace use it."""

KEY_HOSTS_ANNOTATION: Final = f"{GROUP}/hosts"
"""The annotation of such a Secret: the hosts to which its key may be sent (`key_hosts`)."""

DATA_LABEL: Final = f"{GROUP}/data"
"""The label whose value "true" on a ConfigMap or PersistentVolumeClaim lets the runs of its namespace mount it."""

RUN_NAME: Final = r"^[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?$"
"""The pattern of a run's name: a DNS label of at most 52 characters.

The host names of its pods are the run's name, an attempt and a shard, and may have 63 characters.
"""

RUN_NAME_RULE: Final = (
    "metadata.name must have at most 52 characters and consist of lower-case letters, digits and hyphens, with a "
    "letter or digit at both ends (no dots): the host names of the run's pods begin with it"
)

MAX_RECEIPT_BYTES: Final = 3584
"""The maximum size of a receipt. A container's termination message may hold 4096 bytes, so 3.5 KiB is never cut."""

MAX_INLINE_RESULT_BYTES: Final = 32 * 1024
"""The maximum size of a result in the status itself; larger ones are stored elsewhere and referred to."""


class Kind(StrEnum):
    """The two kinds of run."""

    EVAL_RUN = "EvalRun"
    PERF_RUN = "PerfRun"


class Phase(StrEnum):
    """The state of a run as one word for people; programs read conditions.

    It is derived from the conditions (`status.phase_of`).
    """

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
    """The steps of a run; each is a condition in the status."""

    ACCEPTED = "Accepted"
    JOB_CREATED = "JobCreated"
    RUNNING = "Running"
    RESULTS_COLLECTED = "ResultsCollected"
    SUCCEEDED = "Succeeded"
    THRESHOLDS_MET = "ThresholdsMet"


class Reason(StrEnum):
    """The reason of a condition's value, and of a run's end."""

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
"""The exit codes of a runner. 64 to 80 are final: another try without a change would end the same way."""


class ErrorClass(StrEnum):
    """The class of an error of one request or sample. The list is closed, so that counts of several shards add up."""

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
    """The final state of one sample of an evaluation, in the order of reports. Each sample has exactly one."""

    RIGHT = "right"
    PARTIAL = "partial"
    WRONG = "wrong"
    NO_ANSWER = "no_answer"
    ERRORED = "errored"


NO_CONNECTION: Final = frozenset(
    {ErrorClass.DNS, ErrorClass.PROXY, ErrorClass.CONNECT, ErrorClass.CONNECT_TIMEOUT, ErrorClass.TLS}
)
"""The errors that happen before there is a connection."""


def error_class_of_status(status: int) -> ErrorClass:
    """The error class of an HTTP response that is not a success (`status` outside 200 to 299)."""
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
    """The verdict on the client: whether it was healthy enough for its numbers to describe the server."""

    VALID = "valid"
    DEGRADED = "degraded"
    INVALID = "invalid"


class TokenBasis(StrEnum):
    """The source of token counts, best first."""

    USAGE = "usage"
    TOKENIZER = "tokenizer"
    CHUNKS = "chunks"
    NONE = "none"


class Clock(StrEnum):
    """The clock that took the arrival times of answers."""

    KERNEL = "kernel"
    """The kernel's clock, read as the bytes arrived: a busy client does not change these times."""
    PROGRAM = "program"
    """The client's clock, read when the bytes were read."""
    MIXED = "mixed"
    """Some times are the kernel's, some the client's."""


class AnswerNote(StrEnum):
    """An oddity of answers that still count as successes."""

    FEWER_CHOICES = "fewer_choices"
    MORE_CHOICES = "more_choices"
    IMPLAUSIBLE_USAGE = "implausible_usage"


ANSWER_NOTES: Final[dict[AnswerNote, str]] = {
    AnswerNote.FEWER_CHOICES: "answers have fewer choices than n_choices asked for; does the server ignore n?",
    AnswerNote.MORE_CHOICES: "answers have choices that were not asked for; these are not in the times and not in "
    "the texts",
    AnswerNote.IMPLAUSIBLE_USAGE: "answers report impossible token counts; these are not used",
}
"""The notes in words; each follows a count."""


class SteadyAbsence(StrEnum):
    """The reason why a load has no steady part."""

    TOO_SHORT = "too_short"
    UNSETTLED = "unsettled"
    UNBALANCED = "unbalanced"


STEADY_ABSENCES: Final[dict[SteadyAbsence, str]] = {
    SteadyAbsence.TOO_SHORT: "too few requests were sent between the first ones, which meet an empty server, and "
    "the last ones; in a closed loop send at least four times as many as there are slots, "
    "and 10 more",
    SteadyAbsence.UNSETTLED: "the load was still growing or changing when the last request was sent",
    SteadyAbsence.UNBALANCED: "the number of requests in flight did not stay the same: it grew, or fell",
}
"""The reasons in words."""


CONVERSATIONS: Final = (
    "share_gpt_en_multi_turn",
    "share_gpt_zh_multi_turn",
    "random_multi_turn",
    "custom_multi_turn",
)
"""The sources of conversations for a load test."""

PERF_DATASETS: Final = (
    *("openqa", "longalpaca", "share_gpt_en", "share_gpt_zh"),
    *("line_by_line", "random", "custom", "workload_trace"),
    *CONVERSATIONS,
)
"""The sources of prompts for a load test."""

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
"""The contract's own words, which can never be secrets."""
