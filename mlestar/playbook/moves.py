"""The moves of refinement: each changes one part of a recipe, says what it does, and knows when it fits."""

from __future__ import annotations

from dataclasses import dataclass

from mlestar.playbook.changes import (
    Change,
    another_character,
    another_family,
    balanced,
    boosted,
    combines,
    counts_classes_alike,
    groups,
    has_categories,
    has_folds,
    has_gaps,
    is_labelled,
    is_probabilistic,
    is_regression,
    long_tailed,
    many_columns,
    mean_targets,
    more_folds,
    more_repeats,
    positive_target,
    tune,
    update,
    where,
)
from mlestar.playbook.recipe import Recipe
from mlestar.records.task import Assignment


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


MOVES: tuple[Move, ...] = (
    Move(
        "feature_engineering",
        "features",
        "Add the mean target of near rows in the pair of columns that tells most together, and combinations of the "
        "strongest columns.",
        where(combines, update("features", neighbours=True, ratios=24)),
    ),
    Move(
        "hyperparameter_tuning",
        "models",
        "Search the parameters of the first tunable model with Optuna on folds of their own.",
        tune,
    ),
    Move(
        "model_change", "models", "Train the next suitable family of another kind beside the present.", another_family
    ),
    Move(
        "bagging",
        "training",
        "Use twice the folds, so that each model sees more rows.",
        where(has_folds, more_folds),
    ),
    Move(
        "encoding",
        "models",
        "Feed boosted trees the mean target of each category, learned from other rows, instead of its code.",
        where(has_categories, mean_targets),
    ),
    Move(
        "regularization",
        "models",
        "Grow small, strongly regularised boosted trees on parts of the columns.",
        boosted(num_leaves=12, min_child_samples=15, reg_lambda=5.0, colsample_bytree=0.4, learning_rate=0.03),
    ),
    Move(
        "bagging",
        "training",
        "Repeat the cross-validation on other splits and average.",
        where(has_folds, more_repeats),
    ),
    Move(
        "feature_engineering",
        "features",
        "Add quotients, products, differences and sums of the strongest columns.",
        where(combines, update("features", ratios=40)),
    ),
    Move(
        "feature_engineering",
        "features",
        "Add by how much the strongest numbers differ from their median among the rows of the same category.",
        where(groups, update("features", groups=4)),
    ),
    Move(
        "target_transform",
        "target",
        "Learn the logarithm of the target.",
        where(positive_target, update("target", transform="log")),
    ),
    Move(
        "target_transform",
        "target",
        "Learn the square root of the target.",
        where(positive_target, update("target", transform="sqrt")),
    ),
    Move(
        "target_transform",
        "target",
        "Learn the ranks of the target, as quantiles of a normal distribution.",
        where(long_tailed, update("target", transform="rank")),
    ),
    Move("target_transform", "target", "Learn the target as it is.", update("target", transform="none")),
    Move(
        "encoding",
        "encoding",
        "Add how often each category occurs.",
        where(has_categories, update("encoding", categories="frequency", rare=1)),
    ),
    Move(
        "encoding",
        "encoding",
        "Treat rare categories as one.",
        where(has_categories, update("encoding", categories="codes", rare=5)),
    ),
    Move(
        "feature_engineering",
        "features",
        "Count the missing values of each row.",
        where(has_gaps, update("features", missing_count=True)),
    ),
    Move(
        "feature_selection",
        "features",
        "Drop columns that hardly vary or repeat another column.",
        update("features", drop_redundant=True),
    ),
    Move(
        "feature_selection",
        "features",
        "Blank the columns that boosted trees find no more useful than shuffled copies of them.",
        where(many_columns, update("features", informative=True)),
    ),
    Move(
        "regularization",
        "models",
        "Weigh the rows of rare classes up, so that every class counts as much.",
        where(counts_classes_alike, balanced),
    ),
    Move("model_change", "models", "Train LightGBM in another character beside the present models.", another_character),
    Move(
        "post_processing",
        "submission",
        "Shift predictions by a constant that is best out of fold.",
        where(is_regression, update("submission", post="shift")),
    ),
    Move(
        "post_processing",
        "submission",
        "Sharpen or soften the probabilities by an exponent that is best out of fold.",
        where(is_probabilistic, update("submission", post="temperature")),
    ),
    Move(
        "post_processing",
        "submission",
        "Weigh the classes by factors that are best for the metric out of fold.",
        where(is_labelled, update("submission", post="thresholds")),
    ),
    Move(
        "regularization",
        "models",
        "Grow larger boosted trees at a slower rate.",
        boosted(num_leaves=63, learning_rate=0.02, min_child_samples=10),
    ),
)
"""In the order in which they usually pay."""
