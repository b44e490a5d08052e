"""Gemini's generateContent and streamGenerateContent: where to post, and request bodies. What answers say is decided in
`gemini_answers`. No I/O.

Reference: https://ai.google.dev/api/generate-content, .../api/caching#Content and .../gemini-api/docs/thinking. Fields
go out by their names in JSON; a user's may have those of protobuf (`generation_config`).
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from evalkube_runner.wire import chats, faults, openai, stream
from evalkube_runner.wire.ask import Ask, Inputs, Message, Operation, Query, is_messages, merged, overlaid
from evalkube_runner.wire.chats import Inexpressible
from evalkube_runner.wire.decoding import NotJson, document, loads
from evalkube_runner.wire.gemini_answers import GRAMMAR

__all__ = [
    "answer",
    "body",
    "endpoint",
    "error_message",
    "fixed_headers",
    "headers",
    "prompt_texts",
    "reader",
    "takes_messages",
]

_WHOLE, _STREAMED = ":generateContent", ":streamGenerateContent"
_VERSIONS = ("/v1", "/v1beta", "/v1alpha", "/v1beta1")
_RESOURCES = ("models/", "tunedModels/", "publishers/", "projects/")
_CONFIG = "generationConfig"
_JOINED = (_CONFIG,)  # objects of a body to which a user adds keys


def endpoint(given: str, operation: Operation, *, base: bool = False) -> str:
    """The URL to post to: it has the model in it, and whether the answer is streamed, which `operation` says.

    A base URL (`base`, or one that ends in a version, in /models, /publishers/google or a model, or has no path) gets
    what it lacks of /v1beta/models/{model}:{method}. Any other is taken as it stands.
    """
    parts = urlsplit(given)
    path = parts.path.rstrip("/")
    if path.endswith((_WHOLE, _STREAMED)):
        path = path.rpartition(":")[0] + _method(operation)
    elif "/models/" in path:
        path += _method(operation)
    elif path.endswith("/models"):
        path += "/" + _resource(operation.model).rpartition("models/")[2] + _method(operation)
    elif path.endswith((*_VERSIONS, "/publishers/google")):
        path += "/" + _resource(operation.model) + _method(operation)
    elif base or not path:
        path += "/v1beta/" + _resource(operation.model) + _method(operation)
    else:
        path = parts.path
    query = parts.query
    if path.endswith(_STREAMED) and not any(one.startswith("alt=") for one in query.split("&")):
        query = f"{query}&alt=sse" if query else "alt=sse"
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))


def _method(operation: Operation) -> str:
    return _STREAMED if operation.stream else _WHOLE


def _resource(model: str) -> str:
    """The path of a model, whose name may begin with its collection."""
    if model.startswith(_RESOURCES):
        return "/".join(quote(part, safe="") for part in model.split("/"))
    return "models/" + quote(model, safe="")


def takes_messages(url: str) -> bool:
    """Whether the endpoint takes messages: always, since a text is one message too."""
    return True


def fixed_headers(*, stream: bool) -> dict[str, str]:
    """The headers beside the key: none, since the URL says all."""
    return {}


def headers(api_key: str | None, url: str, name: str | None = None) -> dict[str, str]:
    """The key as it is in `x-goog-api-key`, or in the header `name`; a bearer token in that of authorization."""
    return openai.headers(api_key, url, name or "x-goog-api-key")


def body(ask: Ask) -> dict[str, Any]:
    """The request body: the fields that are set, over them those of a prompt that is a body, over all `extra`. Raises
    Inexpressible.
    """
    made: dict[str, Any] = {_CONFIG: {key: value for key, value in _config(ask).items() if value is not None}}
    if ask.tools is not None:
        made["tools"] = _tools(ask.tools)
    if ask.tool_choice is not None:
        made["toolConfig"] = {"functionCallingConfig": _calling(ask.tool_choice)}
    prompt = ask.prompt
    assert not isinstance(prompt, Inputs | Query), "an endpoint that generates is given a prompt"
    if isinstance(prompt, dict):
        made = overlaid(made, _in_json(prompt), _JOINED)
    elif isinstance(prompt, str):
        made["contents"] = [{"role": "user", "parts": [{"text": prompt}]}]
    elif is_messages(prompt):
        made |= _conversation(prompt)
    else:
        raise Inexpressible("prompt", "token ids")
    return merged(made, _in_json(ask.extra), _JOINED)


def _config(ask: Ask) -> dict[str, Any]:
    limit = ask.max_tokens if ask.max_completion_tokens is None else ask.max_completion_tokens
    return {
        "maxOutputTokens": limit,
        "temperature": ask.temperature,
        "topP": ask.top_p,
        "topK": ask.top_k,
        "seed": ask.seed,
        "stopSequences": ask.stop,
        "candidateCount": ask.choices,
        "frequencyPenalty": ask.frequency_penalty,
        "presencePenalty": ask.presence_penalty,
        "responseLogprobs": ask.logprobs,
        "logprobs": ask.top_logprobs,
        "responseMimeType": None if ask.response_schema is None else "application/json",
        "responseJsonSchema": ask.response_schema,
        "thinkingConfig": None if ask.reasoning_effort is None else _thinking(ask.reasoning_effort),
    }


def _thinking(effort: str) -> dict[str, Any]:
    return {"thinkingBudget": 0} if effort == "none" else {"thinkingLevel": effort.upper()}


def _in_json(given: Mapping[str, Any]) -> dict[str, Any]:
    """A user's keys, and those of its generationConfig, by their names in JSON."""
    found = {_camel(key): value for key, value in given.items()}
    if isinstance(config := found.get(_CONFIG), Mapping):
        found[_CONFIG] = {_camel(key): value for key, value in config.items()}
    return found


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _calling(choice: str) -> dict[str, Any]:
    modes = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
    return {"mode": modes[choice]} if choice in modes else {"mode": "ANY", "allowedFunctionNames": [choice]}


