"""The 25 instructions of IFEval, each followed and not, as the published program decides."""

from typing import Any

import pytest

from evalkube_benchmarks import instructions
from evalkube_benchmarks.instructions import texts

_Case = tuple[str, dict[str, Any], str, bool]
_AT_LEAST, _LESS = "at least", "less than"

CASES: dict[str, _Case] = {
    "keywords in any case": ("keywords:existence", {"keywords": ["Sea", "salt"]}, "SALT of the sea", True),
    "a keyword within a word": ("keywords:existence", {"keywords": ["art"]}, "a party", True),
    "one keyword missing": ("keywords:existence", {"keywords": ["sea", "salt"]}, "the sea", False),
    "a keyword that is no pattern": ("keywords:existence", {"keywords": ["c++ ("]}, "in C++ (old)", True),
    "as often as asked": (
        "keywords:frequency",
        {"keyword": "tea ", "frequency": 2, "relation": _AT_LEAST},
        "Tea, tea",
        True,
    ),
    "not often enough": ("keywords:frequency", {"keyword": "tea", "frequency": 2, "relation": _AT_LEAST}, "tea", False),
    "less often": ("keywords:frequency", {"keyword": "tea", "frequency": 2, "relation": _LESS}, "tea", True),
    "forbidden as a part": ("keywords:forbidden_words", {"forbidden_words": ["art"]}, "a party", True),
    "forbidden as a word": ("keywords:forbidden_words", {"forbidden_words": ["art"]}, "Art!", False),
    "letters in any case": (
        "keywords:letter_frequency",
        {"letter": "A", "let_frequency": 3, "let_relation": _AT_LEAST},
        "Banana",
        True,
    ),
    "a sign for a letter": (
        "keywords:letter_frequency",
        {"letter": "#", "let_frequency": 2, "let_relation": _AT_LEAST},
        "#one",
        False,
    ),
    "the language": ("language:response_language", {"language": "fr"}, "Je ne sais pas où se trouve la gare.", True),
    "another language": ("language:response_language", {"language": "fr"}, "I do not know where it is.", False),
    "a language that cannot be told": ("language:response_language", {"language": "fr"}, "42 !", True),
    "sentences": (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": _AT_LEAST},
        "Dr. Smith met Mrs. Jones. They had tea at 5 p.m. in town.",
        True,
    ),
    "an abbreviation ends none": (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": _AT_LEAST},
        "Dr. Smith met Mrs. Jones",
        False,
    ),
    "paragraphs": ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "one\n***\ntwo\n***", True),
    "an empty paragraph inside": ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "a *** *** b", False),
    "words": ("length_constraints:number_words", {"num_words": 3, "relation": _AT_LEAST}, "don't go", True),
    "fewer words": ("length_constraints:number_words", {"num_words": 3, "relation": _LESS}, "don't go", False),
    "first word": (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "However"},
        'One.\n\n"however, two',
        True,
    ),
    "first word in another paragraph": (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 1, "first_word": "However"},
        "One.\n\nHowever, two",
        False,
    ),
    "a paragraph too many": (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "one"},
        "One.\n\nTwo",
        False,
    ),
    "an empty paragraph is numbered": (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "two"},
        "One.\n\n\n\nTwo",
        False,
    ),
    "placeholders": ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[a] and [b c]", True),
    "one placeholder": ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[a\nb] [c]", False),
    "postscript": ("detectable_content:postscript", {"postscript_marker": "P.S."}, "Bye.\n\np. s. later", True),
    "second postscript": ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, "P.P.S. too", True),
    "no postscript": ("detectable_content:postscript", {"postscript_marker": "P.S."}, "PS: later", False),
    "a postscript of one's own": ("detectable_content:postscript", {"postscript_marker": "NB"}, "nb: later", True),
    "bullets of both kinds": ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* a\n - b", True),
    "bold is no bullet": ("detectable_format:number_bullet_lists", {"num_bullets": 1}, "**a**\n", False),
    "one of the options": ("detectable_format:constrained_response", {}, "Well: My answer is maybe.", True),
    "none of the options": ("detectable_format:constrained_response", {}, "My answer is YES.", False),
    "highlights": ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, "*a* and **b**", True),
    "nothing highlighted": ("detectable_format:number_highlighted_sections", {"num_highlights": 1}, "* *\n****", False),
    "sections": (
        "detectable_format:multiple_sections",
        {"section_spliter": "SECTION", "num_sections": 2},
        "SECTION 1\na\nSECTION2 b",
        True,
    ),
    "sections without numbers": (
        "detectable_format:multiple_sections",
        {"section_spliter": "SECTION", "num_sections": 1},
        "SECTION one",
        False,
    ),
    "JSON in a fence": ("detectable_format:json_format", {}, "```JSON\n[1, 2]\n```", True),
    "JSON and words": ("detectable_format:json_format", {}, "Here: [1, 2]", False),
    "brackets without end": ("detectable_format:json_format", {}, "[" * 100_000, False),
    "a title": ("detectable_format:title", {}, "<<Rain>>\nIt falls.", True),
    "an empty title": ("detectable_format:title", {}, "<< >> and <Rain>", False),
    "two responses": ("combination:two_responses", {}, "one\n******\ntwo", True),
    "the same twice": ("combination:two_responses", {}, "one\n******\none", False),
    "three": ("combination:two_responses", {}, "one******two******three", False),
    "stars at the end": ("combination:two_responses", {}, "one******two******", True),
    "the prompt repeated": ("combination:repeat_prompt", {"prompt_to_repeat": "Why? "}, " why? Because.", True),
    "words before it": ("combination:repeat_prompt", {"prompt_to_repeat": "Why?"}, "Sure: Why?", False),
    "the end": ("startend:end_checker", {"end_phrase": "Bye now."}, 'So long. BYE NOW." ', True),
    "more after the end": ("startend:end_checker", {"end_phrase": "Bye now."}, "Bye now. Or not.", False),
    "quoted": ("startend:quotation", {}, ' "yes" ', True),
    "one mark alone": ("startend:quotation", {}, '"', False),
    "capital words": (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": _LESS},
        "NASA and nobody",
        True,
    ),
    "too many capital words": (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": _LESS},
        "NASA and ESA",
        False,
    ),
    "what is contracted is two": (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": _AT_LEAST},
        "DON'T",
        True,
    ),
    "capitals": ("change_case:english_capital", {}, "THIS IS WRITTEN IN CAPITAL LETTERS, ALL 7 OF THEM.", True),
    "one that is not": ("change_case:english_capital", {}, "THIS is WRITTEN IN CAPITAL LETTERS", False),
    "capitals of another language": ("change_case:english_capital", {}, "Я НЕ ЗНАЮ, ГДЕ ВОКЗАЛ", False),
    "lower case": ("change_case:english_lowercase", {}, "this is written in small letters.", True),
    "one capital": ("change_case:english_lowercase", {}, "This is written in small letters.", False),
    "no comma": ("punctuation:no_comma", {}, "one; two，three", True),
    "a comma": ("punctuation:no_comma", {}, "one, two", False),
}


