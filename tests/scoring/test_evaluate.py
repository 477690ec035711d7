from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlestar.errors import TaskError
from mlestar.records.solution import Execution
from mlestar.records.task import Validation
from mlestar.scoring.evaluate import Exam, examiner_for
from mlestar.tasks.load import load_task
from mlestar.tasks.options import TaskOptions
from tests.scoring.exams import (
    Table,
    exam_of,
    executed,
    executed_all,
    handed_in,
    kinds,
    mean,
    numbers,
    rule,
    tables_in,
    task_of,
)

RMSE = TaskOptions(metric="rmse")
LOG_LOSS = TaskOptions(metric="log_loss")
ACCURACY = TaskOptions(metric="accuracy")


def holdout(metric: str = "rmse", **fields: object) -> TaskOptions:
    return TaskOptions(metric=metric, validation=Validation.model_validate({"kind": "holdout", **fields}))


def test_the_exact_rule_is_perfect_and_the_mean_is_not(tmp_path: Path) -> None:
    exam = exam_of(tmp_path, numbers(), "y", RMSE)
    perfect = exam.mark(executed_all(exam, tmp_path / "rule", rule))
    plain = exam.mark(executed_all(exam, tmp_path / "mean", mean))
    assert perfect.score == pytest.approx(0, abs=1e-9)
    assert plain.score is not None
    assert plain.score > 10


def test_parts_of_a_lone_split_show_how_much_its_score_varies(tmp_path: Path) -> None:
    exam = exam_of(tmp_path, numbers(), "y", holdout(fraction=0.29))
    _, test, _ = tables_in(exam.views[0])
    marks = exam.mark(executed_all(exam, tmp_path / "mean", mean))
    assert len(exam.views) == 1
    assert len(test) % 5 == 0, "the parts are of one size"
    assert np.sqrt(np.mean(np.square(marks.fold_scores))) == pytest.approx(marks.score)
    assert np.std(marks.fold_scores) > 0


def test_the_score_covers_all_held_out_rows_and_keeps_the_spread(tmp_path: Path) -> None:
    table = numbers()
    exam = exam_of(tmp_path, table, "y", TaskOptions(metric="rmse", validation=Validation(kind="kfold", folds=4)))
    errors, folds = [], []
    for view in exam.views:
        train, test, _ = tables_in(view)
        off = (3 * test["a"] + test["b"] - train["y"].mean()).to_numpy()
        errors.append(off)
        folds.append(float(np.sqrt(np.mean(off**2))))
    marks = exam.mark(executed_all(exam, tmp_path / "mean", mean))
    assert marks.score == pytest.approx(np.sqrt(np.mean(np.concatenate(errors) ** 2)))
    assert marks.spread == pytest.approx(np.std(folds, ddof=1))


def test_every_row_of_train_is_held_out_once_and_never_fitted_on_then(tmp_path: Path) -> None:
    exam = exam_of(tmp_path, numbers(ids=True), "y", RMSE)
    held_out: list[int] = []
    for view in exam.views:
        train, test, _ = tables_in(view)
        assert not set(train["Id"]) & set(test["Id"])
        assert len(train) + len(test) == 34
        held_out += test["Id"].tolist()
    assert sorted(held_out) == sorted(set(held_out))
    assert len(held_out) == 34


def test_equal_task_and_seed_give_equal_views_and_another_seed_others(tmp_path: Path) -> None:
    task = task_of(tmp_path / "task", numbers(), "y", RMSE)
    first, again, other = (Exam.prepare(task, seed, tmp_path / name) for seed, name in ((1, "a"), (1, "b"), (2, "c")))
    assert [view.digest for view in first.views] == [view.digest for view in again.views]
    assert [view.digest for view in first.views] != [view.digest for view in other.views]
    for view, twin in zip(first.views, again.views, strict=True):
        assert (view.folder / "train.csv").read_bytes() == (twin.folder / "train.csv").read_bytes()


