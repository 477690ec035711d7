"""Chooses which rows are fitted on and which are held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlestar.errors import TaskError
from mlestar.records.task import Validation

Rows = NDArray[np.intp]
SplitKind = Literal["holdout", "kfold", "group", "time"]

_FIVE_FOLDS_BELOW = 1000
_THREE_FOLDS_BELOW = 5000
_MOST_HELD_OUT = 50_000


@dataclass(frozen=True)
class SplitPlan:
    """How rows will be split, and why."""

    kind: SplitKind
    folds: int
    """1 for `holdout` and `time`."""
    fraction: float
    reason: str


@dataclass(frozen=True)
class Fold:
    """Row numbers of one split; disjoint, not empty."""

    fit: Rows
    held_out: Rows


@dataclass(frozen=True)
class Traits:
    """What a split must respect: class numbers to stratify by, groups to keep whole, times to keep in order."""

    rows: int
    classes: Rows | None = None
    groups: Rows | None = None
    times: NDArray[np.float64] | None = None

    def of(self, rows: Rows) -> Traits:
        """The traits of some rows."""
        return Traits(
            rows=len(rows),
            classes=None if self.classes is None else self.classes[rows],
            groups=None if self.groups is None else self.groups[rows],
            times=None if self.times is None else self.times[rows],
        )


def plan_split(validation: Validation, rows: int) -> SplitPlan:
    """The plan for a table of this many rows; what the user said is kept."""
    kind = validation.kind
    if kind == "time":
        return SplitPlan("time", 1, validation.fraction, f"the last {validation.fraction:.0%} by {validation.column}")
    if kind == "holdout":
        return SplitPlan("holdout", 1, validation.fraction, f"{validation.fraction:.0%} held out, as asked")
    if kind == "auto" and rows >= _THREE_FOLDS_BELOW:
        fraction = min(validation.fraction, _MOST_HELD_OUT / rows)
        return SplitPlan("holdout", 1, fraction, f"{rows} rows are enough to hold {fraction:.0%} out once")
    said = "folds" in validation.model_fields_set
    folds = validation.folds if said else min(5 if rows < _FIVE_FOLDS_BELOW else 3, max(rows, 2))
    reason = f"{folds} folds" + (", as asked" if said else f", so that each of only {rows} rows is held out once")
    return SplitPlan("group" if kind == "group" else "kfold", folds, 1 / folds, reason)


def split(plan: SplitPlan, traits: Traits, random: np.random.Generator) -> tuple[Fold, ...]:
    """The folds of a plan. Raises TaskError when the rows do not suffice."""
    if plan.kind == "time":
        return (_latest(traits, plan.fraction),)
    if plan.kind == "holdout":
        held_out = _share(traits.classes, traits.rows, plan.fraction, random)
        return _with_all_classes([held_out], traits)
    units, unit_of_row = _units(traits, plan)
    if units < plan.folds:
        what = "groups" if plan.kind == "group" else "rows"
        raise TaskError(f"validation.folds: {plan.folds} folds need at least as many {what}, there are {units}")
    fold_of_unit = _dealt(_classes_of_units(traits, unit_of_row, units), units, plan.folds, random)
    folds = [fold_of_unit[unit_of_row] == number for number in range(plan.folds)]
    return _with_all_classes(folds, traits)


def seal(validation: Validation, traits: Traits, random: np.random.Generator) -> tuple[Rows, Rows]:
    """Rows to work with, and the sealed audit rows: whole groups, the latest times, else a stratified share."""
    everything = np.arange(traits.rows)
    if validation.audit_fraction == 0:
        return everything, everything[:0]
    if traits.times is not None:
        fold = _latest(traits, validation.audit_fraction)
        return fold.fit, fold.held_out
    if traits.groups is not None:
        sealed = _share(None, int(traits.groups.max()) + 1, validation.audit_fraction, random)[traits.groups]
    else:
        sealed = _share(traits.classes, traits.rows, validation.audit_fraction, random)
        if traits.classes is not None:
            sealed &= np.isin(traits.classes, traits.classes[~sealed])
    if sealed.all() or not sealed.any():
        raise TaskError(
            f"validation.audit_fraction: {validation.audit_fraction} of {traits.rows} rows leaves no rows on one side"
        )
    return everything[~sealed], everything[sealed]


def group_numbers(column: pd.Series) -> Rows:
    """Group numbers from 0 of a text column."""
    return np.asarray(pd.factorize(column)[0], dtype=np.intp)


def times_of(column: pd.Series, typed: pd.Series) -> NDArray[np.float64]:
    """Times as numbers: a numeric column as it is, else dates. Raises TaskError that names the column."""
    if pd.api.types.is_numeric_dtype(typed) and typed.notna().all():
        return np.asarray(typed, dtype=np.float64)
    dates = pd.to_datetime(typed, errors="coerce", format="mixed", utc=True)
    if dates.isna().any():
        raise TaskError(
            f"validation.column: {column.name} must hold a number or a date in every row, "
            f"found {column[dates.isna()].iloc[0]!r}"
        )
    return np.asarray((dates - dates.min()).dt.total_seconds(), dtype=np.float64)


def _latest(traits: Traits, fraction: float) -> Fold:
    """The latest rows are held out; rows of one time are never on both sides."""
    if traits.times is None:
        raise TaskError("validation: `time` needs `column:`, the column of train.csv that holds the time")
    order = np.sort(traits.times)
    cut = order[min(int(traits.rows * (1 - fraction)), traits.rows - 1)]
    held_out = traits.times >= cut
    if held_out.all():
        held_out = traits.times > cut
    if not held_out.any():
        raise TaskError("validation.column: every row has the same time, nothing can be held out")
    everything = np.arange(traits.rows)
    return Fold(everything[~held_out], everything[held_out])


def _share(classes: Rows | None, rows: int, fraction: float, random: np.random.Generator) -> NDArray[np.bool_]:
    """A mask of about `fraction` of the rows, the same share of every class."""
    order = random.permutation(rows)
    if classes is not None:
        order = order[np.argsort(classes[order], kind="stable")]
    chosen = np.diff(np.floor(np.arange(rows + 1) * fraction + random.random())) > 0
    mask = np.zeros(rows, dtype=bool)
    mask[order[chosen]] = True
    return mask


def _dealt(classes: Rows | None, units: int, folds: int, random: np.random.Generator) -> Rows:
    """A fold for each unit, dealt out in turn class by class, so that sizes and class shares are level."""
    order = random.permutation(units)
    if classes is not None:
        order = order[np.argsort(classes[order], kind="stable")]
    fold_of_unit = np.empty(units, dtype=np.intp)
    fold_of_unit[order] = np.arange(units) % folds
    return fold_of_unit


def _units(traits: Traits, plan: SplitPlan) -> tuple[int, Rows]:
    """What is dealt out: rows, or whole groups."""
    if plan.kind != "group":
        return traits.rows, np.arange(traits.rows)
    if traits.groups is None:
        raise TaskError("validation: `group` needs `column:`, the column of train.csv that names the group")
    return int(traits.groups.max()) + 1, traits.groups


def _classes_of_units(traits: Traits, unit_of_row: Rows, units: int) -> Rows | None:
    """The class of each unit; a group counts as the class of most of its rows."""
    if traits.classes is None:
        return None
    counts = np.zeros((units, int(traits.classes.max()) + 1), dtype=np.intp)
    np.add.at(counts, (unit_of_row, traits.classes), 1)
    return np.asarray(counts.argmax(axis=1))


def _with_all_classes(held_out: list[NDArray[np.bool_]], traits: Traits) -> tuple[Fold, ...]:
    """Folds in which every class is fitted on: rows of a class that would be held out whole are not held out.

    A fold that holds nothing out any more is left away.
    """
    everything = np.arange(traits.rows)
    folds = []
    for mask in held_out:
        if traits.classes is not None and traits.groups is None:
            mask = mask & np.isin(traits.classes, traits.classes[~mask])
        if mask.any() and not mask.all():
            folds.append(Fold(everything[~mask], everything[mask]))
    if not folds:
        of_classes = "" if traits.classes is None else " with every class on both sides"
        raise TaskError(f"validation: {traits.rows} rows are too few to hold any out{of_classes}")
    return tuple(folds)
