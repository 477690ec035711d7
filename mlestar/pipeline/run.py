"""One run: the four phases in order, and what is left of them when one ends early."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from mlestar.doors import MEASURED, Lab
from mlestar.errors import BudgetExhausted, NothingScored
from mlestar.events import PhaseEnded, PhaseStarted, scope
from mlestar.pipeline.ensemble import combine
from mlestar.pipeline.initialization import initialize
from mlestar.pipeline.refinement import refine
from mlestar.pipeline.submission import submit
from mlestar.pipeline.workbench import Workbench
from mlestar.records.run import Brief, RunRecord
from mlestar.records.solution import Attempt, Solution, Submission
from mlestar.records.strategy import Phase


async def run_pipeline(brief: Brief, lab: Lab) -> RunRecord:
    """The record of one run; a failed run is a record too. What it cost is counted by whoever hears of the answers.

    Raises WorldError when the engineer, the executor or the store is gone, since the study can be resumed then.
    """
    run = _Run(Workbench(brief, lab))
    started_at = time.time()
    error: str | None = None
    try:
        await run.phases()
    except NothingScored as nothing:
        error = str(nothing)
    best = run.submission.trial if run.submission is not None else run.bench.best
    return RunRecord(
        brief=brief,
        status="failed" if run.submission is None else "finished",
        solutions=run.solutions,
        ensembles=run.ensembles,
        submission=run.submission,
        best=best,
        audit_score=None if run.submission is None else run.submission.audit_score,
        seconds=sum(run.phase_seconds.values()),
        started_at=started_at,
        phase_seconds=run.phase_seconds,
        error=error,
    )


class _Run:
    """The phases of one run and what each has left so far."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.solutions: tuple[Solution, ...] = ()
        self.ensembles: tuple[Attempt, ...] = ()
        self.submission: Submission | None = None
        self.phase_seconds: dict[Phase, float] = {}

    async def phases(self) -> None:
        """All four; raises NothingScored when there is nothing to submit."""
        try:
            with self._phase("initialization"):
                self.solutions = await initialize(self.bench)
            with self._phase("refinement"):
                self.solutions = await refine(self.bench, self.solutions)
            with self._phase("ensemble"):
                self.ensembles = await combine(self.bench, self.solutions)
        except BudgetExhausted as limit:
            self.bench.remark(f"{limit}; what is scored already is submitted", warn=True)
        with self._phase("submission"):
            self.submission = await submit(self.bench, self.ensembles)
        if self.submission is None:
            raise NothingScored(self._why_nothing())

    def _why_nothing(self) -> str:
        faults = [trial.fault for trial in self.bench.trials if trial.fault]
        if not self.bench.trials:
            return "no script was written"
        return f"no script made a valid submission; last fault: {faults[-1]}" if faults else "no valid submission"

    @contextmanager
    def _phase(self, phase: Phase) -> Iterator[None]:
        clock = self.bench.lab.clock
        started = clock.decide(f"{MEASURED}start of {phase}", clock.elapsed_seconds)
        self.bench.lab.notebook.note(PhaseStarted(phase=phase))
        over = False  # a phase that is interrupted goes on when the study is resumed
        try:
            with scope(phase=phase):
                yield
            over = True
        except BudgetExhausted:
            over = True
            raise
        finally:
            ended = (
                clock.decide(f"{MEASURED}end of {phase}", clock.elapsed_seconds) if over else clock.elapsed_seconds()
            )
            self.phase_seconds[phase] = ended - started
            best = self.bench.best
            score = None if best is None else best.score
            self.bench.lab.notebook.note(PhaseEnded(phase=phase, seconds=ended - started, best_score=score))
