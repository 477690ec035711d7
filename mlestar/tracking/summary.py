"""From a run's record to the short form that history is made of (`run.json`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from mlestar.records.run import (
    AttemptSummary,
    CandidateSummary,
    ComponentSummary,
    KnownScript,
    Layer,
    PhaseSummary,
    RunRecord,
    RunSummary,
)
from mlestar.records.solution import Attempt, Script, Trial
from mlestar.records.strategy import PHASES, Phase
from mlestar.records.task import Metric, TaskTraits

PLAN_CHARACTERS = 500
FAULT_CHARACTERS = 200
MOST_FAULTS = 12


def summarize(
    record: RunRecord,
    *,
    engineer: str = "",
    mlflow_run_id: str = "",
    setting_layers: Mapping[str, Layer] = {},
    best_path: str | None = None,
    path_of: Callable[[Script], str | None] = lambda script: None,
) -> RunSummary:
    """The summary of a run; texts are cut so that it stays small however long the run was.

    `path_of` says under which path a script is kept.
    """
    brief = record.brief
    return RunSummary(
        run_id=brief.run_id,
        study_id=brief.study_id,
        task=brief.task.name,
        engineer=engineer,
        mlflow_run_id=mlflow_run_id,
        status=record.status,
        metric=brief.task.metric,
        traits=TaskTraits.of(brief.task),
        started_at=record.started_at,
        seconds=record.seconds,
        score=None if record.best is None else record.best.score,
        audit_score=record.audit_score,
        settings=brief.settings,
        setting_layers=dict(setting_layers),
        strategy=brief.strategy,
        phases=_phases(record),
        candidates=_candidates(record),
        components=_components(record),
        attempts=_attempts(record),
        errors=_faults(record),
        cost=record.cost,
        best_path=best_path,
        known=_known(record, path_of),
        submission_seconds=0.0 if record.submission is None else record.submission.execution.seconds,
        error=record.error,
    )


def _known(record: RunRecord, path_of: Callable[[Script], str | None]) -> KnownScript | None:
    """The best-graded script of the run, where it is kept as an artifact."""
    best = record.brief.task.metric.best(trial for _, trial in trials_of(record))
    path = None if best is None else path_of(best.script)
    if best is None or best.score is None or path is None:
        return None
    return KnownScript(path=path, score=best.score, time_limit_seconds=best.time_limit_seconds)


def trials_of(record: RunRecord) -> Iterator[tuple[Phase, Trial]]:
    """Every trial of a run with its phase, phases in order."""
    for solution in record.solutions:
        yield from (("initialization", candidate.trial) for candidate in solution.candidates)
        yield from (("initialization", trial) for trial in solution.merges)
    for solution in record.solutions:
        for refinement in solution.refinements:
            yield from (("refinement", variant.trial) for variant in refinement.ablation.variants)
            yield from (("refinement", attempt.trial) for attempt in refinement.attempts)
    yield from (("ensemble", attempt.trial) for attempt in record.ensembles)
    if record.submission is not None:
        yield "submission", record.submission.trial


def _phases(record: RunRecord) -> tuple[PhaseSummary, ...]:
    metric = record.brief.task.metric
    trials = list(trials_of(record))
    best: float | None = None
    summaries = []
    for name in PHASES:
        best = _best(metric, [best, *(trial.score for phase, trial in trials if phase == name)])
        if name not in record.phase_seconds:
            continue
        executions = [e for phase, trial in trials if phase == name for e in trial.executions]
        if name == "submission":
            executions = [record.submission.execution] if record.submission else []
        summaries.append(
            PhaseSummary(
                phase=name,
                best_score=best,
                seconds=record.phase_seconds[name],
                executions=len(executions),
                failures=sum(execution.status != "ok" for execution in executions),
            )
        )
    return tuple(summaries)


def _best(metric: Metric, scores: list[float | None]) -> float | None:
    best: float | None = None
    for score in scores:
        best = score if metric.better(score, best) else best
    return best


def _candidates(record: RunRecord) -> tuple[CandidateSummary, ...]:
    return tuple(
        CandidateSummary(
            solution=solution.number,
            model=candidate.idea.name[:FAULT_CHARACTERS],
            score=candidate.score,
            seconds=candidate.trial.seconds,
            fault=_one_line(candidate.trial.fault),
        )
        for solution in record.solutions
        for candidate in solution.candidates
    )


def _components(record: RunRecord) -> tuple[ComponentSummary, ...]:
    return tuple(
        ComponentSummary(
            solution=solution.number,
            step=step,
            component=variant.component[:FAULT_CHARACTERS],
            change=variant.change[:FAULT_CHARACTERS],
            gain=variant.gain,
        )
        for solution in record.solutions
        for step, refinement in enumerate(solution.refinements)
        for variant in refinement.ablation.variants
    )


def _attempts(record: RunRecord) -> tuple[AttemptSummary, ...]:
    refined = [
        _attempt(attempt, "refinement", solution.number, step)
        for solution in record.solutions
        for step, refinement in enumerate(solution.refinements)
        for attempt in refinement.attempts
    ]
    combined = [_attempt(attempt, "ensemble", 0, step) for step, attempt in enumerate(record.ensembles)]
    return (*refined, *combined)


def _attempt(attempt: Attempt, phase: Phase, solution: int, step: int) -> AttemptSummary:
    return AttemptSummary(
        phase=phase,
        solution=solution,
        step=step,
        focus=attempt.plan.focus,
        plan=attempt.plan.description[:PLAN_CHARACTERS],
        score=attempt.score,
        gain=attempt.gain,
        seconds=attempt.trial.seconds,
        fault=_one_line(attempt.trial.fault),
    )


def _faults(record: RunRecord) -> tuple[str, ...]:
    counted = Counter(_one_line(trial.fault) for _, trial in trials_of(record) if trial.fault)
    return tuple(fault for fault, _ in counted.most_common(MOST_FAULTS) if fault)


def _one_line(fault: str | None) -> str | None:
    return None if fault is None else " ".join(fault.split())[:FAULT_CHARACTERS]
