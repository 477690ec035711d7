"""Histories for the tests of this package: small ones by hand, large ones with long texts."""

from __future__ import annotations

from mlestar.records.run import (
    AttemptSummary,
    CandidateSummary,
    ComponentSummary,
    Cost,
    History,
    KnownScript,
    PhaseSummary,
    RunStatus,
    RunSummary,
)
from mlestar.records.settings import Settings
from mlestar.records.strategy import Goal, Strategy
from mlestar.records.task import Metric, TaskTraits

RMSE = Metric(name="rmse", direction="minimize", needs="values")
AUC = Metric(name="roc_auc", direction="maximize", needs="probabilities")


def attempt(focus: str, gain: float | None, *, phase: str = "refinement", seconds: float = 10.0) -> AttemptSummary:
    return AttemptSummary.model_validate(
        {
            "phase": phase,
            "solution": 1,
            "step": 0,
            "focus": focus,
            "plan": f"try {focus}",
            "score": None if gain is None else 0.5 - gain,
            "gain": gain,
            "seconds": seconds,
        }
    )


def run(
    number: int,
    score: float | None,
    *,
    study: str = "now",
    task: str = "california",
    metric: Metric = RMSE,
    status: RunStatus = "finished",
    settings: Settings | None = None,
    strategy: Strategy | None = None,
    attempts: tuple[AttemptSummary, ...] = (),
    phases: tuple[PhaseSummary, ...] | None = None,
    candidates: tuple[CandidateSummary, ...] = (),
    components: tuple[ComponentSummary, ...] = (),
    errors: tuple[str, ...] = (),
    cost: Cost | None = None,
    seconds: float = 100.0,
    traits: TaskTraits | None = None,
) -> RunSummary:
    """A run with sensible phases unless told otherwise."""
    usual = (
        PhaseSummary(phase="initialization", best_score=0.6, seconds=30, executions=4, failures=0),
        PhaseSummary(phase="refinement", best_score=score, seconds=50, executions=8, failures=1),
        PhaseSummary(phase="ensemble", best_score=score, seconds=15, executions=1, failures=0),
        PhaseSummary(phase="submission", best_score=score, seconds=5, executions=1, failures=0),
    )
    return RunSummary(
        run_id=f"run_{number}",
        study_id=study,
        task=task,
        mlflow_run_id=f"{study}-{number}",
        status=status,
        metric=metric,
        traits=traits,
        started_at=1_000.0 + number,
        seconds=seconds,
        score=score,
        settings=settings or Settings(),
        strategy=strategy,
        phases=usual if phases is None else phases,
        candidates=candidates,
        components=components,
        attempts=attempts,
        errors=errors,
        cost=cost or Cost(executions=14, failures=1),
        best_path="ensemble/final_solution.py",
        known=None if score is None else KnownScript(path="ensemble/final_solution.py", score=score),
    )


def long_history(runs: int, text: str) -> History:
    """Runs that fill every field a digest reads, each text as long as given."""
    return History(runs=tuple(_long_run(number, text) for number in range(runs)))


def _long_run(number: int, text: str) -> RunSummary:
    foci = [f"focus {k} {text}" for k in range(8)]
    return run(
        number,
        0.6 - 0.0001 * number,
        strategy=Strategy(
            strategic_summary=text,
            config_overrides={"inner_loop_round": 1 + number % 8},
            strategic_goals=tuple(
                Goal(target_agent_phase="refinement", focus=focus, priority=k, rationale=text)
                for k, focus in enumerate(foci, start=1)
            ),
        ),
        attempts=tuple(
            attempt(focus, 0.001 * k - 0.003).model_copy(update={"plan": text, "fault": text})
            for k, focus in enumerate(foci)
        ),
        candidates=tuple(
            CandidateSummary(solution=k, model=f"model {number} {k} {text}", score=0.6, seconds=3) for k in range(4)
        ),
        components=tuple(
            ComponentSummary(solution=1, step=k, component=f"part {k} {text}", change=text, gain=-0.01 * k)
            for k in range(12)
        ),
        errors=tuple(f"kind {number} {k} {text}: {text}" for k in range(6)),
    )
