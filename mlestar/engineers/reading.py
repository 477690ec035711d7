"""Reading a model's text into a typed answer: one reader for each type of answer.

Only what the answer's form asks for is taken: code is what stands between two fences, JSON is one object, and
whatever stands around them is no part of the answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from pydantic import ValidationError

from mlestar.doors import A, Question
from mlestar.engineers.model import Wants
from mlestar.questions.answers import Code, StrategyProposal, Text
from mlestar.records.base import Record

THOUGHTS = re.compile(r"\A\s*<(think|thinking|thought)>.*?</\1>", re.DOTALL)
FENCE = re.compile(r"^[ ]{0,3}(`{3,}|~{3,})[ \t]*([\w+.-]*)[ \t]*$")


class Misfit(Exception):
    """An answer that cannot be used; its text tells the author what is wrong."""


def wants_of(question: Question[A]) -> Wants:
    """The form in which the answer is asked for."""
    kind = question.answer_type()
    if issubclass(kind, Code):
        return "code"
    return "text" if issubclass(kind, Text) else "json"


def read(question: Question[A], text: str) -> A:
    """The answer in the text; raises Misfit with what is wrong, the question's own misfits included."""
    said = THOUGHTS.sub("", text).strip()
    if not said:
        raise Misfit("the answer is empty")
    kind = question.answer_type()
    found: dict[str, object]
    wants = wants_of(question)
    if wants == "code":
        found = {"source": fenced_code(said)}
    elif wants == "text":
        found = {"text": said}
    else:
        found = _trimmed(kind, json_object(said))
    try:
        answer = kind.model_validate(found)
    except ValidationError as error:
        raise Misfit(_in_words(error)) from None
    fault = question.misfit(answer)
    if fault is not None:
        raise Misfit(fault)
    return answer


def fenced_code(text: str) -> str:
    """The inside of the only fenced block; raises Misfit when there is none, more than one, or it is not closed."""
    blocks: list[list[str]] = []
    fence = ""
    for line in text.replace("\r\n", "\n").split("\n"):
        match = FENCE.match(line)
        if not fence and match:
            fence = match[1]
            blocks.append([])
        elif fence and match and not match[2] and match[1].startswith(fence):
            fence = ""
        elif fence:
            blocks[-1].append(line)
    if fence:
        raise Misfit("the fenced code block is not closed")
    if len(blocks) != 1:
        raise Misfit(f"the answer holds {len(blocks)} fenced code blocks; it must hold exactly one")
    return "\n".join(blocks[0]) + "\n"


def json_object(text: str) -> dict[str, object]:
    """The outermost JSON object in the text; raises Misfit when there is none or more than one."""
    fault = "the answer holds no JSON object"
    for candidate in _candidates(text):
        try:
            value = json.loads(candidate, strict=False)
        except json.JSONDecodeError as error:
            fault = f"the JSON is malformed: line {error.lineno}, column {error.colno}: {error.msg}"
            continue
        if isinstance(value, dict):
            return value
    found = list(_embedded(text))
    if len(found) == 1:
        return found[0]
    raise Misfit(f"the answer holds {len(found)} JSON objects; it must hold exactly one" if found else fault)


def _candidates(text: str) -> Iterator[str]:
    """The whole text, then the inside of its only fenced block."""
    yield text
    try:
        yield fenced_code(text)
    except Misfit:
        return


def _embedded(text: str) -> Iterator[dict[str, object]]:
    """Outermost JSON objects that stand in prose."""
    decoder = json.JSONDecoder(strict=False)
    start = text.find("{")
    while start >= 0:
        try:
            value, end = decoder.raw_decode(text, start)
        except json.JSONDecodeError:
            end = start + 1
        else:
            if isinstance(value, dict):
                yield value
        start = text.find("{", end)


def _trimmed(kind: type[Record], found: dict[str, object]) -> dict[str, object]:
    """The Enhancer's answer is judged field by field later, so its unknown keys are left out here."""
    if not issubclass(kind, StrategyProposal):
        return found
    known = {key: value for key, value in found.items() if key in kind.model_fields}
    if not known:
        raise Misfit(f"none of the keys {', '.join(kind.model_fields)} is in the JSON object")
    return known


def _in_words(error: ValidationError) -> str:
    """All faults in one line."""
    faults = (f"{'.'.join(str(part) for part in fault['loc']) or 'answer'}: {fault['msg']}" for fault in error.errors())
    return "; ".join(faults)
