from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mlestar.errors import TaskError
from mlestar.tables import as_scripts_read, csv_text, find_sample, find_table, read_cells, some_rows, usable_targets

CELLS = [
    "plain",
    "",
    "a,b",
    'say "x"',
    "two\nlines",
    "a\rb",
    "c\r\nd",
    " blanks ",
    "#",
    "007",
    "1.50",
    "NA",
    "'",
    "\\",
    "é",
]


def round_trip(folder: Path, cells: pd.DataFrame) -> pd.DataFrame:
    (folder / "t.csv").write_bytes(csv_text(cells).encode())
    return read_cells(folder / "t.csv")


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_comes_back_as_it_was(tmp_path: Path, cell: str) -> None:
    table = pd.DataFrame({"a": [cell, "x"], "b": ["1", cell]}, dtype=str)
    assert round_trip(tmp_path, table).to_numpy().tolist() == table.to_numpy().tolist()


@pytest.mark.parametrize("cell", CELLS)
def test_a_script_sees_as_many_rows_as_there_are(cell: str) -> None:
    assert len(as_scripts_read(pd.DataFrame({"a": [cell, "x", cell], "b": ["1", cell, "2"]}, dtype=str))) == 3
    assert len(as_scripts_read(pd.DataFrame({"a": [cell, "x", cell]}, dtype=str))) == 3


@pytest.mark.parametrize("text", ["", "NA", "None", "null", "nan", "N/A", "NULL", "#N/A"])
def test_what_pandas_takes_for_missing_is_no_target(text: str) -> None:
    assert usable_targets(pd.Series(["a", text, "b"], name="y")).tolist() == [True, False, True]


def test_an_infinite_target_is_not_usable() -> None:
    assert usable_targets(pd.Series(["1", "inf", "-inf", "2"], name="y")).tolist() == [True, False, False, True]


def test_numbers_are_text_until_they_are_read_as_scripts_do(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": ["007", "1e3"]}, dtype=str)
    assert round_trip(tmp_path, table)["a"].tolist() == ["007", "1e3"]
    assert as_scripts_read(table)["a"].tolist() == [7.0, 1000.0]


def test_decimal_commas_become_points_only_where_all_cells_are_numbers(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a;b;c\n1,5;x,y;\n2;1,5;3,5\n")
    table = read_cells(tmp_path / "t.csv")
    assert table.to_numpy().tolist() == [["1.5", "x,y", ""], ["2", "1,5", "3.5"]]


def test_a_comma_table_keeps_its_commas(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('a,b\n"1,5",x\n')
    assert read_cells(tmp_path / "t.csv")["a"].tolist() == ["1,5"]


def test_separators_inside_quoted_names_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('"a;b;c;d",e\n1,2\n')
    assert list(read_cells(tmp_path / "t.csv").columns) == ["a;b;c;d", "e"]


def test_a_table_that_cannot_be_opened_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "t.csv.gz").write_bytes(b"not compressed")
    with pytest.raises(TaskError, match=r"t\.csv\.gz: not a readable CSV table"):
        read_cells(tmp_path / "t.csv.gz")


def test_tables_are_found_plain_before_compressed(tmp_path: Path) -> None:
    (tmp_path / "train.csv.gz").touch()
    assert find_table(tmp_path, "train") == tmp_path / "train.csv.gz"
    (tmp_path / "train.csv").touch()
    assert find_table(tmp_path, "train") == tmp_path / "train.csv"
    assert find_table(tmp_path, "test") is None
    assert find_sample(tmp_path) is None


@pytest.mark.parametrize("cell", ["plain", "two, with a comma", 'a "quote"', "two\nlines", " spaces ", "é", "1.50"])
def test_a_large_table_is_written_as_a_small_one(cell: str) -> None:
    cells = pd.DataFrame({"one, of two": ["", cell] * 250_000, "other": ["0.10", ""] * 250_000}, dtype=str)
    assert csv_text(cells).splitlines() == cells.to_csv(index=False, lineterminator="\n").splitlines()


ROWS = 300_000


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a,b\n" + "1.50,\n" * 2 * ROWS, id="plain"),
        pytest.param("\ufeffa,a,\n" + "007,x y,é\n" * ROWS, id="byte order mark, names twice and none"),
        pytest.param("a,b\n" + "NA, 1 \n\n" * ROWS, id="blank lines"),
        pytest.param("\na,b\n" + "1.5,true\n" * ROWS, id="blank line first"),
        pytest.param("a,b\n" + '"x, y",2\n' * ROWS, id="quotes"),
        pytest.param('"a, b",c\n' + '"say ""x""",""\n' * ROWS, id="quotes in quotes"),
        pytest.param("a,b\n" + '5" pipe,"a"b\n' * ROWS, id="quotes beside text"),
        pytest.param("a,b\n" + '"two\n\nlines",1.5\n' * ROWS, id="lines in quotes"),
        pytest.param('"two\nlines",b\n' + "x,12345\n" * ROWS, id="lines in names"),
        pytest.param("a,b\n" + "x,y''\r\n" * ROWS, id="windows lines"),
        pytest.param("a,b\n" + "1.50\n" * ROWS + "1,200\n" * ROWS, id="missing cells"),
        pytest.param("a;b,c\n" + "1;xy,2\n" * ROWS, id="separators as text"),
        pytest.param("long name\n" + "123.456789\n" * ROWS, id="one column"),
    ],
)
def test_a_large_table_is_read_as_a_small_one(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode())
    assert path.stat().st_size > 2_000_000
    wanted = pd.read_csv(path, dtype=str, keep_default_na=False, na_filter=False, index_col=False)
    pd.testing.assert_frame_equal(read_cells(path), wanted)


def test_a_large_table_of_another_encoding_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(("name,b\n" + "é,1234\n" * ROWS).encode("cp1252"))
    assert read_cells(tmp_path / "t.csv")["name"].unique().tolist() == ["é"]


def test_a_large_table_with_too_many_cells_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("name,b\n" + "x,12345\n" * ROWS + "1,2,3\n")
    with pytest.raises(TaskError, match=r"t\.csv: not a readable CSV table"):
        read_cells(tmp_path / "t.csv")


def test_a_sample_of_a_large_table_is_always_the_same() -> None:
    table = pd.DataFrame({"a": range(1000)})
    some = some_rows(table, 100)
    assert len(some) == 100
    assert some.equals(some_rows(table, 100))
    assert some_rows(table) is table
