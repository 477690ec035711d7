"""The whole way of a winner: the playbook's script, what it fitted for its submission, the model that answers rows."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from mlestar.playbook.families import FAMILIES
from mlestar.playbook.initialization import first_recipe
from mlestar.playbook.render import render
from mlestar.records.task import TaskKind
from mlestar.tasks.load import load_task
from mlestar.tasks.options import TaskOptions
from mlestar.tracking.model import save_model
from tests.playbook.tables import assignment, execute


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_the_model_answers_the_rows_of_the_test_as_the_submission_does(kind: TaskKind, tmp_path: Path) -> None:
    import mlflow.pyfunc

    given = assignment(kind)
    script = render(first_recipe(given, FAMILIES["lightgbm"]))
    submission = execute(script, given, tmp_path, model_file="final/model.pkl")
    task = load_task(tmp_path / "input", TaskOptions(metric=given.metric.name, target=given.target, id_column="Id"))
    save_model(tmp_path, task, script, 60, tmp_path / "final/model.pkl")
    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    request = json.loads((tmp_path / "model/request_example.json").read_text())["dataframe_split"]
    rows = pd.DataFrame(request["data"], columns=request["columns"])
    pd.testing.assert_frame_equal(model.predict(rows), submission.drop(columns="Id").head(len(rows)))