def test_preparing_again_in_the_same_folder_replaces_the_views(tmp_path: Path) -> None:
    task = task_of(tmp_path / "task", numbers(), "y", RMSE)
    Exam.prepare(task, 1, tmp_path / "views")
    again = Exam.prepare(task, 2, tmp_path / "views")
    assert tables_in(again.views[0])[1].equals(tables_in(Exam.prepare(task, 2, tmp_path / "x").views[0])[1])


def test_the_final_view_is_all_of_train_and_the_real_test_in_its_order(tmp_path: Path) -> None:
    table = numbers(ids=True)
    exam = exam_of(tmp_path, table, "y", RMSE)
    train, test, sample = tables_in(exam.final_view)
    assert sorted(train["Id"]) == sorted(table["Id"][:-6].astype(int))
    assert test["Id"].tolist() == table["Id"][-6:].astype(int).tolist() == sample["Id"].tolist()


def test_a_valid_submission_passes_and_a_graded_one_does_not(tmp_path: Path) -> None:
    exam = exam_of(tmp_path, numbers(), "y", RMSE)
    assert exam.check_submission(executed(exam.final_view, tmp_path / "x", rule)) is None
    fault = exam.check_submission(executed(exam.views[0], tmp_path / "x", rule))
    assert fault == "final/submission.csv has 7 rows, but input/test.csv has 6; write one prediction for each row"


def test_values_keep_their_text(tmp_path: Path) -> None:
    table = numbers(ids=True).assign(Id=[f"{n:03d}" for n in range(40)], c=[f"{n}.500" for n in range(40)])
    exam = exam_of(tmp_path, table, "y", RMSE)
    lines = (exam.views[0].folder / "test.csv").read_text().splitlines()
    original = (tmp_path / "task" / "train.csv").read_text()
    for line in lines[1:]:
        identity, a, b, c = line.split(",")
        assert any(row.startswith(f"{identity},{a},{b},") and row.endswith(f",{c}") for row in original.splitlines())


def test_ids_may_come_in_any_order(tmp_path: Path) -> None:
    exam = exam_of(tmp_path, numbers(ids=True), "y", RMSE)

    def shuffled(train: Table, test: Table) -> Table:
        return pd.DataFrame({"Id": test["Id"], "y": 3 * test["a"] + test["b"]}).sample(frac=1, random_state=3)

    marks = exam.mark(executed_all(exam, tmp_path / "x", shuffled))
    assert marks.score == pytest.approx(0, abs=1e-9)


def test_leading_zeros_of_ids_may_be_lost_by_the_script(tmp_path: Path) -> None:
    table = numbers(ids=True).assign(Id=[f"{n:05d}" for n in range(40)])
    exam = exam_of(tmp_path, table, "y", RMSE)
    assert exam.mark(executed_all(exam, tmp_path / "x", rule)).fault is None


def test_failed_executions_give_the_fault_and_no_score(tmp_path: Path) -> None:
    exam = exam_of(tmp_path, numbers(), "y", RMSE)
    executions = executed_all(exam, tmp_path / "x", rule)
    executions[1] = Execution(status="timed_out", seconds=5.0, fault="ended after 5 s")
    marks = exam.mark(executions)
    assert (marks.score, marks.fault) == (None, "fold_2: ended after 5 s")


def test_a_metric_that_is_not_finite_is_a_fault(tmp_path: Path) -> None:
    options = holdout("metric.py:broken", fraction=0.3).model_copy(update={"direction": "maximize"})
    exam = exam_of(tmp_path, numbers(), "y", options, metric_py="def broken(truth, prediction): return float('nan')\n")
    marks = exam.mark(executed_all(exam, tmp_path / "x", rule))
    assert (marks.score, marks.fault) == (None, "the metric broken is not a finite number")


