"""Reads the submission of an untrusted script: whatever is wrong becomes one line that a repair can work with."""

from __future__ import annotations

import io
import os
import stat
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlestar.records.task import SubmissionFormat

SUBMISSION = "final/submission.csv"
_MISSING = frozenset({"", "nan", "na", "n/a", "none", "null", "<na>", "nat"})
_SPARE_BYTES = 1 << 20
_BYTES_PER_CELL = 64
_SHOWN = 3


class Unfit(Exception):
    """What is wrong with a submission, as one line; never leaves scoring."""


@dataclass(frozen=True)
class Form:
    """What a submission for one view must look like."""

    format: SubmissionFormat
    rows: int
    ids: tuple[str, ...] | None
    """Texts of the id column of `test.csv`, in its order; None when there is none."""

    @property
    def names(self) -> tuple[str, ...]:
        id_column = self.format.id_column
        return self.format.columns if id_column is None else (id_column, *self.format.columns)

    @property
    def most_bytes(self) -> int:
        """More than any honest submission has."""
        longest = max((len(label) for label in self.format.classes), default=0)
        cells = self.rows * len(self.format.columns) * (_BYTES_PER_CELL + 4 * longest)
        return _SPARE_BYTES + cells + 8 * sum(map(len, self.ids or ())) + 16 * self.rows


def read_submission(folder: Path | None, form: Form) -> pd.DataFrame:
    """The prediction columns as text, rows in the order of `test.csv`. Raises Unfit."""
    content = _read_bytes(folder, form.most_bytes)
    cells = _parsed(content, form)
    cells = cells.set_axis([str(name).strip() for name in cells.columns], axis=1)
    _check_columns(cells, form)
    if len(cells) != form.rows:
        raise Unfit(
            f"{SUBMISSION} has {len(cells)} rows, but input/test.csv has {form.rows}; write one prediction for each row"
        )
    if form.ids is not None and form.format.id_column is not None:
        cells = _in_order(cells, form.format.id_column, form.ids)
    return cells[list(form.format.columns)].reset_index(drop=True)


def numbers(cells: pd.Series) -> NDArray[np.float64]:
    """The finite numbers of a prediction column. Raises Unfit that counts and shows what is none."""
    texts = cells.str.strip()
    values = np.asarray(pd.to_numeric(texts, errors="coerce"), dtype=np.float64)
    if np.isfinite(values).all():
        return values
    missing = texts.str.lower().isin(_MISSING).to_numpy()
    if missing.any():
        raise Unfit(f"column {cells.name} of {SUBMISSION}: {_places(missing, 'missing')}")
    infinite = np.isinf(values)
    if infinite.any():
        raise Unfit(f"column {cells.name} of {SUBMISSION}: {_places(infinite, 'infinite')}")
    bad = np.isnan(values)
    example = texts[bad].iloc[0][:40]
    raise Unfit(f"column {cells.name} of {SUBMISSION}: {_places(bad, 'not a number')}, for example {example!r}")


def class_numbers(cells: pd.Series, classes: Sequence[str]) -> NDArray[np.intp]:
    """The class numbers of a label column. Raises Unfit that shows unknown labels."""
    texts = cells.str.strip()
    found = class_codes(texts, classes)
    unknown = found < 0
    if not unknown.any():
        return found
    missing = texts.str.lower().isin(_MISSING).to_numpy() & unknown
    if missing.any():
        raise Unfit(f"column {cells.name} of {SUBMISSION}: {_places(missing, 'missing')}")
    strange = ", ".join(repr(text[:40]) for text in list(dict.fromkeys(texts[unknown]))[:_SHOWN])
    known = ", ".join(classes[:12]) + (", ..." if len(classes) > 12 else "")
    raise Unfit(
        f"column {cells.name} of {SUBMISSION}: {_places(unknown, 'no label')}, found {strange}; labels: {known}"
    )


def class_codes(texts: pd.Series, classes: Sequence[str]) -> NDArray[np.intp]:
    """The number of each label in `classes`, -1 for none; `1` and `1.0` are equal, and so are `1` and `True` of two."""
    exact = {label.strip(): number for number, label in enumerate(classes)}
    two_truths = {canonical(label).lower() for label in classes} in ({"true", "false"}, {"0", "1"})
    spell = _truth if two_truths else canonical
    spelled = Counter(spell(label) for label in exact)
    loose = {spell(label): number for label, number in exact.items() if spelled[spell(label)] == 1}
    stripped = texts.str.strip()
    codes = {text: exact.get(text, loose.get(spell(text), -1)) for text in stripped.unique()}
    return np.asarray(stripped.map(codes), dtype=np.intp)


def _truth(text: str) -> str:
    return {"true": "1", "false": "0"}.get(text.strip().lower(), canonical(text))


