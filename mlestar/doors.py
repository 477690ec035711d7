"""The doors to the world: an engineer is asked, a script is executed, what happened is noted.

Phases see only these protocols, gathered in a `Lab`. Every implementation of a door passes the door's contract
tests, so one can take the place of another (live or replayed, local or Ray, MLflow or nothing).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from mlestar.events import Answered, Event, Executed
from mlestar.records.base import Record, digest_of
from mlestar.records.run import Cost
from mlestar.records.solution import Execution, Script, View

A = TypeVar("A", bound=Record)


class Question(Record, Generic[A]):
    """A question to an engineer; `A` is the type of its answer.

    A question carries only what its prompt shows. Equal questions get equal answers; another `sample` asks for
    another answer to the same question.
    """

    sample: int = 0

    @classmethod
    def answer_type(cls) -> type[A]:
        """The record type an answer is read into."""
        for base in cls.__mro__:
            arguments = getattr(base, "__pydantic_generic_metadata__", {}).get("args") or ()
            if arguments:
                return arguments[0]  # type: ignore[no-any-return]
        raise TypeError(f"{cls.__name__} does not name its answer type")

    @property
    def key(self) -> str:
        """Identity of the question: equal for equal questions, across processes."""
        return digest_of(type(self).__name__, self.model_dump_json())

    def misfit(self, answer: A) -> str | None:
        """Why a well-formed answer cannot be used for this very question, in words to its author; None when it can."""
        return None


class Engineer(Protocol):
    """Somebody who answers questions."""

    async def ask(self, question: Question[A]) -> A:
        """Answer, or raise BadAnswer, EngineerUnavailable or BudgetExhausted."""
        ...


class Job(Record):
    """A script to execute on a view."""

    script: Script
    view: View
    timeout_seconds: float
    """The whole process tree is ended after this long."""
    time_limit_seconds: float
    """What the script is told it may take, as MLESTAR_TIME_LIMIT_SECONDS; below the timeout."""
    seed: int
    threads: int = 1
    """Threads it may use; it takes as many of the executor's slots as it needs for that, all of them at most."""
    hand_over: bool = False
    """Whether it is told to leave what it fitted as `final/model.pkl`, in MLESTAR_MODEL_FILE; it need not do so."""

    @property
    def key(self) -> str:
        """Identity of what is computed; the timeout does not change what a script computes."""
        return digest_of(self.script.source, self.view.digest, f"{self.time_limit_seconds:g}", str(self.seed))


class Executor(Protocol):
    """Executes untrusted scripts, a bounded number at a time."""

    @property
    def slots(self) -> int:
        """How many scripts run at the same time."""
        ...

    @property
    def threads(self) -> int:
        """Threads each script may use; slots x threads = cores."""
        ...

    @property
    def guards(self) -> tuple[str, ...]:
        """Names of the guards that are on."""
        ...

    async def execute(self, job: Job) -> Execution:
        """Execute and wait; a script that fails is a value. Cancelling ends the whole process tree.

        Raises ExecutorUnavailable when nothing can be executed here.
        """
        ...


class Notebook(Protocol):
    """Takes down what happens; it never blocks a phase for long and never fails it."""

    def note(self, event: Event) -> None: ...


class Notebooks:
    """Several notebooks that are all told."""

    def __init__(self, *notebooks: Notebook) -> None:
        self._notebooks = notebooks

    def note(self, event: Event) -> None:
        for notebook in self._notebooks:
            notebook.note(event)


class Ledger:
    """A notebook that adds up what a run cost."""

    def __init__(self) -> None:
        self.cost = Cost()

    def note(self, event: Event) -> None:
        cost = self.cost
        if isinstance(event, Answered):
            unknown = cost.usd is None or event.usage.usd is None
            self.cost = cost.model_copy(
                update={
                    "calls": cost.calls + 1,
                    "tokens_in": cost.tokens_in + event.usage.tokens_in,
                    "tokens_out": cost.tokens_out + event.usage.tokens_out,
                    "usd": None if unknown else (cost.usd or 0.0) + (event.usage.usd or 0.0),
                }
            )
        elif isinstance(event, Executed):
            self.cost = cost.model_copy(
                update={
                    "executions": cost.executions + 1,
                    "execution_seconds": cost.execution_seconds + event.execution.seconds,
                    "failures": cost.failures + (event.execution.status != "ok"),
                }
            )


class Marks(Record):
    """What the examiner found in the files that came back."""

    score: float | None = None
    spread: float | None = None
    fold_scores: tuple[float, ...] = ()
    reported_score: float | None = None
    fault: str | None = None
    """Which column, how many rows, which ids."""
    suspicious: bool = False


class Examiner(Protocol):
    """The sealed side of scoring; the held-out labels live behind it and nowhere else."""

    @property
    def views(self) -> Sequence[View]:
        """The graded views, one for each fold; every script of a run sees the same ones."""
        ...

    @property
    def final_view(self) -> View:
        """All of train and the real test."""
        ...

    def mark(self, executions: Sequence[Execution]) -> Marks:
        """Grade the executions of one script, one for each of `views`, in order."""
        ...

    def check_submission(self, execution: Execution) -> str | None:
        """What is wrong with the file made on `final_view`; None when it is valid."""
        ...

    @property
    def audit_view(self) -> View | None:
        """All of train but the sealed audit rows, which are the test; None when no rows are sealed."""
        ...

    @property
    def explanation(self) -> str:
        """How scripts are scored and why so, as one line for the user."""
        ...

    def audit(self, execution: Execution) -> float | None:
        """Score of an execution of the chosen script on `audit_view`; None when there is none or it failed."""
        ...


MEASURED = "measured: "
"""Names of decisions that are no decisions but times, so that a resumed run knows them and a replay does not."""


class Clock(Protocol):
    """The time of a run; what is decided by it is on the tape, so that a replay decides alike."""

    def seconds_left(self) -> float:
        """Seconds until the run's computational budget is used up; never negative."""
        ...

    def elapsed_seconds(self) -> float:
        """Seconds worked on the run so far, what was done before it was interrupted included."""
        ...

    def decide(self, name: str, value: Callable[[], float]) -> float:
        """The value decided under this name before, or the value now, which is kept; names are unique in a run."""
        ...


@dataclass(frozen=True)
class Lab:
    """What a phase works with."""

    engineer: Engineer
    executor: Executor
    notebook: Notebook
    examiner: Examiner
    clock: Clock
