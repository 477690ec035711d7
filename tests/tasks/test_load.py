from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from mlestar.errors import TaskError
from mlestar.records.task import Task
from mlestar.tasks.load import find_task, load_task
from mlestar.tasks.options import TaskOptions
from tests.tasks.folders import csv, houses, write_folder

REAL = Path(os.environ.get("MLESTAR_TASKS", "") or Path(__file__).resolve().parents[2].parent / "shared" / "tasks")


def real(name: str) -> Task:
    if not (REAL / name).is_dir():
        pytest.skip(f"no real task {name} under MLESTAR_TASKS")
    return load_task(REAL / name)


def inferred(task: Task) -> dict[str, str]:
    return {inference.key: inference.value for inference in task.inferences}


def test_house_prices_need_no_task_yaml() -> None:
    task = real("house-prices")
    assert (task.target, task.metric.name, task.kind) == ("SalePrice", "rmsle", "regression")
    assert (task.submission.id_column, task.submission.columns) == ("Id", ("SalePrice",))


def test_california_has_no_id_and_a_submission_of_one_column() -> None:
    task = real("california-housing-prices")
    assert (task.target, task.metric.name) == ("median_house_value", "rmse")
    assert (task.submission.id_column, task.submission.columns) == (None, ("median_house_value",))


def test_every_inference_is_kept_with_its_reason(tmp_path: Path) -> None:
    task = load_task(houses(tmp_path))
    assert inferred(task) == {"target": "price", "id_column": "none", "metric": "rmse", "task_type": "regression"}
    assert all(inference.reason for inference in task.inferences)


def test_what_task_yaml_says_is_not_inferred(tmp_path: Path) -> None:
    said = "target: price\nmetric: mae\ntask_type: regression\nvalidation: kfold\n"
    task = load_task(houses(tmp_path, task_yaml=said))
    assert task.metric.name == "mae"
    assert task.validation.kind == "kfold"
    assert set(inferred(task)) == {"id_column"}


def test_given_options_win_over_task_yaml(tmp_path: Path) -> None:
    task = load_task(houses(tmp_path, task_yaml="metric: mae\n"), TaskOptions(metric="r2"))
    assert (task.metric.name, task.metric.direction) == ("r2", "maximize")


def test_an_unknown_key_names_the_file_the_key_and_the_allowed_keys(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"task\.yaml: unknown key `metrics`; allowed keys: target, id_column, metric"):
        load_task(houses(tmp_path, task_yaml="metrics: mae\n"))


def test_a_wrong_value_names_the_key_and_what_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"task\.yaml: direction: .*'minimize' or 'maximize'.*found 'down'"):
        load_task(houses(tmp_path, task_yaml="direction: down\n"))
    with pytest.raises(TaskError, match=r"validation\.fraction: .*less than 1"):
        load_task(houses(tmp_path, task_yaml="validation: {kind: holdout, fraction: 2}\n"))


