"""An engineer behind which a language model stands: prompt, ask, read, show a misfit back.

The model only completes text. What a question means, how its answer is read and when an answer does not do is the
same for every model.
"""

from __future__ import annotations

from mlestar.doors import A, Question
from mlestar.engineers.model import Completion, Model, Request, Turn
from mlestar.engineers.prompting import Prompts
from mlestar.engineers.reading import Misfit, read, wants_of
from mlestar.engineers.schemas import schema_of
from mlestar.errors import BadAnswer
from mlestar.events import current_meter
from mlestar.questions.answers import Models
from mlestar.records.base import Record

FINISHES = {
    "truncated": "the answer was cut off at the output limit; answer more briefly, the whole answer has to fit",
    "refused": "the answer was blocked by the service's safety filter; answer the technical question plainly",
    "recited": "the answer was blocked because it repeated published text; write it in your own way",
    "empty": "the answer is empty",
    "malformed": "the answer was not a text; answer in the form asked for, without calling any function",
}
MOST_ROOM = 4
"""The output limit grows at most to this many times its usual size when answers are cut off."""
MOST_SOURCES = 10


class LlmEngineer:
    """Answers every question by asking a language model; a misfit is shown back up to `max_retry` times."""

    def __init__(self, model: Model, *, max_retry: int = 3) -> None:
        self._model = model
        self._max_retry = max_retry
        self._prompts = Prompts()

    async def ask(self, question: Question[A]) -> A:
        """Ask; raises BadAnswer after the last retry, and what the model raises."""
        meter = current_meter()
        request = first = self._request(question)
        fault = ""
        for _ in range(1 + self._max_retry):
            meter.prompt = transcript(request)
            completion = await self._model.complete(request)
            meter.answer, meter.sources = completion.text, completion.sources
            try:
                return self._read(question, completion)
            except Misfit as misfit:
                fault = str(misfit)
            if not completion.again:
                break
            request = corrected(first, request.room, completion, fault)
        raise BadAnswer(f"{type(question).__name__}: {fault}")

    def _request(self, question: Question[A]) -> Request:
        wants = wants_of(question)
        return Request(
            question=type(question).__name__,
            group=type(question).__module__.rpartition(".")[2],
            instruction=self._prompts.instruction(),
            turns=(Turn(role="user", text=self._prompts.render(question)),),
            wants=wants,
            answer_schema=schema_of(question) if wants == "json" else None,
        )

    def _read(self, question: Question[A], completion: Completion) -> A:
        if completion.finish != "complete":
            detail = f" ({completion.detail})" if completion.detail else ""
            raise Misfit(FINISHES[completion.finish] + detail)
        return sourced(read(question, completion.text), completion.sources)


def corrected(first: Request, room: int, completion: Completion, fault: str) -> Request:
    """The first request again, with the newest misfit shown and named; older misfits are not repeated."""
    [asked] = first.turns
    if completion.finish == "truncated":
        hint = Turn(role="user", text=f"{asked.text}\n\n(Your last answer could not be used: {fault}.)")
        return first.model_copy(update={"turns": (hint,), "room": min(2 * room, MOST_ROOM)})
    shown = Turn(role="model", text=completion.text or "(no text)")
    named = Turn(
        role="user",
        text=f"This answer cannot be used: {fault}.\nAnswer the question again, completely, in the form it asks for.",
    )
    return first.model_copy(update={"turns": (asked, shown, named), "room": room})


def sourced(answer: A, sources: tuple[str, ...]) -> A:
    """Models found by a search carry the addresses of the search."""
    given: Record = answer
    if not sources or not isinstance(given, Models):
        return answer
    ideas = tuple(idea.model_copy(update={"sources": sources[:MOST_SOURCES]}) for idea in given.models)
    return answer.model_copy(update={"models": ideas})


def transcript(request: Request) -> str:
    """Everything that is sent, as one text."""
    said = (f"[{turn.role}]\n{turn.text}" for turn in request.turns[1:])
    return "\n\n".join((request.instruction, request.turns[0].text, *said))
