"""The 25 instructions that a program can verify, by their names in IFEval's data (its paper, table 3).

Each is a function of a reply and the instruction's arguments. They decide as the published program does, even where
that is questionable (marked "sic"), because scores are compared with published ones.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from evalkube_benchmarks.instructions import texts

__all__ = ["INSTRUCTIONS", "Instruction", "checked"]

_Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Instruction:
    """One kind of instruction: the test of a reply, and its arguments with their types."""

    follows: Callable[[str, _Arguments], bool]
    arguments: Mapping[str, type]


def checked(name: str, arguments: _Arguments) -> dict[str, Any]:
    """The arguments that an instruction reads, without the empty columns beside them.

    Raises ValueError for an unknown instruction, and for an argument that is missing or of another type.
    """
    if name not in INSTRUCTIONS:
        raise ValueError(f"{name!r} is not one of IFEval's instructions")
    own: dict[str, Any] = {}
    for key, kind in INSTRUCTIONS[name].arguments.items():
        value = arguments.get(key)
        if kind is int and isinstance(value, float) and value.is_integer():
            value = int(value)  # a column of tables that has gaps holds no whole numbers
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ValueError(f"instruction {name!r} has no {key} ({kind.__name__})")
        if key in _RELATIONS and value not in (_LESS, _AT_LEAST):
            raise ValueError(f"instruction {name!r} has the {key} {value!r}; valid are {_LESS!r} and {_AT_LEAST!r}")
        own[key] = value
    return own


# --------------------------------------------------------------------------------------------------------- how many

_LESS, _AT_LEAST = "less than", "at least"
_RELATIONS = ("relation", "let_relation", "capital_relation")


def _is(count: int, relation: str, threshold: int) -> bool:
    return count < threshold if relation == _LESS else count >= threshold


def _pattern(text: str) -> str:
    """The pattern of a keyword: the keyword itself (sic), or its literal text if it is not a pattern."""
    try:
        re.compile(text)
    except re.error:
        return re.escape(text)
    return text


def _occurs(keyword: str, reply: str) -> bool:
    return re.search(_pattern(keyword), reply, re.IGNORECASE) is not None


def _keywords(reply: str, own: _Arguments) -> bool:
    """Whether all keywords occur, inside other words too (sic)."""
    return all(_occurs(keyword, reply) for keyword in own["keywords"])


def _frequency(reply: str, own: _Arguments) -> bool:
    found = re.findall(_pattern(own["keyword"].strip()), reply, re.IGNORECASE)
    return _is(len(found), own["relation"], own["frequency"])


def _forbidden(reply: str, own: _Arguments) -> bool:
    return not any(_occurs(rf"\b{_pattern(word)}\b", reply) for word in own["forbidden_words"])


def _letters(reply: str, own: _Arguments) -> bool:
    return _is(reply.lower().count(own["letter"].strip().lower()), own["let_relation"], own["let_frequency"])


def _sentences(reply: str, own: _Arguments) -> bool:
    return _is(texts.sentences(reply), own["relation"], own["num_sentences"])


def _words(reply: str, own: _Arguments) -> bool:
    return _is(texts.words(reply), own["relation"], own["num_words"])


def _capital_words(reply: str, own: _Arguments) -> bool:
    return _is(texts.capital_words(reply), own["capital_relation"], own["capital_frequency"])


# -------------------------------------------------------------------------------------------------------- languages


def _language(reply: str, own: _Arguments) -> bool:
    """Whether the reply is in the language; a reply whose language is unknown passes (sic)."""
    return texts.language(reply) in {own["language"], None}


def _english_capitals(reply: str, _: _Arguments) -> bool:
    return reply.isupper() and texts.language(reply) in ("en", None)


def _english_lowercase(reply: str, _: _Arguments) -> bool:
    return reply.islower() and texts.language(reply) in ("en", None)


# ------------------------------------------------------------------------------------------------------- paragraphs


def _paragraphs(reply: str, own: _Arguments) -> bool:
    """Whether the reply has that many paragraphs divided by three stars; only those at the ends may be empty."""
    parts = [part.strip() for part in re.split(r"\s?\*\*\*\s?", reply)]
    if not all(parts[1:-1]):
        return False
    # One that is alone and empty cannot be: the reply says something.
    return bool(sum(map(bool, parts)) == own["num_paragraphs"])


def _first_word(reply: str, own: _Arguments) -> bool:
    """Whether the paragraph of that number begins with the word.

    One empty line divides paragraphs. Empty ones are not counted, but they are numbered (sic).
    """
    parts = [part.strip() for part in reply.split("\n\n")]
    count, number = sum(map(bool, parts)), own["nth_paragraph"]
    if not 0 < number <= count or not parts[number - 1]:
        return False
    word = parts[number - 1].split()[0].lstrip("'").lstrip('"')
    word = re.split(r"[.,?!'\"]", word, maxsplit=1)[0].lower()
    return bool(count == own["num_paragraphs"] and word == own["first_word"].lower())


# ---------------------------------------------------------------------------------------------- content and format


def _placeholders(reply: str, own: _Arguments) -> bool:
    return len(re.findall(r"\[.*?\]", reply)) >= int(own["num_placeholders"])


def _postscript(reply: str, own: _Arguments) -> bool:
    """Whether the reply has a postscript, anywhere (sic), in capitals or not."""
    marker = own["postscript_marker"].strip()
    pattern = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}.get(marker)
    return re.search(_pattern(marker.lower()) if pattern is None else pattern, reply.lower()) is not None


def _bullets(reply: str, own: _Arguments) -> bool:
    """Whether exactly that many lines begin with a single star or a hyphen."""
    starred = re.findall(r"^\s*\*[^\*].*$", reply, re.MULTILINE)
    dashed = re.findall(r"^\s*-.*$", reply, re.MULTILINE)
    return bool(len(starred) + len(dashed) == own["num_bullets"])


def _one_of_three(reply: str, _: _Arguments) -> bool:
    """Whether the reply has one of the options, which are the same for every prompt; more may be beside it (sic)."""
    return any(option in reply for option in ("My answer is yes.", "My answer is no.", "My answer is maybe."))


def _highlights(reply: str, own: _Arguments) -> bool:
    """Whether enough passages are between single stars, and again between double ones (sic).

    **this** has an empty pair on either side.
    """
    single = [found.strip("*") for found in re.findall(r"\*[^\n\*]*\*", reply)]
    double = [found[2:-2] for found in re.findall(r"\*\*[^\n\*]*\*\*", reply)]
    return sum(bool(found.strip()) for found in [*single, *double]) >= int(own["num_highlights"])


def _sections(reply: str, own: _Arguments) -> bool:
    marks = re.findall(rf"\s?{_pattern(own['section_spliter'].strip())}\s?\d+\s?", reply)
    return len(marks) >= int(own["num_sections"])


def _json(reply: str, _: _Arguments) -> bool:
    text = reply.strip()
    for fence in ("```json", "```Json", "```JSON", "```"):
        text = text.removeprefix(fence)
    try:
        json.loads(text.removesuffix("```").strip())
    except (ValueError, RecursionError):
        return False
    return True


def _title(reply: str, _: _Arguments) -> bool:
    return any(found.lstrip("<").rstrip(">").strip() for found in re.findall(r"<<[^\n]+>>", reply))


# ---------------------------------------------------------------------------------------------- beginning and end


def _two_responses(reply: str, _: _Arguments) -> bool:
    """Whether there are two different replies divided by six stars; only those at the ends may be empty."""
    parts = [part.strip() for part in reply.split("******")]
    said = [part for part in parts if part]
    return all(parts[1:-1]) and len(said) == 2 and said[0] != said[1]


def _repeats(reply: str, own: _Arguments) -> bool:
    return reply.strip().lower().startswith(own["prompt_to_repeat"].strip().lower())


def _ends(reply: str, own: _Arguments) -> bool:
    return reply.strip().strip('"').lower().endswith(own["end_phrase"].strip().lower())


def _quoted(reply: str, _: _Arguments) -> bool:
    text = reply.strip()
    return len(text) > 1 and text[0] == text[-1] == '"'


def _no_comma(reply: str, _: _Arguments) -> bool:
    return "," not in reply


INSTRUCTIONS: Final[Mapping[str, Instruction]] = {
    "keywords:existence": Instruction(_keywords, {"keywords": list}),
    "keywords:frequency": Instruction(_frequency, {"keyword": str, "frequency": int, "relation": str}),
    "keywords:forbidden_words": Instruction(_forbidden, {"forbidden_words": list}),
    "keywords:letter_frequency": Instruction(_letters, {"letter": str, "let_frequency": int, "let_relation": str}),
    "language:response_language": Instruction(_language, {"language": str}),
    "length_constraints:number_sentences": Instruction(_sentences, {"num_sentences": int, "relation": str}),
    "length_constraints:number_paragraphs": Instruction(_paragraphs, {"num_paragraphs": int}),
    "length_constraints:number_words": Instruction(_words, {"num_words": int, "relation": str}),
    "length_constraints:nth_paragraph_first_word": Instruction(
        _first_word, {"num_paragraphs": int, "nth_paragraph": int, "first_word": str}
    ),
    "detectable_content:number_placeholders": Instruction(_placeholders, {"num_placeholders": int}),
    "detectable_content:postscript": Instruction(_postscript, {"postscript_marker": str}),
    "detectable_format:number_bullet_lists": Instruction(_bullets, {"num_bullets": int}),
    "detectable_format:constrained_response": Instruction(_one_of_three, {}),
    "detectable_format:number_highlighted_sections": Instruction(_highlights, {"num_highlights": int}),
    "detectable_format:multiple_sections": Instruction(_sections, {"section_spliter": str, "num_sections": int}),
    "detectable_format:json_format": Instruction(_json, {}),
    "detectable_format:title": Instruction(_title, {}),
    "combination:two_responses": Instruction(_two_responses, {}),
    "combination:repeat_prompt": Instruction(_repeats, {"prompt_to_repeat": str}),
    "startend:end_checker": Instruction(_ends, {"end_phrase": str}),
    "startend:quotation": Instruction(_quoted, {}),
    "change_case:capital_word_frequency": Instruction(
        _capital_words, {"capital_frequency": int, "capital_relation": str}
    ),
    "change_case:english_capital": Instruction(_english_capitals, {}),
    "change_case:english_lowercase": Instruction(_english_lowercase, {}),
    "punctuation:no_comma": Instruction(_no_comma, {}),
}
