from __future__ import annotations

import filecmp
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlestar.errors import TaskError
from mlestar.tasks.bundled import write_bundled
from mlestar.tasks.source import BundledTaskConfig, FolderTaskConfig, task_of
from tests.tasks.folders import houses

FILES = ["train.csv", "test.csv", "sample_submission.csv", "description.md"]


@pytest.mark.parametrize(
    ("name", "metric", "kind", "rows"),
    [
        ("diabetes", "rmse", "regression", 442),
        ("breast-cancer", "log_loss", "binary", 569),
        ("digits", "log_loss", "multiclass", 1797),
        ("wine", "f1_macro", "multiclass", 178),
    ],
)
def test_a_bundled_task_is_a_task_folder_of_all_rows(
    tmp_path: Path, name: str, metric: str, kind: str, rows: int
) -> None:
    task = task_of(BundledTaskConfig(name=name), (), tmp_path)
    assert (task.name, task.metric.name, task.kind) == (name, metric, kind)
    assert task.profile.train_rows + task.profile.test_rows == rows
    assert sorted(path.name for path in task.folder.iterdir()) == sorted(FILES)


def test_a_bundled_task_is_equal_wherever_it_is_written(tmp_path: Path) -> None:
    first, second = write_bundled("digits", tmp_path / "a"), write_bundled("digits", tmp_path / "b")
    assert filecmp.cmpfiles(first, second, FILES, shallow=False)[0] == FILES


def test_the_test_labels_are_in_no_file(tmp_path: Path) -> None:
    folder = write_bundled("breast-cancer", tmp_path)
    assert "diagnosis" not in pd.read_csv(folder / "test.csv")
    assert pd.read_csv(folder / "sample_submission.csv")["diagnosis"].unique().tolist() == [0.5]


def test_an_unknown_bundled_task_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="unknown bundled task 'iris'; known are diabetes, breast-cancer"):
        write_bundled("iris", tmp_path)


def _no_network() -> pd.DataFrame:
    raise TaskError("task=california-housing-prices: cannot be fetched")


def _houses() -> pd.DataFrame:
    return pd.DataFrame({"rooms": np.arange(30), "median_house_value": np.arange(30) * 2.5})


def test_california_is_taken_from_the_task_path_before_it_is_fetched(tmp_path: Path) -> None:
    houses(tmp_path / "tasks" / "california-housing-prices")
    task = task_of(BundledTaskConfig(name="california-housing-prices"), (tmp_path / "tasks",), tmp_path / "cache")
    assert task.folder.parent.name == "tasks"


def test_california_is_fetched_once(tmp_path: Path) -> None:
    first = write_bundled("california-housing-prices", tmp_path, load=_houses)
    assert pd.read_csv(first / "train.csv").shape == (24, 2)
    assert task_of(BundledTaskConfig(name="california-housing-prices"), (), tmp_path).folder == first.resolve()


def test_nothing_is_left_behind_when_there_is_no_network(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="cannot be fetched"):
        write_bundled("california-housing-prices", tmp_path, load=_no_network)
    assert list(tmp_path.iterdir()) == []


def test_a_configured_folder_may_say_what_task_yaml_may(tmp_path: Path) -> None:
    houses(tmp_path / "mine")
    config = FolderTaskConfig(path="mine", metric="mae")
    assert task_of(config, (tmp_path,), tmp_path).metric.name == "mae"
