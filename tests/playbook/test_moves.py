from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlestar.errors import BadAnswer
from mlestar.playbook.families import FAMILIES
from mlestar.playbook.initialization import first_recipe, with_models
from mlestar.playbook.moves import MOVES
from mlestar.playbook.recipe import FeaturesPart, ModelPart, Recipe, TuningPart, parse, recipe_of, sections_of
from mlestar.playbook.refinement import choose_target, plan_block, write_block
from mlestar.playbook.render import render
from mlestar.questions.blocks import replace_block
from mlestar.questions.refinement import ChooseTarget, PlanBlock, PlanOutcome, StudiedComponent, WriteBlock
from mlestar.records.strategy import REFINEMENT_FOCUSES, Goal
from mlestar.records.task import Assignment, ColumnProfile, Metric, TaskKind
from tests.playbook.tables import assignment, execute

GIVEN = assignment()
SCRIPT = render(first_recipe(GIVEN, FAMILIES["lightgbm"]))


def failed(focus: str, plan: str) -> PlanOutcome:
    return PlanOutcome(focus=focus, plan=plan, score=2.0, gain=-1.0, seconds=1.0)


def target_of(script: str = SCRIPT, **told: object) -> ChooseTarget:
    """The question what to improve, with what is told beside the script."""
    question = ChooseTarget(assignment=GIVEN, script=script, score=1.0, ablation_summary="", components=())
    return question.model_copy(update=told)


def test_every_focus_of_the_shared_vocabulary_has_a_move() -> None:
    assert {move.focus for move in MOVES} == set(REFINEMENT_FOCUSES)


def test_plans_are_unique() -> None:
    assert len({move.plan for move in MOVES}) == len(MOVES)


@pytest.mark.parametrize("kind", ["regression", "binary"])
def test_every_move_that_fits_changes_its_own_block_only(kind: str) -> None:
    given = assignment("regression" if kind == "regression" else "binary")
    script = render(first_recipe(given, FAMILIES["lightgbm"]))
    fitting = [move for move in MOVES if move.fits(recipe_of(script), given)]
    assert len(fitting) > 8
    for move in fitting:
        block = sections_of(script)[move.section]
        question = WriteBlock(assignment=given, script=script, block=block, focus=move.focus, plan=move.plan)
        changed = replace_block(script, block, write_block(question).source)
        assert parse(changed) == move.change(recipe_of(script), given), move.plan


def test_goals_come_first_in_their_order() -> None:
    goals = tuple(
        Goal(target_agent_phase="refinement", focus=focus, priority=place)
        for place, focus in enumerate(["bagging", "target_transform"], start=1)
    )
    chosen = choose_target(target_of(goals=goals))
    assert (chosen.focus, chosen.block) == ("bagging", sections_of(SCRIPT)["training"])


def test_what_the_ablation_showed_to_matter_is_improved_first() -> None:
    matters = StudiedComponent(component="training", change="half the folds", gain=-3.0)
    assert choose_target(target_of(components=(matters,))).focus == "bagging"


def test_what_failed_is_not_tried_again_and_its_focus_waits() -> None:
    first = choose_target(target_of())
    second = choose_target(target_of(earlier=(failed(first.focus, first.plan),)))
    assert second.focus != first.focus


def test_further_plans_for_a_block_differ_from_those_tried() -> None:
    block = sections_of(SCRIPT)["models"]
    plans: list[str] = []
    for _ in range(3):
        question = PlanBlock(assignment=GIVEN, script=SCRIPT, block=block, score=1.0, tried=tuple(plans))
        idea = plan_block(question)
        plans.append(f"{idea.focus}: {idea.plan}")
    assert len(set(plans)) == 3


def test_a_block_that_is_no_section_is_a_bad_answer() -> None:
    with pytest.raises(BadAnswer, match="whole sections"):
        plan_block(PlanBlock(assignment=GIVEN, script=SCRIPT, block="THREADS = 1", score=1.0))


def everything() -> Recipe:
    """A script with every kind of feature, a search, words, repeats and a shift."""
    recipe = with_models(
        first_recipe(GIVEN, FAMILIES["lightgbm"]),
        (ModelPart(name="text_linear"), ModelPart(name="svm", table="enriched_scaled")),
    )
    features = FeaturesPart(
        dates=("sold",), text=("note",), missing_count=True, drop_redundant=True, ratios=3, neighbours=True
    )
    update = {
        "features": features,
        "encoding": recipe.encoding.model_copy(update={"categories": "frequency", "rare": 3}),
        "target": recipe.target.model_copy(update={"transform": "sqrt"}),
        "tuning": TuningPart(model="lightgbm", trials=2),
        "training": recipe.training.model_copy(update={"folds": 3, "repeats": 2}),
        "submission": recipe.submission.model_copy(update={"post": "shift"}),
    }
    return recipe.model_copy(update=update)


