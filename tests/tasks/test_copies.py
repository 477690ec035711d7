from __future__ import annotations

from pathlib import Path

import pytest

from mlestar.tasks.load import load_task
from tests.tasks.folders import csv, houses

ROWS = [f"{n},{n % 5},{'ab'[n % 2]},{100 + 10 * n}.5" for n in range(12)]
TRAIN = csv("Id,rooms,town,price", ROWS)
TEST = csv("Id,rooms,town", ["90,1,a", "91,2,b"])
SAMPLE = csv("Id,price", ["90,0", "91,0"])


def withheld(folder: Path, **files: str | bytes) -> tuple[str, ...]:
    tables = {"train_csv": TRAIN, "test_csv": TEST, "sample_submission_csv": SAMPLE}
    return load_task(houses(folder, **{**tables, **files})).withheld


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("backup_csv", TRAIN),
        ("labels_csv", csv("Id,y", [f"{n},{100 + 10 * n}.5" for n in range(12)])),
        ("folds_tsv", TRAIN.replace(",", "\t")),
        ("train_full_csv", csv("town,Id,price", [f"x,{n},{100 + 10 * n}.5" for n in reversed(range(30))])),
        ("train_parquet", b"PAR1"),
    ],
)
def test_a_file_that_repeats_the_labels_is_withheld(tmp_path: Path, name: str, content: str | bytes) -> None:
    stem, _, suffix = name.rpartition("_")
    assert withheld(tmp_path, **{name: content}) == (f"{stem}.{suffix}",)


def test_a_copy_without_ids_is_found_by_its_rows(tmp_path: Path) -> None:
    folder = houses(tmp_path)
    (folder / "old").mkdir()
    (folder / "old" / "copy.csv").write_text((folder / "train.csv").read_text())
    task = load_task(folder)
    assert task.withheld == ("old/copy.csv",)
    assert "old/copy.csv" in next(i.value for i in task.inferences if i.key == "files")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("towns_csv", csv("town,people", ["a,500", "b,700"])),
        ("other_years_csv", csv("Id,rooms,town,price", [f"{n + 500},{n},a,{n}.25" for n in range(12)])),
        ("visits_csv", csv("Id,day", [f"{n},{n}" for n in range(12)])),
        ("notes_txt", "some, words\nand more\n"),
        ("broken_csv", 'a,b\n"1,2\n'),
        ("empty_csv", ""),
    ],
)
def test_other_files_are_handed_on(tmp_path: Path, name: str, content: str) -> None:
    assert withheld(tmp_path, **{name: content}) == ()
