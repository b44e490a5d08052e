"""The common part of mathematics benchmarks: prompts that ask for a box, in several languages, and whole numbers. Pure.

Whole numbers are read in the digits of any language.
"""

import dataclasses
import re
import unicodedata
from collections.abc import Mapping
from random import Random
from typing import Final

from evalkube_benchmarks import extract, fields, readers
from evalkube_benchmarks.benchmark import Prompt, Question, Record, Reply

__all__ = ["BOXED", "olympiad", "whole_number"]

_BOX: Final = "\\boxed{{}}"


def _prompt(task: str, few_shot_task: str, problem: str, result: str) -> Prompt:
    return Prompt.of(
        task.format(box=_BOX),
        problem + "{question}",
        "{solution}\n" + result + "\\boxed{{{answer}}}",
        few_shot_task=few_shot_task.format(box=_BOX),
    )


BOXED: Final[Mapping[str, Prompt]] = {
    "en": _prompt(
        "Work out the answer to this problem. Show your steps, then finish with the result alone in {box}.",
        "Work out the answer to the last problem below. Show your steps, then finish with the result alone in {box}.",
        "Problem: ",
        "Result: ",
    ),
    "es": _prompt(
        "Resuelve este problema. Muestra los pasos y termina con el resultado solo en {box}.",
        "Resuelve el último de estos problemas. Muestra los pasos y termina con el resultado solo en {box}.",
        "Problema: ",
        "Resultado: ",
    ),
    "fr": _prompt(
        "Résous ce problème. Montre les étapes, puis termine par le résultat seul dans {box}.",
        "Résous le dernier de ces problèmes. Montre les étapes, puis termine par le résultat seul dans {box}.",
        "Problème : ",
        "Résultat : ",
    ),
    "de": _prompt(
        "Löse diese Aufgabe. Zeige die Schritte und schließe mit dem Ergebnis allein in {box}.",
        "Löse die letzte dieser Aufgaben. Zeige die Schritte und schließe mit dem Ergebnis allein in {box}.",
        "Aufgabe: ",
        "Ergebnis: ",
    ),
    "ru": _prompt(
        "Реши эту задачу. Покажи ход решения и в конце запиши один только ответ в {box}.",
        "Реши последнюю из этих задач. Покажи ход решения и в конце запиши один только ответ в {box}.",
        "Задача: ",
        "Ответ: ",
    ),
    "zh": _prompt(
        "请解答这道题，写出步骤，最后只把结果写在 {box} 里。",
        "请解答下面的最后一道题，写出步骤，最后只把结果写在 {box} 里。",
        "题目：",
        "结果：",
    ),
    "ja": _prompt(
        "次の問題を解いてください。途中の計算を示し、最後に結果だけを {box} に書いてください。",
        "次の問題のうち最後のものを解いてください。途中の計算を示し、最後に結果だけを {box} に書いてください。",
        "問題：",
        "結果：",
    ),
    "th": _prompt(
        "จงตอบคำถามข้อนี้ แสดงวิธีทำ แล้วเขียนเฉพาะผลลัพธ์ไว้ใน {box} ตอนท้าย",
        "จงตอบคำถามข้อสุดท้ายด้านล่าง แสดงวิธีทำ แล้วเขียนเฉพาะผลลัพธ์ไว้ใน {box} ตอนท้าย",
        "คำถาม: ",
        "ผลลัพธ์: ",
    ),
    "sw": _prompt(
        "Tatua swali hili. Onyesha hatua zako, kisha umalizie kwa jibu peke yake ndani ya {box}.",
        "Tatua swali la mwisho hapa chini. Onyesha hatua zako, kisha umalizie kwa jibu peke yake ndani ya {box}.",
        "Swali: ",
        "Jibu: ",
    ),
    "bn": _prompt(
        "এই সমস্যাটি সমাধান করো। ধাপগুলি দেখাও, শেষে শুধু ফলাফলটি {box} এর মধ্যে লেখো।",
        "নিচের শেষ সমস্যাটি সমাধান করো। ধাপগুলি দেখাও, শেষে শুধু ফলাফলটি {box} এর মধ্যে লেখো।",
        "সমস্যা: ",
        "ফলাফল: ",
    ),
    "te": _prompt(
        "ఈ సమస్యను పరిష్కరించండి. దశలను చూపండి, చివరలో ఫలితాన్ని మాత్రమే {box} లో రాయండి.",
        "క్రింది చివరి సమస్యను పరిష్కరించండి. దశలను చూపండి, చివరలో ఫలితాన్ని మాత్రమే {box} లో రాయండి.",
        "ప్రశ్న: ",
        "ఫలితం: ",
    ),
}
"""The prompts by ISO 639-1. No word comes before a worked solution, since not every record has one."""

_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d{3})+(?![\d.,])")


def whole_number(reply: Reply, question: Question) -> str | None:
    """The number that a reply ends with, if answers are whole numbers: 2.125 means two thousand and more."""
    text = re.sub(r"(?![0-9])\d", lambda digit: str(unicodedata.decimal(digit[0])), reply.text)
    found = readers.number(dataclasses.replace(reply, text=text), question)
    return None if found is None else _GROUPED.sub(lambda number: number[0].replace(".", ""), found)


def olympiad(record: Record, _: Random) -> Question:
    """The question of a record whose answer is a whole number from 0 to 999 (AIME)."""
    given = fields.first(record, "answer") or fields.text(record, "solution")
    answer = extract.boxed(given) or given
    if not re.fullmatch(r"\d{1,3}", answer):
        raise ValueError(f"the answer {answer[:40]!r} is not a whole number from 0 to 999")
    return Question(
        text=fields.text(record, "problem").strip(),
        targets=(str(int(answer)),),
        metadata={"id": fields.metadata(record.get("id"))},
    )
