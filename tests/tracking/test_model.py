"""The winner as a model: registered, champion only when better, and answering new rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlestar.records.run import RunSummary
from mlestar.records.task import Task
from mlestar.tracking.model import beats, model_name, publish, requirements, save_model
from mlestar.tracking.notebook import FINAL_MODEL
from mlestar.tracking.store import Store
from mlestar.tracking.summary import summarize
from tests.tracking.samples import a_brief, a_record, a_task

SCRIPT = """
import pandas as pd
train = pd.read_csv("input/train.csv")
test = pd.read_csv("input/test.csv")
slope = train["price"].sum() / train["size"].sum()
pd.DataFrame({"price": test["size"] * slope}).to_csv("final/submission.csv", index=False)
"""


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return a_task(tmp_path / "task")


def winner(store: Store, task: Task, score: float, audit: float | None = None) -> RunSummary:
    experiment = store.backend.experiment("mlestar/houses")
    run_id = store.backend.create_run(experiment, "run_0", {}, 1.0)
    record = a_record(a_brief(task), score, None, audit_score=audit)
    return summarize(record, mlflow_run_id=run_id)


def test_the_champion_changes_only_when_a_better_score_is_reached(store: Store, task: Task) -> None:
    said = [publish(store.backend, task, winner(store, task, score), SCRIPT).champion for score in (2.0, 3.0, 1.0)]
    assert said == [True, False, True]
    champion = store.backend.client.get_model_version_by_alias("mlestar-houses", "champion")
    assert (str(champion.version), champion.tags["score"]) == ("3", "1.0")


def test_audit_scores_decide_where_both_have_one(store: Store, task: Task) -> None:
    holder = {"metric": "rmse", "task_digest": "d1", "score": "2.0", "audit_score": "2.5"}
    assert beats(winner(store, task, 9.0, audit=2.4), task, holder)
    assert not beats(winner(store, task, 1.0, audit=2.6), task, holder)
    assert beats(winner(store, task, 1.9), task, holder)


def test_a_champion_of_other_data_is_not_replaced(store: Store, task: Task) -> None:
    assert not beats(winner(store, task, 1.0), task, {"metric": "rmse", "task_digest": "other", "score": "2.0"})


def test_the_model_names_what_its_script_imports() -> None:
    names = {line.partition("==")[0].lower() for line in requirements("import sklearn.linear_model\nimport os\n")}
    assert names == {"mlflow", "pandas", "scikit-learn"}


def test_any_task_name_makes_a_model_name() -> None:
    assert model_name("house prices: 2/3") == "mlestar-house-prices-2-3"


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_model_answers_new_rows(store: Store, task: Task) -> None:
    import mlflow.pyfunc
    import pandas as pd

    best = winner(store, task, 1.0)
    publish(store.backend, task, best, SCRIPT)
    folder = store.download(best.mlflow_run_id, "model", task.folder.parent / "fetched")
    model = mlflow.pyfunc.load_model(str(folder))
    assert list(model.predict(pd.DataFrame({"size": [4.0, 10.0]}))["price"]) == [40.0, 100.0]
    request = json.loads((folder / "request_example.json").read_text())
    assert request == {"dataframe_split": {"columns": ["size"], "data": [[4.0], [5.0]]}}


FITTING_SCRIPT = """
import os, pathlib, cloudpickle, pandas as pd
train = pd.read_csv("input/train.csv")
slope = train["price"].sum() / train["size"].sum()


def predict_rows(rows):
    return pd.DataFrame({"price": rows["size"] * slope})


pathlib.Path(os.environ["MLESTAR_MODEL_FILE"]).write_bytes(cloudpickle.dumps(predict_rows))
"""


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_was_fitted_for_the_submission_answers_without_data_and_training(store: Store, task: Task) -> None:
    import mlflow.pyfunc
    import pandas as pd

    scene = task.folder.parent
    (scene / "input").symlink_to(task.folder)
    fitted = scene / "model.pkl"
    environment = {**os.environ, "MLESTAR_MODEL_FILE": str(fitted)}
    subprocess.run([sys.executable, "-c", FITTING_SCRIPT], check=True, cwd=scene, env=environment)
    best = winner(store, task, 1.0)
    store.backend.log_file(best.mlflow_run_id, FINAL_MODEL, fitted)
    publish(store.backend, task, best, FITTING_SCRIPT)
    folder = store.download(best.mlflow_run_id, "model", scene / "fetched")
    assert sorted(file.name for file in (folder / "artifacts").iterdir()) == ["model.pkl", "solution.py"]
    model = mlflow.pyfunc.load_model(str(folder))
    assert list(model.predict(pd.DataFrame({"size": [4.0, 10.0]}))["price"]) == [40.0, 100.0]
    assert model.predict(pd.DataFrame({"size": [0.5]})[:0]).empty


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_files_that_are_kept_from_scripts_are_not_in_the_model(task: Task, tmp_path: Path) -> None:
    for name in ("side/labels.csv", "side/more.csv", "other/labels.csv"):
        (task.folder / name).parent.mkdir(exist_ok=True)
        (task.folder / name).write_text("x\n1\n")
    save_model(tmp_path, task.model_copy(update={"withheld": ("side/labels.csv",)}), SCRIPT, 60)
    inputs = tmp_path / "model/artifacts/input"
    found = sorted(str(file.relative_to(inputs)) for file in inputs.rglob("*.csv"))
    assert found == ["other/labels.csv", "sample_submission.csv", "side/more.csv", "train.csv"]
