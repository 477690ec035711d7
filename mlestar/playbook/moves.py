"""The moves of refinement: each changes one part of a recipe, says what it does, and knows when it fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mlestar.playbook.families import family_of
from mlestar.playbook.initialization import first_model, possible_folds, suited_families, with_models
from mlestar.playbook.metrics import metric_key
from mlestar.playbook.recipe import Parameter, Recipe, TuningPart
from mlestar.records.base import Record
from mlestar.records.task import Assignment

TUNING_FOLDS = 4
"""Parameters are compared on so many folds."""

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


def _count(given: Assignment, kind: str) -> int:
    return sum(column.kind == kind for column in given.profile.columns)


def _where(condition: Callable[[Recipe, Assignment], bool], change: Change) -> Change:
    """The change where the condition holds; otherwise none."""
    return lambda recipe, given: change(recipe, given) if condition(recipe, given) else recipe


def _positive_target(recipe: Recipe, given: Assignment) -> bool:
    minimum = given.profile.target.minimum
    return recipe.data.kind == "regression" and minimum is not None and minimum >= 0


def _fed_fitted_features(recipe: Recipe, _: Assignment) -> bool:
    tables = [model.table or family_of(model.name).table for model in recipe.models.models]
    return any(table.startswith("enriched") for table in tables)


def _combines(recipe: Recipe, given: Assignment) -> bool:
    fed, few = _fed_fitted_features(recipe, given), given.profile.train_rows <= 200_000
    return fed and few and _count(given, "numeric") >= 2


def _groups(recipe: Recipe, given: Assignment) -> bool:
    return _combines(recipe, given) and _has_categories(recipe, given)


def _has_gaps(recipe: Recipe, given: Assignment) -> bool:
    return any(column.missing_share > 0 for column in given.profile.columns)


def _has_categories(recipe: Recipe, given: Assignment) -> bool:
    return _count(given, "categorical") > 0


def _tune(recipe: Recipe, given: Assignment) -> Recipe:
    tunable = [model.name for model in recipe.models.models if family_of(model.name).tunable]
    if not tunable or recipe.tuning is not None or possible_folds(given) < TUNING_FOLDS:
        return recipe
    return recipe.model_copy(update={"tuning": TuningPart(model=tunable[0])})


def _has_folds(recipe: Recipe, _: Assignment) -> bool:
    return not recipe.training.held_out


def _more_folds(recipe: Recipe, given: Assignment) -> Recipe:
    folds = recipe.training.folds
    more = min(10, folds * 2, possible_folds(given))
    return _update("training", folds=max(folds, more))(recipe, given)


def _more_repeats(recipe: Recipe, given: Assignment) -> Recipe:
    return _update("training", repeats=min(8, recipe.training.repeats + 2))(recipe, given)


def _another_family(recipe: Recipe, given: Assignment) -> Recipe:
    kin = {family_of(name).kin for name in recipe.model_names}
    for family in suited_families(given):
        if family.kin not in kin:
            return with_models(recipe, (first_model(given, family),))
    return recipe


def _another_character(recipe: Recipe, given: Assignment) -> Recipe:
    present = {family_of(name).name for name in recipe.model_names}
    for family in suited_families(given):
        if family.kin == "lightgbm" and family.name not in present:
            return with_models(recipe, (first_model(given, family),))
    return recipe


def _boosted(**params: Parameter) -> Change:
    """Other parameters for every model of LightGBM."""

    def change(recipe: Recipe, given: Assignment) -> Recipe:
        models = tuple(
            model.model_copy(update={"params": {**model.params, **params}})
            if family_of(model.name).kin == "lightgbm"
            else model
            for model in recipe.models.models
        )
        return _update("models", models=models)(recipe, given)

    return change


def _many_columns(recipe: Recipe, given: Assignment) -> bool:
    """Whether there are enough columns for some to be idle, and models that are fed what is fitted."""
    fed = _fed_fitted_features(recipe, given)
    return fed and _count(given, "numeric") + _count(given, "categorical") >= 12


def _counts_classes_alike(recipe: Recipe, _: Assignment) -> bool:
    alike = metric_key(recipe.metric.name) in ("balancedaccuracy", "f1macro", "f1", "f1binary")
    return recipe.data.kind != "regression" and alike


def _balanced(recipe: Recipe, given: Assignment) -> Recipe:
    models = tuple(
        model.model_copy(update={"params": {**model.params, "class_weight": "balanced"}})
        if family_of(model.name).kin in ("lightgbm", "forest", "boosting", "linear")
        else model
        for model in recipe.models.models
    )
    return _update("models", models=models)(recipe, given)


def _mean_targets(recipe: Recipe, given: Assignment) -> Recipe:
    models = tuple(
        model.model_copy(update={"table": "enriched_codes"})
        if (model.table or family_of(model.name).table) in ("native", "enriched")
        else model
        for model in recipe.models.models
    )
    return _update("models", models=models)(recipe, given)


def _is_regression(recipe: Recipe, _: Assignment) -> bool:
    return recipe.data.kind == "regression"


def _is_probabilistic(recipe: Recipe, _: Assignment) -> bool:
    return recipe.data.kind != "regression" and recipe.metric.needs == "probabilities"


def _is_labelled(recipe: Recipe, _: Assignment) -> bool:
    return recipe.metric.needs == "labels" and recipe.metric.direction == "maximize"


MOVES: tuple[Move, ...] = (
    Move(
        "feature_engineering",
        "features",
        "Add the mean target of near rows in the pair of columns that tells most together, and combinations of the "
        "strongest columns.",
        _where(_combines, _update("features", neighbours=True, ratios=24)),
    ),
    Move(
        "hyperparameter_tuning",
        "models",
        "Search the parameters of the first tunable model with Optuna on folds of their own.",
        _tune,
    ),
    Move(
        "model_change", "models", "Train the next suitable family of another kind beside the present.", _another_family
    ),
    Move(
        "bagging",
        "training",
        "Use twice the folds, so that each model sees more rows.",
        _where(_has_folds, _more_folds),
    ),
    Move(
        "encoding",
        "models",
        "Feed boosted trees the mean target of each category, learned from other rows, instead of its code.",
        _where(_has_categories, _mean_targets),
    ),
    Move(
        "regularization",
        "models",
        "Grow small, strongly regularised boosted trees on parts of the columns.",
        _boosted(num_leaves=12, min_child_samples=15, reg_lambda=5.0, colsample_bytree=0.4, learning_rate=0.03),
    ),
    Move(
        "bagging",
        "training",
        "Repeat the cross-validation on other splits and average.",
        _where(_has_folds, _more_repeats),
    ),
    Move(
        "feature_engineering",
        "features",
        "Add quotients, products, differences and sums of the strongest columns.",
        _where(_combines, _update("features", ratios=40)),
    ),
    Move(
        "feature_engineering",
        "features",
        "Add by how much the strongest numbers differ from their median among the rows of the same category.",
        _where(_groups, _update("features", groups=4)),
    ),
    Move(
        "target_transform",
        "target",
        "Learn the logarithm of the target.",
        _where(_positive_target, _update("target", transform="log")),
    ),
    Move(
        "target_transform",
        "target",
        "Learn the square root of the target.",
        _where(_positive_target, _update("target", transform="sqrt")),
    ),
    Move("target_transform", "target", "Learn the target as it is.", _update("target", transform="none")),
    Move(
        "encoding",
        "encoding",
        "Add how often each category occurs.",
        _where(_has_categories, _update("encoding", categories="frequency", rare=1)),
    ),
    Move(
        "encoding",
        "encoding",
        "Treat rare categories as one.",
        _where(_has_categories, _update("encoding", categories="codes", rare=5)),
    ),
    Move(
        "feature_engineering",
        "features",
        "Count the missing values of each row.",
        _where(_has_gaps, _update("features", missing_count=True)),
    ),
    Move(
        "feature_selection",
        "features",
        "Drop columns that hardly vary or repeat another column.",
        _update("features", drop_redundant=True),
    ),
    Move(
        "feature_selection",
        "features",
        "Blank the columns that boosted trees find no more useful than shuffled copies of them.",
        _where(_many_columns, _update("features", informative=True)),
    ),
    Move(
        "regularization",
        "models",
        "Weigh the rows of rare classes up, so that every class counts as much.",
        _where(_counts_classes_alike, _balanced),
    ),
    Move(
        "model_change", "models", "Train LightGBM in another character beside the present models.", _another_character
    ),
    Move(
        "post_processing",
        "submission",
        "Shift predictions by a constant that is best out of fold.",
        _where(_is_regression, _update("submission", post="shift")),
    ),
    Move(
        "post_processing",
        "submission",
        "Sharpen or soften the probabilities by an exponent that is best out of fold.",
        _where(_is_probabilistic, _update("submission", post="temperature")),
    ),
    Move(
        "post_processing",
        "submission",
        "Weigh the classes by factors that are best for the metric out of fold.",
        _where(_is_labelled, _update("submission", post="thresholds")),
    ),
    Move(
        "regularization",
        "models",
        "Grow larger boosted trees at a slower rate.",
        _boosted(num_leaves=63, learning_rate=0.02, min_child_samples=10),
    ),
)
"""In the order in which they usually pay."""
