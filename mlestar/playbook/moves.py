"""The moves of refinement: each changes one part of a recipe, says what it does, and knows when it fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mlestar.playbook.families import family_of
from mlestar.playbook.initialization import suited_families, with_models
from mlestar.playbook.recipe import ModelPart, Recipe, TuningPart
from mlestar.records.base import Record
from mlestar.records.task import Assignment

Change = Callable[[Recipe, Assignment], Recipe]


@dataclass(frozen=True)
class Move:
    """One way to improve a script."""

    focus: str
    section: str
    """The section that is rewritten."""
    plan: str
    """What it does, in a sentence; unique among the moves."""
    change: Change
    """The recipe changed; the same recipe when the move does not fit."""

    def fits(self, recipe: Recipe, given: Assignment) -> bool:
        return self.change(recipe, given) != recipe


def _update(section: str, **values: object) -> Change:
    """Set fields of one part."""

    def change(recipe: Recipe, _: Assignment) -> Recipe:
        part: Record = getattr(recipe, section)
        return recipe.model_copy(update={section: part.model_copy(update=values)})

    return change


def _log_target(recipe: Recipe, given: Assignment) -> Recipe:
    minimum = given.profile.target.minimum
    if recipe.data.kind != "regression" or minimum is None or minimum < 0:
        return recipe
    return _update("target", transform="log")(recipe, given)


def _plain_target(recipe: Recipe, given: Assignment) -> Recipe:
    return _update("target", transform="none")(recipe, given)


def _has_categories(given: Assignment) -> bool:
    return any(column.kind == "categorical" for column in given.profile.columns)


def _encode(categories: str, rare: int) -> Change:
    def change(recipe: Recipe, given: Assignment) -> Recipe:
        if not _has_categories(given):
            return recipe
        return _update("encoding", categories=categories, rare=rare)(recipe, given)

    return change


def _count_missing(recipe: Recipe, given: Assignment) -> Recipe:
    if not any(column.missing_share > 0 for column in given.profile.columns):
        return recipe
    return _update("features", missing_count=True)(recipe, given)


def _tune(recipe: Recipe, given: Assignment) -> Recipe:
    tunable = [model.name for model in recipe.models.models if family_of(model.name).tunable]
    if not tunable or recipe.tuning is not None:
        return recipe
    return recipe.model_copy(update={"tuning": TuningPart(model=tunable[0])})


def _more_folds(recipe: Recipe, given: Assignment) -> Recipe:
    folds = min(10, recipe.training.folds * 2)
    return _update("training", folds=folds)(recipe, given)


def _more_repeats(recipe: Recipe, given: Assignment) -> Recipe:
    return _update("training", repeats=min(8, recipe.training.repeats + 2))(recipe, given)


def _another_family(recipe: Recipe, given: Assignment) -> Recipe:
    present = {family_of(name).name for name in recipe.model_names}
    for family in suited_families(given):
        if family.name not in present:
            return with_models(recipe, (ModelPart(name=family.name),))
    return recipe


_REGULAR = {"num_leaves": 15, "min_child_samples": 20, "reg_lambda": 5.0, "colsample_bytree": 0.5}


def _regularize(recipe: Recipe, given: Assignment) -> Recipe:
    models = tuple(
        model.model_copy(update={"params": {**model.params, **_REGULAR}})
        if family_of(model.name).kin == "lightgbm"
        else model
        for model in recipe.models.models
    )
    return _update("models", models=models)(recipe, given)


MOVES: tuple[Move, ...] = (
    Move(
        "hyperparameter_tuning",
        "models",
        "Search the parameters of the first tunable model with Optuna on folds of their own.",
        _tune,
    ),
    Move("bagging", "training", "Use twice the folds, so that each model sees more rows.", _more_folds),
    Move("bagging", "training", "Repeat the cross-validation on other splits and average.", _more_repeats),
    Move("model_change", "models", "Train the next suitable model family beside the present ones.", _another_family),
    Move("regularization", "models", "Grow smaller, more strongly regularised boosted trees.", _regularize),
    Move("target_transform", "target", "Learn the logarithm of the target.", _log_target),
    Move("target_transform", "target", "Learn the target as it is.", _plain_target),
    Move("encoding", "encoding", "Add how often each category occurs.", _encode("frequency", 1)),
    Move("encoding", "encoding", "Treat rare categories as one.", _encode("codes", 5)),
    Move("feature_engineering", "features", "Count the missing values of each row.", _count_missing),
)
