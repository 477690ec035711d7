"""What a move may do to a recipe, and the conditions under which it fits."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping

from mlestar.playbook.columns import count_of
from mlestar.playbook.families import family_of
from mlestar.playbook.initialization import first_model, possible_folds, suited_families, with_models
from mlestar.playbook.metrics import metric_key
from mlestar.playbook.recipe import ModelsPart, Parameter, Recipe, TuningPart
from mlestar.records.base import Record
from mlestar.records.task import Assignment

TUNING_FOLDS = 4
"""Parameters are compared on so many folds."""
ALONE_TUNING, SHARED_TUNING = 0.5, 0.2
"""Share of a script's time for the search of the parameters of its only model, or of one of several."""

Change = Callable[[Recipe, Assignment], Recipe]
"""The recipe changed; the same recipe where the change does not fit."""


def update(section: str, **values: object) -> Change:
    """Set fields of one part."""

    def change(recipe: Recipe, _: Assignment) -> Recipe:
        part: Record = getattr(recipe, section)
        return recipe.model_copy(update={section: part.model_copy(update=values)})

    return change


def where(condition: Callable[[Recipe, Assignment], bool], change: Change) -> Change:
    """The change where the condition holds; otherwise none."""
    return lambda recipe, given: change(recipe, given) if condition(recipe, given) else recipe


def positive_target(recipe: Recipe, given: Assignment) -> bool:
    """Whether the target is a number that is never negative."""
    minimum = given.profile.target.minimum
    return recipe.data.kind == "regression" and minimum is not None and minimum >= 0


def long_tailed(recipe: Recipe, given: Assignment) -> bool:
    """Whether the target has a long tail."""
    return recipe.data.kind == "regression" and abs(given.profile.target.skewness or 0.0) > 1


def _fed_fitted_features(recipe: Recipe, _: Assignment) -> bool:
    tables = [model.table or family_of(model.name).table for model in recipe.models.models]
    return any(table.startswith("enriched") for table in tables)


def combines(recipe: Recipe, given: Assignment) -> bool:
    """Whether columns can be combined, and there are models that are fed what is fitted."""
    fed, few = _fed_fitted_features(recipe, given), given.profile.train_rows <= 200_000
    return fed and few and count_of(given, "numeric") >= 2


def groups(recipe: Recipe, given: Assignment) -> bool:
    """Whether numbers can be compared within categories."""
    return combines(recipe, given) and has_categories(recipe, given)


def has_gaps(recipe: Recipe, given: Assignment) -> bool:
    """Whether any column has missing values."""
    return any(column.missing_share > 0 for column in given.profile.columns)


def has_categories(recipe: Recipe, given: Assignment) -> bool:
    """Whether any column holds categories."""
    return count_of(given, "categorical") > 0


def tune(recipe: Recipe, given: Assignment) -> Recipe:
    """Search the parameters of the first tunable model, in less time where other models are trained too."""
    tunable = [model.name for model in recipe.models.models if family_of(model.name).tunable]
    if not tunable or recipe.tuning is not None or possible_folds(given) < TUNING_FOLDS:
        return recipe
    share = SHARED_TUNING if len(recipe.models.models) > 1 else ALONE_TUNING
    return recipe.model_copy(update={"tuning": TuningPart(model=tunable[0], share=share)})


def has_folds(recipe: Recipe, _: Assignment) -> bool:
    """Whether models are judged by cross-validation."""
    return not recipe.training.held_out


def more_folds(recipe: Recipe, given: Assignment) -> Recipe:
    """Twice the folds, ten at most."""
    folds = recipe.training.folds
    more = min(10, folds * 2, possible_folds(given))
    return update("training", folds=max(folds, more))(recipe, given)


def more_repeats(recipe: Recipe, given: Assignment) -> Recipe:
    """Two more repeats of the cross-validation, eight at most."""
    return update("training", repeats=min(8, recipe.training.repeats + 2))(recipe, given)


def another_family(recipe: Recipe, given: Assignment) -> Recipe:
    """The next suitable family of a kin that is not present."""
    kin = {family_of(name).kin for name in recipe.model_names}
    for family in suited_families(given):
        if family.kin not in kin:
            return with_models(recipe, (first_model(given, family),))
    return recipe


def another_character(recipe: Recipe, given: Assignment) -> Recipe:
    """LightGBM in the next character that is not present."""
    present = {family_of(name).name for name in recipe.model_names}
    for family in suited_families(given):
        if family.kin == "lightgbm" and family.name not in present:
            return with_models(recipe, (first_model(given, family),))
    return recipe


def boosted(**params: Parameter) -> Change:
    """Other parameters for every model of LightGBM."""
    return lambda recipe, _: _with_params(recipe, ("lightgbm",), params)


def _with_params(recipe: Recipe, kin: Container[str], params: Mapping[str, Parameter]) -> Recipe:
    models = tuple(
        model.model_copy(update={"params": {**model.params, **params}}) if family_of(model.name).kin in kin else model
        for model in recipe.models.models
    )
    return recipe.model_copy(update={"models": ModelsPart(models=models)})


def many_columns(recipe: Recipe, given: Assignment) -> bool:
    """Whether there are enough columns for some to be idle, and models that are fed what is fitted."""
    fed = _fed_fitted_features(recipe, given)
    return fed and count_of(given, "numeric") + count_of(given, "categorical") >= 12


def counts_classes_alike(recipe: Recipe, _: Assignment) -> bool:
    """Whether the metric counts rare classes as much as frequent ones."""
    alike = metric_key(recipe.metric.name) in ("balancedaccuracy", "f1macro", "f1", "f1binary")
    return recipe.data.kind != "regression" and alike


def balanced(recipe: Recipe, _: Assignment) -> Recipe:
    """Rows of rare classes weigh more in every model that can weigh rows."""
    return _with_params(recipe, ("lightgbm", "forest", "boosting", "linear"), {"class_weight": "balanced"})


def mean_targets(recipe: Recipe, given: Assignment) -> Recipe:
    """Boosted trees are fed mean targets in place of codes."""
    models = tuple(
        model.model_copy(update={"table": "enriched_codes"})
        if (model.table or family_of(model.name).table) in ("native", "enriched")
        else model
        for model in recipe.models.models
    )
    return update("models", models=models)(recipe, given)


def is_regression(recipe: Recipe, _: Assignment) -> bool:
    """Whether numbers are predicted."""
    return recipe.data.kind == "regression"


def is_probabilistic(recipe: Recipe, _: Assignment) -> bool:
    """Whether probabilities are predicted."""
    return recipe.data.kind != "regression" and recipe.metric.needs == "probabilities"


def is_labelled(recipe: Recipe, _: Assignment) -> bool:
    """Whether labels are predicted, and the metric is to be made large."""
    return recipe.metric.needs == "labels" and recipe.metric.direction == "maximize"
