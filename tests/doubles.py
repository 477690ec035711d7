"""A small world for tests: scripts whose score stands in their source, an engineer who answers from functions."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from mlestar.doors import Job, Lab, Marks, Question
from mlestar.errors import BadAnswer
from mlestar.events import Event
from mlestar.records.base import Record
from mlestar.records.run import Brief, CarriedScript
from mlestar.records.settings import Settings
from mlestar.records.solution import Execution, Script, View
from mlestar.records.strategy import Strategy
from mlestar.records.task import (
    Assignment,
    ColumnProfile,
    Metric,
    SubmissionFormat,
    TableProfile,
    Task,
    Validation,
)

A = TypeVar("A", bound=Record)
Q = TypeVar("Q", bound=Question[Any])

RMSE = Metric(name="rmse", direction="minimize", needs="values")
R2 = Metric(name="r2", direction="maximize", needs="values")


def scored(score: float | str, *, name: str = "", seconds: float = 0.0) -> str:
    """A script of the toy world: it scores `score` after `seconds`; `fail: words` makes it fail."""
    return f'"""{name}"""\nSECONDS = {seconds}\nSCORE = "{score}"\n'


class ToyExecutor:
    """Executes toy scripts; what it was given is kept."""

    def __init__(self, slots: int = 2) -> None:
        self.slots = slots
        self.threads = 1
        self.guards: tuple[str, ...] = ()
        self.jobs: list[Job] = []
        self.most_at_once = 0
        self._running = 0
        self._free = asyncio.Semaphore(slots)

    async def execute(self, job: Job) -> Execution:
        async with self._free:
            self.jobs.append(job)
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)
            try:
                return await self._execute(job)
            finally:
                self._running -= 1

    async def _execute(self, job: Job) -> Execution:
        source = job.script.source
        seconds = float((re.search(r"SECONDS = ([\d.]+)", source) or [0, 0])[1])
        score = (re.search(r'SCORE = "(.*)"', source) or [0, "fail: no score"])[1]
        took = min(seconds, job.timeout_seconds)
        await asyncio.sleep(took)
        if seconds > job.timeout_seconds:
            return Execution(status="timed_out", seconds=took, fault="timed out", started_at=time.time())
        if str(score).startswith("fail"):
            return Execution(status="failed", seconds=took, fault=str(score), stderr_tail=f"Traceback\n{score}")
        return Execution(status="ok", seconds=took, stdout_tail=str(score), started_at=time.time())


class ToyExaminer:
    """Marks what the toy executor printed; a submission by a script named `no submission` is invalid."""

    def __init__(self, views: int = 1) -> None:
        self.views = tuple(View(name=f"fold_{k}", folder=Path(), digest=f"fold{k}") for k in range(views))
        self.final_view = View(name="final", folder=Path(), digest="final")
        self.audit_view: View | None = None
        self.explanation = "the number in the source"

    def mark(self, executions: Sequence[Execution]) -> Marks:
        return Marks(score=sum(float(execution.stdout_tail) for execution in executions) / len(executions))

    def check_submission(self, execution: Execution) -> str | None:
        return None if float(execution.stdout_tail) >= 0 else "column target: 3 rows are missing"

    def audit(self, execution: Execution) -> float | None:
        return None


class ToyEngineer:
    """Answers each type of question from a function; questions it does not know are bad answers."""

    def __init__(self, answers: dict[Any, Callable[..., Record]], seconds: float = 0.0) -> None:
        self.answers = answers
        self.asked: list[Question[Any]] = []
        self.seconds = seconds

    async def ask(self, question: Question[A]) -> A:
        self.asked.append(question)
        await asyncio.sleep(self.seconds)
        answer = self.answers.get(type(question))
        if answer is None:
            raise BadAnswer(f"no answer to {type(question).__name__}")
        given = answer(question)
        assert isinstance(given, question.answer_type())
        return given

    def questions(self, kind: type[Q]) -> list[Q]:
        """The questions of one type, in the order they were asked."""
        return [question for question in self.asked if isinstance(question, kind)]


class ToyNotebook:
    """Keeps what happened."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def note(self, event: Event) -> None:
        self.events.append(event)

    def words(self) -> str:
        """All remarks as one text."""
        return "\n".join(event.text for event in self.events if event.kind == "remark")


class ToyClock:
    """Time that stands still unless told."""

    def __init__(self, seconds: float = 3600.0) -> None:
        self.seconds = seconds
        self.decided: dict[str, float] = {}
        self.began = time.monotonic()

    def seconds_left(self) -> float:
        return self.seconds

    def elapsed_seconds(self) -> float:
        return time.monotonic() - self.began

    def decide(self, name: str, value: Callable[[], float]) -> float:
        return self.decided.setdefault(name, value())


def toy_task(metric: Metric = RMSE, scoring: str = "graded") -> Task:
    """A task without files."""
    return Task.model_validate(
        {
            "name": "toy",
            "description": "Predict y.",
            "kind": "regression",
            "target": "y",
            "metric": metric,
            "validation": Validation(),
            "submission": SubmissionFormat(id_column=None, columns=("y",)),
            "folder": Path(),
            "profile": TableProfile(
                train_rows=100,
                test_rows=10,
                columns=(ColumnProfile(name="x", kind="numeric", missing_share=0.0, unique_count=90),),
                target=ColumnProfile(name="y", kind="numeric", missing_share=0.0, unique_count=90),
            ),
            "digest": "0" * 16,
            "scoring": scoring,
        }
    )


def toy_brief(
    settings: Settings, task: Task | None = None, strategy: Strategy | None = None, carried: str | None = None
) -> Brief:
    """A brief for the toy task."""
    task = task or toy_task()
    assignment = Assignment(
        description=task.description,
        kind=task.kind,
        target=task.target,
        metric=task.metric,
        submission=task.submission,
        profile=task.profile,
        scoring=task.scoring,
        script_seconds=60,
        threads=1,
        libraries=(),
        seed=settings.seed,
    )
    return Brief(
        run_id="run_0",
        study_id="study",
        task=task,
        assignment=assignment,
        settings=settings,
        strategy=strategy,
        carried=None if carried is None else CarriedScript(script=Script(source=carried), time_limit_seconds=7.5),
    )


def toy_lab(
    engineer: ToyEngineer, *, executor: ToyExecutor | None = None, views: int = 1, clock: ToyClock | None = None
) -> Lab:
    """A lab of doubles."""
    return Lab(
        engineer=engineer,
        executor=executor or ToyExecutor(),
        notebook=ToyNotebook(),
        examiner=ToyExaminer(views),
        clock=clock or ToyClock(),
    )
