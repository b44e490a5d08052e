"""Recognises an endpoint's refusals: no model of that name, or a wrong key. No I/O.

Servers say it with 400, 404, 422, 500 and in a 200, and each in words of its own; few send a code. These are of OpenAI,
Azure, vLLM, SGLang, Ollama, LocalAI, LM Studio, LiteLLM, DeepSeek, Mistral, OpenRouter, Groq, DashScope and others.
"""

import re

__all__ = ["says_no_model", "says_wrong_key"]

_MOST = 2_000  # of a message; what a refusal is about stands at its beginning
_SAID = re.compile(
    r"model_not_found|model_not_exist|modelnotfound|deploymentnotfound|invalid_model\b|modelnotexist"
    r"|\b(unknown|no such|invalid|nonexistent) model( name| id)?\b(?! (output|response|config|param|answer))"
    r"|\b(model|deployment)\b[^.!?\n]{0,120}?\b(does not exist|doesn't exist|do not exist|not exist|not found"
    r"|could not be found|was not found)"
    r"|\bmodel [^\s,;]{1,200} (does not exist|doesn't exist|(is |was )?not found|could not be found)"
    r"|^(HTTP \d{3}: )?model: \S{1,250}$"  # Anthropic
    r"|\bmodels/\S{1,250} (is|was) not found"  # Gemini
    r"|\b(not|isn't) a valid model\b|\bno model (named|called|with)\b"
    r"|模型.{0,60}(不存在|未找到)|(不存在|未找到).{0,10}模型",
    re.IGNORECASE,
)
_WRONG_KEY = re.compile(r"\bAPI key (not valid|expired|not found)\b|\bAPI_KEY_INVALID\b", re.IGNORECASE)
_OF_SOMETHING_ELSE = re.compile(r"\b(file|tokenizer|adapter|prompt|image|tool|function|template|path)\b", re.IGNORECASE)


def says_no_model(message: str) -> bool:
    """Whether `message`, of a refusal or an error, says that there is no such model."""
    found = _SAID.search(message[:_MOST])
    return found is not None and not _OF_SOMETHING_ELSE.search(_apart(found[0]))


def says_wrong_key(message: str) -> bool:
    """Whether `message` says that the key is wrong: Gemini does so with a 400."""
    return _WRONG_KEY.search(message[:_MOST]) is not None


def _apart(text: str) -> str:
    """`text` without what stands in quotes: a model's name may hold any word."""
    return re.sub(r"[`'\"“][^`'\"”\n]{0,250}[`'\"”]", "", text)
