"""The letters of the options that a reply decides for. Pure.

In order: the last announced answer, what is called right, what remains if all others are excluded, and a letter that
stands alone. Two letters, if one is asked for, are a hedge, and a hedge is no answer.
"""

import re
from collections.abc import Sequence

from evalkube_benchmarks.extract import document
from evalkube_benchmarks.extract.announcements import ABROAD, is_abroad
from evalkube_benchmarks.extract.echo import without_options
from evalkube_benchmarks.extract.lettering import cleaned, group_of, normal
from evalkube_benchmarks.extract.options import Options, before_others, only_letters
from evalkube_benchmarks.extract.phrases import (
    ARTICLE,
    CONNECTIVE,
    DOUBTED,
    EXCEPT,
    LEAD,
    LIKELY,
    ONLY,
    OTHERS,
    PICKS,
    RIGHT,
    RULES_OUT,
    SAYS,
    SHORT_VERDICT,
    SO,
    SUPPOSED,
    WRONG,
)
from evalkube_benchmarks.extract.spoken import before_next

__all__ = ["choice", "choices"]


def choice(text: str, labels: str, options: Sequence[str] = (), asked: str = "") -> str | None:
    """The one label of `labels` (for example "ABCD") that a reply decides for.

    The last statement of an answer counts. Without one, the reply must be, begin with or end with one clear letter.
    Several candidates without a statement are no answer. The text of an option counts like its letter.
    """
    found = _settled(text, labels, options, asked, several=False)
    return found if found and len(found) == 1 else None


def choices(text: str, labels: str, options: Sequence[str] = (), asked: str = "") -> str | None:
    """All labels that a reply calls correct, in order and without commas ("ACD"), for several right answers."""
    return _settled(text, labels, options, asked, several=True) or None


def _settled(text: str, labels: str, options: Sequence[str], asked: str, *, several: bool) -> str | None:
    text = document.unfolded(text)
    head, apart = before_next(text, asked)
    if head is text:
        head = before_others(text, options)
    if head is not text:
        reading = _Reading(head, labels, options, several=several)
        found = reading.announced()
        if found is None and apart:
            found = reading.implied()
        if found is not None:
            return found
    reading = _Reading(text, labels, options, several=several)
    found = reading.announced()
    return reading.implied() if found is None else found


