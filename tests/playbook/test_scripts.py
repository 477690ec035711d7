from __future__ import annotations

import pickle
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlestar.playbook.ensemble import write_ensemble
from mlestar.playbook.families import FAMILIES
from mlestar.playbook.initialization import first_recipe, with_models
from mlestar.playbook.recipe import (
    EnsemblePart,
    ModelPart,
    StackingPart,
    TrainingPart,
    TuningPart,
    recipe_of,
)
from mlestar.playbook.render import render
from mlestar.playbook.tree_families import SECOND_LAYER
from mlestar.questions.ensemble import ScoredScript, WriteEnsemble
from mlestar.records.task import Metric, TaskKind
from tests.playbook.tables import assignment, execute, execute_again


@pytest.mark.parametrize("kind", ["regression", pytest.param("binary", marks=pytest.mark.slow), "multiclass"])
def test_a_stacked_ensemble_predicts_every_row_of_the_test(kind: TaskKind, tmp_path: Path) -> None:
    given = assignment(kind, rows=60, seconds=5)
    question = WriteEnsemble(assignment=given, scripts=(), focus="stacking", plan="")
    submission = execute(write_ensemble(question).source, given, tmp_path, seconds=5)
    assert list(submission.columns) == ["Id", *given.submission.columns]
    assert len(submission) == 12
    assert np.isfinite(submission[list(given.submission.columns)].to_numpy()).all()


@pytest.mark.parametrize("seconds", [5, 20])
def test_later_models_are_trained_when_time_is_left(seconds: int, tmp_path: Path) -> None:
    given = assignment(rows=200, seconds=4).model_copy(update={"final_seconds": 60.0})
    source = write_ensemble(WriteEnsemble(assignment=given, scripts=(), focus="weighted_averaging", plan="")).source
    assert len(execute(source, given, tmp_path, seconds=seconds)) == 12


@pytest.mark.parametrize("first_layer", ["lightgbm", "linear"])
def test_a_second_layer_is_fitted_whatever_the_first_is_made_of(first_layer: str, tmp_path: Path) -> None:
    given = assignment(rows=60, seconds=8)
    deep = StackingPart(models=tuple(ModelPart(name=family.name) for family in SECOND_LAYER))
    recipe = first_recipe(given, FAMILIES[first_layer]).model_copy(update={"stacking": deep})
    assert len(execute(render(recipe), given, tmp_path, seconds=8)) == 12


def test_an_ensemble_of_a_script_that_searches_parameters_trains_on_several_threads(tmp_path: Path) -> None:
    given = assignment(rows=60, seconds=5).model_copy(update={"threads": 2})
    tuned = first_recipe(given, FAMILIES["lightgbm"]).model_copy(
        update={"tuning": TuningPart(model="lightgbm", trials=2)}
    )
    scripts = (ScoredScript(source=render(tuned), score=1.0, seconds=1.0),)
    question = WriteEnsemble(assignment=given, scripts=scripts, focus="weighted_averaging", plan="")
    source = write_ensemble(question).source
    assert recipe_of(source).tuning is not None
    assert len(execute(source, given, tmp_path, seconds=8)) == 12


def test_a_short_time_gives_a_small_ensemble_that_keeps_to_it(tmp_path: Path) -> None:
    given = assignment(rows=200, seconds=4)
    source = write_ensemble(WriteEnsemble(assignment=given, scripts=(), focus="stacking", plan="")).source
    assert len(recipe_of(source).model_names) < 10
    began = time.monotonic()
    execute(source, given, tmp_path, seconds=8)
    assert time.monotonic() - began < 16


def test_a_model_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    given = assignment(rows=60, seconds=5).model_copy(update={"threads": 2})
    models = (ModelPart(name="extra_trees"), ModelPart(name="lightgbm"))
    source = render(with_models(first_recipe(given, FAMILIES["linear"]), models))
    slow = source.replace("    return ExtraTreesRegressor(", "    time.sleep(600)\n    return ExtraTreesRegressor(")
    assert slow != source
    began = time.monotonic()
    assert len(execute(slow + '\nassert set(weights) == {"linear"}, weights', given, tmp_path, seconds=5)) == 12
    assert time.monotonic() - began < 15


def test_labels_are_written_where_the_metric_needs_labels(tmp_path: Path) -> None:
    given = assignment("multiclass", Metric(name="accuracy", direction="maximize", needs="labels"))
    submission = execute(render(first_recipe(given, FAMILIES["linear"])), given, tmp_path)
    assert set(submission["grade"]) <= {"a", "b", "c"}


def test_one_column_for_each_class_holds_probabilities_that_sum_to_one(tmp_path: Path) -> None:
    given = assignment("binary", columns_per_class=True)
    submission = execute(render(first_recipe(given, FAMILIES["linear"])), given, tmp_path)
    assert submission[["no", "yes"]].sum(axis=1).to_numpy() == pytest.approx(1.0)