def test_a_metric_of_ones_own_grades(tmp_path: Path) -> None:
    source = "import numpy as np\ndef worst(truth, prediction): return np.abs(truth - prediction).max()\n"
    options = holdout("metric.py:worst").model_copy(update={"direction": "minimize"})
    exam = exam_of(tmp_path, numbers(), "y", options, metric_py=source)
    assert exam.mark(executed_all(exam, tmp_path / "x", rule)).score == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("def other(t, p): return 1\n", "has no function 'mine'"),
        ("import nowhere_at_all\n", "cannot be loaded: ModuleNotFoundError"),
    ],
)
def test_a_metric_of_ones_own_that_cannot_be_loaded_stops_before_anything_is_executed(
    tmp_path: Path, source: str, fault: str
) -> None:
    options = holdout("metric.py:mine").model_copy(update={"direction": "minimize"})
    with pytest.raises(TaskError, match=fault):
        exam_of(tmp_path, numbers(), "y", options, metric_py=source)


def test_a_metric_of_ones_own_that_raises_is_a_fault(tmp_path: Path) -> None:
    options = holdout("metric.py:mine").model_copy(update={"direction": "minimize"})
    exam = exam_of(tmp_path, numbers(), "y", options, metric_py="def mine(t, p): raise KeyError('x')\n")
    fault = exam.mark(executed_all(exam, tmp_path / "x", rule)).fault
    assert fault is not None
    assert fault.endswith("metric.py:mine failed: KeyError: 'x'")


def test_labels_are_graded(tmp_path: Path) -> None:
    exam = exam_of(tmp_path, kinds(), "kind", ACCURACY)

    def oak_or_ash(train: Table, test: Table) -> Table:
        return pd.DataFrame({"kind": np.where(test["a"] == 2, "oak", "ash")})

    assert exam.mark(executed_all(exam, tmp_path / "x", oak_or_ash)).score == pytest.approx(2 / 3)


def test_probabilities_are_graded_by_their_columns(tmp_path: Path) -> None:
    exam = exam_of(tmp_path, kinds(), "kind", LOG_LOSS)

    def sure(train: Table, test: Table) -> Table:
        names = ("ash", "elm", "oak")
        return pd.DataFrame({name: np.where(test["a"] == n, 0.8, 0.1) for n, name in enumerate(names)})[
            list(names[::-1])
        ]

    assert exam.mark(executed_all(exam, tmp_path / "x", sure)).score == pytest.approx(-np.log(0.8))


def test_two_classes_take_the_probability_of_the_second(tmp_path: Path) -> None:
    exam = exam_of(tmp_path, kinds(names=("no", "yes")), "kind", LOG_LOSS)

    def likely(train: Table, test: Table) -> Table:
        return pd.DataFrame({"kind": np.where(test["a"] == 1, 0.9, 0.1)})

    assert exam.mark(executed_all(exam, tmp_path / "x", likely)).score == pytest.approx(-np.log(0.9))


@pytest.mark.parametrize("written", [["False", "True"], [0, 1], [0.0, 1.0], ["false", "true"]])
def test_a_boolean_target_may_be_written_as_python_or_as_numbers(tmp_path: Path, written: list[object]) -> None:
    table = kinds(names=("False", "True"))
    exam = exam_of(tmp_path, table, "kind", ACCURACY)

    def answer(train: Table, test: Table) -> Table:
        return pd.DataFrame({"kind": [written[n] for n in test["a"]]})

    assert exam.mark(executed_all(exam, tmp_path / "x", answer)).score == 1.0


def test_classes_that_do_not_start_at_0_are_graded(tmp_path: Path) -> None:
    table = kinds().assign(kind=lambda t: t["a"] + 3)
    exam = exam_of(tmp_path, table, "kind", ACCURACY)
    assert exam.mark(executed_all(exam, tmp_path / "x", lambda _, t: pd.DataFrame({"kind": t["a"] + 3.0}))).score == 1


