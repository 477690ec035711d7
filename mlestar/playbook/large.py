"""Rules for tables so large that cross-validation would leave every model too little time.

There a few held-out rows judge the models. Boosted trees learn from all others until their time is over, by all
threads; a model that cannot be stopped learns from as many rows as it surely has time for.
"""

from __future__ import annotations

from mlestar.playbook.families import FAMILIES
from mlestar.playbook.family import Family
from mlestar.playbook.recipe import Parameter, TrainingPart
from mlestar.records.task import Assignment

_FEWEST_ROWS = 50_000
"""Fewer held-out rows than a tenth of these would judge models too roughly."""
_MOST_CELLS = 20_000_000
"""Cross-validation in several processes takes too much memory beyond."""
_FOLDS = 3
_CROSS_VALIDATED = 0.3
"""Share of the time of all threads that cross-validation of one LightGBM may take, so that others fit beside it."""
_MOST_HELD_OUT = 30_000
_MOST_SAMPLED_CELLS = 4_000_000
_SAMPLED_CELLS_PER_SECOND = 25_000
"""Cells that let a model which cannot be stopped be fitted in a small part of the script's time."""
_FEWEST_SAMPLED = 20_000
_MANY_COLUMNS = 12


def is_large(given: Assignment) -> bool:
    """Whether held-out rows judge the models in place of folds."""
    rows, columns = given.profile.train_rows, _columns(given)
    if rows < _FEWEST_ROWS:
        return False
    crossed = _FOLDS * FAMILIES["lightgbm"].seconds(rows, columns, len(given.submission.classes))
    return rows * columns > _MOST_CELLS or crossed > _CROSS_VALIDATED * given.script_seconds * given.threads


def sampled_rows(given: Assignment) -> int:
    """From how many rows of a large table a model learns that cannot be stopped."""
    cells = min(_MOST_SAMPLED_CELLS, int(_SAMPLED_CELLS_PER_SECOND * given.script_seconds))
    rows = max(_FEWEST_SAMPLED, cells // _columns(given) // 1000 * 1000)
    return min(rows, given.profile.train_rows - held_out_rows(given))


def held_out_rows(given: Assignment) -> int:
    """How many rows of a large table judge the models."""
    return min(_MOST_HELD_OUT, given.profile.train_rows // 10)


def as_learned(given: Assignment, family: Family) -> Assignment:
    """The assignment with the rows that a model of the family learns from."""
    if not is_large(given) or family.boosted:
        return given
    profile = given.profile.model_copy(update={"train_rows": sampled_rows(given)})
    return given.model_copy(update={"profile": profile})


def suits_large(family: Family) -> bool:
    """Whether a family makes something of many rows in little time, the large test that comes with them included."""
    return family.boosted or family.kin in ("linear", "neural", "text", "discriminant")


def large_training(given: Assignment) -> TrainingPart:
    """Held-out rows in place of folds."""
    return TrainingPart(held_out=held_out_rows(given), rows=sampled_rows(given))


def large_params(given: Assignment, family: Family) -> dict[str, Parameter]:
    """Larger trees for many rows; each sees half of many columns, which halves its time, and all rows.

    Choosing rows for each tree takes about the time that it spares.
    """
    if family.kin != "lightgbm":
        return {}
    columns: dict[str, Parameter] = {"colsample_bytree": 0.5} if _columns(given) >= _MANY_COLUMNS else {}
    return {"num_leaves": 63, **columns, "subsample_freq": 0}


def _columns(given: Assignment) -> int:
    return max(1, len(given.profile.columns) + given.profile.columns_left_out)
