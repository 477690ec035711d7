"""Saying an answer in the form a model would, well or badly."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from mlestar.doors import Question
from mlestar.questions.answers import Code, Models, Text
from mlestar.records.base import Record

SOURCE = "https://example.org/solutions/1"


@dataclass(frozen=True)
class Reply:
    """What the service puts on the wire."""

    text: str = ""
    finish: str = "STOP"
    """Gemini's word; OpenAI's is derived from it."""
    thoughts: str = "**Considering**\n```python\nnot_the_answer = True\n```\n"
    parts: int = 1
    candidates: bool = True
    blocked: str = ""
    sources: tuple[str, ...] = ()
    odd_parts: tuple[dict[str, Any], ...] = field(default_factory=tuple)


def spoken(question: Question[Any], answer: Record, *, plain_json: bool, searched: bool) -> Reply:
    """The answer as a model of today gives it: JSON plain under a schema, otherwise in a fence with words around."""
    sources = (SOURCE,) if searched else ()
    if isinstance(answer, Code):
        text = f"Here is the code.\n\n```python\n{answer.source.rstrip()}\n```\n\nIt follows the request."
    elif isinstance(answer, Text):
        text = answer.text
    else:
        body = answer.model_dump(mode="json")
        if isinstance(answer, Models):
            for idea in body["models"]:
                idea.pop("sources")
        shown = json.dumps(body, ensure_ascii=False, indent=None if plain_json else 1)
        text = shown if plain_json else f"My answer:\n\n```json\n{shown}\n```"
    return Reply(text=text, sources=sources)


def misspoken(reply: Reply, fault: str) -> Reply:
    """The reply with one of CONTENT_FAULTS."""
    return CONTENT_FAULTS[fault](reply)


def _cut(reply: Reply) -> Reply:
    return replace(reply, text=reply.text[: len(reply.text) // 2], finish="MAX_TOKENS")


def _ended(finish: str) -> Callable[[Reply], Reply]:
    return lambda reply: replace(reply, text="", finish=finish)


def _two_fences(reply: Reply) -> Reply:
    return replace(reply, text="```python\nx = 1\n```\n\nand\n\n```python\ny = 2\n```\n{} {}")


def _misquoted(reply: Reply) -> Reply:
    """A quoted block that is not in the script: the first word of each line changes."""
    return replace(reply, text=reply.text.replace('"block": "', '"block": "not_in_the_script()\\n'))


CONTENT_FAULTS: dict[str, Callable[[Reply], Reply]] = {
    "max_tokens": _cut,
    "max_tokens_all_thinking": _ended("MAX_TOKENS"),
    "safety": _ended("SAFETY"),
    "prohibited_content": _ended("PROHIBITED_CONTENT"),
    "recitation": _ended("RECITATION"),
    "malformed_function_call": _ended("MALFORMED_FUNCTION_CALL"),
    "other_without_text": _ended("OTHER"),
    "other_with_text": lambda reply: replace(reply, finish="OTHER"),
    "unheard_of_finish": lambda reply: replace(reply, finish="SOMETHING_NEW"),
    "empty_text": _ended("STOP"),
    "no_candidates": lambda reply: replace(reply, candidates=False),
    "prompt_blocked": lambda reply: replace(reply, candidates=False, blocked="PROHIBITED_CONTENT"),
    "many_parts": lambda reply: replace(reply, parts=5),
    "odd_parts": lambda reply: replace(reply, odd_parts=({"executableCode": {"language": "PYTHON", "code": "1"}},)),
    "no_fence": lambda reply: replace(reply, text="I would rather talk about it."),
    "two_fences": _two_fences,
    "unclosed_fence": lambda reply: replace(reply, text="```python\nx = 1\n"),
    "syntax_error": lambda reply: replace(reply, text="```python\nx = = 1\n```"),
    "wrong_field": lambda reply: replace(reply, text='{"wrong": 1}'),
    "broken_json": lambda reply: replace(reply, text='{"plan": "half'),
    "misquoted_block": _misquoted,
    "thinking_in_text": lambda reply: replace(reply, text=f"<think>```python\nz = 0\n``` {{}}</think>\n{reply.text}"),
}


def gemini_body(reply: Reply, model: str, prompt_bytes: int) -> dict[str, Any]:
    """The answer of generateContent."""
    usage = {
        "promptTokenCount": prompt_bytes // 4,
        "candidatesTokenCount": len(reply.text) // 4,
        "thoughtsTokenCount": 100,
        "totalTokenCount": prompt_bytes // 4 + len(reply.text) // 4 + 100,
    }
    body: dict[str, Any] = {"usageMetadata": usage, "modelVersion": model, "responseId": "loopback"}
    if reply.blocked:
        body["promptFeedback"] = {"blockReason": reply.blocked}
    if not reply.candidates:
        return body
    parts: list[dict[str, Any]] = [{"text": reply.thoughts, "thought": True}, *reply.odd_parts]
    parts += [{"text": piece} for piece in pieces(reply.text, reply.parts) if piece]
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "finishReason": reply.finish, "index": 0}
    if reply.sources:
        chunks = [{"web": {"uri": uri, "title": "A page"}} for uri in reply.sources]
        candidate["groundingMetadata"] = {"groundingChunks": chunks, "webSearchQueries": ["tabular models"]}
    body["candidates"] = [candidate]
    return body


def openai_body(reply: Reply, model: str, prompt_bytes: int) -> dict[str, Any]:
    """The answer of chat completions."""
    finish = {"MAX_TOKENS": "length", "SAFETY": "content_filter", "PROHIBITED_CONTENT": "content_filter"}
    finish |= {"MALFORMED_FUNCTION_CALL": "tool_calls", "RECITATION": "content_filter"}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": reply.text or None},
        "finish_reason": finish.get(reply.finish, "stop"),
    }
    tokens = {"prompt_tokens": prompt_bytes // 4, "completion_tokens": len(reply.text) // 4}
    return {
        "id": "loopback",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [choice] if reply.candidates else [],
        "usage": {**tokens, "total_tokens": sum(tokens.values())},
    }


def pieces(text: str, count: int) -> list[str]:
    """The text cut in so many pieces at seeded places."""
    places = sorted(random.Random(len(text)).randrange(len(text) + 1) for _ in range(count - 1))
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]
