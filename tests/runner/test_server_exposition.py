"""Pages of metrics as servers make them, and what is read of them. The pages are in `fakes/server_pages`."""

from pathlib import Path
from typing import Any

import pytest

from evalkube_runner.server import exposition
from evalkube_runner.server.exposition import NotRead

PAGES = Path(__file__).parents[1] / "fakes" / "server_pages"
LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
INF = float("inf")


def page(name: str) -> bytes:
    """One of the pages."""
    return (PAGES / f"{name}.txt").read_bytes()


READ: list[tuple[str, str, dict[str, Any]]] = [
    (
        "vllm_v1",
        "tiny",
        {
            "servers": ("vLLM",),
            "gauges": {"waiting": 0, "running": 0, "kv_cache": 0},
            "counters": {
                "prompt_tokens": 10795,
                "generation_tokens": 17443,
                "preemptions": 0,
                "requests": 292,
                "prefix_cache_queries": 10795,
                "prefix_cache_hits": 0,
            },
            "counts": {"ttft": 294, "itl": 17149, "tpot": 292, "latency": 292, "queue": 292},
        },
    ),
    (
        "vllm_v0",
        LLAMA,
        {
            "servers": ("vLLM",),
            "gauges": {"waiting": 3, "running": 8, "kv_cache": 0.4375},  # a hit rate of -1 is none
            "counters": {"prompt_tokens": 11231, "generation_tokens": 4504, "preemptions": 2, "requests": 40},
            "counts": {"ttft": 45, "itl": 4460, "latency": 40},
        },
    ),
    (
        "sglang",
        "qwen",
        {
            "servers": ("SGLang",),
            "gauges": {"waiting": 3, "running": 12, "kv_cache": 0.5},  # two engines of two processes each
            "counters": {
                "prompt_tokens": 8000,
                "generation_tokens": 7557572,
                "preemptions": 4,
                "requests": 15,
                "prefix_cache_queries": 8000,
                "prefix_cache_hits": 2000,
            },
            "counts": {"ttft": 15, "itl": 1000, "latency": 15, "queue": 15},
        },
    ),
    (
        "tgi",
        "any",
        {
            "servers": ("TGI",),
            "gauges": {"waiting": 3, "running": 12},
            "counters": {"prompt_tokens": 4100, "generation_tokens": 2000, "requests": 40},
            "counts": {"latency": 40, "queue": 40},
        },
    ),
    (
        "llamacpp",
        "any",
        {
            "servers": ("llama.cpp",),
            "gauges": {"waiting": 2, "running": 3, "kv_cache": 0.42},
            "counters": {"prompt_tokens": 6886, "generation_tokens": 3469},
            "counts": {},
        },
    ),
    ("dcgm", "any", {"servers": ("DCGM",), "gauges": {}, "counters": {}, "counts": {}}),
]


@pytest.mark.parametrize(("name", "model", "wanted"), READ, ids=[name for name, _, _ in READ])
def test_each_server_is_read_by_its_own_names(name: str, model: str, wanted: dict[str, Any]) -> None:
    """Gauges, counters and histograms under names that are the same for all."""
    found = exposition.read(page(name), model)
    counts = {figure: histogram.count for figure, histogram in found.histograms.items()}
    told = {"servers": found.servers, "gauges": found.gauges, "counters": found.counters, "counts": counts}
    assert told == wanted
    assert found.model is None


def test_gpus_are_told_apart_and_have_plain_units() -> None:
    """Shares, bytes, watts and hertz instead of percent, MiB and MHz."""
    found = exposition.read(page("dcgm"), "any").gpus
    assert list(found) == ["node-a/0", "node-a/1"]
    assert found["node-a/0"] == {
        "utilization": pytest.approx(0.98),
        "memory_used_bytes": 72962 << 20,
        "memory_free_bytes": 8117 << 20,
        "power_w": 612.482,
        "temperature_c": 54,
        "sm_clock_hz": 1.98e9,
        "tensor_active": 0.411,
    }


def test_the_engines_of_a_server_are_one_server() -> None:
    """Their counts and buckets add up; of a share there is a mean."""
    one = page("vllm_v1").replace(
        b'kv_cache_usage_perc{engine="0",model_name="tiny"} 0.0',
        b'kv_cache_usage_perc{engine="0",model_name="tiny"} 0.5',
    )
    two = one + page("vllm_v1").replace(b'engine="0"', b'engine="1"')
    single, double = exposition.read(one, "tiny"), exposition.read(two, "tiny")
    assert double.counters == {name: 2 * value for name, value in single.counters.items()}
    assert double.histograms["ttft"].buckets == tuple((le, 2 * n) for le, n in single.histograms["ttft"].buckets)
    assert double.gauges["kv_cache"] == 0.25


