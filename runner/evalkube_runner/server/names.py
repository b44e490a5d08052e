"""What servers call their metrics: a table for each, from figure to names. No I/O here.

Of several names for one figure the first that a server has counts: the newest is first. Sources: vLLM
`vllm/v1/metrics/loggers.py` (V1) and `vllm/engine/metrics.py` (V0); SGLang `srt/metrics/collector.py`; TGI's metrics
reference; llama.cpp `tools/server` (`--metrics`); dcgm-exporter `etc/default-counters.csv`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["GPU", "HOW", "RANKS", "SERVERS", "SHARES", "STARTED", "Gpu", "Server", "sample_names"]

Names = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Server:
    """The names of one kind of server. Counters are names of samples, histograms those of their families."""

    name: str
    gauges: Names
    counters: Names = field(default_factory=dict)
    histograms: Names = field(default_factory=dict)


SERVERS: Final = (
    Server(
        "vLLM",
        gauges={
            "waiting": ("vllm:num_requests_waiting",),
            "running": ("vllm:num_requests_running",),
            "kv_cache": ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"),  # a share, by either name
            "prefix_cache_hit_rate": ("vllm:gpu_prefix_cache_hit_rate",),  # V0; V1 counts
        },
        counters={
            "prompt_tokens": ("vllm:prompt_tokens_total",),
            "generation_tokens": ("vllm:generation_tokens_total",),
            "prefix_cache_queries": ("vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total"),
            "prefix_cache_hits": ("vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total"),
            "preemptions": ("vllm:num_preemptions_total",),
            "requests": ("vllm:request_success_total",),
        },
        histograms={
            "ttft": ("vllm:time_to_first_token_seconds",),
            # the older name is of the same times: pauses between two tokens, not a request's mean
            "itl": ("vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds"),
            "tpot": ("vllm:request_time_per_output_token_seconds",),
            "latency": ("vllm:e2e_request_latency_seconds",),
            "queue": ("vllm:request_queue_time_seconds",),
        },
    ),
    Server(
        "SGLang",
        gauges={
            "waiting": ("sglang:num_queue_reqs",),
            "running": ("sglang:num_running_reqs",),
            "kv_cache": ("sglang:token_usage",),
        },
        counters={
            "prompt_tokens": ("sglang:prompt_tokens_total",),
            "generation_tokens": ("sglang:generation_tokens_total",),
            "prefix_cache_queries": ("sglang:prompt_tokens_total",),
            "prefix_cache_hits": ("sglang:cached_tokens_total",),  # each request by the source of its tokens
            "preemptions": ("sglang:num_retracted_requests_total",),
            "requests": ("sglang:num_requests_total",),
        },
        histograms={
            "ttft": ("sglang:time_to_first_token_seconds",),
            "itl": ("sglang:inter_token_latency_seconds", "sglang:time_per_output_token_seconds"),
            "tpot": ("sglang:request_time_per_output_token_seconds",),
            "latency": ("sglang:e2e_request_latency_seconds",),
            "queue": ("sglang:queue_time_seconds",),
        },
    ),
    Server(
        "TGI",
        gauges={"waiting": ("tgi_queue_size",), "running": ("tgi_batch_current_size",)},
        counters={
            "prompt_tokens": ("tgi_request_input_length_sum",),
            "generation_tokens": ("tgi_request_generated_tokens_sum",),
            "requests": ("tgi_request_success",),
        },
        # it has no TTFT; its mean time per token has the prefill in it, so that it is neither ITL nor TPOT
        histograms={"latency": ("tgi_request_duration",), "queue": ("tgi_request_queue_duration",)},
    ),
    Server(
        "llama.cpp",
        gauges={
            "waiting": ("llamacpp:requests_deferred",),
            "running": ("llamacpp:requests_processing",),
            "kv_cache": ("llamacpp:kv_cache_usage_ratio",),  # older builds
        },
        counters={
            "prompt_tokens": ("llamacpp:prompt_tokens_total",),  # without those that its cache had
            "generation_tokens": ("llamacpp:tokens_predicted_total",),
        },
    ),
)


@dataclass(frozen=True, slots=True)
class Gpu:
    """A figure of a GPU: its name, and what the exporter's value is multiplied with."""

    figure: str
    factor: float = 1.0


GPU: Final = {
    "DCGM_FI_DEV_GPU_UTIL": Gpu("utilization", 0.01),
    "DCGM_FI_DEV_FB_USED": Gpu("memory_used_bytes", 1 << 20),
    "DCGM_FI_DEV_FB_FREE": Gpu("memory_free_bytes", 1 << 20),
    "DCGM_FI_DEV_POWER_USAGE": Gpu("power_w"),
    "DCGM_FI_DEV_GPU_TEMP": Gpu("temperature_c"),
    "DCGM_FI_DEV_SM_CLOCK": Gpu("sm_clock_hz", 1e6),
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE": Gpu("engine_active"),
    "DCGM_FI_PROF_SM_ACTIVE": Gpu("sm_active"),
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": Gpu("tensor_active"),
    "DCGM_FI_PROF_DRAM_ACTIVE": Gpu("memory_active"),
}
"""Of dcgm-exporter. Its gauges are what DCGM last sampled: every 30 s unless the exporter was told otherwise (`-c`)."""

RANKS: Final = ("pp_rank", "tp_rank", "moe_ep_rank", "pid")
"""Labels of the processes that one engine consists of: where several of them report, they report the same."""

SHARES: Final = frozenset({"kv_cache", "prefix_cache_hit_rate"})
"""Gauges of which several engines have a mean, not a sum."""

STARTED: Final = "process_start_time_seconds"

HOW: Final = "SGLang has them with --enable-metrics, llama.cpp with --metrics"


def sample_names() -> frozenset[str]:
    """The names of all samples that are read."""
    found = {STARTED, *GPU}
    for server in SERVERS:
        found.update(name for names in (*server.gauges.values(), *server.counters.values()) for name in names)
        found.update(
            f"{name}_{part}"
            for names in server.histograms.values()
            for name in names
            for part in ("bucket", "sum", "count")
        )
    return frozenset(found)
