"""The meaning and the remedy of each reason and class of error, for documents, pages and the command line. Pure."""

from dataclasses import dataclass
from typing import Final

from evalkube_crds.names import ErrorClass, Reason

__all__ = ["ERROR_CLASSES", "FAILURES", "PROGRESS", "Explanation", "explanation"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a word of the contract means (`meaning`), and what a person can do about it (`remedy`, empty where nothing
    is wrong)."""

    meaning: str
    remedy: str = ""


PROGRESS: Final[dict[Reason, Explanation]] = {
    Reason.ACCEPTED: Explanation("The request is valid, and the run is known."),
    Reason.QUEUED: Explanation(
        "The run waits to start.", "Nothing. On a cluster with Kueue, see the Workload of the run's Job."
    ),
    Reason.SUSPENDED: Explanation("Somebody set `suspend: true`.", "Set `suspend: false`, and the run goes on."),
    Reason.WAITING_FOR_TURN: Explanation(
        "Other runs have all the places that there are.",
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
"""The reasons of runs that go on or ended as they should."""

_FIX_SPEC = "Mend the field that the message names, and submit the run again."
_CLUSTER_EVENTS = "`kubectl describe` of the run and of its pods says more."

FAILURES: Final[dict[Reason, Explanation]] = {
    Reason.CANCELLED: Explanation("Somebody cancelled the run.", "Submit it again; a new run asks everything anew."),
    Reason.INVALID_SPEC: Explanation("A field of the run cannot be used.", _FIX_SPEC),
    Reason.UNKNOWN_BENCHMARK: Explanation(
        "`datasets` names a benchmark or collection that this version does not have.",
        "Take the nearest name that the message gives, or look at `evalkube benchmarks`.",
    ),
    Reason.DATASET_UNAVAILABLE: Explanation(
        "The data could not be read, from the hub or from the path.",
        "Check the path, the hub's address and the token. `dataset_args.<name>.local_path` reads a folder instead, "
        'and `"dataset_hub": "sample"` a few items that ship with evalkube.',
    ),
    Reason.SANDBOX_UNAVAILABLE: Explanation(
        "The benchmark runs programs of the model, and the kernel has no sandbox for them.",
        "Use a Linux kernel of 5.13 or newer with Landlock, or leave the benchmark out.",
    ),
    Reason.RESULT_TOO_LARGE: Explanation(
        "The result is larger than the store takes.", "Ask for fewer points or data sets in one run."
    ),
    Reason.AUTHENTICATION_FAILED: Explanation(
        "The endpoint refused the key (401 or 403).",
        "Check the key, and in which header the endpoint expects it (`api_key_header`).",
    ),
    Reason.TARGET_UNREACHABLE: Explanation(
        "No connection to the endpoint could be made: name, address, port, certificate or proxy.",
        "Try the URL from the same machine (`curl`). On a cluster, try it from a pod, and look at the NetworkPolicy.",
    ),
    Reason.TARGET_REFUSED: Explanation(
        "The endpoint answered the first request with an error that will not change.",
        "The message has the endpoint's own words. Check the URL (is `/v1` missing?) and the parameters.",
    ),
    Reason.MODEL_NOT_FOUND: Explanation(
        "The endpoint has no model of this name.", "Compare `model` with what `GET /v1/models` of the endpoint lists."
    ),
    Reason.ALL_SAMPLES_FAILED: Explanation(
        "Every sample of the evaluation failed.", "The counts of errors by class say why; see the table below."
    ),
    Reason.ALL_REQUESTS_FAILED: Explanation(
        "Every request of the load test failed.", "The counts of errors by class say why; see the table below."
    ),
    Reason.INTERRUPTED: Explanation(
        "The service or the machine stopped while the run was at work.",
        "Submit an evaluation again with the same `work_dir`: nothing is asked twice. A load test starts anew.",
    ),
    Reason.RUNNER_CRASHED: Explanation(
        "The runner's process ended with an unknown exit code.",
        "Read the run's log. If it shows a fault of evalkube, please report it.",
    ),
    Reason.RUNNER_KILLED: Explanation(
        "A signal ended the runner's process.", "See who sends it: the kernel (memory), a supervisor, or a person."
    ),
    Reason.RESULT_MISSING: Explanation(
        "The runner ended well and left no result.", "Read the run's log, and look at the output folder's disk."
    ),
    Reason.INTERNAL_ERROR: Explanation(
        "A fault in evalkube.", "Read the run's log, and please report it with the run's document."
    ),
    Reason.FORBIDDEN: Explanation(
        "The installation does not allow what the run asks of its pods.",
        "Leave the field out, or have the installer add it to `runner.allow`.",
    ),
    Reason.TARGET_FORBIDDEN: Explanation(
        "The rules of the installation deny the endpoint's name or address.",
        "Have the installer allow it with `targets.allow`.",
    ),
    Reason.PROXY_INVALID: Explanation(
        "The proxy that the environment names cannot be used.",
        "Mend `HTTP_PROXY`, `HTTPS_PROXY` or `ALL_PROXY`; see [how a run reaches its endpoint](network.md#proxies).",
    ),
    Reason.PATH_FORBIDDEN: Explanation(
        "The run names a file outside the folders that it may read.",
        "Put the file below a folder of `--data`, or on a cluster into a volume of the run.",
    ),
    Reason.SECRET_MISSING: Explanation(
        "The Secret, or its key, does not exist in the run's namespace.", "Create it: `kubectl create secret generic`."
    ),
    Reason.SECRET_NOT_OPTED_IN: Explanation(
        "The Secret is not meant for runs.", "Label it: `kubectl label secret NAME evalkube.io/api-key=true`."
    ),
    Reason.KEY_HOST_FORBIDDEN: Explanation(
        "The Secret's key may not be sent to this endpoint.",
        "Annotate it: `kubectl annotate secret NAME evalkube.io/hosts=HOST`.",
    ),
    Reason.DATA_NOT_OPTED_IN: Explanation(
        "The ConfigMap or claim is not meant for runs.",
        "Label it: `kubectl label configmap NAME evalkube.io/data=true`.",
    ),
    Reason.IMAGE_PULL_FAILED: Explanation(
        "The runner's image could not be pulled.", "Check `image.repository`, `image.tag` and the pull secrets."
    ),
    Reason.INVALID_IMAGE: Explanation("The image's name cannot be one.", "Mend `image` of the run or of the chart."),
    Reason.CLAIM_MISSING: Explanation(
        "A PersistentVolumeClaim of the run does not exist.", "Create it in the run's namespace, or mend its name."
    ),
    Reason.CONFIG_MAP_MISSING: Explanation(
        "A ConfigMap of the run does not exist.", "Create it in the run's namespace, or mend its name."
    ),
    Reason.MOUNT_FAILED: Explanation("A volume could not be mounted.", _CLUSTER_EVENTS),
    Reason.UNSCHEDULABLE: Explanation(
        "No node has room for the run's pods, although nothing else waits.",
        "Ask for less (`resources`, `shards`), or add nodes. " + _CLUSTER_EVENTS,
    ),
    Reason.QUOTA_EXCEEDED: Explanation(
        "A ResourceQuota of the namespace has no room for the run's pods.", "Ask for less, or raise the quota."
    ),
    Reason.POD_REJECTED: Explanation(
        "The API server or an admission webhook refused the pod.", "The message has its words. Mend what it names."
    ),
    Reason.CONTAINER_START_FAILED: Explanation("The container could not be started.", _CLUSTER_EVENTS),
    Reason.STARTUP_DEADLINE_EXCEEDED: Explanation(
        "The pods had not started within `deadlines.startup`.", _CLUSTER_EVENTS + " Raise the deadline if it is slow."
    ),
    Reason.NAME_CONFLICT: Explanation(
        "An object of the name that the run needs belongs to somebody else.", "Give the run another name."
    ),
    Reason.OOM_KILLED: Explanation(
        "The runner needed more memory than its limit.", "Raise `resources.limits.memory`, or use more shards."
    ),
    Reason.EVICTED: Explanation("The node evicted the pod.", "Ask for what it needs in `resources.requests`."),
    Reason.PREEMPTED: Explanation(
        "A pod of a higher priority took the place.", "Submit it again later, or give runs a higher priority class."
    ),
    Reason.POD_DELETED: Explanation("Somebody deleted a pod of the run.", "Submit the run again."),
    Reason.NODE_LOST: Explanation("The node of a pod is gone.", "Submit the run again, or set `backoffLimit`."),
    Reason.JOB_DELETED: Explanation("Somebody deleted the run's Job.", "Submit the run again."),
    Reason.JOB_LOST: Explanation("The run's Job is gone, and nobody saw how.", "Submit the run again."),
    Reason.ACTIVE_DEADLINE_EXCEEDED: Explanation(
        "The run took longer than its `deadlines.active`.", "Raise the deadline, or ask for less."
    ),
    Reason.BARRIER_TIMEOUT: Explanation(
        "The shards of a load test did not all come to the same start.",
        "One of them is slow or lost; see the pods. Use fewer shards, or larger nodes.",
    ),
    Reason.COLLECT_DEADLINE_EXCEEDED: Explanation(
        "Results had not arrived within `deadlines.collect`.", "Look at the operator: its log, and its store."
    ),
    Reason.INGEST_UNAVAILABLE: Explanation(
        "Runners could not reach the operator's ingest.",
        "Is an operator Ready? Look at its Service, certificate and NetworkPolicy.",
    ),
    Reason.STORE_FULL: Explanation(
        "There is no room for results.", "Delete runs that have ended, or enlarge the volume, bucket or disk."
    ),
    Reason.STORE_FAILED: Explanation(
        "The store answered with an error.",
        "Check the bucket's address and keys, or the volume. The log has its words.",
    ),
    Reason.SHARD_MISSING: Explanation(
        "The result of a shard never arrived.", "See the pod of that shard. Submit the run again."
    ),
    Reason.RESULT_CORRUPT: Explanation(
        "A stored result cannot be read.", "Submit the run again. If it happens twice, check the store's disk."
    ),
}
"""The reasons of runs that did not succeed."""

ERROR_CLASSES: Final[dict[ErrorClass, Explanation]] = {
    ErrorClass.FORBIDDEN_TARGET: Explanation(
        "The address of the endpoint is denied.", "Have it allowed: `targets.allow`."
    ),
    ErrorClass.PROXY: Explanation("The proxy refused or failed.", "Check its address and credentials."),
    ErrorClass.DNS: Explanation("The host's name has no address.", "Check the name and the DNS server."),
    ErrorClass.CONNECT: Explanation("The connection was refused or reset.", "Does the server listen there?"),
    ErrorClass.TLS: Explanation("The server's certificate was not accepted.", "`ca_file` names your own authority."),
    ErrorClass.SEND: Explanation("The request could not be sent whole.", "The server closed too early: see its log."),
    ErrorClass.CONNECT_TIMEOUT: Explanation(
        "No connection within the time.", "Is the server's backlog full? Send less, or raise `connect_timeout`."
    ),
    ErrorClass.CLIENT_LIMIT: Explanation(
        "This machine had no file, port or memory left.", "Raise `ulimit -n`, or use more shards."
    ),
    ErrorClass.HEADER_TIMEOUT: Explanation("No answer began within the time.", "The server is overloaded, or hangs."),
    ErrorClass.FIRST_TOKEN_TIMEOUT: Explanation("No first token within the time.", "Send less, or raise the limit."),
    ErrorClass.IDLE_TIMEOUT: Explanation("The stream paused for too long.", "See the server's log."),
    ErrorClass.TOTAL_TIMEOUT: Explanation("The whole answer took too long.", "Raise the limit, or lower `max_tokens`."),
    ErrorClass.DISCONNECTED: Explanation("The server closed before the answer's end.", "See the server's log."),
    ErrorClass.STATUS_401: Explanation("The key was refused (401).", "Check the key."),
    ErrorClass.STATUS_403: Explanation("The key may not do this (403).", "Check the key's rights."),
    ErrorClass.STATUS_404: Explanation("The path or the model does not exist (404).", "Check the URL and `model`."),
    ErrorClass.STATUS_429: Explanation("Too many requests (429).", "Send less at once, or raise the limit there."),
    ErrorClass.STATUS_3XX: Explanation("A redirect, which is not followed.", "Name the final URL."),
    ErrorClass.STATUS_4XX: Explanation("The server refused the request (4xx).", "The first errors' texts say why."),
    ErrorClass.STATUS_5XX: Explanation("The server failed (5xx).", "See the server's log."),
    ErrorClass.ERROR_IN_STREAM: Explanation("A stream that began well ended with an error.", "See the server's log."),
    ErrorClass.TRUNCATED_STREAM: Explanation("A stream ended without its last event.", "See the server and proxies."),
    ErrorClass.EMPTY_STREAM: Explanation("A stream ended without a token.", "See the server's log."),
    ErrorClass.PARSE: Explanation("The answer is not what the API says.", "Is `api` the right dialect?"),
    ErrorClass.TOO_LARGE: Explanation("The answer is larger than is read.", "Lower `max_tokens`."),
    ErrorClass.CANCELLED: Explanation("The run ended before the answer did.", "Nothing."),
    ErrorClass.SCORER: Explanation("The answer could not be scored in time.", "See the run's log."),
    ErrorClass.JUDGE: Explanation("The judge did not answer, or could not be read.", "See the judge's errors."),
}


def explanation(reason: Reason) -> Explanation:
    """What `reason` means and what to do about it."""
    return PROGRESS.get(reason) or FAILURES[reason]
