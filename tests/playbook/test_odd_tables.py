from __future__ import annotations

import pickle
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlestar.playbook.ensemble import write_ensemble
from mlestar.playbook.families import FAMILIES
from mlestar.playbook.initialization import first_model, first_recipe, suited_families, with_models
from mlestar.playbook.metrics import written
from mlestar.playbook.moves import MOVES
from mlestar.playbook.recipe import (
    DataPart,
    MetricPart,
    ModelPart,
    TargetPart,
    TrainingPart,
    TuningPart,
    parse,
    recipe_of,
)
from mlestar.playbook.render import render, section_text
from mlestar.playbook.review import repair_script
from mlestar.questions.ensemble import ScoredScript, WriteEnsemble
from mlestar.questions.review import RepairScript
from tests.playbook.tables import assignment, execute_on, told_of

RANDOM = np.random.default_rng(0)


def numbers(rows: int) -> pd.DataFrame:
    return pd.DataFrame({"one": RANDOM.normal(size=rows), "two": RANDOM.normal(size=rows)})


@pytest.mark.slow
def test_numbers_beyond_all_bounds_texts_without_a_common_word_and_other_kinds_in_the_test(tmp_path: Path) -> None:
    train = numbers(40)
    train["huge"] = np.where(train["one"] > 1, 1e300, train["one"] * 1e-300)
    train["number"] = np.arange(40) % 7
    train["code"] = [["1", "2", "x"][place % 3] for place in range(40)]
    train["words"] = [f"a b c d w{place}" for place in range(40)]
    test = train.head(3).assign(number=["1,234", "3", "4"], code=["1", np.nan, "2"])
    train["price"] = train["one"] + train["number"]
    given = told_of(train, test, "rmse", tmp_path)
    models = tuple(ModelPart(name=name) for name in ("linear", "text_linear"))
    recipe = with_models(first_recipe(given, FAMILIES["extra_trees"]), models)
    ratios = next(move for move in MOVES if "quotients" in move.plan)
    source = render(ratios.change(recipe, given).model_copy(update={"training": TrainingPart(folds=2)}))
    submission = execute_on(train, test, source, tmp_path / "run", model_file="final/model.pkl")
    assert np.isfinite(submission["price"]).all()
    predict_rows = pickle.loads((tmp_path / "run/final/model.pkl").read_bytes())
    pd.testing.assert_frame_equal(predict_rows(test), submission)