def canonical(text: str) -> str:
    """One spelling for texts that are the same value once a script has read and written them: `007`, `7`, `7.0`."""
    bare = text.strip()
    try:
        return str(int(bare))
    except ValueError:
        pass
    try:
        value = float(bare)
    except (ValueError, OverflowError):
        return bare
    if not np.isfinite(value):
        return bare
    return str(int(value)) if value.is_integer() else repr(value)


def _read_bytes(folder: Path | None, most: int) -> bytes:
    """The bytes of the file; links, devices and files that are too big are refused."""
    if folder is None or not os.path.lexists(folder / SUBMISSION):
        raise Unfit(f"{SUBMISSION} was not written")
    path = folder / SUBMISSION
    if path.parent.is_symlink() or path.is_symlink():
        raise Unfit(f"{SUBMISSION} is a link; write a plain file")
    if not stat.S_ISREG(path.lstat().st_mode):
        raise Unfit(f"{SUBMISSION} is not a plain file")
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise Unfit(f"{SUBMISSION} cannot be read: {error.strerror}") from None
    if len(content) > most:
        raise Unfit(f"{SUBMISSION} is larger than {most} bytes, more than a submission of this size can need")
    return content


def _parsed(content: bytes, form: Form) -> pd.DataFrame:
    """The table in the file."""
    header = content.split(b"\n", 1)[0]
    if not header.strip():
        raise Unfit(f"{SUBMISSION} is empty or does not start with the header {','.join(form.names)}")
    if b"\x00" in content:
        raise Unfit(f"{SUBMISSION} is not a text file")
    if header.count(b",") > 2 * len(form.names) + 20:
        raise Unfit(f"{SUBMISSION} has {header.count(b',') + 1} columns; the columns must be {_few(form.names)}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                io.BytesIO(content),
                encoding="utf-8-sig",
                dtype=str,
                keep_default_na=False,
                na_filter=False,
                index_col=False,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError, ValueError) as error:
        raise Unfit(f"{SUBMISSION} is not a CSV file: {' '.join(str(error).split())[:200]}") from None


def _check_columns(cells: pd.DataFrame, form: Form) -> None:
    found = [str(name) for name in cells.columns]
    lacking = [name for name in form.names if name.strip() not in found]
    extra = [name for name in found if name not in {name.strip() for name in form.names}]
    if not lacking and not extra:
        cells.columns = pd.Index([{name.strip(): name for name in form.names}[name] for name in found])
        return
    faults = [f"lacks {_few(lacking)}"] * bool(lacking) + [f"should not have {_few(extra)}"] * bool(extra)
    hint = " (write it with index=False)" if any(name.startswith("Unnamed: 0") for name in extra) else ""
    raise Unfit(f"{SUBMISSION} {' and '.join(faults)}{hint}; the columns must be {_few(form.names)}")


def _in_order(cells: pd.DataFrame, id_column: str, ids: tuple[str, ...]) -> pd.DataFrame:
    """The rows in the order of the ids; exact texts first, then as values."""
    found, wanted = [text.strip() for text in cells[id_column]], [text.strip() for text in ids]
    if found == wanted:
        return cells
    by_value = [canonical(text) for text in wanted]
    if len(set(by_value)) == len(set(wanted)):
        found, wanted = [canonical(text) for text in found], by_value
    if found == wanted:
        return cells
    _check_ids(found, wanted, id_column)
    place = {text: number for number, text in enumerate(found)}
    return cells.iloc[[place[text] for text in wanted]]


def _check_ids(found: list[str], wanted: list[str], id_column: str) -> None:
    """Raises Unfit unless both hold the same ids, each once."""
    where = f"column {id_column} of {SUBMISSION}"
    if len(set(wanted)) != len(wanted):
        raise Unfit(f"{where}: the ids of input/test.csv repeat, so its rows must come in their order")
    lacking, strange = [i for i in wanted if i not in set(found)], [i for i in found if i not in set(wanted)]
    twice = [text for text, count in Counter(found).items() if count > 1]
    faults = (
        [f"{len(lacking)} ids of input/test.csv are missing ({_few(lacking, _SHOWN)})"] * bool(lacking)
        + [f"{len(twice)} ids occur more than once ({_few(twice, _SHOWN)})"] * bool(twice)
        + [f"{len(strange)} ids are not in input/test.csv ({_few(strange, _SHOWN)})"] * bool(strange)
    )
    if faults:
        raise Unfit(f"{where}: {'; '.join(faults)}")


def _places(bad: NDArray[np.bool_], what: str) -> str:
    """How many rows are what, and the first of them, counted from 1."""
    count, first = int(bad.sum()), int(bad.argmax()) + 1
    return f"row {first} is {what}" if count == 1 else f"{count} rows are {what} (first: row {first})"


def _few(names: Sequence[str], most: int = 10) -> str:
    shown = ", ".join(str(name)[:60] for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
