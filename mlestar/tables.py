"""CSV tables kept as the text they were written in, so that splitting a table changes no value.

A script reads its tables with `pandas.read_csv`: an empty cell and texts such as "NA", "None" and "null" are missing,
in every column. `as_scripts_read` gives exactly that; everything else here keeps the cells as they are.
"""

from __future__ import annotations

import codecs
import gzip
import io
import re
import warnings
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from mlestar.errors import TaskError

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE_SUFFIXES: tuple[str, ...] = (".csv", ".csv.gz", ".csv.zip")
NOT_DATA: frozenset[str] = frozenset(
    {"task.yaml", "mlestar-workspace", "mlruns", "mlartifacts", "mlflow.db", "outputs", "multirun", "__pycache__"}
)
"""Names in a task folder that are not data of the task: what mlestar reads itself, and leaves where it is started."""

_SEPARATORS = (",", ";", "\t", "|")
_HEAD_BYTES = 65_536
_LARGE_CELLS = 1_000_000
_LARGE_BYTES = 2_000_000
_BLOCK_BYTES = 4_194_304
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+(,\d+)?\s*")


def find_table(folder: Path, stem: str) -> Path | None:
    """The file of a table, plain or compressed; None when there is none."""
    paths = (folder / f"{stem}{suffix}" for suffix in TABLE_SUFFIXES)
    return next((path for path in paths if path.is_file()), None)


def find_sample(folder: Path) -> Path | None:
    """The sample submission: `sample_submission.csv`, else the one table whose name says submission; None without."""
    exact = find_table(folder, "sample_submission")
    if exact is not None:
        return exact
    named = [
        path
        for path in sorted(folder.iterdir())
        if "submission" in path.name.lower() and path.name.lower().endswith(TABLE_SUFFIXES) and path.is_file()
    ]
    return named[0] if len(named) == 1 else None