def _tools(tools: Any) -> list[dict[str, Any]]:
    """The functions in one tool; the API's own tools go out as they are."""
    functions, others = [], []
    for tool in tools:
        function = tool.get("function")
        if not isinstance(function, Mapping):
            others.append(dict(tool))
            continue
        if function.get("strict"):
            raise Inexpressible("tools.function.strict", "a strict function")
        made = {"name": function.get("name"), "description": function.get("description")}
        made["parametersJsonSchema"] = function.get("parameters")
        functions.append({key: value for key, value in made.items() if value is not None})
    return [*([{"functionDeclarations": functions}] if functions else []), *others]


def _conversation(messages: list[Message]) -> dict[str, Any]:
    """A chat: what the system says apart, and turns, of which those of one role that follow each other are one."""
    system = [text for message in messages if chats.is_system(message) for text in chats.system_texts(message)]
    names: dict[object, str] = {}
    turns: list[dict[str, Any]] = []
    for at, message in enumerate(messages):
        if chats.is_system(message):
            continue
        role = "model" if message.get("role") in ("assistant", "model") else "user"
        given = message.get("parts")  # a turn in the API's own form
        own = given if isinstance(given, list) else [given]
        parts = own if given is not None else _parts(message, names, f"messages[{at}]")
        if turns and turns[-1]["role"] == role:
            turns[-1]["parts"] += parts
        else:
            turns.append({"role": role, "parts": list(parts)})
    found: dict[str, Any] = {"contents": turns}
    if system:
        found["systemInstruction"] = {"parts": [{"text": text} for text in system]}
    return found


def _parts(message: Message, names: dict[object, str], where: str) -> list[dict[str, Any]]:
    """The parts of a message. `names`: the functions of the calls so far, by their ids."""
    chats.check(message, where)
    content = message.get("content")
    if message.get("role") == "tool":
        name = names.get(message.get("tool_call_id")) or message.get("name")
        if not isinstance(name, str):
            raise Inexpressible(f"{where}.tool_call_id", "a result of no call before it")
        return [{"functionResponse": {"name": name, "response": _result(content)}}]
    calls = chats.calls(message, where)
    names.update({call.id: call.name for call in calls})
    said = [_part(part, where) for part in chats.parts(content)]
    return [*said, *({"functionCall": {"name": call.name, "args": call.arguments}} for call in calls)]


def _result(content: object) -> dict[str, Any]:
    """The result of a tool, as an object."""
    text = "".join(chats.texts_in(content))
    try:
        found = loads(text.encode())
    except NotJson:
        found = None
    return found if isinstance(found, dict) else {"result": text}


def _part(part: object, where: str) -> dict[str, Any]:
    if isinstance(part, str):
        return {"text": part}
    kind = part.get("type") if isinstance(part, dict) else None
    if isinstance(part, dict) and kind is None:
        return part  # one of the API's own
    if isinstance(part, dict) and kind in ("text", "refusal"):
        return {"text": part.get(kind)}
    if not isinstance(part, dict) or kind != "image_url":
        raise Inexpressible(f"{where}.content", str(kind or "a part that is no object"))
    image = chats.image(part, where)
    if image.data is None:
        return {"fileData": {"fileUri": image.url}}
    return {"inlineData": {"mimeType": image.media_type, "data": image.data}}


_ANSWERS = stream.Answers(GRAMMAR)
reader, answer = _ANSWERS.reader, _ANSWERS.whole
error_message = faults.in_body


def prompt_texts(body: bytes) -> tuple[list[str], int]:
    """The texts of a request's prompt; it has no token ids."""
    found = document(body)
    texts = [text for key in ("systemInstruction", "contents") for text in chats.texts_in(found.get(key))]
    return texts, 0
