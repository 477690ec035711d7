"""`final_state.json`: the complete state of a run under the names the reference systems use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TypeAlias

from mlestar.records.run import RunRecord
from mlestar.records.solution import Solution, Trial

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None


def final_state(record: RunRecord) -> dict[str, Json]:
    """The state; step 0 of a solution is its initial script, step n the best after n refinement cycles."""
    brief = record.brief
    best = record.best
    state: dict[str, Json] = {
        "run_id": brief.run_id,
        "status": record.status,
        "enhancer_output": None if brief.strategy is None else brief.strategy.model_dump(mode="json"),
        "workspace_dir": _workspace(record),
        "best_score_so_far": None if best is None else best.score,
        "audit_score": record.audit_score,
        "ensemble_plan": [attempt.plan.description for attempt in record.ensembles],
        "error": record.error,
    }
    for solution in record.solutions:
        state.update(_solution_state(solution, record))
    for name, attempt in enumerate(record.ensembles):
        state[f"ensemble_code_{name}"] = attempt.trial.script.source
        state[f"ensemble_code_exec_result_{name}"] = _result(attempt.trial)
    if record.submission is not None:
        state["submission_code"] = record.submission.trial.script.source
        state["submission_code_exec_result"] = _result(record.submission.trial)
    return {**state, **brief.settings.model_dump(mode="json")}


def final_state_text(record: RunRecord) -> str:
    """The state as JSON text."""
    return json.dumps(final_state(record), indent=1, ensure_ascii=False)


def _workspace(record: RunRecord) -> str | None:
    folder = None if record.submission is None else record.submission.execution.folder
    return None if folder is None else str(folder)


def _solution_state(solution: Solution, record: RunRecord) -> Iterator[tuple[str, Json]]:
    number = solution.number
    yield f"refinement_plan_{number}", [a.plan.description for r in solution.refinements for a in r.attempts]
    current = solution.initial
    for step in range(len(solution.refinements) + 1):
        if current is not None:
            yield f"train_code_{step}_{number}", current.script.source
            yield f"train_code_exec_result_{step}_{number}", _result(current)
        if step < len(solution.refinements):
            cycle = solution.refinements[step]
            yield f"ablation_summary_{step}_{number}", cycle.ablation.summary
            tried = [attempt.trial for attempt in cycle.attempts]
            current = record.brief.task.metric.best([current, *tried] if current is not None else tried)


def _result(trial: Trial) -> dict[str, Json]:
    last = trial.executions[-1] if trial.executions else None
    return {
        "score": trial.score,
        "seconds": round(trial.seconds, 3),
        "returncode": None if last is None else last.returncode,
        "stdout": "" if last is None else last.stdout_tail,
        "stderr": "" if last is None else last.stderr_tail,
        "fault": trial.fault,
    }
