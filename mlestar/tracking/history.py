"""The history of a task as a table for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from mlestar.records.run import History, RunSummary
from mlestar.tracking.final_state import Json

STATUS_STYLES = {"finished": "green", "failed": "red", "killed": "yellow", "running": "cyan"}
SUMMARY_CHARACTERS = 120
NUMBERS = ("seconds", "audit", "scripts", "calls", "usd")
REASONS = ("started (UTC)", "strategy")
OPTIONAL = ("audit", "usd", "changed by the Enhancer")


def history_json(history: History) -> list[Json]:
    """The runs in order of their start, under the names of the reference systems and a few more."""
    return [_entry(run) for run in history.runs]


def history_text(history: History) -> str:
    """`history_json` as text."""
    return json.dumps(history_json(history), indent=1, ensure_ascii=False)


def history_table(history: History, title: str | None = None, *, reasons: bool = True) -> Table:
    """One row for each run; the best one is marked. `reasons` adds when each run was started and the words for why.

    A column that holds the same nothing for every run is left out.
    """
    table = Table(title=title, title_justify="left", header_style="bold")
    best = history.best()
    several = len({run.study_id for run in history.runs}) > 1
    metric = history.runs[0].metric.name if history.runs else "score"
    rows = [_cells(run, metric, best=run is best) for run in history.runs]
    left_out = {*(() if several else ("study",)), *(() if reasons else REASONS)}
    shown = [name for name in rows[0] if name not in left_out and _tells(name, rows)] if rows else ["run", "status"]
    for name in shown:
        numeric = name in (*NUMBERS, metric)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold", no_wrap=numeric)
    for run, row in zip(history.runs, rows, strict=True):
        table.add_row(*(row[name] for name in shown), style="bold" if run is best else None)
    return table


def _tells(name: str, rows: Sequence[Mapping[str, Text]]) -> bool:
    return name not in OPTIONAL or any(row[name].plain not in ("-", "0") for row in rows)


def _cells(run: RunSummary, metric: str, *, best: bool) -> dict[str, Text]:
    reason = run.error or ("" if run.strategy is None else run.strategy.strategic_summary)
    cells = {
        "study": run.study_id[:8],
        "run": run.run_id,
        "status": run.status,
        "started (UTC)": _time(run).strftime("%Y-%m-%d %H:%M"),
        "seconds": f"{run.seconds:.0f}",
        metric: ("* " if best else "") + _number(run.score),
        "audit": _number(run.audit_score),
        "scripts": str(run.cost.executions),
        "calls": str(run.cost.calls),
        "usd": "?" if run.cost.usd is None else f"{run.cost.usd:.4g}",
        "changed by the Enhancer": _changed(run),
        "strategy": reason if len(reason) <= SUMMARY_CHARACTERS else f"{reason[:SUMMARY_CHARACTERS]} …",
    }
    styles = {"status": STATUS_STYLES[run.status]}
    return {name: Text(text, style=styles.get(name, "")) for name, text in cells.items()}


def _changed(run: RunSummary) -> str:
    overrides = {} if run.strategy is None else run.strategy.config_overrides
    return ", ".join(f"{key}={value}" for key, value in overrides.items()) or "-"


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
