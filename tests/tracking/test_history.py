"""The history of a task as people and programs read it."""

from __future__ import annotations

import io
import json
from pathlib import Path

from rich.console import Console

from mlestar.records.run import Cost, History
from mlestar.tracking.history import history_table, history_text
from mlestar.tracking.summary import summarize
from tests.tracking.samples import a_brief, a_record, a_strategy, a_task


def a_history(folder: Path) -> History:
    task = a_task(folder)
    first = a_record(a_brief(task, "run_0"), 4.0)
    second = a_record(a_brief(task, "run_1", strategy=a_strategy()), 3.0)
    failed = a_record(a_brief(task, "run_2"), best=None, status="failed", error="no script made a valid submission")
    return History(runs=tuple(summarize(record, engineer="playbook") for record in (first, second, failed)))


def test_json_has_the_seed_names(tmp_path: Path) -> None:
    entries = json.loads(history_text(a_history(tmp_path)))
    assert [entry["best_score"] for entry in entries] == [4.0, 3.0, None]
    assert entries[1]["enhancer_rationale"] == "Refine longer."
    assert entries[1]["enhancer_output"]["config_overrides"] == {"inner_loop_round": 3}
    assert entries[0]["start_time_iso"] == "2025-10-09T08:53:20+00:00"
    assert {
        "run_id",
        "status",
        "duration_seconds",
        "best_solution_path",
        "config_used",
    } <= set(entries[0])


def test_the_table_marks_the_best_run_and_says_why_one_failed(tmp_path: Path) -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(history_table(a_history(tmp_path)))
    text = console.export_text()
    assert "* 3" in text
    assert "inner_loop_round=3" in text
    assert "no script made a valid submission" in text


def test_without_reasons_only_what_tells_the_runs_apart_is_shown(tmp_path: Path) -> None:
    runs = [run.model_copy(update={"cost": Cost(calls=2)}) for run in a_history(tmp_path).runs]
    table = history_table(History(runs=tuple(runs)), "Runs", reasons=False)
    headings = [str(column.header) for column in table.columns]
    assert headings == ["run", "status", "seconds", "rmse", "audit", "scripts", "calls", "changed by the Enhancer"]
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(table)
    assert "inner_loop_round=3" in console.export_text()


def test_an_empty_history_is_an_empty_table() -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(history_table(History()))
    assert "run" in console.export_text()
    assert history_text(History()) == "[]"