def test_a_single_column_holds_the_probability_of_the_second_class(tmp_path: Path) -> None:
    given = assignment("binary")
    submission = execute(render(first_recipe(given, FAMILIES["linear"])), given, tmp_path)
    assert submission["dear"].between(0, 1).all()
    assert submission["dear"].max() > 0.5


def test_a_script_gives_the_same_file_twice_when_time_is_generous(tmp_path: Path) -> None:
    given = assignment("regression")
    script = render(with_models(first_recipe(given, FAMILIES["lightgbm"]), (ModelPart(name="extra_trees"),)))
    first, second = (execute(script, given, tmp_path / name) for name in ("first", "second"))
    assert first.equals(second)


@pytest.mark.parametrize("kind", ["regression", pytest.param("multiclass", marks=pytest.mark.slow)])
def test_what_was_fitted_is_handed_over_and_answers_new_rows_as_the_submission_does(
    kind: TaskKind, tmp_path: Path
) -> None:
    given = assignment(kind, rows=60, seconds=5)
    source = write_ensemble(WriteEnsemble(assignment=given, scripts=(), focus="stacking", plan="")).source
    submission = execute(source, given, tmp_path, seconds=8, model_file="final/model.pkl")
    predict_rows = pickle.loads((tmp_path / "final/model.pkl").read_bytes())
    test = pd.read_csv(tmp_path / "input/test.csv")
    for rows in (test, test.iloc[[5]], test.iloc[::-1]):
        wanted = submission.iloc[rows.index].reset_index(drop=True)
        pd.testing.assert_frame_equal(predict_rows(rows).reset_index(drop=True), wanted)


def test_rows_of_any_kind_are_answered(tmp_path: Path) -> None:
    given = assignment("regression")
    models = (ModelPart(name="text_linear"), ModelPart(name="linear"))
    script = render(with_models(first_recipe(given, FAMILIES["lightgbm"]), models))
    execute(script, given, tmp_path, model_file="final/model.pkl")
    predict_rows = pickle.loads((tmp_path / "final/model.pkl").read_bytes())
    odd = {"size [m2]": "big", "age": None, "colour": "violet", "sold": "never", "note": 5, "more": 1}
    answers = predict_rows(pd.DataFrame([odd, {}, {"note": "dark and small", "sold": "2020-03-01"}]))
    assert list(answers.columns) == ["Id", "price"]
    assert np.isfinite(answers["price"]).all()


def test_a_column_that_is_empty_in_train_may_hold_words_in_the_test(tmp_path: Path) -> None:
    given = assignment("regression")
    script = render(with_models(first_recipe(given, FAMILIES["lightgbm"]), (ModelPart(name="linear"),)))
    execute(script, given, tmp_path)
    for name, value in (("train", None), ("test", "Ex")):
        path = tmp_path / f"input/{name}.csv"
        pd.read_csv(path).assign(age=value).to_csv(path, index=False)
    assert len(execute_again(tmp_path)) == 12


def test_nothing_is_handed_over_unasked(tmp_path: Path) -> None:
    given = assignment("regression")
    execute(render(first_recipe(given, FAMILIES["linear"])), given, tmp_path)
    assert [file.name for file in (tmp_path / "final").iterdir()] == ["submission.csv"]


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_models_of_a_large_table_are_judged_by_held_out_rows_and_handed_over(kind: TaskKind, tmp_path: Path) -> None:
    given = assignment(kind, rows=300, seconds=8)
    recipe = with_models(first_recipe(given, FAMILIES["lightgbm"]), (ModelPart(name="linear"),))
    large = recipe.model_copy(
        update={
            "data": recipe.data.model_copy(update={"fast": True}),
            "training": TrainingPart(held_out=60, rows=90),
            "ensemble": EnsemblePart(method="greedy"),
        }
    )
    submission = execute(render(large), given, tmp_path, seconds=8, model_file="final/model.pkl")
    predict_rows = pickle.loads((tmp_path / "final/model.pkl").read_bytes())
    answers = predict_rows(pd.read_csv(tmp_path / "input/test.csv"))
    pd.testing.assert_frame_equal(answers.reset_index(drop=True), submission)


def test_folds_of_a_slow_model_that_would_not_end_in_time_are_left_out(tmp_path: Path) -> None:
    given = assignment("regression")
    recipe = first_recipe(given, FAMILIES["linear"])
    recipe = recipe.model_copy(update={"training": recipe.training.model_copy(update={"folds": 20})})
    quick = "    return model.fit(inside, y_inside)"
    source = render(recipe)
    assert source.count(quick) == 1
    slow = source.replace(quick, f"    time.sleep(3)\n{quick}")
    began = time.monotonic()
    assert len(execute(slow, given, tmp_path, seconds=12)) == 12
    assert time.monotonic() - began < 40  # all twenty folds take 60 s
