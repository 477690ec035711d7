"""The studies of a sweep hang under one run that compares them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlestar.records.settings import Settings
from mlestar.tracking.backend import MlflowBackend
from mlestar.tracking.processes import STARTED
from mlestar.tracking.store import Store
from mlestar.tracking.study import Study
from mlestar.tracking.sweep import PointResult, SweepPoint, sweep_run, told_apart
from tests.tracking.samples import a_brief, a_record, a_task

if TYPE_CHECKING:
    from mlflow.entities import Run


def point_of(store: Store, folder: Path, point: str, project_run_id: str | None = None) -> Study:
    return store.start_study(
        a_task(folder / "task"),
        Settings(),
        engineer="playbook",
        runs=1,
        project_run_id=project_run_id,
        sweep=SweepPoint(sweep="sweep-1", point=point),
    )


def finish(study: Study, score: float) -> None:
    brief = a_brief(study.plan.task, "run_0", study.study_id)
    study.start_run(brief).finish(a_record(brief, score))
    study.finish()


def parent_of(store: Store, study: Study) -> str:
    return store.backend.run(study.study_id).data.tags["mlflow.parentRunId"]


def test_a_sweep_compares_its_studies_best_first(store: Store, tmp_path: Path) -> None:
    first, second = (point_of(store, tmp_path, f"task=houses seed={seed}") for seed in (1, 2))
    assert parent_of(store, first) == parent_of(store, second)
    finish(first, 3.0)
    sweep = parent_of(store, first)
    assert store.backend.run(sweep).info.status == "RUNNING"
    finish(second, 2.0)
    run = store.backend.run(sweep)
    assert (run.info.status, run.data.metrics["best_score"], run.data.tags["kind"]) == ("FINISHED", 2.0, "sweep")
    assert [store.backend.run(study.study_id).info.run_name for study in (first, second)] == ["seed=1", "seed=2"]
    rows = store.artifact_text(sweep, "comparison.csv").splitlines()
    assert [row.split(",")[1:4] for row in rows[1:]] == [["seed=2", "finished", "2.0"], ["seed=1", "finished", "3.0"]]


def test_points_are_told_apart_by_what_differs() -> None:
    points = ("task=x seed=1 folds=3", "task=x seed=2 folds=3")
    results = [
        PointResult(
            study_id=str(k),
            point=point,
            status="finished",
            score=None,
            improvement_percent=None,
            audit_score=None,
            seconds=None,
        )
        for k, point in enumerate(points)
    ]
    assert [result.point for result in told_apart(results)] == ["seed=1", "seed=2"]
    assert [result.point for result in told_apart(results[:1])] == ["task=x seed=1 folds=3"]


def test_a_point_that_was_killed_is_in_the_table(store: Store, tmp_path: Path) -> None:
    study = point_of(store, tmp_path, "seed=1")
    study.abandon()
    assert ",seed=1,killed,," in store.artifact_text(parent_of(store, study), "comparison.csv")


def test_under_mlflow_run_the_projects_run_is_the_sweep(store: Store, tmp_path: Path) -> None:
    made = store.backend.create_run(store.backend.experiment("mine"), "bold-fox", {}, 1.0)
    studies = [point_of(store, tmp_path, f"seed={seed}", made) for seed in (1, 2)]
    assert {parent_of(store, study) for study in studies} == {made}
    assert made not in {study.study_id for study in studies}


def test_points_that_start_together_share_one_sweep(open_again: Callable[[], Store]) -> None:
    store = open_again()
    experiment = store.backend.experiment("mlestar/houses")
    with ThreadPoolExecutor(6) as starting:
        found = list(starting.map(lambda _: sweep_run(store.backend, experiment, "houses", "sweep-1"), range(6)))
    assert len({sweep_run(store.backend, experiment, "houses", "sweep-1"), *found}) == 1


class LateBackend(MlflowBackend):
    """Looks for the sweep's run a moment before another machine makes one."""

    looked = False

    def runs(self, experiment_ids: Sequence[str], where: str, limit: int | None = None) -> list[Run]:
        found = super().runs(experiment_ids, where, limit) if self.looked else []
        self.looked = True
        return found


def test_of_two_sweep_runs_made_by_two_machines_at_once_the_older_is_kept(store: Store) -> None:
    experiment = store.backend.experiment("mlestar/houses")
    older = sweep_run(store.backend, experiment, "houses", "sweep-1")
    assert sweep_run(LateBackend(store.uri), experiment, "houses", "sweep-1") == older
    assert [run.info.run_id for run in store.backend.runs([experiment], "tags.kind = 'sweep'")] == [older]


def test_a_sweep_whose_process_was_killed_is_closed_when_the_next_study_starts(
    open_again: Callable[[], Store], tmp_path: Path
) -> None:
    store = open_again()
    study = point_of(store, tmp_path, "seed=1")
    store.backend.log(study.study_id, tags={STARTED: "1"})
    other = open_again().start_study(a_task(tmp_path / "task"), Settings(), engineer="playbook", runs=1)
    run = store.backend.run(parent_of(store, study))
    assert (run.info.status, run.data.tags["status"]) == ("KILLED", "killed")
    other.abandon()


def test_a_sweep_is_running_while_its_next_point_is(store: Store, tmp_path: Path) -> None:
    finish(point_of(store, tmp_path, "seed=1"), 3.0)
    second = point_of(store, tmp_path, "seed=2")
    assert store.backend.run(parent_of(store, second)).info.status == "RUNNING"
    second.abandon()
    assert store.backend.run(parent_of(store, second)).info.status == "KILLED"


def test_a_point_that_is_resumed_brings_its_sweep_up_to_date(store: Store, tmp_path: Path) -> None:
    study = point_of(store, tmp_path, "seed=1")
    study.abandon()
    again = store.start_study(a_task(tmp_path / "task"), Settings(), engineer="playbook", runs=1, resume=study.study_id)
    finish(again, 3.0)
    run = store.backend.run(parent_of(store, study))
    assert (run.info.status, run.data.metrics["best_score"]) == ("FINISHED", 3.0)


@pytest.mark.slow
def test_processes_that_make_a_new_database_together_do_not_break_it(tmp_path: Path) -> None:
    code = (
        "import sys; from mlestar.tracking.store import StoreConfig, open_store; "
        "store = open_store(StoreConfig(tracking_uri=sys.argv[1])); print(store.backend.experiment('mlestar/x'))"
    )
    command = [sys.executable, "-c", code, f"sqlite:///{tmp_path}/mlflow.db"]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    answers = [process.communicate(timeout=200) for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], answers
    assert len({out for out, _ in answers}) == 1
