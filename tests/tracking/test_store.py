"""A study is written to MLflow and read back from it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlestar.errors import ConfigError, StoreUnavailable
from mlestar.records.run import RunSummary
from mlestar.records.settings import Settings
from mlestar.tracking.processes import STARTED
from mlestar.tracking.store import Store, StoreConfig, open_store
from mlestar.tracking.study import Study
from tests.tracking.samples import a_brief, a_record, a_strategy, a_task, events_of


def start(store: Store, folder: Path, resume: str | None = None) -> Study:
    return store.start_study(a_task(folder / "task"), Settings(), engineer="playbook", runs=2, resume=resume)


def finished_run(study: Study, folder: Path, run_id: str = "run_0", score: float = 1.0) -> RunSummary:
    folder.joinpath("kept/final").mkdir(parents=True, exist_ok=True)
    folder.joinpath("kept/final/submission.csv").write_text("price\n40\n50\n")
    brief = a_brief(study.plan.task, run_id, study.study_id, strategy=a_strategy())
    run = study.start_run(brief, {"seed": "user", "inner_loop_round": "enhancer"})
    for event in events_of(score):
        run.note(event)
    return run.finish(a_record(brief, score, folder / "kept"), texts={"config/composed.yaml": "seed: 42\n"})


def test_a_finished_run_is_read_back_as_it_was_written(store: Store, tmp_path: Path) -> None:
    study = start(store, tmp_path)
    summary = finished_run(study, tmp_path)
    assert store.history("houses", study_id=study.study_id).runs == (summary,)
    assert summary.score == 1.0
    assert summary.strategy == a_strategy()


def test_a_run_has_params_metrics_by_step_tags_and_a_parent(store: Store, tmp_path: Path) -> None:
    study = start(store, tmp_path)
    summary = finished_run(study, tmp_path)
    run = store.backend.run(summary.mlflow_run_id)
    assert run.data.params["settings.num_solutions"] == "2"
    assert run.data.params["layer.user"] == "seed"
    assert run.data.params["layer.enhancer"] == "inner_loop_round"
    assert run.data.tags["mlflow.parentRunId"] == study.study_id
    assert run.data.tags["status"] == "finished"
    assert run.info.status == "FINISHED"
    steps = store.backend.client.get_metric_history(summary.mlflow_run_id, "score")
    assert [(point.step, point.value) for point in steps] == [(0, 3.0), (2, 1.0)]
    assert run.data.metrics["best_score"] == 1.0
    assert run.data.metrics["tokens_in"] == 100


def test_the_page_of_a_run_says_what_it_came_to_and_why(store: Store, tmp_path: Path) -> None:
    summary = finished_run(start(store, tmp_path), tmp_path)
    note = store.backend.run(summary.mlflow_run_id).data.tags["mlflow.note.content"]
    assert "**rmse 1**, audit 1.1 by ensemble/ensemble0.py" in note
    assert "Enhancer: Refine longer." in note


def test_a_run_has_the_artifacts_of_the_layout(store: Store, tmp_path: Path) -> None:
    summary = finished_run(start(store, tmp_path), tmp_path)
    run_id = summary.mlflow_run_id
    folder = store.download(run_id, "", tmp_path / "fetched")
    files = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert {
        "final_state.json",
        "run.json",
        "config/composed.yaml",
        "1/init_code_1.py",
        "1/init_code_2.py",
        "1/ablation_0.md",
        "ensemble/ensemble0.py",
        "ensemble/final_solution.py",
        "ensemble/final/submission.csv",
    } <= files
    assert store.artifact_text(run_id, "ensemble/final/submission.csv") == "price\n40\n50\n"
    assert RunSummary.model_validate_json(store.artifact_text(run_id, "run.json")) == summary
    assert json.loads(store.artifact_text(run_id, "final_state.json"))["train_code_exec_result_0_1"]["score"] == 3.0


def test_the_data_of_the_task_are_inputs_with_digests(store: Store, tmp_path: Path) -> None:
    summary = finished_run(start(store, tmp_path), tmp_path)
    given = store.backend.run(summary.mlflow_run_id).inputs
    inputs = () if given is None else given.dataset_inputs
    assert {each.dataset.name for each in inputs} == {"houses/train.csv", "houses/test.csv"}
    assert len({each.dataset.digest for each in inputs}) == 2


def test_a_study_keeps_best_score_by_run_and_its_improvement(store: Store, tmp_path: Path) -> None:
    study = start(store, tmp_path)
    finished_run(study, tmp_path, "run_0", 4.0)
    finished_run(study, tmp_path, "run_1", 3.0)
    history = study.finish()
    run = store.backend.run(study.study_id)
    assert [summary.run_id for summary in history.runs] == ["run_0", "run_1"]
    assert run.data.metrics["improvement_percent"] == pytest.approx(25.0)
    best = store.backend.client.get_metric_history(study.study_id, "best_score")
    assert [point.value for point in best] == [4.0, 3.0]
    assert "run_1" in run.data.tags["mlflow.note.content"]
    assert run.info.status == "FINISHED"


def test_an_abandoned_study_leaves_nothing_running(store: Store, tmp_path: Path) -> None:
    study = start(store, tmp_path)
    run = study.start_run(a_brief(study.plan.task, study_id=study.study_id))
    study.abandon()
    assert store.backend.run(study.study_id).info.status == "KILLED"
    assert store.backend.run(run.mlflow_run_id).info.status == "KILLED"
    assert [summary.status for summary in store.history("houses").runs] == ["killed"]


def test_runs_of_a_dead_process_are_closed_as_killed(open_again: Callable[[], Store], tmp_path: Path) -> None:
    store = open_again()
    study = start(store, tmp_path)
    run = study.start_run(a_brief(study.plan.task, study_id=study.study_id))
    for run_id in (study.study_id, run.mlflow_run_id):
        store.backend.log(run_id, tags={STARTED: "1"})
    other = start(open_again(), tmp_path)
    assert store.backend.run(study.study_id).info.status == "KILLED"
    assert store.backend.run(run.mlflow_run_id).data.tags["status"] == "killed"
    assert store.backend.run(other.study_id).info.status == "RUNNING"


def test_a_resumed_study_counts_a_run_that_was_started_again_once(store: Store, tmp_path: Path) -> None:
    study = start(store, tmp_path)
    finished_run(study, tmp_path, "run_0", 2.0)
    study.start_run(a_brief(study.plan.task, "run_1", study.study_id))
    study.abandon()
    again = start(store, tmp_path, resume="latest")
    assert again.study_id == study.study_id
    finished_run(again, tmp_path, "run_1", 1.5)
    history = again.finish()
    assert [(run.run_id, run.status) for run in history.runs] == [("run_0", "finished"), ("run_1", "finished")]


def test_resuming_an_unknown_study_is_one_clear_line(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="resume=nothing: there is no such study"):
        start(store, tmp_path, resume="nothing")
    with pytest.raises(ConfigError, match="there is no study of the task houses"):
        start(store, tmp_path, resume="latest")


def test_a_study_becomes_the_run_that_mlflow_made(store: Store, tmp_path: Path) -> None:
    experiment = store.backend.experiment("mine")
    made = store.backend.create_run(experiment, "bold-fox", {}, 1.0)
    typed = {"engineer": "'playbook'", "runs": "2", "settings.computational_budget": "100"}  # stored as 3600.0 else
    store.backend.log(made, params=typed)
    task = a_task(tmp_path / "task")
    study = store.start_study(task, Settings(), engineer="playbook", runs=2, project_run_id=made)
    assert study.study_id == made
    assert store.backend.run(made).info.run_name == "study of houses"
    assert finished_run(study, tmp_path) in store.history("houses").runs


def test_a_project_run_of_another_store_is_left_alone(store: Store, tmp_path: Path) -> None:
    study = store.start_study(
        a_task(tmp_path / "task"), Settings(), engineer="playbook", runs=1, project_run_id="f" * 32
    )
    assert store.backend.run(study.study_id).info.run_name == "study of houses"
    study.abandon()


def test_the_run_that_mlflow_made_for_a_look_at_the_history_says_so_and_no_other(store: Store) -> None:
    experiment = store.backend.experiment("mine")
    entry = "mlflow.project.entryPoint"
    look, other = (
        store.backend.create_run(experiment, "bold-fox", {entry: value}, 1.0) for value in ("history", "main")
    )
    for run_id in (look, other, "f" * 32):
        store.mark_look(run_id, "houses")
    assert [run.info.run_id for run in store.backend.runs([experiment], "tags.kind = 'history'")] == [look]
    assert store.backend.run(look).info.run_name == "look at the history of houses"
    assert store.backend.run(other).info.run_name == "bold-fox"
    assert store.history("houses").runs == ()


def test_a_server_that_does_not_answer_is_named_in_one_line_within_seconds() -> None:
    config = StoreConfig(tracking_uri="http://127.0.0.1:9", open_seconds=1)
    with pytest.raises(StoreUnavailable, match=r"the tracking server http://127\.0\.0\.1:9 does not answer"):
        open_store(config)


def test_a_uri_that_names_no_store_is_the_users_error() -> None:
    with pytest.raises(ConfigError, match=r"mlruns is no tracking store: store\.tracking_uri takes sqlite"):
        open_store(StoreConfig(tracking_uri="file:///mlruns"))


def test_questions_and_executions_are_one_trace_tied_to_its_run(store: Store, tmp_path: Path) -> None:
    study = start(store, tmp_path)
    summary = finished_run(study, tmp_path)
    found = store.backend.client.search_traces(
        locations=[study.experiment_id], filter_string=f"metadata.mlflow.sourceRun = '{summary.mlflow_run_id}'"
    )
    assert [trace.info.state for trace in found] == ["OK"]
    spans = {span.name: span for span in found[0].data.spans}
    assert spans["solution 1"].parent_id == spans["initialization"].span_id
    assert spans["WriteInitialCode"].span_type == "CHAT_MODEL"
    assert spans["WriteInitialCode"].get_attribute("mlflow.chat.tokenUsage")["total_tokens"] == 35
    assert found[0].info.token_usage == {"input_tokens": 50, "output_tokens": 20, "total_tokens": 70}
    assert spans["fold_0: 1/init_code_2.py"].status.status_code == "ERROR"
    assert spans["initialization"].start_time_ns >= spans["houses run_0"].start_time_ns


def test_a_failed_run_leaves_a_record_too(store: Store, tmp_path: Path) -> None:
    study = start(store, tmp_path)
    brief = a_brief(study.plan.task, study_id=study.study_id)
    run = study.start_run(brief)
    lost = a_record(brief, best=None, submission=None, status="failed", error="no script made a valid submission")
    run.finish(lost)
    (summary,) = study.finish("failed").runs
    assert (summary.status, summary.score, summary.error) == ("failed", None, "no script made a valid submission")
    assert store.backend.run(run.mlflow_run_id).info.status == "FAILED"
    assert store.backend.run(study.study_id).info.status == "FAILED"
    assert "No run has a score." in store.backend.run(study.study_id).data.tags["mlflow.note.content"]


def test_what_was_tried_is_in_the_store_before_the_run_ends(open_again: Callable[[], Store], tmp_path: Path) -> None:
    study = start(open_again(), tmp_path)
    run = study.start_run(a_brief(study.plan.task, study_id=study.study_id))
    for event in events_of(1.0):
        run.note(event)
    run.flush()
    other = open_again()
    assert other.artifact_text(run.mlflow_run_id, "1/init_code_1.py").startswith("# init_1")
    (summary,) = other.history("houses").runs
    assert (summary.status, summary.settings) == ("running", Settings())
    study.abandon()
    (killed,) = other.history("houses").runs
    assert (killed.status, killed.score, killed.cost.calls) == ("killed", 1.0, 2)


def test_history_of_a_task_leaves_other_tasks_out(store: Store, tmp_path: Path) -> None:
    finished_run(start(store, tmp_path), tmp_path)
    assert store.history("flats").runs == ()
    assert len(store.history(None).runs) == 1


def test_a_run_that_is_finished_is_not_killed_with_its_study(store: Store, tmp_path: Path) -> None:
    study = start(store, tmp_path)
    finished_run(study, tmp_path)
    study.abandon()
    assert [run.status for run in store.history("houses").runs] == ["finished"]
    assert store.backend.run(study.study_id).info.status == "KILLED"


def test_a_finished_study_that_goes_on_has_each_run_once_in_its_curve(store: Store, tmp_path: Path) -> None:
    study = start(store, tmp_path)
    finished_run(study, tmp_path, "run_0", 4.0)
    study.finish()
    again = start(store, tmp_path, resume=study.study_id)
    finished_run(again, tmp_path, "run_1", 3.0)
    again.finish()
    best = store.backend.client.get_metric_history(study.study_id, "best_score")
    assert [(point.step, point.value) for point in best] == [(0, 4.0), (1, 3.0)]


def test_the_page_of_a_study_that_is_running_tells_of_the_runs_so_far(store: Store, tmp_path: Path) -> None:
    study = start(store, tmp_path)
    finished_run(study, tmp_path, "run_0", 4.0)
    study.start_run(a_brief(study.plan.task, "run_1", study.study_id))
    assert "rmse 4" in store.backend.run(study.study_id).data.tags["mlflow.note.content"]
    study.abandon()


@pytest.mark.slow
def test_a_database_that_is_locked_in_mid_run_loses_nothing(empty_database: Path, tmp_path: Path) -> None:
    database, said = tmp_path / "mlflow.db", list[str]()
    shutil.copy(empty_database, database)
    config = StoreConfig(tracking_uri=f"sqlite:///{database}", patience_seconds=120, register_model=False)
    store = open_store(config, said.append)
    study = start(store, tmp_path)
    brief = a_brief(study.plan.task, study_id=study.study_id)
    run = study.start_run(brief)
    holder = sqlite3.connect(database)
    holder.execute("BEGIN EXCLUSIVE")
    for event in events_of(1.0):
        run.note(event)
    with ThreadPoolExecutor(1) as waiting:
        finishing = waiting.submit(run.finish, a_record(brief))
        while not said:
            time.sleep(0.05)
        holder.rollback()
        assert finishing.result(timeout=60).score == 1.0
    assert "does not answer" in said[0]
    assert len(store.backend.client.get_metric_history(run.mlflow_run_id, "score")) == 2