def read_cells(path: Path) -> pd.DataFrame:
    """Every cell of a CSV file as text, as written; decimal commas of a table without comma separators become points.

    Knows UTF-8 and UTF-16 by their byte order marks, UTF-8 without one, else Windows-1252; comma, semicolon, tab and
    bar as separators.
    Raises TaskError with the file and what is wrong.
    """
    try:
        encoding, separator = _layout(path)
        if (plain := _plain_cells(path, separator)) is not None:
            return plain
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            try:
                cells = _parse(path, separator, encoding)
            except UnicodeDecodeError:
                cells = _parse(path, separator, "cp1252")
    except pd.errors.EmptyDataError:
        raise TaskError(f"{path}: the file is empty; it must start with a header row") from None
    except pd.errors.ParserWarning:
        raise TaskError(f"{path}: some rows have more cells than the header has names") from None
    except (pd.errors.ParserError, OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise TaskError(f"{path}: not a readable CSV table: {' '.join(str(error).split())}") from None
    return cells if separator == "," else cells.apply(_with_decimal_points)


def as_scripts_read(cells: pd.DataFrame) -> pd.DataFrame:
    """The typed table that a script gets when it reads the written cells with `pandas.read_csv`."""
    if not len(cells.columns):
        return cells
    return pd.read_csv(io.BytesIO(csv_text(cells).encode()), low_memory=False)


def csv_text(cells: pd.DataFrame) -> str:
    """The table as comma-separated text with a header."""
    if cells.size >= _LARGE_CELLS and (plain := _plain_csv(cells)) is not None:
        return plain
    text = str(cells.to_csv(index=False, lineterminator="\n"))
    # Before Python 3.13 a cell with a carriage return is quoted only if the line ends have one too.
    return str(cells.to_csv(index=False, lineterminator="\r\n")) if "\r" in text else text


def _plain_csv(cells: pd.DataFrame) -> str | None:
    """What pandas writes, many times faster; None where a cell needs quotes or is no text."""
    if len(cells.columns) < 2 or not all(isinstance(kind, pd.StringDtype) for kind in cells.dtypes):
        return None
    try:
        import pyarrow as pa
        from pyarrow import csv
    except ImportError:
        return None
    columns = [pa.array(cells.iloc[:, place]) for place in range(len(cells.columns))]
    body = io.BytesIO()
    try:
        options = csv.WriteOptions(include_header=False, quoting_style="none")
        csv.write_csv(pa.table(columns, [str(place) for place in range(len(columns))]), body, options)
    except pa.ArrowInvalid:
        return None
    header = str(cells.head(0).to_csv(index=False, lineterminator="\n"))
    return header + body.getvalue().decode()


def _plain_cells(path: Path, separator: str) -> pd.DataFrame | None:
    """What pandas reads, many times faster; None for a small file, and for one that is no plain UTF-8 table.

    Plain are commas between cells, as many in every row as there are names, and lines that end as on Unix.
    """
    if path.suffix != ".csv" or separator != "," or path.stat().st_size < _LARGE_BYTES or not _is_plain(path):
        return None
    try:
        import pyarrow as pa
        from pyarrow import csv
    except ImportError:
        return None
    with path.open("rb") as file:
        header = file.readline()
    try:
        names = list(pd.read_csv(io.BytesIO(header), encoding="utf-8-sig", index_col=False).columns)
    except ValueError:
        return None
    if len(names) < 2:
        return None
    numbers = [str(place) for place in range(len(names))]
    read = csv.ReadOptions(column_names=numbers, skip_rows=1, block_size=_BLOCK_BYTES)
    convert = csv.ConvertOptions(column_types=dict.fromkeys(numbers, pa.large_string()), strings_can_be_null=False)
    try:
        table = csv.read_csv(path, read, csv.ParseOptions(newlines_in_values=True), convert)
    except pa.ArrowInvalid:
        return None
    cells: pd.DataFrame = table.combine_chunks().to_pandas(self_destruct=True)
    return cells.set_axis(names, axis=1)


def _is_plain(path: Path) -> bool:
    """Whether no byte is a carriage return or a zero, which readers take differently."""
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            if b"\r" in block or b"\x00" in block:
                return False
    return True


def some_rows(cells: pd.DataFrame, most: int = 50_000) -> pd.DataFrame:
    """All rows, or a fixed sample of a large table, in which most of what is in it shows."""
    return cells if len(cells) <= most else cells.iloc[np.sort(np.random.default_rng(0).permutation(len(cells))[:most])]


def usable_targets(target: pd.Series) -> np.ndarray:
    """Which rows of a text column have a usable value: neither missing, as scripts read it, nor infinite."""
    values = as_scripts_read(target.to_frame("target"))["target"]
    usable = values.notna().to_numpy()
    if pd.api.types.is_float_dtype(values):
        usable = usable & np.isfinite(values.to_numpy())
    return np.asarray(usable)


def _parse(path: Path, separator: str, encoding: str) -> pd.DataFrame:
    return pd.read_csv(
        path,
        sep=separator,
        encoding=encoding,
        encoding_errors="strict" if encoding.startswith("utf") else "replace",
        dtype=str,
        keep_default_na=False,
        na_filter=False,
        index_col=False,
    )


def _layout(path: Path) -> tuple[str, str]:
    """The encoding to try first, and the separator that occurs most often in the header, outside quotes."""
    with _opened(path) as file:
        head = file.read(_HEAD_BYTES)
    encoding = "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    text = head.decode(encoding, "replace")
    if "\x00" in text:
        raise TaskError(f"{path}: is no text file; a table must be a CSV file")
    bare = "".join(text.partition("\n")[0].split('"')[::2])
    return encoding, max(_SEPARATORS, key=bare.count)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The uncompressed bytes of a table."""
    if path.suffix == ".gz":
        with gzip.open(path) as file:
            yield cast("IO[bytes]", file)
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as member:
            yield member
    else:
        with path.open("rb") as plain:
            yield plain


def _with_decimal_points(column: pd.Series) -> pd.Series:
    """`3,5` as `3.5` where every filled cell of the column is such a number."""
    filled = column[column != ""]
    if not filled.str.contains(",", regex=False).any() or not filled.str.fullmatch(_DECIMAL_COMMA).all():
        return column
    return column.str.replace(",", ".", regex=False)
