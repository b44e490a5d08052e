"""Whether a refusal is about the model."""

import pytest

from evalkube_runner.wire.refusals import says_no_model

NO_MODEL = {
    "OpenAI": "The model `gpt-5x` does not exist or you do not have access to it.",
    "OpenAI's code": '{"error": {"code": "model_not_found"}}',
    "vLLM": "HTTP 404: The model `qwen` does not exist.",
    "a name with dots": "The model `Qwen/Qwen2.5-7B-Instruct` does not exist.",
    "a bare name with dots": "Model Qwen/Qwen2.5-7B-Instruct not found",
    "Ollama": 'model "llama9" not found, try pulling it first',
    "Ollama, older": "model 'llama9:7b' not found",
    "Azure": "The API deployment for this resource does not exist. If you created it, wait five minutes.",
    "Azure's code": "DeploymentNotFound: try again",
    "DeepSeek": "Model Not Exist",
    "Mistral": "Invalid model: mistral-x",
    "OpenRouter": "foo/bar-1.5 is not a valid model ID",
    "LiteLLM": "/chat/completions: Invalid model name passed in model=x. Call `/v1/models` to view available models.",
    "DashScope": "Model not exist.",
    "Together": "Unable to access model x. Model x could not be found",
    "Gemini": "models/gemini-9 is not found for API version v1beta: model not found",
    "unknown": "Unknown model: x",
    "no such": "no such model 'x'",
    "in Chinese": "模型 x 不存在，请检查",
    "a name that holds other words": "The model `file-tokenizer-1` does not exist.",
}
ANOTHER = {
    "a path": "Not Found",
    "FastAPI": '{"detail":"Not Found"}',
    "a parameter": "Unsupported parameter: 'max_tokens' is not supported with this model.",
    "overloaded": "The model is currently overloaded with other requests.",
    "too long": "This model's maximum context length is 4096 tokens. However, you requested 5000.",
    "a key": "Incorrect API key provided: sk-x. You can find your API key at ...",
    "its answer": "Invalid model output: no JSON",
    "a file": "The model's tokenizer file was not found",
    "a tool": "The model called a tool that does not exist",
    "nothing": "",
}


@pytest.mark.parametrize("message", NO_MODEL.values(), ids=NO_MODEL.keys())
def test_there_is_no_such_model(message: str) -> None:
    """In whatever words."""
    assert says_no_model(message)
    assert says_no_model(f"HTTP 400: {message}")


@pytest.mark.parametrize("message", ANOTHER.values(), ids=ANOTHER.keys())
def test_it_is_something_else(message: str) -> None:
    """What only mentions a model, or only that something is not there."""
    assert not says_no_model(message)


def test_a_long_message_takes_no_time() -> None:
    """A server decides what is in it."""
    assert not says_no_model("model " * 200_000 + "deployment " * 200_000)
