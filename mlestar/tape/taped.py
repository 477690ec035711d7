"""The three doors behind a tape: what is on it is taken from it, what is not is done and put on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TypeVar

from mlestar.doors import Engineer, Executor, Job, Question
from mlestar.errors import BadAnswer
from mlestar.events import current_meter, current_scope
from mlestar.records.base import Record
from mlestar.records.solution import Execution
from mlestar.tape.shared import Shared
from mlestar.tape.tape import AnswerLine, DecisionLine, ExecutionLine, Tape

A = TypeVar("A", bound=Record)


class Places:
    """Names the place of each question: its scope, its type and its number there."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def next(self, question: Question[A]) -> str:
        where = current_scope()
        place = f"{where.phase}/{where.solution}/{where.label}/{type(question).__name__}"
        self._seen[place] += 1
        return f"{place}#{self._seen[place]}"


def read_answer(line: AnswerLine, question: Question[A]) -> A:
    """The answer on the tape; raises BadAnswer when the engineer gave none."""
    if line.answer is None:
        raise BadAnswer(line.fault or "the tape holds no answer")
    return question.answer_type().model_validate_json(line.answer)


class TapedEngineer:
    """Asks a question only when its answer is not on the tape."""

    def __init__(self, inner: Engineer, tape: Tape) -> None:
        self._inner = inner
        self._tape = tape
        self._shared: Shared[AnswerLine] = Shared()
        self._places = Places()

    async def ask(self, question: Question[A]) -> A:
        place = self._places.next(question)
        line = self._tape.answers.get(question.key)
        if line is not None:
            meter = current_meter()
            meter.replayed, meter.usage, meter.prompt = True, line.usage, line.prompt
            meter.answer = line.answer or ""
        else:
            line = await self._shared.once(question.key, lambda: self._ask_and_keep(question, place))
        return read_answer(line, question)

    async def _ask_and_keep(self, question: Question[A], place: str) -> AnswerLine:
        answer, fault = None, None
        try:
            answer = (await self._inner.ask(question)).model_dump_json()
        except BadAnswer as bad:
            fault = str(bad)
        meter = current_meter()
        line = AnswerLine(
            key=question.key, place=place, answer=answer, fault=fault, usage=meter.usage, prompt=meter.prompt
        )
        self._tape.append(line)
        return line


class ReplayEngineer:
    """Answers from the tape of an earlier run and never asks anybody.

    Scripts are executed anew in a replay, so a question may differ from the taped one in a measured number; it is
    then found by its place.
    """

    def __init__(self, tape: Tape) -> None:
        self._by_key = tape.answers
        self._by_place = {line.place: line for line in tape.answers.values()}
        self._places = Places()

    async def ask(self, question: Question[A]) -> A:
        place = self._places.next(question)
        line = self._by_key.get(question.key) or self._by_place.get(place)
        if line is None:
            raise BadAnswer(f"the tape has no answer to {type(question).__name__} at {place}")
        meter = current_meter()
        meter.replayed, meter.usage, meter.prompt, meter.answer = True, line.usage, line.prompt, line.answer or ""
        return read_answer(line, question)


class TapedExecutor:
    """Executes a script on a view only when that execution is not on the tape, nor a good one on an earlier tape.

    A script that failed, timed out or ran out of memory in an earlier run is given another chance.
    """

    def __init__(self, inner: Executor, tape: Tape, earlier: Mapping[str, ExecutionLine] | None = None) -> None:
        self._inner = inner
        self._tape = tape
        self._earlier = {} if earlier is None else earlier
        self._shared: Shared[Execution] = Shared()

    @property
    def slots(self) -> int:
        return self._inner.slots

    @property
    def threads(self) -> int:
        return self._inner.threads

    @property
    def guards(self) -> tuple[str, ...]:
        return self._inner.guards

    async def execute(self, job: Job) -> Execution:
        line = self._tape.executions.get(job.key)
        if line is not None and _files_exist(line.execution):
            return line.execution
        return await self._shared.once(job.key, lambda: self._execute_and_keep(job))

    async def _execute_and_keep(self, job: Job) -> Execution:
        known = self._earlier.get(job.key)
        if known is not None and known.execution.status == "ok" and _files_exist(known.execution):
            execution = known.execution
        else:
            execution = await self._inner.execute(job)
        self._tape.append(ExecutionLine(key=job.key, execution=execution))
        return execution


def _files_exist(execution: Execution) -> bool:
    return execution.folder is None or execution.folder.is_dir()


class TapedClock:
    """The time of a run, counted over every opening of its tape; decisions are kept on it."""

    def __init__(self, tape: Tape, budget_seconds: float) -> None:
        self._tape = tape
        self._budget_seconds = budget_seconds

    def seconds_left(self) -> float:
        return max(0.0, self._budget_seconds - self._tape.elapsed_seconds)

    def elapsed_seconds(self) -> float:
        return self._tape.elapsed_seconds

    def decide(self, name: str, value: Callable[[], float]) -> float:
        line = self._tape.decisions.get(name)
        if line is None:
            line = DecisionLine(key=name, value=value())
            self._tape.append(line)
        return line.value
