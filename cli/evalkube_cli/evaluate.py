"""`evalkube eval`: one evaluation from the command line."""

from typing import Final

from evalkube_cli import command, tables
from evalkube_crds.requests import EvalRequest

__all__ = ["app"]

_PANELS: Final = {
    "What is evaluated": (
        *("model", "api_url", "datasets", "limit", "precision", "repeats"),
        *("eval_batch_size", "generation_config"),
    ),
    "Data": ("dataset_hub", "dataset_args", "seed"),
    "Output and resuming": ("work_dir", "no_timestamp", "use_cache", "rerun_review"),
}

app = command.application(
    "eval",
    EvalRequest,
    _PANELS,
    tables.eval_tables,
    "Evaluate a model behind an OpenAI-compatible endpoint.\n\n"
    "    evalkube eval --model qwen2.5 --api-url http://localhost:8000/v1 --datasets gsm8k iquiz --limit 20",
)
