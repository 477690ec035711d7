"""Attacks on the held-out labels: nothing that a script can see tells them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from mlestar.records.solution import View
from mlestar.records.task import Validation
from mlestar.scoring.evaluate import Exam
from mlestar.tasks.load import load_task
from mlestar.tasks.options import TaskOptions
from tests.scoring.exams import Table, exam_of, executed_all, handed_in, kinds, mean, tables_in

AUDITED = TaskOptions(metric="rmse", target="y", validation=Validation(kind="kfold", folds=3, audit_fraction=0.2))


def marked(rows: int = 120) -> Table:
    """A table sorted by its target, whose labels are texts that occur nowhere else."""
    random = np.random.default_rng(3)
    y = np.sort(random.random(rows)) * 1e6 + 0.123
    return pd.DataFrame({"Id": random.permutation(rows) + 5000, "a": random.random(rows), "y": y.round(6)})


@pytest.fixture
def exam(tmp_path: Path) -> Exam:
    return exam_of(tmp_path, marked(), "y", AUDITED, notes_txt="hello")


def all_views(exam: Exam) -> list[View]:
    assert exam.audit_view is not None
    return [*exam.views, exam.audit_view]


def labels_of(table: Table, view: View) -> list[str]:
    held_out = tables_in(view)[1]["Id"]
    return [repr(float(label)) for label in table.set_index("Id").loc[held_out, "y"]]


def test_no_file_of_a_view_holds_a_held_out_label(exam: Exam) -> None:
    for view in all_views(exam):
        texts = [path.read_text() for path in view.folder.rglob("*") if path.is_file()]
        for label in labels_of(marked(), view):
            assert not any(label in text for text in texts)


def test_the_audit_labels_are_in_no_graded_view(exam: Exam) -> None:
    assert exam.audit_view is not None
    sealed = labels_of(marked(), exam.audit_view)
    for view in exam.views:
        text = "".join(path.read_text() for path in view.folder.iterdir())
        assert not any(label in text for label in sealed)


def test_a_view_leads_to_no_other_folder(exam: Exam) -> None:
    for view in all_views(exam):
        assert not [path for path in view.folder.rglob("*") if path.is_symlink()]


def test_the_order_of_held_out_rows_tells_nothing(exam: Exam) -> None:
    table = marked().set_index("Id")
    for view in all_views(exam):
        train, test, _ = tables_in(view)
        for frame in (train, test):
            labels = table.loc[frame["Id"], "y"]
            assert abs(spearmanr(np.arange(len(labels)), labels).statistic) < 0.45
            assert not labels.is_monotonic_increasing


def test_the_sample_submission_is_constant(exam: Exam) -> None:
    for view in all_views(exam):
        assert tables_in(view)[2]["y"].nunique() == 1


def test_the_times_of_files_are_all_equal(exam: Exam) -> None:
    times = {path.stat().st_mtime for view in all_views(exam) for path in view.folder.rglob("*") if path.is_file()}
    assert len(times) == 1


def test_columns_that_the_real_test_lacks_are_not_in_a_held_out_test(tmp_path: Path) -> None:
    table = marked().assign(y_in_cents=lambda t: t["y"] * 100)
    table.iloc[:100].to_csv(tmp_path / "train.csv", index=False)
    table.iloc[100:][["Id", "a"]].to_csv(tmp_path / "test.csv", index=False)
    exam = Exam.prepare(load_task(tmp_path, AUDITED), 1, tmp_path / "views")
    for view in all_views(exam):
        assert list(tables_in(view)[1].columns) == ["Id", "a"]


def test_a_column_written_twice_does_not_carry_the_target(tmp_path: Path) -> None:
    lines = ["a,y,y"] + [f"{n},{n}.5,{n}.5" for n in range(30)]
    (tmp_path / "train.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "test.csv").write_text("a\n1\n2\n")
    exam = Exam.prepare(load_task(tmp_path, AUDITED), 1, tmp_path / "views")
    for view in all_views(exam):
        assert list(tables_in(view)[1].columns) == ["a"]


def test_a_copy_of_train_is_in_no_view(tmp_path: Path) -> None:
    task = tmp_path / "task"
    task.mkdir()
    (task / "backup.csv").write_text(marked().to_csv(index=False))
    (task / "train.csv.zip").write_bytes(b"anything")
    exam = exam_of(tmp_path, marked(), "y", AUDITED)
    for view in (*all_views(exam), exam.final_view):
        assert sorted(path.name for path in view.folder.iterdir()) == ["sample_submission.csv", "test.csv", "train.csv"]


def test_the_seed_alone_does_not_tell_the_split(tmp_path: Path) -> None:
    """A script knows the features and may know the seed; other labels give another split."""
    first = exam_of(tmp_path / "a", marked(), "y", AUDITED)
    other = exam_of(tmp_path / "b", marked().assign(y=lambda t: t["y"] + 1), "y", AUDITED)
    assert set(tables_in(first.views[0])[1]["Id"]) != set(tables_in(other.views[0])[1]["Id"])


def test_nothing_printed_of_an_exam_holds_labels(exam: Exam, tmp_path: Path) -> None:
    marks = exam.mark(executed_all(exam, tmp_path / "x", mean))
    shown = repr({**vars(exam), "_task": None}) + exam.explanation + repr(exam) + marks.model_dump_json()
    assert not any(label in shown for view in all_views(exam) for label in labels_of(marked(), view))


def test_faults_do_not_tell_the_truth(tmp_path: Path) -> None:
    """A script that hands in nonsense learns what it wrote and which labels there are, nothing of any row."""
    exam = exam_of(tmp_path, kinds(), "kind", TaskOptions(metric="accuracy"))
    faults = set()
    for guess in ("ash", "elm", "oak"):
        lines = ["id,kind"] + [f"{n},{guess if i else '?'}" for i, n in enumerate(tables_in(exam.views[0])[1]["id"])]
        executions = [handed_in(tmp_path / guess, "\n".join(lines) + "\n")] * len(exam.views)
        faults.add(exam.mark(executions).fault)
    assert len(faults) == 1


def test_reading_the_sample_as_the_answer_scores_like_a_constant(exam: Exam, tmp_path: Path) -> None:
    def sample(train: Table, test: Table) -> Table:
        return pd.DataFrame({"y": [0.0] * len(test)})

    score = exam.mark(executed_all(exam, tmp_path / "x", sample)).score
    assert score is not None
    assert score > marked()["y"].std()
