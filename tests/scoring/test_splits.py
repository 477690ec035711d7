from __future__ import annotations

import numpy as np
import pytest

from mlestar.errors import TaskError
from mlestar.records.task import Validation
from mlestar.scoring.splits import Fold, Rows, SplitPlan, Traits, plan_split, seal, split

KFOLD = SplitPlan("kfold", 5, 0.2, "")
HOLDOUT = SplitPlan("holdout", 1, 0.2, "")


def cut(plan: SplitPlan, rows: int, classes: Rows | None = None, seed: int = 0) -> tuple[Fold, ...]:
    return split(plan, Traits(rows=rows, classes=classes), np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("rows", "kind", "folds"),
    [(100, "kfold", 5), (999, "kfold", 5), (1000, "kfold", 3), (4999, "kfold", 3), (5000, "holdout", 1)],
)
def test_auto_folds_small_tables_and_holds_out_of_large_ones(rows: int, kind: str, folds: int) -> None:
    plan = plan_split(Validation(), rows)
    assert (plan.kind, plan.folds) == (kind, folds)
    assert str(rows) in plan.reason


def test_a_very_large_table_holds_out_no_more_than_needed() -> None:
    assert plan_split(Validation(), 10_000_000).fraction * 10_000_000 == pytest.approx(50_000)


def test_what_the_user_says_is_kept() -> None:
    assert plan_split(Validation(kind="kfold", folds=7), 50_000).folds == 7
    assert plan_split(Validation(kind="holdout", fraction=0.5), 50).fraction == 0.5


def test_each_row_is_held_out_in_one_fold() -> None:
    folds = cut(KFOLD, 103)
    assert sorted(np.concatenate([fold.held_out for fold in folds])) == list(range(103))
    assert all(sorted([*fold.fit, *fold.held_out]) == list(range(103)) for fold in folds)
    assert {len(fold.held_out) for fold in folds} == {20, 21}


def test_folds_are_shuffled_and_seeded() -> None:
    first, again, other = (cut(KFOLD, 50, seed=seed)[0].held_out for seed in (1, 1, 2))
    assert first.tolist() == again.tolist() != other.tolist()
    assert first.tolist() != sorted(first.tolist())[: len(first)] or first.max() > 10


@pytest.mark.parametrize("plan", [KFOLD, HOLDOUT])
def test_classes_have_the_same_share_on_both_sides(plan: SplitPlan) -> None:
    classes = np.repeat([0, 1], [180, 20])
    for fold in cut(plan, 200, classes):
        assert np.mean(classes[fold.held_out]) == pytest.approx(0.1, abs=0.01)
        assert len(fold.held_out) == 40


@pytest.mark.parametrize("plan", [KFOLD, HOLDOUT, SplitPlan("holdout", 1, 0.8, "")])
@pytest.mark.parametrize("rare", [1, 2, 3])
def test_every_class_is_fitted_on_in_every_fold(plan: SplitPlan, rare: int) -> None:
    classes = np.repeat([0, 1, 2], [40, 40, rare])
    for seed in range(20):
        for fold in cut(plan, len(classes), classes, seed):
            assert set(classes[fold.fit]) == {0, 1, 2}


def test_a_holdout_has_the_share_asked_for() -> None:
    for seed in range(10):
        (fold,) = cut(HOLDOUT, 1003, seed=seed)
        assert len(fold.held_out) in (200, 201)


def test_too_few_rows_are_said() -> None:
    with pytest.raises(TaskError, match=r"validation.folds: 5 folds need at least as many rows, there are 3"):
        cut(KFOLD, 3)


def test_a_class_of_one_row_is_never_held_out_and_its_fold_may_be_left_away() -> None:
    classes = np.array([0, 0, 1, 1, 2])
    folds = cut(KFOLD, 5, classes)
    assert len(folds) == 4
    with pytest.raises(TaskError, match="9 rows are too few to hold any out with every class on both sides"):
        cut(KFOLD, 9, np.arange(9))


def test_few_rows_make_few_folds() -> None:
    assert plan_split(Validation(), 4).folds == 4


def test_groups_are_never_split() -> None:
    groups = np.arange(60) % 7
    traits = Traits(rows=60, groups=groups, classes=(np.arange(60) % 2))
    for fold in split(SplitPlan("group", 3, 0.3, ""), traits, np.random.default_rng(0)):
        assert not set(groups[fold.fit]) & set(groups[fold.held_out])
    with pytest.raises(TaskError, match="9 folds need at least as many groups, there are 7"):
        split(SplitPlan("group", 9, 0.1, ""), traits, np.random.default_rng(0))


def test_equal_times_stay_on_one_side() -> None:
    times = np.repeat(np.arange(5.0), 10)
    (fold,) = split(SplitPlan("time", 1, 0.3, ""), Traits(rows=50, times=times), np.random.default_rng(0))
    assert times[fold.fit].max() < times[fold.held_out].min()


def test_one_time_for_all_rows_cannot_be_split() -> None:
    traits = Traits(rows=9, times=np.zeros(9))
    with pytest.raises(TaskError, match="every row has the same time"):
        split(SplitPlan("time", 1, 0.3, ""), traits, np.random.default_rng(0))


def test_sealed_rows_have_every_class_and_are_taken_off() -> None:
    classes = np.repeat([0, 1], [180, 20])
    working, sealed = seal(Validation(audit_fraction=0.25), Traits(200, classes), np.random.default_rng(0))
    assert sorted([*working, *sealed]) == list(range(200))
    assert np.bincount(classes[sealed]).tolist() == [45, 5]


def test_no_class_is_sealed_whole() -> None:
    classes = np.repeat([0, 1, 2], [40, 40, 1])
    for seed in range(20):
        working, _ = seal(Validation(audit_fraction=0.5), Traits(81, classes), np.random.default_rng(seed))
        assert set(classes[working]) == {0, 1, 2}


def test_sealing_nothing_takes_nothing() -> None:
    working, sealed = seal(Validation(), Traits(9), np.random.default_rng(0))
    assert (len(working), len(sealed)) == (9, 0)
