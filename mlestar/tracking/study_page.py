"""The page of a study: its metrics by run and its description."""

from __future__ import annotations

import time

from mlestar.records.run import History, RunSummary
from mlestar.records.task import Direction
from mlestar.tracking.backend import Point
from mlestar.tracking.links import WORKFLOW, charts
from mlestar.tracking.notebook import cost_metrics
from mlestar.tracking.totals import improvement_percent, total_cost


def study_points(history: History) -> list[Point]:
    """Best score and totals of a study; `best_score` has a step for each run."""
    if not history.runs:
        return []
    metric = history.runs[0].metric
    points: list[Point] = []
    best: RunSummary | None = None
    for step, run in enumerate(history.runs):
        best = metric.best([best, run] if best is not None else [run])
        at = run.started_at + run.seconds  # the same at every call: MLflow keeps one point then
        values = {"run_score": run.score, "best_score": None if best is None else best.score}
        points += [Point(key=k, value=v, step=step, at=at) for k, v in values.items() if v is not None]
    winner = history.best()
    totals: dict[str, float | None] = {
        "improvement_percent": improvement_percent(history),
        "audit_score": None if winner is None else winner.audit_score,
        "seconds": sum(run.seconds for run in history.runs),
        **cost_metrics(total_cost(history)),
    }
    step, at = len(history.runs), time.time()
    return points + [Point(key=key, value=v, step=step, at=at) for key, v in totals.items() if v is not None]


def study_note(history: History, experiment_id: str, direction: Direction, study_id: str) -> str:
    """The description of the study's page: the winner, what it is better by, what it cost, and where to look."""
    best = history.best()
    page = f"#/experiments/{experiment_id}/runs"
    lines = [_winner_line(history, best, page), _cost_line(history)]
    lines.append(f"[Compare the runs]({charts(experiment_id, study_id, direction)}) · Artifacts: report.html, best/")
    lines += [
        f"- [{run.run_id}]({page}/{run.mlflow_run_id}?workflowType={WORKFLOW}): {run.status}, "
        f"{'no score' if run.score is None else f'{run.score:.6g}'}, {run.seconds:.0f} s"
        + (f". {run.strategy.strategic_summary}" if run.strategy else "")
        for run in history.runs
    ]
    return "\n\n".join(lines[:3]) + "\n\n" + "\n".join(lines[3:])


def _winner_line(history: History, best: RunSummary | None, page: str) -> str:
    if best is None:
        return "**No run has a score.**"
    gained = improvement_percent(history)
    address = f"{page}/{best.mlflow_run_id}?workflowType={WORKFLOW}"
    return (
        f"**Best: [{best.run_id}]({address}), {best.metric.name} {best.score:.6g}**"
        + (f", {gained:.2f} % better than run 0" if gained else "")
        + (f", audit {best.audit_score:.6g}" if best.audit_score is not None else "")
        + f" ({best.best_path})"
    )


def _cost_line(history: History) -> str:
    cost = total_cost(history)
    price = "an unknown price" if cost.usd is None else f"${cost.usd:.4g}"
    seconds = sum(run.seconds for run in history.runs)
    return f"{len(history.runs)} runs in {seconds:.0f} s, {cost.executions} executions, {cost.calls} calls for {price}"