def test_broken_yaml_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"task\.yaml: not valid YAML") as caught:
        load_task(houses(tmp_path, task_yaml="target: [\n"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("stem", ["train", "test"])
def test_a_folder_without_a_table_says_which_is_missing(tmp_path: Path, stem: str) -> None:
    (houses(tmp_path) / f"{stem}.csv").unlink()
    with pytest.raises(TaskError, match=rf"{stem}\.csv is missing; .*`scoring: reported`"):
        load_task(tmp_path)


def test_an_unknown_task_says_where_was_looked(tmp_path: Path) -> None:
    houses(tmp_path / "towns")
    with pytest.raises(
        TaskError, match=rf"task=nowhere: no such task; known are diabetes.*towns; looked .* in: {tmp_path}"
    ):
        find_task("nowhere", (tmp_path,))
    with pytest.raises(TaskError, match=r"did you mean diabetes\?"):
        find_task("diabtes", ())


def test_a_name_is_found_under_the_task_path_before_it_is_a_path(tmp_path: Path) -> None:
    folder = houses(tmp_path / "tasks" / "mine")
    assert find_task("mine", (tmp_path / "none", tmp_path / "tasks")) == folder
    assert find_task(str(folder), ()) == folder


def test_a_file_is_no_task(tmp_path: Path) -> None:
    houses(tmp_path)
    with pytest.raises(TaskError, match="is a file; a task is a folder"):
        find_task(str(tmp_path / "train.csv"), ())


def test_a_target_that_cannot_be_inferred_names_the_key_and_the_candidates(tmp_path: Path) -> None:
    train = csv("rooms,price,rent", [f"{n},{n * 2},{n * 3}" for n in range(12)])
    folder = houses(tmp_path, train_csv=train, test_csv=csv("rooms", ["1", "2"]), description_md="Metric: RMSE")
    with pytest.raises(TaskError, match=r"write `target: COLUMN` in task\.yaml \(candidates: price, rent\)"):
        load_task(folder)


def test_several_lacking_columns_are_decided_by_the_sample_or_the_description(tmp_path: Path) -> None:
    train = csv("rooms,price,rent", [f"{n},{n * 2},{n * 3}" for n in range(12)])
    test = csv("rooms", ["1", "2"])
    by_description = houses(tmp_path / "a", train_csv=train, test_csv=test)
    sample = csv("rent", ["0", "0"])
    by_sample = houses(tmp_path / "b", train_csv=train, test_csv=test, sample_submission_csv=sample)
    assert load_task(by_description).target == "price"
    assert load_task(by_sample).target == "rent"


def test_a_test_set_with_every_column_needs_the_target_said(tmp_path: Path) -> None:
    test = csv("rooms,town,price", ["1,a,", "2,b,"])
    with pytest.raises(TaskError, match=r"test.csv has every column of train.csv; write `target: COLUMN`"):
        load_task(houses(tmp_path, test_csv=test))
    assert load_task(tmp_path, TaskOptions(target="price")).target == "price"


def test_a_wrong_target_lists_the_columns(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"target: train.csv has no column 'prize'; its columns: rooms, town, price"):
        load_task(houses(tmp_path, task_yaml="target: prize\n"))


def test_test_columns_that_train_lacks_are_named(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"test.csv has columns that train.csv lacks: garden"):
        load_task(houses(tmp_path, test_csv=csv("rooms,town,garden", ["1,a,2"])))


def test_a_column_that_is_text_in_test_only_is_pointed_out(tmp_path: Path) -> None:
    task = load_task(houses(tmp_path, test_csv=csv("rooms,town", ["1,a", "?,b"])))
    assert inferred(task)["columns"] == "of other kinds in train.csv and test.csv: rooms"
    assert "such as '?'" in next(i.reason for i in task.inferences if i.key == "columns")


def test_an_empty_column_is_not_pointed_out(tmp_path: Path) -> None:
    task = load_task(houses(tmp_path, test_csv=csv("rooms,town", [",a", ",b"])))
    assert "columns" not in inferred(task)


def test_tables_without_a_common_column_do_not_fit(tmp_path: Path) -> None:
    folder = houses(tmp_path, test_csv=csv("garden", ["1"]), task_yaml="target: price\n")
    with pytest.raises(TaskError, match="no column in common"):
        load_task(folder)


def test_no_metric_in_the_description_names_the_key(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"names no known metric; write `metric: NAME` in task.yaml \(known: rmse"):
        load_task(houses(tmp_path, description_md="Predict the price."))


def test_a_variant_of_a_known_metric_is_not_guessed(tmp_path: Path) -> None:
    with pytest.raises(
        TaskError, match=r"says 'weighted mean absolute error', which is no known metric; write `metric:"
    ):
        load_task(houses(tmp_path, description_md="Evaluation: weighted mean absolute error"))


def test_an_unknown_metric_names_close_ones_and_how_to_give_ones_own(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"unknown metric 'rmsee': did you mean rmse.*metric\.py:function"):
        load_task(houses(tmp_path, task_yaml="metric: rmsee\n"))


def test_a_text_target_does_not_suit_rmse(tmp_path: Path) -> None:
    train = csv("rooms,price", [f"{n},{'cheap' if n % 2 else 'dear'}" for n in range(12)])
    with pytest.raises(TaskError, match=r"price must be numeric for the metric rmse, but holds 'dear'"):
        load_task(houses(tmp_path, train_csv=train, test_csv=csv("rooms", ["1"])))


def test_a_target_with_one_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="price has the same value in every row"):
        load_task(houses(tmp_path, train_csv=csv("rooms,town,price", [f"{n},a,5" for n in range(9)])))


def test_too_few_rows_are_counted(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"train.csv has 1 rows with a usable price, at least 4 are needed"):
        load_task(houses(tmp_path, train_csv=csv("rooms,town,price", ["1,a,5"])))


def test_an_empty_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"train.csv: has no rows"):
        load_task(houses(tmp_path, train_csv="rooms,town,price\n"))
    with pytest.raises(TaskError, match=r"train.csv: the file is empty"):
        load_task(houses(tmp_path, train_csv=""))