def test_an_engine_with_other_buckets_leaves_the_sum_without_any() -> None:
    """The mean stays exact, and no percentile is made up."""
    other = page("vllm_v1").replace(b'engine="0"', b'engine="1"').replace(b'le="0.04"', b'le="0.05"')
    found = exposition.read(page("vllm_v1") + other, "tiny").histograms["ttft"]
    assert (found.count, found.buckets) == (588, ())


def test_another_model_of_the_same_server_is_left_out() -> None:
    """By the label `model_name`."""
    both = page("vllm_v1") + page("vllm_v0")
    assert exposition.read(both, LLAMA).counters["requests"] == 40
    assert exposition.read(both, "tiny").counters["requests"] == 292


def test_the_only_model_of_a_server_is_the_run_s_whatever_its_name() -> None:
    """A run may name an alias or an adapter; whose figures they are is told."""
    found = exposition.read(page("vllm_v1"), "tiny-lora")
    assert (found.model, found.counters["requests"]) == ("tiny", 292)


VLLM = b'vllm:num_requests_running{engine="0",model_name="m"} '
ODD: list[tuple[str, bytes, float]] = [
    ("a timestamp", VLLM + b"3 1700000000000\n", 3),
    ("an exemplar and an end, as OpenMetrics has them", VLLM + b'3 # {trace_id="a b"} 0.6 1.5\n# EOF\n', 3),
    ("Windows' line ends", VLLM + b"3\r\n", 3),
    ("no line end", VLLM + b"3", 3),
    ("an escaped label", b'vllm:num_requests_running{note="a\\"} b\\\\",model_name="m"} 3\n', 3),
    ("blanks", b'vllm:num_requests_running { engine = "0" , model_name = "m" }  3 \n', 3),
    ("not a number beside a number", VLLM + b"3\n" + VLLM.replace(b"0", b"1") + b"NaN\n", 3),
    ("scientific", VLLM + b"3.0e+00\n", 3),
    ("other metrics that are broken", b"go_info{ 1\nfoo 7 8 9 10\n\xff\xfe\n" + VLLM + b"3\n", 3),
]


@pytest.mark.parametrize(("text", "value"), [row[1:] for row in ODD], ids=[row[0] for row in ODD])
def test_odd_pages_are_read(text: bytes, value: float) -> None:
    """What the format allows, and what others write on the same page."""
    assert exposition.read(text, "m").gauges["running"] == value


NOT_READ: list[tuple[str, bytes, str]] = [
    ("an empty page", b"", "nothing of vLLM, SGLang"),
    ("HTML", b"<!doctype html><html><body>404</body></html>", "nothing of vLLM, SGLang"),
    ("JSON", b'{"detail":"Not Found"}', "nothing of vLLM, SGLang"),
    ("another server's", b"# TYPE nv_inference_count counter\nnv_inference_count 7\n", "--enable-metrics"),
    ("bytes that are no text", bytes(range(256)) * 10, "nothing of vLLM, SGLang"),
    ("no value", VLLM + b"\n", "not in Prometheus' text format"),
    ("words for a value", VLLM + b"many\n", "not in Prometheus' text format"),
    ("an open label", b'vllm:num_requests_running{engine="0 3\n', "not in Prometheus' text format"),
    (
        "too many series",
        b"".join(b'vllm:num_requests_running{engine="%d"} 1\n' % at for at in range(20_001)),
        "20001 lines",
    ),
    (
        "several models, none the run's",
        VLLM.replace(b'"m"', b'"a"') + b"1\n" + VLLM.replace(b'"m"', b'"b"') + b"1\n",
        "models 'a', 'b', and none of 'm'",
    ),
]


@pytest.mark.parametrize(("text", "words"), [row[1:] for row in NOT_READ], ids=[row[0] for row in NOT_READ])
def test_what_is_no_page_for_the_run_is_refused_in_words(text: bytes, words: str) -> None:
    """Never a guess, never another exception."""
    with pytest.raises(NotRead, match=words.replace("(", r"\(")):
        exposition.read(text, "m")


def test_without_buckets_all_else_is_the_same() -> None:
    """Counts and sums still tell the means."""
    whole, short = (exposition.read(page("vllm_v1"), "tiny", buckets=buckets) for buckets in (True, False))
    assert (short.gauges, short.counters) == (whole.gauges, whole.counters)
    assert short.histograms["ttft"].total == whole.histograms["ttft"].total
    assert short.histograms["ttft"].buckets == ()
    assert whole.histograms["ttft"].buckets[-1] == (INF, 294)
