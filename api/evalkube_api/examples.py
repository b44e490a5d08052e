"""The example requests and answers of the OpenAPI description: EvalScope's own examples first. Data only."""

from typing import Any, Final

__all__ = ["ANSWERS", "REQUESTS", "RUN_ID"]

_EVAL: Final = {
    "model": "qwen-plus",
    "api_url": "https://dashscope.aliyuncs.com/compatible-mode/v1",
    "api_key": "your-api-key",
    "datasets": ["gsm8k", "iquiz"],
    "limit": 10,
    "generation_config": {"temperature": 0.0, "max_tokens": 2048},
}
_PERF: Final = {
    "model": "qwen-plus",
    "url": "https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions",
    "api": "openai",
    "api_key": "your-api-key",
    "number": 100,
    "parallel": 10,
    "dataset": "openqa",
    "max_tokens": 2048,
    "temperature": 0.0,
}
REQUESTS: Final[dict[str, Any]] = {
    "eval": {
        "An evaluation": _EVAL,
        "Without a network": {**_EVAL, "api_url": "http://localhost:8000/v1", "dataset_hub": "sample"},
        "Three data sets": {
            "model": "qwen-plus",
            "api_url": "https://dashscope.aliyuncs.com/compatible-mode/v1",
            "datasets": ["gsm8k", "iquiz", "ceval"],
            "limit": 50,
            "eval_batch_size": 4,
        },
    },
    "perf": {
        "A load test": _PERF,
        "A model on this machine": {
            "model": "qwen2.5",
            "url": "http://localhost:8000/v1/chat/completions",
            "api": "openai",
            "number": 1000,
            "parallel": 20,
            "max_tokens": 2048,
        },
        "A sweep": {
            "model": "qwen2.5",
            "url": "http://localhost:8000/v1/chat/completions",
            "number": [50, 100, 200],
            "parallel": [1, 10, 50],
        },
    },
}
RUN_ID: Final = "eval-20251204t100000000-k2x7q9pa"
ANSWERS: Final[dict[str, Any]] = {
    "eval": {
        "status": "success",
        "id": RUN_ID,
        "message": "Evaluation completed",
        "result": {"gsm8k": {"score": 0.9}},
        "output_dir": "/path/to/outputs/20251204_100000",
    },
    "perf": {
        "status": "success",
        "id": "perf-20251204t100000000-k2x7q9pa",
        "message": "Performance test completed",
        "output_dir": "/path/to/outputs/20251204_100000",
        "results": {
            "parallel_10_number_100": {
                "metrics": {"Total requests": 100, "Succeed requests": 100},
                "percentiles": {"Percentiles": ["50%", "99%"], "Latency (s)": [1.2, 2.3]},
            }
        },
    },
}