def test_rows_without_a_target_are_left_out_and_said(tmp_path: Path) -> None:
    rows = [f"{n},a,{n if n > 1 else ''}" for n in range(12)]
    task = load_task(houses(tmp_path, train_csv=csv("rooms,town,price", [*rows, "3,b,inf"])))
    assert task.profile.train_rows == 10
    assert inferred(task)["rows"] == "3 rows of train left out"


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (("3", "1", "2"), ("1", "2", "3")),
        (("10", "9"), ("9", "10")),
        (("no", "yes"), ("no", "yes")),
        (("True", "False"), ("False", "True")),
        (("007", "008"), ("7", "8")),
    ],
)
def test_classes_are_sorted_as_the_values_that_scripts_read(
    tmp_path: Path, labels: tuple[str, ...], classes: tuple[str, ...]
) -> None:
    train = csv("rooms,kind", [f"{n},{labels[n % len(labels)]}" for n in range(30)])
    folder = houses(tmp_path, train_csv=train, test_csv=csv("rooms", ["1"]), description_md="Metric: log loss")
    task = load_task(folder)
    assert task.submission.classes == classes
    assert task.kind == ("binary" if len(classes) == 2 else "multiclass")
    assert sum(task.profile.class_shares) == pytest.approx(1)


def test_probability_columns_are_matched_to_classes_by_name(tmp_path: Path) -> None:
    train = csv("id,x,status", [f"{n},{n},{'ABC'[n % 3]}" for n in range(30)])
    sample = csv("id,Status_C,Status_A,Status_B", ["1,0.3,0.3,0.4"])
    folder = write_folder(
        tmp_path,
        train_csv=train,
        test_csv=csv("id,x", ["1,2"]),
        sample_submission_csv=sample,
        description_md="Evaluation: multi-class logarithmic loss",
    )
    task = load_task(folder)
    assert task.submission.columns == ("Status_C", "Status_A", "Status_B")
    assert task.submission.classes == ("C", "A", "B")


def test_a_sample_that_does_not_suit_the_metric_is_explained(tmp_path: Path) -> None:
    train = csv("x,status", [f"{n},{'ABC'[n % 3]}" for n in range(30)])
    folder = write_folder(
        tmp_path,
        train_csv=train,
        test_csv=csv("x", ["1"]),
        sample_submission_csv=csv("status", ["A"]),
        description_md="Evaluation: log loss",
    )
    with pytest.raises(TaskError, match=r"log_loss needs a probability for each of the 3 classes \(A, B, C\)"):
        load_task(folder)


def test_plain_f1_is_binary_for_two_classes_and_macro_for_more(tmp_path: Path) -> None:
    names = {}
    for count in (2, 3):
        train = csv("rooms,kind", [f"{n},{n % count}" for n in range(60)])
        folder = houses(
            tmp_path / str(count), train_csv=train, test_csv=csv("rooms", ["1"]), description_md="Metric: F1"
        )
        names[count] = load_task(folder).metric.name
    assert names == {2: "f1_binary", 3: "f1_macro"}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("rooms;town;price\n" + "".join(f"{n};a,b;{n},5\n" for n in range(12)), id="semicolons"),
        pytest.param("\ufeffrooms,town,price\n" + "".join(f"{n},a,{n}.5\n" for n in range(12)), id="byte order mark"),
        pytest.param(
            ("rooms,town,price\n" + "".join(f"{n},é,{n}.5\n" for n in range(12))).encode("latin-1"), id="latin-1"
        ),
        pytest.param("rooms,town,price\r\n" + "".join(f"{n},a,{n}.5\r\n" for n in range(12)), id="windows lines"),
        pytest.param(
            ("rooms,town,price\n" + "".join(f"{n},é,{n}.5\n" for n in range(12))).encode("utf-16"), id="utf-16"
        ),
        pytest.param("rooms\ttown\tprice\n" + "".join(f"{n}\ta\t{n}.5\n" for n in range(12)), id="tabs"),
    ],
)
def test_odd_layouts_are_read(tmp_path: Path, content: str | bytes) -> None:
    task = load_task(houses(tmp_path, train_csv=content))
    assert (task.target, task.profile.target.maximum) == ("price", 11.5)