def test_the_audit_rows_are_in_no_graded_view(tmp_path: Path) -> None:
    exam = exam_of(tmp_path, numbers(ids=True), "y", holdout(audit_fraction=0.25))
    assert exam.audit_view is not None
    train, sealed, _ = tables_in(exam.audit_view)
    assert "y" not in sealed
    for view in exam.views:
        fit, test, _ = tables_in(view)
        assert not set(sealed["Id"]) & (set(fit["Id"]) | set(test["Id"]))
        assert set(fit["Id"]) | set(test["Id"]) == set(train["Id"])
    assert set(tables_in(exam.final_view)[0]["Id"]) == set(train["Id"]) | set(sealed["Id"])


def test_an_audit_is_graded_on_the_sealed_rows(tmp_path: Path) -> None:
    exam = exam_of(tmp_path, numbers(), "y", holdout(audit_fraction=0.25))
    assert exam.audit_view is not None
    assert exam.audit(executed(exam.audit_view, tmp_path / "x", rule)) == pytest.approx(0, abs=1e-9)
    assert exam.audit(handed_in(tmp_path / "bad", "y\n1\n")) is None


def test_without_an_audit_there_is_no_audit_score(tmp_path: Path) -> None:
    exam = exam_of(tmp_path, numbers(), "y", RMSE)
    assert exam.audit_view is None
    assert exam.audit(handed_in(tmp_path / "x", "y\n1\n")) is None


def test_groups_stay_whole(tmp_path: Path) -> None:
    table = numbers().assign(town=[f"t{n % 9}" for n in range(40)])
    validation = Validation(kind="group", column="town", folds=3, audit_fraction=0.2)
    exam = exam_of(tmp_path, table, "y", TaskOptions(metric="rmse", target="y", validation=validation))
    assert exam.audit_view is not None
    for view in (*exam.views, exam.audit_view):
        train, test, _ = tables_in(view)
        assert not set(train["town"]) & set(test["town"])


def test_time_holds_out_the_latest_rows_in_order(tmp_path: Path) -> None:
    table = numbers().assign(day=pd.date_range("2024-01-01", periods=40).strftime("%Y-%m-%d"))
    validation = Validation(kind="time", column="day", fraction=0.25, audit_fraction=0.1)
    exam = exam_of(tmp_path, table, "y", TaskOptions(metric="rmse", target="y", validation=validation))
    (view,) = exam.views
    assert exam.audit_view is not None
    train, test, _ = tables_in(view)
    sealed = tables_in(exam.audit_view)[1]
    assert train["day"].max() < test["day"].min() <= test["day"].max() < sealed["day"].min()
    assert test["day"].is_monotonic_increasing


@pytest.mark.parametrize("kind", ["group", "time"])
def test_a_split_by_a_column_needs_the_column(tmp_path: Path, kind: str) -> None:
    options = TaskOptions(metric="rmse", validation=Validation.model_validate({"kind": kind, "column": "town"}))
    with pytest.raises(TaskError, match=rf"validation.column: `{kind}` needs a column of train.csv, 'town' is none"):
        exam_of(tmp_path, numbers(), "y", options)


def test_a_time_column_must_hold_times(tmp_path: Path) -> None:
    options = TaskOptions(metric="rmse", target="y", validation=Validation(kind="time", column="when"))
    with pytest.raises(TaskError, match=r"when must hold a number or a date in every row, found 'soon'"):
        exam_of(tmp_path, numbers().assign(when=["2024-01-01"] * 20 + ["soon"] * 20), "y", options)


def test_a_target_that_the_metric_is_not_defined_for_is_named(tmp_path: Path) -> None:
    table = numbers().assign(y=lambda t: t["y"] - 50)
    with pytest.raises(TaskError, match=r"rmsle is not defined for y = -"):
        exam_of(tmp_path, table, "y", TaskOptions(metric="rmsle"))


