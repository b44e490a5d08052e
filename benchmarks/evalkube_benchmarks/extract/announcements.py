"""Announcements of an answer, in the languages in which models answer. Pure."""

import re

__all__ = ["ABROAD", "ASIDE", "NEXT_ABROAD", "is_abroad", "is_announced"]

_WORDS = (
    # German, French, Spanish, Portuguese, Italian, Dutch, Polish, Turkish, Swahili, Vietnamese, Indonesian
    *("antwort", "lösung", "ergebnis", "réponse", "résultat", "respuesta", "resultado", "resposta", "risposta"),
    *("risultato", "antwoord", "odpowied[źz]", "wynik", "cevap", "cevabı", "yanıt", "sonuç", "jibu", "đáp án"),
    *("câu trả lời", "kết quả", "jawaban(?:nya)?", "svaret", "svar", "vastaus", "odpověď", "válasz", "răspuns(?:ul)?"),
    # Russian, Ukrainian, Greek
    *("ответ", "відповідь", "απάντηση"),
    # Arabic, Persian and Urdu, Hebrew
    *("الجواب", "الإجابة", "الاجابة", "إجابة", "پاسخ", "جواب", "התשובה", "תשובה"),
    # Hindi and Marathi, Bengali, Telugu, Tamil, Gujarati, Kannada, Malayalam, Thai, Japanese, Korean
    *("उत्तर", "উত্তর", "సమాధానం", "జవాబు", "பதில்", "விடை", "જવાબ", "ಉತ್ತರ", "ഉത്തരം", "คำตอบ"),
    *("答え", "解答", "正解", "正答", "정답", "답변", "답"),
)
_COPULAS = (
    *("ist", "lautet", "beträgt", "wäre", "est", "es", "sería", "é", "è", "is", "to", "jest", "ni", "là", "adalah"),
    *("är", "er", "on", "je", "este", "e", "είναι", "равен", "равно", "это", "هو", "هي", "برابر", "است", "הוא", "היא"),
    *("है", "हैं", "হল", "হলো", "হচ্ছে", "হবে", "คือ", "เท่ากับ", "は", "은", "는"),
)
# These need none, or are written without a space before them.
_WITHOUT_COPULA = (
    *("उत्तर", "উত্তর", "సమాధానం", "జవాబు", "பதில்", "விடை", "જવાબ", "ಉತ್ತರ", "ഉത്തരം", "คำตอบ", "الجواب"),
    *("الإجابة", "答え", "解答", "正解", "정답", "답"),
)
_WORD = "|".join(_WORDS)
_COPULA = "|".join(sorted(_COPULAS, key=len, reverse=True))
# "La respuesta correcta es la B", "Ответ — 54", "答えは54", "সমাধান": a language without a copula has none.
ABROAD = (
    rf"(?:{'|'.join(_WITHOUT_COPULA)})[^\W\d_]{{0,3}} ?(?:{_COPULA})?[ *:：「『（(]{{0,4}}(?=[-−]?[\d$A-P])|"
    rf"(?<![^\W\d_])(?i:{_WORD})(?:[ ]?[^\W\d_]{{1,15}}){{0,3}}?[*_\"' ]{{0,4}}"
    rf"(?:(?<![^\W\d_])(?:{_COPULA})(?![^\W\d_])|(?:は|은|는)|[=:：]|[—–-](?= ))"
    r"(?: (?:la|el|le|der|die|das|l'))?(?= |\W|\d|[A-Z])"
)
"""An announcement in a language other than English and Chinese, up to the answer."""

ASIDE = (
    r"^[ \t>#*_-]{0,8}(?:(?:explanation|reason(?:ing)?|note|check|verification|justification|rationale|p\.?s"
    r"|解析|解释|说明|理由|验算|检验|注|分析)[*_]{0,3} ?[:：]"
    r"|(?:let me know|i hope|hope (?:this|that|it)|feel free|would you like|if you (?:have|need|want|would|'d))\b)"
)
"""The beginning of a paragraph that explains an answer, or ends the conversation, and has no answer."""

NEXT_ABROAD = (
    "frage|aufgabe|problème|pregunta|problema|pergunta|domanda|vraag|pytanie|soru|swali|câu hỏi|soal|pertanyaan"
    "|вопрос|задача|питання|ερώτηση"
    "|السؤال|سؤال|प्रश्न|সমস্যা|প্রশ্ন|ప్రశ్న|கேள்வி|คำถาม|問題|質問|問|질문|문제"
)
"""The headings of a next question in those languages."""

_STEMS = tuple(re.split(r"[\[(]", word)[0] for word in (*_WORDS, *_WITHOUT_COPULA))
_ASCII_STEMS = tuple(filter(str.isascii, _STEMS))


def is_abroad(text: str) -> bool:
    """Whether a text has any of the words of `ABROAD`; the pattern is slow, and most texts have none."""
    lowered = text.lower()
    return any(stem in lowered for stem in (_ASCII_STEMS if text.isascii() else _STEMS))


def is_announced(text: str) -> bool:
    """Whether a text has any of the words of an announcement in English or Chinese."""
    lowered = text.lower()
    return any(word in lowered for word in ("ans", "result", "conclusion", "答", "得数", "结"))