def test_a_search_beside_other_models_takes_less_of_the_time() -> None:
    move = next(move for move in MOVES if "Optuna" in move.plan)
    alone = first_recipe(GIVEN, FAMILIES["lightgbm"])
    shares = [
        tuning.share
        for recipe in (alone, with_models(alone, (ModelPart(name="linear"),)))
        if (tuning := move.change(recipe, GIVEN).tuning) is not None
    ]
    assert shares == [0.5, 0.2]


def test_a_script_with_every_feature_predicts_well(tmp_path: Path) -> None:
    recipe = everything()
    submission = execute(render(recipe), GIVEN, tmp_path)
    assert np.isfinite(submission["price"]).all()
    assert submission["price"].std() > 10


def test_factors_of_classes_are_chosen_for_metrics_of_labels(tmp_path: Path) -> None:
    given = assignment("multiclass", Metric(name="f1_macro", direction="maximize", needs="labels"))
    script = render(first_recipe(given, FAMILIES["linear"]))
    assert "factors" in sections_of(script)["submission"]
    assert set(execute(script, given, tmp_path)["grade"]) <= {"a", "b", "c"}


def wide(kind: TaskKind, metric: Metric | None = None) -> Assignment:
    """As told of a table with enough columns for some to be idle."""
    given = assignment(kind, metric)
    more = tuple(given.profile.columns[1].model_copy(update={"name": f"number {place}"}) for place in range(12))
    profile = given.profile.model_copy(update={"columns": (*given.profile.columns, *more)})
    return given.model_copy(update={"profile": profile})


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_idle_columns_are_blanked_in_a_script_that_runs(kind: TaskKind, tmp_path: Path) -> None:
    move = next(move for move in MOVES if "shuffled copies" in move.plan)
    recipe = first_recipe(assignment(kind), FAMILIES["lightgbm"])
    assert not move.fits(recipe, assignment(kind))
    changed = move.change(recipe, wide(kind))
    assert recipe_of(render(changed)) == changed != recipe
    assert len(execute(render(changed), assignment(kind), tmp_path)) == 12


def test_rare_classes_weigh_more_where_the_metric_counts_classes_alike(tmp_path: Path) -> None:
    move = next(move for move in MOVES if "rare classes up" in move.plan)
    balanced = assignment("multiclass", Metric(name="balanced_accuracy", direction="maximize", needs="labels"))
    plain = assignment("multiclass", Metric(name="accuracy", direction="maximize", needs="labels"))
    assert not move.fits(first_recipe(plain, FAMILIES["lightgbm"]), plain)
    recipe = with_models(first_recipe(balanced, FAMILIES["lightgbm"]), (ModelPart(name="linear"),))
    source = render(move.change(recipe, balanced))
    assert source.count('class_weight="balanced"') == 2
    assert len(execute(source, balanced, tmp_path)) == 12


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_differences_from_the_median_of_a_category_are_added_in_a_script_that_runs(
    kind: TaskKind, tmp_path: Path
) -> None:
    given = assignment(kind)
    move = next(move for move in MOVES if "same category" in move.plan)
    changed = move.change(first_recipe(given, FAMILIES["lightgbm"]), given)
    check = """
made = enrich().fit_transform(X, y)
name = next(column for column in made if " within " in column)
one, group = name.split(" within ")
assert np.allclose(made[one] - made.groupby(group)[one].transform("median"), made[name], equal_nan=True)
"""
    assert recipe_of(render(changed)) == changed
    assert len(execute(render(changed) + check, given, tmp_path)) == 12


def test_ranks_are_learned_where_the_target_has_a_long_tail(tmp_path: Path) -> None:
    move = next(move for move in MOVES if "ranks of the target" in move.plan)
    recipe = first_recipe(GIVEN, FAMILIES["extra_trees"])
    target = GIVEN.profile.target
    even = GIVEN.model_copy(update={"profile": GIVEN.profile.model_copy(update={"target": _with_skewness(target, 0)})})
    assert not move.fits(recipe, even)
    changed = move.change(recipe, GIVEN)
    check = """
assert np.allclose(to_units(y), known, rtol=1e-3)
assert abs(y.mean()) < 0.2 and abs(np.std(y) - 1) < 0.3
"""
    assert recipe_of(render(changed)) == changed != recipe
    assert len(execute(render(changed) + check, GIVEN, tmp_path)) == 12


def _with_skewness(column: ColumnProfile, skewness: float) -> ColumnProfile:
    return column.model_copy(update={"skewness": skewness})


def test_a_metric_of_ranks_is_met_with_ranks() -> None:
    spearman = assignment(metric=Metric(name="spearman", direction="maximize", needs="values"))
    assert first_recipe(spearman, FAMILIES["linear"]).target.transform == "rank"
