"""The meaning and the remedy of each reason and error class, for documents, pages and the command line. Pure."""

from dataclasses import dataclass
from typing import Final

from evalkube_crds.names import ErrorClass, Reason

__all__ = ["ERROR_CLASSES", "FAILURES", "PROGRESS", "Explanation", "explanation"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The meaning of a word of the contract, and its remedy (what a person can do; empty if nothing is wrong)."""

    meaning: str
    remedy: str = ""


PROGRESS: Final[dict[Reason, Explanation]] = {
    Reason.ACCEPTED: Explanation("The request is valid, and the run is known."),
    Reason.QUEUED: Explanation(
        "The run waits for its start.", "Nothing. On a cluster with Kueue, see the Workload of the run's Job."
    ),
    Reason.SUSPENDED: Explanation("Somebody set `suspend: true`.", "Set `suspend: false`; the run then continues."),
    Reason.WAITING_FOR_TURN: Explanation(
        "Other runs use all the places.",
        "Wait, cancel another run, or raise `--max-runs` or `runs.maxPods`.",
    ),
    Reason.STARTING: Explanation("The runner's process or pods are being started."),
    Reason.STARTED: Explanation("All runners have started."),
    Reason.PROGRESSING: Explanation("Requests are being sent."),
    Reason.COLLECTED: Explanation("The results of all runners have arrived."),
    Reason.COMPLETED: Explanation("The run has ended, and its result is there."),
    Reason.THRESHOLDS_MET: Explanation("The result meets every threshold of the run."),
    Reason.THRESHOLDS_MISSED: Explanation(
        "The run has a result, and the result misses a threshold.",
        "The condition's message names the figure and its value. The run itself succeeded.",
    ),
}
"""The reasons of runs that continue, or ended as they should."""

_FIX_SPEC = "Correct the field that the message names, and submit the run again."
_CLUSTER_EVENTS = "`kubectl describe` of the run and of its pods says more."

FAILURES: Final[dict[Reason, Explanation]] = {
    Reason.CANCELLED: Explanation(
        "Somebody cancelled the run.", "Submit it again. A new run asks all questions again."
    ),
    Reason.INVALID_SPEC: Explanation("The run has a field with a wrong value.", _FIX_SPEC),
    Reason.UNKNOWN_BENCHMARK: Explanation(
        "`datasets` names a benchmark or collection that this version does not have.",
        "Use the nearest name in the message, or see `evalkube benchmarks`.",
    ),
    Reason.DATASET_UNAVAILABLE: Explanation(
        "The data could not be read, from the hub or from the path.",
        "Check the path, the hub's address and the token. `dataset_args.<name>.local_path` reads a folder instead, "
        'and `"dataset_hub": "sample"` a few items that ship with evalkube.',
    ),
    Reason.SANDBOX_UNAVAILABLE: Explanation(
        "The benchmark runs programs that the model wrote, and this kernel has no sandbox for them.",
        "Use a Linux kernel of 5.13 or newer with Landlock, or leave the benchmark out.",
    ),
    Reason.RESULT_TOO_LARGE: Explanation(
        "The result is larger than the store allows.", "Ask for fewer points or data sets in one run."
    ),
    Reason.AUTHENTICATION_FAILED: Explanation(
        "The endpoint refused the key (401 or 403).",
        "Check the key, and in which header the endpoint expects it (`api_key_header`).",
    ),
    Reason.TARGET_UNREACHABLE: Explanation(
        "The endpoint could not be reached: check name, address, port, certificate and proxy.",
        "Try the URL from the same machine (`curl`). On a cluster, try it from a pod, and check the NetworkPolicy.",
    ),
    Reason.TARGET_REFUSED: Explanation(
        "The endpoint refused the first request with an error that a retry does not change.",
        "The message quotes the endpoint. Check the URL (is `/v1` missing?) and the parameters.",
    ),
    Reason.MODEL_NOT_FOUND: Explanation(
        "The endpoint has no model of this name.", "Compare `model` with what `GET /v1/models` of the endpoint lists."
    ),
    Reason.ALL_SAMPLES_FAILED: Explanation(
        "Every sample of the evaluation failed.", "See the counts of errors by class, and the table of classes below."
    ),
    Reason.ALL_REQUESTS_FAILED: Explanation(
        "Every request of the load test failed.", "See the counts of errors by class, and the table of classes below."
    ),
    Reason.INTERRUPTED: Explanation(
        "The service or the machine stopped while the run was active.",
        "Submit an evaluation again with the same `work_dir`: no question is asked twice. A load test starts from "
        "the beginning.",
    ),
    Reason.RUNNER_CRASHED: Explanation(
        "The runner's process ended with an unknown exit code.",
        "Read the run's log. If it shows a bug in evalkube, please report it.",
    ),
    Reason.RUNNER_KILLED: Explanation(
        "A signal ended the runner's process.",
        "Find the sender: the kernel (out of memory), a supervisor, or a person.",
    ),
    Reason.RESULT_MISSING: Explanation(
        "The runner reported success but left no result.",
        "Read the run's log, and check the disk of the output folder.",
    ),
    Reason.INTERNAL_ERROR: Explanation(
        "A bug in evalkube.", "Read the run's log, and please report it together with the run's document."
    ),
    Reason.FORBIDDEN: Explanation(
        "The run sets something of its pods that the installation does not allow.",
        "Leave the field out, or ask the installer to add it to `runner.allow`.",
    ),
    Reason.TARGET_FORBIDDEN: Explanation(
        "The rules of the installation deny the endpoint's name or address.",
        "Ask the installer to allow it with `targets.allow`.",
    ),
    Reason.PROXY_INVALID: Explanation(
        "The value of a proxy variable is not a proxy.",
        "Correct `HTTP_PROXY`, `HTTPS_PROXY` or `ALL_PROXY`; see [how a run reaches its endpoint](network.md#proxies).",
    ),
    Reason.PATH_FORBIDDEN: Explanation(
        "The run names a file outside the folders that it may read.",
        "Put the file below a folder of `--data`. On a cluster, put it into a volume of the run.",
    ),
    Reason.SECRET_MISSING: Explanation(
        "The Secret, or its key, does not exist in the run's namespace.", "Create it: `kubectl create secret generic`."
    ),
    Reason.SECRET_NOT_OPTED_IN: Explanation(
        "The Secret does not have the label that lets runs use it.",
        "Label it: `kubectl label secret NAME evalkube.io/api-key=true`.",
    ),
    Reason.KEY_HOST_FORBIDDEN: Explanation(
        "The Secret's key may not be sent to this endpoint.",
        "Annotate it: `kubectl annotate secret NAME evalkube.io/hosts=HOST`.",
    ),
    Reason.DATA_NOT_OPTED_IN: Explanation(
        "The ConfigMap or PersistentVolumeClaim does not have the label that lets runs use it.",
        "Label it: `kubectl label configmap NAME evalkube.io/data=true`.",
    ),
    Reason.IMAGE_PULL_FAILED: Explanation(
        "The runner's image could not be pulled.", "Check `image.repository`, `image.tag` and the pull secrets."
    ),
    Reason.INVALID_IMAGE: Explanation("The image's name is not valid.", "Correct `image` of the run or of the chart."),
    Reason.CLAIM_MISSING: Explanation(
        "A PersistentVolumeClaim of the run does not exist.", "Create it in the run's namespace, or correct its name."
    ),
    Reason.CONFIG_MAP_MISSING: Explanation(
        "A ConfigMap of the run does not exist.", "Create it in the run's namespace, or correct its name."
    ),
    Reason.MOUNT_FAILED: Explanation("A volume could not be mounted.", _CLUSTER_EVENTS),
    Reason.UNSCHEDULABLE: Explanation(
        "No node has room for the run's pods, although nothing else waits for room.",
        "Request less (`resources`, `shards`), or add nodes. " + _CLUSTER_EVENTS,
    ),
    Reason.QUOTA_EXCEEDED: Explanation(
        "A ResourceQuota of the namespace has no room for the run's pods.", "Request less, or raise the quota."
    ),
    Reason.POD_REJECTED: Explanation(
        "The API server or an admission webhook refused the pod.", "The message quotes it. Correct what it names."
    ),
    Reason.CONTAINER_START_FAILED: Explanation("The container could not be started.", _CLUSTER_EVENTS),
    Reason.STARTUP_DEADLINE_EXCEEDED: Explanation(
        "The pods did not start within `deadlines.startup`.",
        _CLUSTER_EVENTS + " If the cluster is slow, raise the deadline.",
    ),
    Reason.NAME_CONFLICT: Explanation(
        "The run needs an object whose name is already used by another owner.", "Give the run another name."
    ),
    Reason.OOM_KILLED: Explanation(
        "The runner needed more memory than its limit.", "Raise `resources.limits.memory`, or use more shards."
    ),
    Reason.EVICTED: Explanation(
        "The node evicted the pod, usually because it was short of memory or disk.",
        "Set `resources.requests` to what the pod needs.",
    ),
    Reason.PREEMPTED: Explanation(
        "A pod of higher priority replaced the pod.", "Submit it again later, or give runs a higher priority class."
    ),
    Reason.POD_DELETED: Explanation("Somebody deleted a pod of the run.", "Submit the run again."),
    Reason.NODE_LOST: Explanation(
        "The node of a pod no longer exists.", "Submit the run again, or set `backoffLimit`."
    ),
    Reason.JOB_DELETED: Explanation("Somebody deleted the run's Job.", "Submit the run again."),
    Reason.JOB_LOST: Explanation(
        "The run's Job no longer exists, and the operator did not see why.", "Submit the run again."
    ),
    Reason.ACTIVE_DEADLINE_EXCEEDED: Explanation(
        "The run took longer than its `deadlines.active`.", "Raise the deadline, or make the run smaller."
    ),
    Reason.BARRIER_TIMEOUT: Explanation(
        "Not all shards of a load test were ready to start together.",
        "One shard is slow or lost; check the pods. Use fewer shards, or larger nodes.",
    ),
    Reason.COLLECT_DEADLINE_EXCEEDED: Explanation(
        "The results did not arrive within `deadlines.collect`.", "Check the operator's log and its store."
    ),
    Reason.INGEST_UNAVAILABLE: Explanation(
        "Runners could not reach the operator's ingest.",
        "Check whether an operator is Ready, and check its Service, certificate and NetworkPolicy.",
    ),
    Reason.STORE_FULL: Explanation(
        "There is no room for results.", "Delete runs that have ended, or enlarge the volume, bucket or disk."
    ),
    Reason.STORE_FAILED: Explanation(
        "The store answered with an error.",
        "Check the bucket's address and keys, or the volume. The log quotes the error.",
    ),
    Reason.SHARD_MISSING: Explanation(
        "The result of a shard never arrived.", "Check the pod of that shard. Submit the run again."
    ),
    Reason.RESULT_CORRUPT: Explanation(
        "A stored result cannot be read.", "Submit the run again. If it happens twice, check the store's disk."
    ),
}
"""The reasons of runs that did not succeed."""

ERROR_CLASSES: Final[dict[ErrorClass, Explanation]] = {
    ErrorClass.FORBIDDEN_TARGET: Explanation(
        "The installation denies the endpoint's address.", "Ask the installer to allow it: `targets.allow`."
    ),
    ErrorClass.PROXY: Explanation("The proxy refused the connection, or failed.", "Check its address and credentials."),
    ErrorClass.DNS: Explanation("The host's name has no address.", "Check the name and the DNS server."),
    ErrorClass.CONNECT: Explanation("The connection was refused or reset.", "Check that the server listens there."),
    ErrorClass.TLS: Explanation(
        "The server's certificate was not accepted.", "Name your own certificate authority in `ca_file`."
    ),
    ErrorClass.SEND: Explanation(
        "The request could not be sent completely.", "The server closed the connection too early; see its log."
    ),
    ErrorClass.CONNECT_TIMEOUT: Explanation(
        "No connection within the time limit.",
        "Send less, or raise `connect_timeout`. The server's backlog may be full.",
    ),
    ErrorClass.CLIENT_LIMIT: Explanation(
        "The client had no file descriptor, port or memory left.", "Raise `ulimit -n`, or use more shards."
    ),
    ErrorClass.HEADER_TIMEOUT: Explanation(
        "No answer began within the time limit.", "The server is overloaded or blocked."
    ),
    ErrorClass.FIRST_TOKEN_TIMEOUT: Explanation(
        "No first token within the time limit.", "Send less, or raise the limit."
    ),
    ErrorClass.IDLE_TIMEOUT: Explanation("The stream paused for too long.", "See the server's log."),
    ErrorClass.TOTAL_TIMEOUT: Explanation(
        "The complete answer took too long.", "Raise the limit, or lower `max_tokens`."
    ),
    ErrorClass.DISCONNECTED: Explanation(
        "The server closed the connection before the end of the answer.", "See the server's log."
    ),
    ErrorClass.STATUS_401: Explanation("The key was refused (401).", "Check the key."),
    ErrorClass.STATUS_403: Explanation("The key may not do this (403).", "Check the permissions of the key."),
    ErrorClass.STATUS_404: Explanation("The path or the model does not exist (404).", "Check the URL and `model`."),
    ErrorClass.STATUS_429: Explanation(
        "Too many requests (429).", "Send fewer requests at once, or raise the server's limit."
    ),
    ErrorClass.STATUS_3XX: Explanation(
        "The server answered with a redirect, and evalkube does not follow redirects.", "Use the final URL."
    ),
    ErrorClass.STATUS_4XX: Explanation("The server refused the request (4xx).", "See the texts of the first errors."),
    ErrorClass.STATUS_5XX: Explanation("The server failed (5xx).", "See the server's log."),
    ErrorClass.ERROR_IN_STREAM: Explanation(
        "A stream that began normally ended with an error.", "See the server's log."
    ),
    ErrorClass.TRUNCATED_STREAM: Explanation(
        "A stream ended without its last event.", "See the logs of the server and of proxies."
    ),
    ErrorClass.EMPTY_STREAM: Explanation("A stream ended without a token.", "See the server's log."),
    ErrorClass.PARSE: Explanation("The answer is not in the API's format.", "Check that `api` is the right dialect."),
    ErrorClass.TOO_LARGE: Explanation("The answer exceeds the size limit.", "Lower `max_tokens`."),
    ErrorClass.CANCELLED: Explanation("The run ended before the answer did.", "Nothing."),
    ErrorClass.SCORER: Explanation("The answer could not be scored in time.", "See the run's log."),
    ErrorClass.JUDGE: Explanation(
        "The judge did not answer, or its answer could not be read.", "See the judge's errors."
    ),
}


def explanation(reason: Reason) -> Explanation:
    """The meaning of `reason`, and its remedy."""
    return PROGRESS.get(reason) or FAILURES[reason]
