"""Valid request bodies, by what the stand-in for a runner is to do."""

from typing import Any

__all__ = ["KEY", "eval_body", "perf_body"]

KEY = "sk-canary-7f3a9b2c41d8"


def eval_body(model: str = "ok", **more: Any) -> dict[str, Any]:
    """An evaluation."""
    return {
        "model": model,
        "api_url": "http://127.0.0.1:9/v1",
        "datasets": ["gsm8k"],
        "limit": 5,
        "api_key": KEY,
        **more,
    }


def perf_body(model: str = "ok", **more: Any) -> dict[str, Any]:
    """A load test."""
    return {
        "model": model,
        "url": "http://127.0.0.1:9/v1/chat/completions",
        "api_key": KEY,
        "number": 10,
        "parallel": 2,
        **more,
    }