@pytest.mark.parametrize(("name", "arguments", "reply", "follows"), CASES.values(), ids=CASES)
def test_an_instruction(name: str, arguments: dict[str, Any], reply: str, follows: bool) -> None:
    """A reply is judged as it stands."""
    own = instructions.checked(name, arguments)
    assert instructions.followed(reply, [name], [own]).strict == (follows,)


def test_each_instruction_has_a_reply_that_follows_it_and_one_that_does_not() -> None:
    """The table above holds both of all 25."""
    assert len(instructions.INSTRUCTIONS) == 25
    seen = {(name, follows) for name, _, _, follows in CASES.values()}
    assert seen == {(name, follows) for name in instructions.INSTRUCTIONS for follows in (True, False)}


@pytest.mark.parametrize("name", instructions.INSTRUCTIONS)
def test_an_empty_reply_follows_nothing(name: str) -> None:
    """Not even an instruction to leave something out."""
    arguments = next(case[1] for case in CASES.values() if case[0] == name)
    assert instructions.followed(" \n", [name], [arguments]) == instructions.Followed((False,), (False,))


@pytest.mark.parametrize(
    "reply",
    ['Sure:\n"yes"', '"yes"\nAnything else?', 'Sure:\n"yes"\nAnything else?', '*"yes"*', 'Sure:\n*"yes"*\nBye'],
)
def test_what_a_reader_forgives(reply: str) -> None:
    """The first line, the last, both, Markdown's stars: loosely followed, not strictly."""
    assert instructions.followed(reply, ["startend:quotation"], [{}]) == instructions.Followed((False,), (True,))


def test_loosely_is_decided_for_each_instruction_by_itself() -> None:
    """One may need another forgiven than the next."""
    names = ["punctuation:no_comma", "detectable_format:number_bullet_lists"]
    found = instructions.followed("Well, here:\n* a\n* b", names, [{}, {"num_bullets": 2}])
    assert found == instructions.Followed((False, True), (True, True))


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("keywords:rhyme", {}, "not one of IFEval's instructions"),
        ("keywords:existence", {"keywords": None}, "has no keywords"),
        ("length_constraints:number_words", {"num_words": 3, "relation": "around"}, "valid are"),
        ("length_constraints:number_words", {"num_words": 3.5, "relation": _LESS}, "has no num_words"),
    ],
)
def test_a_record_that_is_not_of_this_data_set(name: str, arguments: dict[str, Any], reason: str) -> None:
    """Refused with what is wrong, where the published program would draw arguments by chance."""
    with pytest.raises(ValueError, match=reason):
        instructions.checked(name, arguments)


def test_empty_columns_are_left_out() -> None:
    """A hub that serves a table has a column for each argument of any instruction, and numbers with gaps as floats."""
    columns = {"num_bullets": 3.0, "keywords": None, "relation": None}
    assert instructions.checked("detectable_format:number_bullet_lists", columns) == {"num_bullets": 3}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("NASA, ESA: (JAXA)", 3),
        ("ALL-CAPS A/B 3D", 3),
        ("I'm JOHN'S", 3),
        ("CANNOT GONNA 'TIS", 5),
        ('O\'BRIEN **NOTE** "SO"', 3),
        ("U.S. 1,000 a:1B", 1),
        ("“YES” she said — NO—WAY", 3),
        ("WE'RE.", 2),
    ],
)
def test_words_in_capitals(text: str, count: int) -> None:
    """Tokens of the Penn Treebank: clitics and fused words apart, hyphens and slashes within."""
    assert texts.capital_words(text) == count