class _Reading:
    """One reply, cleaned, and the patterns of its labels. A result is letters in order, "" for a hedge, or None."""

    def __init__(self, text: str, labels: str, options: Sequence[str], *, several: bool) -> None:
        self._labels, self._several = labels, several
        text = normal(text)
        self._texts = Options(labels, options, text)
        self._options = self._texts.bare
        text, self._bracketed = cleaned(text, labels, several=several)
        self._text = without_options(text, labels, self._options, several=several)
        self._says = f"{SAYS}|{ABROAD}" if is_abroad(text) else SAYS
        self._group = rf"(?P<group>{group_of(labels, several=several)})"

    # ------------------------------------------------------------------------------------------------- statements

    def announced(self) -> str | None:
        """The last statement of an answer."""
        listed = self._texts.listed() if self._several else None
        if listed is not None:
            return listed
        for lead in (rf"(?:{self._says}){LEAD}[(\[{{【<]{{0,3}} ?", rf"(?:{PICKS}){LEAD}[(\[{{【<]{{0,3}} ?"):
            said = self._last(lead)
            if said is not None:
                return said
        stated = [match.end() for match in self._matches(rf"(?:{self._says})[ :\n]{{0,3}}(?:the )?")][-1:]
        return self._texts.stated([self._text[at : at + 400].split("\n")[0] for at in stated])

    def _last(self, lead: str) -> str | None:
        last = None
        for match in self._matches(rf"{lead}{self._group}"):
            letters = self._meant(match)
            if letters is not None:
                last = letters
        small = None
        if last is None:
            low = f"[{self._labels.lower()}]"
            more = rf"(?:[ ,、]{{0,2}}{low}){{0,9}}" if self._several else ""
            for small in self._matches(rf"{lead}(?P<low>{low}{more})(?= ?(?:$|[\n).,;}}\]:]))"):  # noqa: B007
                pass
        return self._in_order(small["low"].upper()) if small is not None else last

    def _meant(self, match: re.Match[str]) -> str | None:
        """The letters of an announcement; "" for a hedge; None if there are none, or they are denied."""
        text, group = self._text, match["group"]
        end = match.end()
        if ARTICLE.match(text, end - 1) or DOUBTED.search(text[max(0, match.start() - 40) : match.start()]):
            return None
        if self._pattern(WRONG).match(text, end) and not self._goes_on_with_its_text(group, end):
            # "A, B is wrong" states A, and goes on to B.
            group, comma, _ = group.partition(",")
            if not comma:
                return None
        letters = self._in_order(group)
        if not self._several and len(letters) > 1:
            return ""
        if re.search(r"(?i:\bor\b|\bbut\b)|或|还是|可能|/|~|-|至|到", group):
            return ""
        return letters

    def _goes_on_with_its_text(self, letter: str, end: int) -> bool:
        """Whether a letter is followed by its own option.

        The option may begin like a denial: "B: not hungry", "C: False".
        """
        if len(letter) != 1 or self._labels.index(letter) >= len(self._options):
            return False
        option = only_letters(self._options[self._labels.index(letter)])
        return bool(option) and only_letters(self._text[end : end + 2000]).startswith(option)

    # ---------------------------------------------------------------------------------------------- implications

    def implied(self) -> str | None:
        """The letter that is called right, or is not excluded, or stands alone; the first of these that exists."""
        verdicts = self._verdicts()
        if verdicts is not None:
            return verdicts
        right = self._called_right()
        wrong = self._ruled_out()
        right -= wrong if len(right) > 1 else set()
        if right and (self._several or len(right) == 1):
            return self._in_order("".join(right))
        if right:
            return ""
        if self._several:
            for match in self._matches(rf"{EXCEPT}{self._group}(?:之外|以外|外)?,? ?{OTHERS}(?:{RIGHT})"):
                return "".join(label for label in self._labels if label not in self._in_order(match["group"]))
        left = set(self._labels) - wrong
        if len(wrong) >= 2 and len(left) == 1:
            return left.pop()
        if self._several and wrong and left and self._named() >= left:
            return self._in_order("".join(left))
        so = self._last(rf"{SO},? ?{LEAD}")
        if so is not None:
            return so
        return self._lone(wrong)

    def _verdicts(self) -> str | None:
        """The result of a row of short verdicts; None if a letter has no verdict.

        Examples: "A: no. B: yes. C: no." or "A（×）B（√）".
        """
        said = {
            match["label"]: match["yes"] is not None
            for match in self._matches(rf"(?<![A-Za-z0-9])(?P<label>[{self._labels}]){SHORT_VERDICT}")
        }
        if len(said) < max(2, len(self._labels) - 1):
            return None
        right = "".join(label for label in self._labels if said.get(label))
        if not right and len(said) == len(self._labels) - 1:
            right = next(label for label in self._labels if label not in said)
        return right if self._several or len(right) == 1 else ""

    def _called_right(self) -> set[str]:
        found: set[str] = set()
        for match in self._matches(rf"(?<![A-Za-z0-9]){self._group}(?:{RIGHT})"):
            if not SUPPOSED.search(self._text[max(0, match.start() - 30) : match.start()]):
                found |= self._subjects(match)
        for match in self._matches(rf"{ONLY}{LEAD}{self._group}"):
            if not self._pattern(WRONG).match(self._text, match.end()):
                found |= set(self._in_order(match["group"]))
        for match in self._matches(rf"{EXCEPT}{self._group}(?:之外|以外|外)?,? ?(?:{WRONG})"):
            found |= set(self._in_order(match["group"]))
        return found

    def _subjects(self, match: re.Match[str]) -> set[str]:
        """The letters that a statement is about: "A, C and D, B remains" is about B."""
        letters, apart = self._in_order(match["group"]), re.search(r", ?([A-J])$", match["group"])
        singular = re.match(r" ?(?:is|was|remains)\b", self._text[match.end("group") :][:12])
        return {apart.group(1)} if apart and singular else set(letters)

    def _ruled_out(self) -> set[str]:
        found: set[str] = set()
        for pattern in (rf"(?<![A-Za-z0-9]){self._group}(?:{WRONG})", rf"(?:{RULES_OUT}){self._group}"):
            for match in self._matches(pattern):
                if not SUPPOSED.search(self._text[max(0, match.start() - 30) : match.start()]):
                    found |= set(self._in_order(match["group"]))
        return found

    def _lone(self, wrong: set[str]) -> str | None:
        """The letter that is, ends or begins a reply without a statement, or is the only one in it."""
        lines = [line for line in self._text.splitlines() if line.strip()]
        if not lines:
            return None
        if self._several and len(lines) > 1:
            every = self._pattern(rf"[ >•*-]{{0,4}}{self._group}[ .。]{{0,2}}").fullmatch(self._text)
            if every:
                return self._in_order(every["group"])
        whole = rf"[ >:|(\[{{-]{{0,4}}(?:(?i:options?|choices?) ?|选项 ?)?{self._group}[ .。:;,!)\]}}]{{0,4}}"
        first = rf"[ >:|-]{{0,4}}{self._group}(?= ?[.):、,;(。]| [-–—])"
        for line, match in (
            (lines[-1], self._pattern(whole).fullmatch(lines[-1])),
            (lines[0], self._pattern(whole).fullmatch(lines[0]) or self._pattern(first).match(lines[0])),
        ):
            if match:
                letters = self._in_order(match["group"])
                hedged = re.search(r"(?i:\bor\b)|或|还是|/", match.group()) is not None
                if hedged or (len(letters) > 1 and not self._several):
                    return ""
                if not set(letters) & wrong and not self._pattern(WRONG).match(line, match.end()):
                    return letters
        alone = self._alone(lines[0]) if len(lines) == 1 else None
        if alone is not None:
            return alone
        return self._standing(wrong)

    def _alone(self, line: str) -> str | None:
        """The letter of a reply of one line without more: in lower case, or "it's b", "应该是B吧"."""
        low = f"[{self._labels.lower()}]"
        more = rf"(?:[ ,、]{{1,2}}{low}){{0,9}}" if self._several else ""
        lead = (
            r"(?i:(?:the |my )?(?:answer|option|choice|letter|guess)(?: is)? "
            r"|(?:i (?:think|guess|believe) )?it(?:'s| is) )?"
        )
        small = re.fullmatch(rf"[ (\[>:-]{{0,4}}{lead}[(]?({low}{more})[ .):\]]{{0,4}}", line)
        if small:
            return self._in_order(small[1].upper())
        likely = re.fullmatch(rf"{LIKELY}([{self._labels}])(?:项|选项)?(?:吧|哦|呢|啊)?[。.!]?", line)
        return likely[1] if likely else None

    def _standing(self, wrong: set[str]) -> str | None:
        """The only letter in the reply, if it can be nothing but a label."""
        one = f"[{self._labels}]"
        ends = rf"(?=项|选项|属于|是| ?(?:$|[\n.,;:!?)])|{CONNECTIVE})"
        named = set(re.findall(rf"(?:(?i:\b(?:option|choice|letter)) |选项 ?|选)({one})(?![A-Za-z0-9])", self._text))
        ended = set(re.findall(rf"(?<![A-Za-z0-9'’])({one})(?![A-Za-z0-9'’]){ends}", self._text))
        left = (named | ended) - wrong
        mentioned = set(re.findall(rf"(?<![A-Za-z0-9'’])({one})(?![A-Za-z0-9'’])(?! [a-z])", self._text)) - wrong
        mentioned |= {letter for group in self._groups() if len(group) > 1 for letter in group}
        groups = [group for group in self._groups() if len(group) > 1]
        whole = self._several and not wrong and len(groups) == 1 and mentioned == set(groups[0])
        if whole and mentioned < set(self._labels) and self._text[:1] in self._labels and not self._is_hedge():
            return groups[0]
        if self._several and mentioned and not wrong:
            last = self._pattern(rf"(?:\b(?:are|is)|是|为|有|:) ?{self._group}[ .。]*\Z").search(self._text)
            return self._in_order(last["group"]) if last else None
        if len(left) == 1 and mentioned <= left:
            return str(left.pop())
        bracketed = self._bracketed - wrong
        if len(bracketed) == 1 and not left and mentioned <= bracketed:
            return str(next(iter(bracketed)))
        return self._texts.mentioned() if not left and not mentioned and not wrong else None

    def _groups(self) -> list[str]:
        return [self._in_order(match["group"]) for match in self._matches(rf"(?<![A-Za-z0-9'’]){self._group}")]

    def _named(self) -> set[str]:
        """The letters that are named, alone or in a group."""
        return {letter for group in self._groups() for letter in group}

    def _is_hedge(self) -> bool:
        return re.search(r"(?i:\bor\b|perhaps|maybe)|或|可能|/", self._text) is not None

    # -------------------------------------------------------------------------------------------------- patterns

    def _in_order(self, group: str) -> str:
        group = re.sub(r"(?i:option|choice|and|or|as well as|plus|to)\b", " ", group)
        return "".join(label for label in self._labels if label in group)

    def _matches(self, pattern: str) -> "list[re.Match[str]]":
        return list(self._pattern(pattern).finditer(self._text))

    def _pattern(self, pattern: str) -> re.Pattern[str]:
        return re.compile(pattern)  # of one benchmark they are always the same: re keeps them
