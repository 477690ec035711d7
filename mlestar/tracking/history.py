"""The history of a task as a table for people and as JSON for programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from mlestar.records.run import History, RunSummary
from mlestar.tracking.final_state import Json

STATUS_STYLES = {"finished": "green", "failed": "red", "killed": "yellow", "running": "cyan"}
SUMMARY_CHARACTERS = 120


def history_json(history: History) -> list[Json]:
    """The runs in order of their start, under the names of the reference systems and a few more."""
    return [_entry(run) for run in history.runs]


def history_text(history: History) -> str:
    """`history_json` as text."""
    return json.dumps(history_json(history), indent=1, ensure_ascii=False)


def history_table(history: History, title: str | None = None) -> Table:
    """One row for each run; the best one is marked."""
    table = Table(title=title, title_justify="left", header_style="bold")
    best = history.best()
    several = len({run.study_id for run in history.runs}) > 1
    for column, style in _columns(history, several):
        table.add_column(column, justify="right" if style == "number" else "left", overflow="fold")
    for run in history.runs:
        table.add_row(*_cells(run, several=several, best=run is best), style="bold" if run is best else None)
    return table


def _columns(history: History, several: bool) -> list[tuple[str, str]]:
    metric = history.runs[0].metric.name if history.runs else "score"
    study = [("study", "text")] if several else []
    return [
        *study,
        ("run", "text"),
        ("status", "text"),
        ("started", "text"),
        ("seconds", "number"),
        (metric, "number"),
        ("audit", "number"),
        ("calls", "number"),
        ("usd", "number"),
        ("changed by the Enhancer", "text"),
        ("strategy", "text"),
    ]


def _cells(run: RunSummary, *, several: bool, best: bool) -> list[str | Text]:
    overrides = {} if run.strategy is None else run.strategy.config_overrides
    reason = run.error or ("" if run.strategy is None else run.strategy.strategic_summary)
    study: list[str | Text] = [run.study_id[:8]] if several else []
    return [
        *study,
        run.run_id,
        Text(run.status, style=STATUS_STYLES[run.status]),
        _time(run).strftime("%Y-%m-%d %H:%M"),
        f"{run.seconds:.0f}",
        ("* " if best else "") + _number(run.score),
        _number(run.audit_score),
        str(run.cost.calls),
        "?" if run.cost.usd is None else f"{run.cost.usd:.4g}",
        Text(", ".join(f"{key}={value}" for key, value in overrides.items()) or "-"),
        Text(reason if len(reason) <= SUMMARY_CHARACTERS else f"{reason[:SUMMARY_CHARACTERS]} …"),
    ]


def _entry(run: RunSummary) -> Json:
    strategy = run.strategy
    layers: dict[str, Json] = dict(run.setting_layers)
    return {
        "run_id": run.run_id,
        "study_id": run.study_id,
        "mlflow_run_id": run.mlflow_run_id,
        "task": run.task,
        "engineer": run.engineer,
        "status": run.status,
        "start_time_iso": _time(run).isoformat(timespec="seconds"),
        "duration_seconds": round(run.seconds, 3),
        "metric": run.metric.name,
        "direction": run.metric.direction,
        "best_score": run.score,
        "audit_score": run.audit_score,
        "best_solution_path": run.best_path,
        "config_used": run.settings.model_dump(mode="json"),
        "config_layers": layers,
        "enhancer_rationale": None if strategy is None else strategy.strategic_summary,
        "enhancer_output": None if strategy is None else strategy.model_dump(mode="json"),
        "cost": run.cost.model_dump(mode="json"),
        "error": run.error,
    }


def _time(run: RunSummary) -> datetime:
    return datetime.fromtimestamp(run.started_at, UTC)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"
