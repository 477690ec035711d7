"""Every store keeps a study alike: what is noted is there, in order, and is read back as it was."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlestar.doors import Notebook, Notebooks
from mlestar.events import Event, Kept, Scope, Tried
from mlestar.records.run import Brief, RunSummary
from mlestar.records.settings import Settings
from mlestar.tracking.store import Store, StoreConfig, open_store
from mlestar.tracking.study import Study
from tests.contracts.stores import free_port, mlflow_server, postgres_database, postgres_programs
from tests.tracking.samples import a_brief, a_record, a_strategy, a_task, a_trial, events_of

STORES = (
    "sqlite",
    pytest.param("server", marks=pytest.mark.slow),
    pytest.param("postgresql", marks=pytest.mark.slow),
    pytest.param("server on postgresql", marks=pytest.mark.slow),
)


@pytest.fixture(scope="module", params=STORES)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    kind = str(request.param)
    folder = tmp_path_factory.mktemp("store")
    programs = postgres_programs()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        if kind == "sqlite":
            yield opened(f"sqlite:///{folder}/mlflow.db")
        elif kind == "server":
            with mlflow_server(folder, f"sqlite:///{folder}/mlflow.db") as uri:
                yield opened(uri)
        elif programs is None:
            pytest.skip("PostgreSQL is not installed: no initdb beside postgres")
        elif kind == "postgresql":
            with postgres_database(programs) as uri:
                yield opened(uri)
        else:
            with postgres_database(programs) as database, mlflow_server(folder, database) as uri:
                yield opened(uri)


def opened(uri: str) -> Store:
    return open_store(StoreConfig(tracking_uri=uri, patience_seconds=30))


@pytest.fixture
def study(store: Store, tmp_path: Path) -> Study:
    return store.start_study(a_task(tmp_path / "task"), Settings(), engineer="playbook", runs=2)


def noted_run(study: Study, folder: Path, run_id: str, score: float) -> tuple[Brief, RunSummary]:
    folder.joinpath("kept/final").mkdir(parents=True, exist_ok=True)
    folder.joinpath("kept/final/submission.csv").write_text("price\n40\n50\n")
    brief = a_brief(study.plan.task, run_id, study.study_id, strategy=a_strategy())
    run = study.start_run(brief, {"seed": "user"}, texts={"config/composed.yaml": "seed: 42\n"})
    for event in events_of(score):
        run.note(event)
    return brief, run.finish(a_record(brief, score, folder / "kept"))


def test_a_study_is_read_back_as_it_was_noted(store: Store, study: Study, tmp_path: Path) -> None:
    summaries = [noted_run(study, tmp_path, f"run_{k}", score)[1] for k, score in enumerate((4.0, 3.0))]
    history = study.finish()
    assert list(history.runs) == summaries
    assert store.latest_study("houses") == study.study_id
    best = summaries[1].mlflow_run_id
    metrics = store.backend.client.get_metric_history(best, "score")
    assert [(point.step, point.value) for point in metrics] == [(0, 5.0), (2, 3.0)]
    assert store.artifact_text(best, "1/init_code_1.py").startswith("# init_1")
    assert store.artifact_text(study.study_id, "best/submission.csv") == "price\n40\n50\n"
    assert "run_1" in store.artifact_text(study.study_id, "report.html")
    assert store.backend.run(study.study_id).data.metrics["improvement_percent"] == pytest.approx(25)


def test_the_trace_of_a_run_is_whole(store: Store, study: Study, tmp_path: Path) -> None:
    _, summary = noted_run(study, tmp_path, "run_0", 4.0)
    (trace,) = store.backend.client.search_traces(
        locations=[study.experiment_id], filter_string=f"metadata.mlflow.sourceRun = '{summary.mlflow_run_id}'"
    )
    assert trace.info.state == "OK"
    assert {"houses run_0", "initialization", "WriteInitialCode"} <= {span.name for span in trace.data.spans}


def test_events_of_many_threads_are_all_kept(store: Store, study: Study) -> None:
    run = study.start_run(a_brief(study.plan.task, "run_0", study.study_id))
    notebook: Notebook = Notebooks(run)

    def note(number: int) -> None:
        event: Event = Tried(scope=Scope(), trial=a_trial(str(number), float(number)), best_score=0.0)
        notebook.note(event)
        notebook.note(Kept(path=f"many/{number}.txt", text=str(number)))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(note, range(60)))
    run.flush()
    points = store.backend.client.get_metric_history(run.mlflow_run_id, "score")
    assert sorted(point.value for point in points) == list(range(60))
    assert sorted(point.step for point in points) == list(range(60))
    assert len(store.backend.client.list_artifacts(run.mlflow_run_id, "many")) == 60
    study.abandon()


def test_a_killed_study_is_closed_and_goes_on_when_resumed(store: Store, study: Study, tmp_path: Path) -> None:
    noted_run(study, tmp_path, "run_0", 4.0)
    study.start_run(a_brief(study.plan.task, "run_1", study.study_id))
    study.abandon()
    again = store.start_study(study.plan.task, Settings(), engineer="playbook", runs=2, resume=study.study_id)
    assert [(run.run_id, run.status) for run in again.history().runs] == [("run_0", "finished"), ("run_1", "killed")]
    noted_run(again, tmp_path, "run_1", 3.0)
    assert [(run.run_id, run.status) for run in again.finish().runs] == [("run_0", "finished"), ("run_1", "finished")]


@pytest.mark.slow
def test_a_server_that_goes_away_in_mid_run_loses_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    port, database = free_port(), f"sqlite:///{tmp_path}/mlflow.db"
    with mlflow_server(tmp_path, database, port) as uri:
        store = open_store(StoreConfig(tracking_uri=uri, patience_seconds=120), said.append)
        study = store.start_study(a_task(tmp_path / "task"), Settings(), engineer="playbook", runs=1)
        brief = a_brief(study.plan.task, "run_0", study.study_id)
        run = study.start_run(brief)
        run.note(Kept(path="before.txt", text="before"))
        run.flush()
    for event in events_of():
        run.note(event)
    with ThreadPoolExecutor(1) as waiting:
        finishing = waiting.submit(run.finish, a_record(brief))
        while not said:
            time.sleep(0.05)
        with mlflow_server(tmp_path, database, port):
            summary = finishing.result(timeout=120)
            assert store.history("houses").runs == (summary,)
            assert store.artifact_text(run.mlflow_run_id, "1/init_code_1.py").startswith("# init_1")
    assert "does not answer" in said[0]
    assert "answers again" in said[-1]
