"""Whatever a script leaves as its submission: one exact line, and no harm done."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlestar.records.task import SubmissionFormat
from mlestar.scoring.submission import Form, Unfit, class_codes, class_numbers, numbers, read_submission

IDS = ("5", "7", "9")
WITH_IDS = Form(SubmissionFormat(id_column="Id", columns=("y",)), rows=3, ids=IDS)
WITHOUT_IDS = Form(SubmissionFormat(id_column=None, columns=("y",)), rows=3, ids=None)


def left(folder: Path, content: str | bytes) -> Path:
    (folder / "final").mkdir()
    (folder / "final" / "submission.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def fault_of(folder: Path, content: str | bytes, form: Form = WITH_IDS) -> str:
    with pytest.raises(Unfit) as caught:
        numbers(read_submission(left(folder, content), form)["y"])
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "is empty or does not start with the header Id,y"),
        ("Id,y\n", "has 0 rows, but input/test.csv has 3"),
        ("Id,y\n5,1\n7,2\n", "has 2 rows, but input/test.csv has 3; write one prediction for each row"),
        ("Id,z\n5,1\n7,2\n9,3\n", "lacks y and should not have z; the columns must be Id, y"),
        ("y\n1\n2\n3\n", "lacks Id; the columns must be Id, y"),
        (",Id,y\n0,5,1\n1,7,2\n2,9,3\n", "should not have Unnamed: 0 (write it with index=False)"),
        ("Id,y,y\n5,1,1\n7,2,1\n9,3,1\n", "should not have y.1"),
        ("Id,y\n5,1\n7,2\n8,3\n", "1 ids of input/test.csv are missing (9); 1 ids are not in input/test.csv (8)"),
        ("Id,y\n5,1\n7,2\n7,3\n", "1 ids of input/test.csv are missing (9); 1 ids occur more than once (7)"),
        ("Id,y\n5,1\n7,\n9,3\n", "column y of final/submission.csv: row 2 is missing"),
        ("Id,y\n5,nan\n7,\n9,3\n", "column y of final/submission.csv: 2 rows are missing (first: row 1)"),
        ("Id,y\n5,1\n7,inf\n9,3\n", "column y of final/submission.csv: row 2 is infinite"),
        ("Id,y\n5,1\n7,-inf\n9,3\n", "row 2 is infinite"),
        ("Id,y\n5,1\n7,1e999\n9,3\n", "row 2 is "),
        ("Id,y\n5,1\n7,dear\n9,3\n", "row 2 is not a number, for example 'dear'"),
        ("Id,y\n5,1\n7,[2]\n9,3\n", "row 2 is not a number, for example '[2]'"),
        ('Id,y\n5,"1\n7,2\n9,3\n', "is not a CSV file"),
        ("Id,y\n5,1,4\n7,2,4\n9,3,4\n", "is not a CSV file"),
        (b"Id,y\n5,1\n7,\xff\n9,3\n", "is not a CSV file"),
        (b"PK\x03\x04\x00\x00\x00", "is not a text file"),
        ("," * 500_000 + "\n", "has 500001 columns; the columns must be Id, y"),
    ],
)
def test_each_fault_is_one_exact_line(tmp_path: Path, content: str | bytes, fault: str) -> None:
    assert fault in fault_of(tmp_path, content)


@pytest.mark.parametrize(
    "content",
    [
        "Id,y\n5,1\n7,2\n9,3\n",
        "\ufeffId,y\r\n5,1\r\n7,2\r\n9,3\r\n",
        "y,Id\n3,9\n1,5\n2,7\n",
        '"Id","y"\n"5","1.0"\n"7","2.0"\n"9","3.0"\n',
        "Id,y\n5.0,1\n7.0,2\n9.0,3\n",
        "Id, y\n5, 1\n7, 2\n9, 3\n",
        "Id,y\n005,1e0\n007,2e0\n009,3e0\n",
    ],
)
def test_what_means_the_same_is_read_the_same(tmp_path: Path, content: str) -> None:
    assert numbers(read_submission(left(tmp_path, content), WITH_IDS)["y"]).tolist() == [1, 2, 3]


def test_a_submission_without_ids_keeps_its_order(tmp_path: Path) -> None:
    assert numbers(read_submission(left(tmp_path, "y\n3\n1\n2\n"), WITHOUT_IDS)["y"]).tolist() == [3, 1, 2]


def test_ids_that_differ_only_as_text_must_be_written_exactly(tmp_path: Path) -> None:
    form = WITH_IDS.__class__(WITH_IDS.format, rows=2, ids=("07", "7"))
    cells = read_submission(left(tmp_path, "Id,y\n7,1\n07,2\n"), form)
    assert cells["y"].tolist() == ["2", "1"]


def test_huge_ids_are_told_apart(tmp_path: Path) -> None:
    form = WITH_IDS.__class__(WITH_IDS.format, rows=2, ids=("90071992547409921", "90071992547409922"))
    cells = read_submission(left(tmp_path, "Id,y\n90071992547409922,1\n90071992547409921,2\n"), form)
    assert cells["y"].tolist() == ["2", "1"]


def test_repeating_ids_ask_for_the_order_of_the_test_table(tmp_path: Path) -> None:
    form = WITH_IDS.__class__(WITH_IDS.format, rows=3, ids=("5", "5", "7"))
    assert "so its rows must come in their order" in fault_of(tmp_path, "Id,y\n5,1\n7,2\n5,3\n", form)


def test_nothing_written_is_said(tmp_path: Path) -> None:
    for folder in (None, tmp_path):
        with pytest.raises(Unfit, match=r"final/submission\.csv was not written"):
            read_submission(folder, WITH_IDS)


def test_a_link_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("Id,y\n5,1\n7,2\n9,3\n")
    (tmp_path / "run" / "final").mkdir(parents=True)
    (tmp_path / "run" / "final" / "submission.csv").symlink_to(secret)
    with pytest.raises(Unfit, match="is a link"):
        read_submission(tmp_path / "run", WITH_IDS)


def test_a_linked_folder_is_refused(tmp_path: Path) -> None:
    left(tmp_path, "Id,y\n5,1\n7,2\n9,3\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "final").symlink_to(tmp_path / "final")
    with pytest.raises(Unfit, match="is a link"):
        read_submission(tmp_path / "run", WITH_IDS)


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    (tmp_path / "final").mkdir()
    os.mkfifo(tmp_path / "final" / "submission.csv")
    with pytest.raises(Unfit, match="not a plain file"):
        read_submission(tmp_path, WITH_IDS)


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "final" / "submission.csv").mkdir(parents=True)
    with pytest.raises(Unfit, match=r"final/submission\.csv"):
        read_submission(tmp_path, WITH_IDS)


def test_a_file_that_is_too_big_is_not_read(tmp_path: Path) -> None:
    folder = left(tmp_path, "Id,y\n")
    with (folder / "final" / "submission.csv").open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(Unfit, match="is larger than"):
        read_submission(folder, WITH_IDS)


def test_a_cell_of_a_million_digits_is_infinite(tmp_path: Path) -> None:
    fault = fault_of(tmp_path, "Id,y\n5," + "9" * 1_000_000 + "\n7,1\n9,1\n")
    assert "row 1 is" in fault
    assert len(fault) < 200


def test_unknown_labels_are_shown() -> None:
    column = pd.Series(["a", "x", "b"], name="kind")
    with pytest.raises(Unfit, match="row 2 is no label, found 'x'; labels: a, b"):
        class_numbers(column, ("a", "b"))


def test_missing_labels_are_counted() -> None:
    with pytest.raises(Unfit, match="row 2 is missing"):
        class_numbers(pd.Series(["a", "", "b"], name="kind"), ("a", "b"))


@pytest.mark.parametrize(
    ("texts", "classes", "codes"),
    [
        (["1.0", "2", "03"], ("1", "2", "3"), [0, 1, 2]),
        (["1", "True", "0", "false"], ("0", "1"), [1, 1, 0, 0]),
        (["1", "true", "FALSE"], ("False", "True"), [1, 1, 0]),
        (["True"], ("1", "2"), [-1]),
        ([" a "], ("a", "b"), [0]),
        (["A"], ("a", "b"), [-1]),
        (["01", "1"], ("01", "1"), [0, 1]),
        (["0.1", ".10"], ("0.1", "0.2"), [0, 0]),
    ],
)
def test_labels_are_matched_as_text_and_then_as_values(
    texts: list[str], classes: tuple[str, ...], codes: list[int]
) -> None:
    assert np.array_equal(class_codes(pd.Series(texts), classes), codes)
