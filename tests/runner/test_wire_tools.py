"""Tools in requests: what each API is told of which tool is to be called, and prompts that bring tools of their own."""

from typing import Any

import pytest

from evalkube_runner.wire.ask import Ask, Message, chat_of
from evalkube_runner.wire.dialect import DIALECTS

ASKED: list[Message] = [{"role": "user", "content": "Is it warm?"}]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "weather", "description": "d", "parameters": PARAMETERS}}

CHOSEN: dict[str, dict[str, Any]] = {
    "openai": {
        **{word: {"tool_choice": word} for word in ("auto", "none", "required")},
        "weather": {"tool_choice": {"type": "function", "function": {"name": "weather"}}},
    },
    "openai_responses": {
        **{word: {"tool_choice": word} for word in ("auto", "none", "required")},
        "weather": {"tool_choice": {"type": "function", "name": "weather"}},
    },
    "dashscope": {
        **{word: {"parameters": {"tool_choice": word}} for word in ("auto", "none")},
        "weather": {"parameters": {"tool_choice": {"type": "function", "function": {"name": "weather"}}}},
    },
    "anthropic": {
        "auto": {"tool_choice": {"type": "auto"}},
        "none": {"tool_choice": {"type": "none"}},
        "required": {"tool_choice": {"type": "any"}},
        "weather": {"tool_choice": {"type": "tool", "name": "weather"}},
    },
    "gemini": {
        "auto": {"toolConfig": {"functionCallingConfig": {"mode": "AUTO"}}},
        "none": {"toolConfig": {"functionCallingConfig": {"mode": "NONE"}}},
        "required": {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
        "weather": {"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}}},
    },
}
"""By API and choice: what is added to the body."""


@pytest.mark.parametrize(
    ("api", "choice"), [(api, choice) for api, choices in CHOSEN.items() for choice in choices], ids=lambda one: one
)
def test_which_tool_is_to_be_called(api: str, choice: str) -> None:
    """In the API's own words; without a choice nothing is said."""
    fields: dict[str, Any] = {"model": "m", "prompt": ASKED, "tools": [TOOL]}
    plain = DIALECTS[api].body(Ask(**fields))
    chosen = DIALECTS[api].body(Ask(**fields, tool_choice=choice))
    added = CHOSEN[api][choice]
    if api == "dashscope":
        added = {"parameters": plain["parameters"] | added["parameters"]}
    assert chosen == plain | added
    assert "tool_choice" not in str(plain)


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        pytest.param({"messages": ASKED}, (ASKED, None, None), id="messages alone"),
        pytest.param({"messages": ASKED, "tools": [TOOL]}, (ASKED, [TOOL], None), id="with tools"),
        pytest.param({"messages": ASKED, "tools": []}, (ASKED, None, None), id="with no tools"),
        pytest.param({"messages": ASKED, "tool_choice": "none"}, (ASKED, None, "none"), id="with a choice"),
        pytest.param(
            {"messages": ASKED, "tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "weather"}}},
            (ASKED, [TOOL], "weather"),
            id="with a function chosen",
        ),
        pytest.param({"messages": ASKED, "max_tokens": 5}, None, id="a body with further keys"),
        pytest.param({"messages": ASKED, "tool_choice": {"type": "any"}}, None, id="a choice of another API"),
        pytest.param({"messages": ASKED, "tools": {"a": 1}}, None, id="tools that are none"),
        pytest.param({"messages": [{"parts": []}]}, None, id="messages of another API"),
        pytest.param({"messages": []}, None, id="no messages"),
        pytest.param({"contents": []}, None, id="another API's body"),
        pytest.param(ASKED, None, id="messages without an object around"),
        pytest.param("Is it warm?", None, id="a text"),
    ],
)
def test_chats_that_any_api_can_be_asked(prompt: object, found: tuple[Any, ...] | None) -> None:
    """Those whose keys are OpenAI's alone; all other bodies are of their own API, and go out as they are."""
    chat = chat_of(prompt)
    assert (None if chat is None else (chat.messages, chat.tools, chat.tool_choice)) == found