def test_compressed_tables_are_read(tmp_path: Path) -> None:
    folder = houses(tmp_path)
    plain = folder / "train.csv"
    (folder / "train.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert load_task(folder).profile.train_rows == 12


def test_the_one_table_named_submission_is_the_sample(tmp_path: Path) -> None:
    rows = [f"{n},{n % 3},{n * 2}" for n in range(12)]
    tables = {"train_csv": csv("PassengerId,a,price", rows), "test_csv": csv("PassengerId,a", ["50,1", "51,2"])}
    sample = csv("PassengerId,answer", ["50,0", "51,0"])
    folder = houses(tmp_path, **tables, gender_submission_csv=sample)
    assert load_task(folder).submission.columns == ("answer",)
    (folder / "other_submission.csv").write_text(sample)
    assert load_task(folder).submission.columns == ("price",)


def test_a_table_that_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"train\.csv: is no text file"):
        load_task(houses(tmp_path, train_csv=b"PAR1\x00\x01\x00"))


def test_sample_ids_that_are_not_in_test_are_shown(tmp_path: Path) -> None:
    rows = [f"{n},{n % 3},{n * 2}" for n in range(12)]
    folder = houses(
        tmp_path,
        train_csv=csv("id,a,price", rows),
        test_csv=csv("id,a", ["50,1", "51,2"]),
        sample_submission_csv=csv("id,price", ["50,0", "71,0"]),
    )
    with pytest.raises(
        TaskError, match=r"1 values of id in sample_submission.csv are not in test.csv, for example '71'"
    ):
        load_task(folder)


def test_blanks_around_column_names_do_not_hide_the_target(tmp_path: Path) -> None:
    train = csv("rooms, town, price", [f"{n}, a, {n}" for n in range(12)])
    folder = houses(tmp_path, train_csv=train, test_csv=csv("rooms, town", ["1, a"]), task_yaml="target: price\n")
    assert load_task(folder).target == " price"


def test_rows_with_too_many_cells_are_refused(tmp_path: Path) -> None:
    rows = [f"{n},a,{n}" for n in range(12)]
    with pytest.raises(TaskError, match=r"train.csv: .*"):
        load_task(houses(tmp_path, train_csv=csv("rooms,town,price", [*rows, "1,2,3,4,5"])))
    with pytest.raises(TaskError, match=r"train.csv: .*more cells than"):
        load_task(houses(tmp_path, train_csv=csv("rooms,town,price", [f"{n},a,{n},9" for n in range(12)])))


def test_the_digest_changes_with_the_data_and_not_with_the_place(tmp_path: Path) -> None:
    first, second = load_task(houses(tmp_path / "a")), load_task(houses(tmp_path / "b"))
    other = load_task(houses(tmp_path / "c", test_csv=csv("rooms,town", ["9,a"])))
    assert first.digest == second.digest != other.digest


def test_reported_scoring_needs_no_tables_but_a_metric(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, task_yaml="scoring: reported\n", description_md="Look at the images.")
    with pytest.raises(TaskError, match="`scoring: reported` needs `metric:`"):
        load_task(folder)
    task = load_task(folder, TaskOptions(metric="accuracy"))
    assert (task.scoring, task.metric.direction) == ("reported", "maximize")


def test_a_metric_of_ones_own_needs_a_direction(tmp_path: Path) -> None:
    folder = houses(tmp_path, task_yaml="metric: metric.py:half\n", metric_py="def half(t, p): return 0.5\n")
    with pytest.raises(TaskError, match="write `direction: minimize` or `direction: maximize`"):
        load_task(folder)
    metric = load_task(folder, TaskOptions(direction="maximize")).metric
    assert (metric.name, metric.direction, metric.needs) == ("half", "maximize", "values")


def test_a_direction_against_the_metric_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="direction: maximize contradicts the metric rmse"):
        load_task(houses(tmp_path, task_yaml="direction: maximize\n"))


def test_reading_a_large_table_is_said_before_it_begins(tmp_path: Path) -> None:
    said: list[str] = []
    load_task(houses(tmp_path), say=said.append)
    assert not said
    rows = "".join(f"{n},{'x' * 5000},{n * 2}\n" for n in range(11_000))
    load_task(houses(tmp_path, train_csv=f"rooms,town,price\n{rows}"), say=said.append)
    assert said == ["reading 55 MB of tables ..."]
