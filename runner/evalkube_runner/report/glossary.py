"""What the words of a load-test report mean: definitions printed under every report."""

__all__ = ["PERF_TERMS"]

PERF_TERMS: tuple[tuple[str, str], ...] = (
    ("Latency", "From the actual send of a request to the last byte of its answer."),
    (
        "TTFT, time to first token",
        "From the actual send to the first piece of the answer with content or reasoning in it. Only with streaming.",
    ),
    (
        "TPOT, time per output token",
        "(last token - first token) / (output tokens - 1), for each request with more than one output token.",
    ),
    (
        "ITL, inter-token latency",
        "The pauses between the pieces of streamed answers. Pieces that arrive in one read share the pause before.",
    ),
    (
        "From the intended send",
        "The same times from when the schedule wanted to send, so that waiting inside the client is not hidden.",
    ),
    ("Output tok/s", "Output tokens of successful requests / duration. Total tok/s counts the prompts' tokens too."),
    ("Requests/s", "Successful requests / duration."),
    ("Duration", "From the first measured send to the end of the last measured request, failed ones included."),
    (
        "Success",
        "A 2xx answer that arrived whole and had content. A stream with an error in it, or cut short, is a failure.",
    ),
    (
        "pN, percentile",
        "The value that N % of the requests stay below: linear interpolation (type 7), after all shards are added up.",
    ),
    ("In flight, closed loop", "So many requests are open at once; the next is sent when one ends."),
    ("Open loop", "Requests are sent at random times (Poisson) at a fixed mean rate, however many are still open."),
    (
        "Verdict",
        "Whether the load generator kept up: valid, degraded (read with care), invalid (it may have measured itself).",
    ),
)