def test_an_id_that_only_test_has_is_made_up_for_held_out_rows(tmp_path: Path) -> None:
    task = tmp_path / "task"
    task_of(task, numbers(), "y", RMSE)
    test = pd.read_csv(task / "test.csv")
    test.insert(0, "row_id", range(900, 906))
    test.to_csv(task / "test.csv", index=False)
    test[["row_id"]].assign(y=0).to_csv(task / "sample_submission.csv", index=False)
    exam = Exam.prepare(load_task(task, RMSE), 1, tmp_path / "views")
    assert exam.mark(executed_all(exam, tmp_path / "x", rule)).score == pytest.approx(0, abs=1e-9)
    assert exam.check_submission(executed(exam.final_view, tmp_path / "x", rule)) is None


def test_an_id_that_only_the_sample_has_is_added_to_the_test_table(tmp_path: Path) -> None:
    task = tmp_path / "task"
    task_of(task, numbers(), "y", RMSE)
    sample = pd.DataFrame({"row_id": range(900, 906), "y": 0})
    sample.to_csv(task / "sample_submission.csv", index=False)
    exam = Exam.prepare(load_task(task, RMSE), 1, tmp_path / "views")
    assert tables_in(exam.final_view)[1]["row_id"].tolist() == list(range(900, 906))
    sample.head(3).to_csv(task / "sample_submission.csv", index=False)
    with pytest.raises(TaskError, match=r"sample_submission.csv has 3 rows, but test.csv has 6"):
        Exam.prepare(load_task(task, RMSE), 1, tmp_path / "views")


def test_other_files_are_in_every_view_and_the_users_own_are_not_linked(tmp_path: Path) -> None:
    exam = exam_of(tmp_path, numbers(), "y", RMSE, notes_txt="hello")
    for view in (*exam.views, exam.final_view):
        assert (view.folder / "notes.txt").read_text() == "hello"
        assert (view.folder / "notes.txt").stat().st_ino != (tmp_path / "task" / "notes.txt").stat().st_ino


def test_views_may_lie_inside_the_task_folder(tmp_path: Path) -> None:
    task = task_of(tmp_path, numbers(), "y", RMSE)
    for _ in range(2):
        exam = Exam.prepare(task, 1, tmp_path / "work" / "views")
        names = sorted(path.name for path in exam.views[0].folder.iterdir())
        assert names == ["sample_submission.csv", "test.csv", "train.csv"]


def test_a_reported_score_far_better_than_the_graded_one_is_flagged(tmp_path: Path) -> None:
    exam = exam_of(tmp_path, numbers(), "y", RMSE)
    honest = exam.mark(executed_all(exam, tmp_path / "x", mean, "Final Validation Performance: 41.5\n"))
    boastful = exam.mark(executed_all(exam, tmp_path / "x", mean, "Final Validation Performance: 0.0\n"))
    assert (honest.suspicious, honest.reported_score) == (False, 41.5)
    assert (boastful.suspicious, boastful.reported_score) == (True, 0.0)
    assert boastful.score == honest.score


def test_the_explanation_is_one_line_without_labels(tmp_path: Path) -> None:
    exam = exam_of(tmp_path, numbers(), "y", holdout(audit_fraction=0.2))
    assert exam.explanation == "holdout: 20% held out, as asked; 5 rows graded; 7 audit rows sealed"


def test_reported_scoring_reads_what_the_script_prints(tmp_path: Path) -> None:
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "sample_submission.csv").write_text("id,y\n1,0\n2,0\n")
    task = load_task(tmp_path / "task", TaskOptions(scoring="reported", metric="accuracy"))
    exam = examiner_for(task, 1, tmp_path / "views")
    good = handed_in(tmp_path / "x", "id,y\n2,1\n1,0\n", "Final Validation Performance: 0.91 (accuracy)\n")
    assert exam.mark([good]).score == 0.91
    assert exam.mark([handed_in(tmp_path / "y", "", "done\n")]).score is None
    assert exam.check_submission(good) is None
    fault = exam.check_submission(handed_in(tmp_path / "z", "id,y\n2,1\n"))
    assert fault is not None
    assert "1 rows" in fault
