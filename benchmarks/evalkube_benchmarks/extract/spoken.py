"""The spoken part of a reply: no reasoning, no tool channels, no next question of the model's own. Pure.

Each scan is one pass: repetitions in patterns are bounded.
"""

import functools
import itertools
import re

from evalkube_benchmarks.extract.announcements import NEXT_ABROAD

__all__ = ["before_next", "squeezed", "strip_thinking"]

_WORD = (
    r"(?:[a-z]{1,16}[_-])?(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflection|scratchpad|analysis|monologue|cot)"
    r"(?:[_-][a-z]{1,16})?"
)
# The marks of models in use: DeepSeek, Qwen and many more <think>; Seed <seed:think>; Kimi ◁think▷; Magistral [THINK];
# Sky-T1 <|begin_of_thought|>; Command A <|START_THINKING|>; MedGemma <unused94>; Gemma <|channel>thought.
_THOUGHT = re.compile(
    rf"(?:<|＜|&lt;) ?/? ?(?:\w{{1,16}}:)?(?:{_WORD}|antthinking|internal)"
    r"(?: [a-z]{1,10}=\"[^\"<>]{0,40}\"){0,3} ?(?:>|＞|&gt;)"
    rf"|◁/?{_WORD}▷|<[|｜]/?{_WORD}[|｜]>"
    r"|<[|｜](?:begin|start|end)[_▁](?:of[_▁])?(?:thought|thinking|reasoning|think)[|｜]>"
    r"|(?-i:\[/?(?:THINK(?:ING)?|THOUGHT|REASONING)\])|\[(?:BEGIN|END)_THINK(?:ING)?\]|\[/?thinking\]"
    r"|<unused9[45]>|<\|channel>thought|<channel\|>",
    re.IGNORECASE,
)
_CLOSING = re.compile(r"/|[|｜\[]end|_end[|｜]|unused95|<channel\|", re.IGNORECASE)
# Thoughts that an interface folds away, and a code block of them.
_FOLDED = re.compile(
    r"<details type=\"reasoning\".*?(?:</details>|\Z)|^```(?:think|thinking|thought|reasoning)\b[^\n]*\n.*?(?:^```|\Z)",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_WRAPPING = re.compile(
    r"<[|｜](?:begin|start|end)[_▁](?:of[_▁])?(?:solution|response)[|｜]>|</?(?:response|solution|output)>",
    re.IGNORECASE,
)
# gpt-oss: every message names its channel, and only that of the channel `final` is for the user.
_CHANNEL, _MESSAGE = "<|channel|>", "<|message|>"
_BARE_CHANNELS = re.compile(
    r"\s?(?:assistant)?(?:analysis|commentary)(?=[A-Z\d\"'(一-鿿])"
)  # the same, special tokens left out
_TURN = re.compile(
    r"<[|｜](?:im_end|im_start|endoftext|end_of_text|end▁of▁sentence|eot_id|eom_id|eos|end|return|call|start|user|assistant"
    r"|start_header_id|User|EOT|END_OF_TURN_TOKEN)[|｜]>|</s>|<end_of_turn>|<start_of_turn>|<eos>|\[/?INST\]",
)
_ROLE = re.compile(
    r"\s{0,9}(?:<\|im_start\|>|<\|start_header_id\|>|<\|start\|>|<start_of_turn>)(?:assistant|model)(?:<\|end_header_id\|>)?"
)
_NEXT = re.compile(
    r"^[ \t>#*_]{0,8}(?:(?:next|new|another) )?"
    r"(?:(?:problem|question|exercise|q|user|human|instruction"
    r"|(?P<example>example|input|passage|context|story|article|premise))"
    r"(?: ?#?\d{1,4})?(?: ?\([a-z ]{1,20}\))?"
    r"|下一题|新?问题 ?\d{0,3}|题目 ?\d{0,3}|科目|用户|问|例题? ?[\d一二三四五]{0,3}|练习"
    r"|第 ?[\d一二三四五六七八九十]{1,4} ?题"
    rf"|(?:{NEXT_ABROAD}) ?\d{{0,3}})"
    r" ?[*_]{0,3} ?[:：]"
    r"|^(?:now,? )?(?:here is|here's|let's try|try|consider)"
    r" (?:another|a new|the next|a similar|one more) (?:problem|question|example)\b"
    # A heading needs no colon.
    r"|^(?:problem|question|exercise) \d{1,4}\.?[ \t]{0,9}$"
    r"|^[ \t]{0,4}(?:#{1,6} ?[*_]{0,3}|[*_]{2,3})(?:problem|question|exercise|题目|问题|例题?)"
    r" ?#?\d{1,4}[.]?[*_]{0,3}[ \t]{0,9}$",
    re.IGNORECASE | re.MULTILINE,
)
_BLANK_LINE = re.compile(r"\n[ \t]{0,20}\r?\n[ \t]{0,20}\Z")
_DRESS = re.compile(r"[\s*_#>\"'“”]+")
_ANSWERED = re.compile(r"\banswer(?:\*\*)?(?: is|:)|答案|\\boxed|####|</answer>", re.IGNORECASE)
_ASKED_CHARS, _SAME_LINES = 400, 4  # of two questions that are compared: what is made by a template begins alike


def strip_thinking(text: str) -> str:
    """The reply without its reasoning.

    A closing mark alone ends reasoning that the chat template opened, so everything before it is removed. An opening
    mark alone is reasoning that was cut, so everything after it is removed: it is not an answer yet.
    """
    text = _final_channel(text)
    if "```" in text or "<details" in text:
        text = _FOLDED.sub("", text)
    said: list[str] = []
    at, thinking = 0, False
    for mark in _THOUGHT.finditer(text):
        closing = _CLOSING.search(mark.group()) is not None
        if closing and not thinking:
            said.clear()
        elif not thinking:
            said.append(text[at : mark.start()])
        thinking = not closing
        at = mark.end()
    if not thinking:
        said.append(text[at:])
    return _first_turn(_WRAPPING.sub("\n", "".join(said))).strip()


def _final_channel(text: str) -> str:
    """The first message of the channel `final`, if a reply has channels; "" if that channel never came."""
    if _CHANNEL in text or _MESSAGE in text:
        for part in text.split(_CHANNEL):
            head, mark, body = part.partition(_MESSAGE)
            if mark and re.match(r"\s{0,9}final\b", head):
                return body
        return "" if _CHANNEL in text else text.rpartition(_MESSAGE)[2]
    if _BARE_CHANNELS.match(text):
        return text.partition("assistantfinal")[2]
    return text


def _first_turn(text: str) -> str:
    """The reply up to the place where a chat template would have ended it."""
    role = _ROLE.match(text)
    text = text[role.end() :] if role else text
    at = 0
    for turn in _TURN.finditer(text):
        if text[at : turn.start()].strip():
            return text[at : turn.start()]
        at = turn.end()
    return text[at:]


def before_next(text: str, asked: str = "") -> tuple[str, bool]:
    """The reply up to a next question of its own, and whether an empty line separates the two.

    The whole reply if there is none. Repeating the question `asked` before there is an answer is no next question.
    """
    begun = len(text) - len(text.lstrip())
    for mark in _NEXT.finditer(text, begun + 1):
        if _ANSWERED.search(text, 0, mark.start()) or not _is_asked(
            text[mark.end() : mark.end() + 2 * _ASKED_CHARS], asked
        ):
            head = text[: mark.start()]
            return head, mark["example"] is None and _BLANK_LINE.search(head[-50:]) is not None
    return text, False


def _is_asked(question: str, asked: str) -> bool:
    """Whether a question is the one that was asked, compared line by line as far as both go."""
    again, first = (
        [_DRESS.sub("", line).rstrip("?？.。!").casefold() for line in text.splitlines() if line.strip()]
        for text in (question[: 2 * _ASKED_CHARS], asked[:_ASKED_CHARS])
    )
    if not first:
        return False
    for mine, theirs in itertools.zip_longest(again[:_SAME_LINES], first[:_SAME_LINES], fillvalue=""):
        length = min(len(mine), len(theirs))
        if mine[:length] != theirs[:length]:
            return False
        if len(mine) != len(theirs):  # one of them ends here
            return length >= 4 or theirs == ""
    return True


@functools.lru_cache(maxsize=2)  # a reader asks for that of one reply more than once
def squeezed(text: str) -> str:
    """The text with one space for each run of white space, and one line end if the run has any."""
    text = re.sub(r"[^\S\n]+", " ", text)
    return re.sub(r" ?\n[ \n]*", "\n", text).strip()