def one_of_a_kind(rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A table with a class of a single row, and its test."""
    train = numbers(rows)
    test = train.head(3).copy()
    train["grade"] = ["rare", *RANDOM.choice(["a", "b"], rows - 1)]
    return train, test


def test_a_class_of_one_row_is_learned_from(tmp_path: Path) -> None:
    train, test = one_of_a_kind(30)
    train["grade"] = np.where(train["grade"] == "rare", "rare", "usual")
    given = told_of(train, test, "roc_auc", tmp_path)
    recipe = with_models(first_recipe(given, FAMILIES["linear"]), (ModelPart(name="lightgbm"),))
    recipe = recipe.model_copy(update={"tuning": TuningPart(model="lightgbm", trials=2)})
    assert execute_on(train, test, render(recipe), tmp_path / "run")["grade"].between(0, 1).all()


@pytest.mark.parametrize("fast", [False, True])
def test_ids_are_handed_back_to_the_letter_names_do_not_collide_and_no_lost_model_is_waited_for(
    fast: bool, tmp_path: Path
) -> None:
    train = pd.DataFrame({"id": range(30), "room": "a", "room count": range(30), "price": range(30)})
    train.loc[:9, "room"] = "b"
    test = train.drop(columns="price").head(3).assign(id=["007", "7.10", "08"])
    recipe = first_recipe(told_of(train, test, "rmse", tmp_path), FAMILIES["linear"])
    frequent = recipe.encoding.model_copy(update={"categories": "frequency"})
    # One later model is there no more, as after an ablation.
    training = TrainingPart(folds=2, later=("linear", "svm"))
    data = recipe.data.model_copy(update={"fast": fast})
    source = render(recipe.model_copy(update={"data": data, "encoding": frequent, "training": training}))
    execute_on(train, test, source, tmp_path / "run")
    written_ids = pd.read_csv(tmp_path / "run/final/submission.csv", dtype="str")["id"]
    assert list(written_ids) == ["007", "7.10", "08"]


@pytest.mark.slow
def test_an_ensemble_is_made_of_what_few_rows_of_many_classes_allow(tmp_path: Path) -> None:
    train = numbers(12)
    test = train.head(3).copy()
    train["grade"] = list("abcdabcdabcd")
    given = told_of(train, test, "quadratic_kappa", tmp_path, seconds=3)
    source = write_ensemble(WriteEnsemble(assignment=given, scripts=(), focus="stacking", plan="")).source
    assert len(execute_on(train, test, source, tmp_path / "run", seconds=3)) == 3


def test_models_that_need_more_rows_of_a_class_are_left_out(tmp_path: Path) -> None:
    given = told_of(*one_of_a_kind(60), "accuracy", tmp_path)
    assert not {"svm", "svm_enriched"} & {family.name for family in suited_families(given)}
    assert first_model(given, FAMILIES["neural_network"]).params == {"early_stopping": False}


def test_near_rows_of_a_dozen_are_too_few() -> None:
    assert FAMILIES["neighbours"] not in suited_families(assignment(rows=12))


def test_a_table_keeps_its_only_column_whatever_it_says(tmp_path: Path) -> None:
    train = pd.DataFrame({"id": range(30), "price": RANDOM.normal(size=30)})
    given = told_of(train, train[["id"]], "rmse", tmp_path)
    assert first_recipe(given, FAMILIES["lightgbm"]).data.drop == ()


def test_near_rows_of_a_wide_table_are_found_in_little_time() -> None:
    given = assignment()
    near = next(move for move in MOVES if "near rows" in move.plan)
    recipe = near.change(first_recipe(given, FAMILIES["lightgbm"]), given)
    plain = recipe.features.model_copy(update={"dates": (), "text": ()})
    wide = pd.DataFrame(RANDOM.normal(size=(45, 300)), columns=[f"number {place}" for place in range(300)])
    y = wide["number 0"].to_numpy()
    scope: dict[str, object] = {"np": np, "pd": pd, "SEED": 0, "numbers": list(wide.columns), "y": y}
    exec(section_text(recipe.model_copy(update={"features": plain}), "features"), scope)
    enrich = scope["enrich"]
    assert callable(enrich)
    began = time.monotonic()
    assert enrich().fit_transform(wide, y).shape[1] > 300
    assert time.monotonic() - began < 6


def test_any_column_name_is_read_back_from_a_script() -> None:
    recipe = first_recipe(assignment(), FAMILIES["lightgbm"])
    odd = ("line\u2028end", "next\x85line", "two\nlines", 'quo"te', "back\\", "[data] {}", "a  b", "x" * 200)
    changed = recipe.model_copy(update={"data": DataPart(kind="regression", target='""" ', drop=odd)})
    assert parse(render(changed)) == changed
    compile(render(changed), "solution.py", "exec")


def test_a_search_follows_its_model_into_an_ensemble_or_ends_there() -> None:
    given = assignment(rows=400, seconds=60)
    recipe = first_recipe(given, FAMILIES["hist_boosting"])
    source = render(recipe.model_copy(update={"tuning": TuningPart(model="hist_boosting")}))
    scripts = (ScoredScript(source=source, score=1.0, seconds=1.0),)
    question = WriteEnsemble(assignment=given, scripts=scripts, focus="weighted_averaging", plan="")
    long = recipe_of(write_ensemble(question).source)
    assert long.tuning is not None
    assert long.tuning.model in long.model_names
    larger = given.profile.model_copy(update={"train_rows": 40_000})
    hurried = given.model_copy(update={"script_seconds": 2.0, "profile": larger})
    short = recipe_of(write_ensemble(question.model_copy(update={"assignment": hurried})).source)
    assert "hist_boosting" not in short.model_names
    assert short.tuning is None


def test_a_model_added_after_another_was_left_out_gets_a_free_name() -> None:
    recipe = first_recipe(assignment(), FAMILIES["lightgbm"])
    second = recipe.models.model_copy(update={"models": (ModelPart(name="lightgbm_2"),)})
    more = (ModelPart(name="lightgbm", params={"num_leaves": 5}), ModelPart(name="lightgbm", params={"num_leaves": 6}))
    names = with_models(recipe.model_copy(update={"models": second}), more).model_names
    assert names == ("lightgbm_2", "lightgbm", "lightgbm_3")


def test_a_model_that_fails_is_also_no_later_model() -> None:
    given = assignment(rows=2000, seconds=4).model_copy(update={"final_seconds": 40.0})
    source = write_ensemble(WriteEnsemble(assignment=given, scripts=(), focus="weighted_averaging", plan="")).source
    later = recipe_of(source).training.later
    mended = recipe_of(
        repair_script(RepairScript(assignment=given, script=source, error=f"in {later[0]}(seed)")).source
    )
    assert later[0] not in (*mended.model_names, *mended.training.later)
    assert set(mended.training.later) < set(mended.model_names)


@pytest.mark.parametrize(
    ("place", "left"),
    [("sklearn/neighbors/_regression.py", ("svm", "linear")), ("sklearn/svm/_base.py", ("linear", "neighbours"))],
)
def test_the_traceback_tells_which_model_fails(place: str, left: tuple[str, ...]) -> None:
    given = assignment()
    models = (ModelPart(name="linear"), ModelPart(name="neighbours", table=None))
    source = render(with_models(first_recipe(given, FAMILIES["svm"]), models))
    error = f'  File "/packages/{place}", line 7, in fit\nValueError: too few rows'
    mended = recipe_of(repair_script(RepairScript(assignment=given, script=source, error=error)).source)
    assert mended.model_names == left


def test_a_plain_script_that_fails_gives_way_to_one_of_another_family() -> None:
    given = assignment()
    plain = render(first_recipe(given, FAMILIES["svm"]))
    mended = recipe_of(repair_script(RepairScript(assignment=given, script=plain, error="ValueError")).source)
    assert mended.model_names != ("svm",)


@pytest.mark.filterwarnings("ignore:A single label", "ignore:`y1`, `y2`")
@pytest.mark.parametrize("name", ["roc_auc", "kappa", "quadratic_kappa"])
def test_scores_of_one_class_are_numbers(name: str) -> None:
    part = MetricPart(name=name, direction="maximize", needs="labels" if "kappa" in name else "probabilities")
    body = "\n".join(
        [*written(part).imports, "def score(truth, prediction):", *(f"    {x}" for x in written(part).lines)]
    )
    scope: dict[str, object] = {"np": np, "classes": np.array(["a", "b", "c"])}
    exec(body, scope)
    score = scope["score"]
    assert callable(score)
    with np.errstate(all="ignore"):
        assert np.isfinite(score(np.zeros(4, int), np.full((4, 3), 1 / 3)))


def test_a_root_below_zero_is_a_target_of_zero() -> None:
    recipe = first_recipe(assignment(), FAMILIES["lightgbm"])
    rooted = recipe.model_copy(update={"target": TargetPart(transform="sqrt")})
    scope: dict[str, object] = {"np": np, "known": pd.Series([0.0, 4.0])}
    exec(section_text(rooted, "target"), scope)
    to_units = scope["to_units"]
    assert callable(to_units)
    assert list(to_units(np.array([-1.0, 2.0]))) == [0.0, 4.0]


def test_a_brier_score_counts_every_class() -> None:
    part = MetricPart(name="brier", needs="probabilities")
    scope: dict[str, object] = {"np": np, "classes": np.array(["a", "b", "c"])}
    exec("\n".join(["def score(truth, prediction):", *(f"    {line}" for line in written(part).lines)]), scope)
    score = scope["score"]
    assert callable(score)
    assert score(np.array([0]), np.array([[0.0, 0.0, 1.0]])) == pytest.approx(2 / 3)


def test_numbers_in_words_are_read_where_every_word_holds_one(tmp_path: Path) -> None:
    rows = 60
    train = pd.DataFrame(
        {
            "worth": [f"${place},{place:03}.50" for place in range(1, rows + 1)],
            "years": [["10+ years", "< 1 year", "2-4 years"][place % 3] for place in range(rows)],
            "weight": [f"{place}.5 kg" for place in range(rows)],
            "plan": [["basic", "plan 2", None][place % 3] for place in range(rows)],
            "key": [f"k{place}x" for place in range(rows)],
        }
    )
    test = train.head(4).assign(years=["7 years", "unknown", np.nan, "10+ years"])
    train["price"] = np.arange(rows) * 1001 + 1.5
    given = told_of(train, test, "rmse", tmp_path)
    recipe = first_recipe(given, FAMILIES["linear"])
    assert (recipe.features.measures, recipe.data.drop) == (("worth", "years", "weight"), ("key",))
    check = """
assert list(X["worth number"].head(2)) == [1001.5, 2002.5]
assert list(X["years number"].head(3)) == [10, 1, 2]
assert list(X_test["years number"])[0] == 7 and X_test["years number"].isna().sum() == 2
"""
    submission = execute_on(train, test, render(recipe) + check, tmp_path / "run")
    assert np.abs(submission["price"].to_numpy() - train["price"].head(4).to_numpy()).max() < 5000


def test_ids_that_look_like_measures_are_left_out(tmp_path: Path) -> None:
    train = pd.DataFrame({"id": [f"{place}a" for place in range(30)], "one": range(30), "price": range(30)})
    test = train.tail(3).drop(columns="price")
    given = told_of(train, test, "rmse", tmp_path)
    recipe = first_recipe(given, FAMILIES["linear"])
    assert (given.submission.id_column, recipe.features.measures) == ("id", ())
    assert list(execute_on(train, test, render(recipe), tmp_path / "run")["id"]) == ["27a", "28a", "29a"]
