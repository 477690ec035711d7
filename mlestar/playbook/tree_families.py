"""Families of trees: boosted in several characters, and forests; those of the second layer too."""

from __future__ import annotations

from dataclasses import replace

from mlestar.playbook.family import Family
from mlestar.playbook.recipe import Parameter, Table


def _lightgbm(name: str, title: str, about: str, table: Table = "native", **params: Parameter) -> Family:
    return Family(
        name=name,
        title=title,
        about=about,
        table=table,
        regression="LGBMRegressor({params})",
        classification="LGBMClassifier({params})",
        regression_imports=("from lightgbm import LGBMRegressor",),
        classification_imports=("from lightgbm import LGBMClassifier",),
        params={"n_estimators": 3000, **params, "n_jobs": 1, "verbosity": -1},
        boosted=True,
        class_cost=0.25,
        kin="lightgbm",
        tunable=(
            'learning_rate=trial.suggest_float("learning_rate", 0.02, 0.1, log=True)',
            'num_leaves=trial.suggest_int("num_leaves", 6, 96, log=True)',
            'min_child_samples=trial.suggest_int("min_child_samples", 3, 60, log=True)',
            'colsample_bytree=trial.suggest_float("colsample_bytree", 0.3, 1.0)',
            'subsample=trial.suggest_float("subsample", 0.5, 1.0)',
            'reg_lambda=trial.suggest_float("reg_lambda", 0.01, 20.0, log=True)',
        ),
    )


TREES: tuple[Family, ...] = (
    _lightgbm(
        "lightgbm",
        "LightGBM",
        "Boosted trees grown leaf by leaf, stopped early on the held-out fold.",
        learning_rate=0.05,
        num_leaves=31,
        colsample_bytree=0.9,
        subsample=0.9,
        subsample_freq=1,
    ),
    Family(
        name="extra_trees",
        title="Extra trees",
        about="Deep trees with random thresholds; averaging makes them smooth.",
        table="enriched_codes",
        regression="ExtraTreesRegressor({params})",
        classification="ExtraTreesClassifier({params})",
        regression_imports=("from sklearn.ensemble import ExtraTreesRegressor",),
        classification_imports=("from sklearn.ensemble import ExtraTreesClassifier",),
        params={"n_estimators": 120, "max_features": 0.5},
        cost=0.9,
        kin="forest",
        max_rows=60_000,
        max_columns=2000,
        tunable=(
            'max_features=trial.suggest_float("max_features", 0.2, 1.0)',
            'min_samples_leaf=trial.suggest_int("min_samples_leaf", 1, 8)',
        ),
    ),
    _lightgbm(
        "lightgbm_random",
        "LightGBM with random thresholds",
        "Boosted trees with random thresholds and few columns for each tree.",
        learning_rate=0.04,
        num_leaves=64,
        extra_trees=True,
        colsample_bytree=0.6,
        min_child_samples=10,
        reg_lambda=2.0,
        reg_alpha=1.0,
    ),
    _lightgbm(
        "lightgbm_enriched",
        "LightGBM on fitted features",
        "Small boosted trees, each on a third of the columns and of the fitted features.",
        table="enriched",
        learning_rate=0.03,
        num_leaves=16,
        colsample_bytree=0.35,
        min_child_samples=5,
        subsample=0.8,
        subsample_freq=1,
        reg_lambda=0.5,
        reg_alpha=0.3,
    ),
    Family(
        name="hist_boosting",
        title="Histogram gradient boosting",
        about="Boosted trees on binned columns with a fixed number of rounds.",
        table="codes",
        regression="HistGradientBoostingRegressor({params})",
        classification="HistGradientBoostingClassifier({params})",
        regression_imports=("from sklearn.ensemble import HistGradientBoostingRegressor",),
        classification_imports=("from sklearn.ensemble import HistGradientBoostingClassifier",),
        params={
            "learning_rate": 0.06,
            "max_iter": 250,
            "max_leaf_nodes": 24,
            "l2_regularization": 1.0,
            "early_stopping": False,
        },
        cost=1.0,
        class_cost=1.0,
        kin="boosting",
        max_rows=200_000,
        tunable=(
            'learning_rate=trial.suggest_float("learning_rate", 0.02, 0.15, log=True)',
            'max_leaf_nodes=trial.suggest_int("max_leaf_nodes", 6, 63, log=True)',
            'l2_regularization=trial.suggest_float("l2_regularization", 0.01, 20.0, log=True)',
        ),
    ),
    Family(
        name="random_forest",
        title="Random forest",
        about="Deep trees on bootstrap samples.",
        table="codes",
        regression="RandomForestRegressor({params})",
        classification="RandomForestClassifier({params})",
        regression_imports=("from sklearn.ensemble import RandomForestRegressor",),
        classification_imports=("from sklearn.ensemble import RandomForestClassifier",),
        params={"n_estimators": 80},
        regression_params={"max_features": 0.4, "min_samples_leaf": 2},
        classification_params={"max_features": "sqrt"},
        cost=1.0,
        kin="forest",
        max_rows=60_000,
        max_columns=2000,
    ),
    _lightgbm(
        "lightgbm_small",
        "LightGBM with small trees",
        "Small boosted trees, each on a part of the rows and columns.",
        learning_rate=0.04,
        num_leaves=8,
        colsample_bytree=0.4,
        min_child_samples=5,
        subsample=0.7,
        subsample_freq=1,
    ),
    _lightgbm(
        "lightgbm_enriched_random",
        "LightGBM with random thresholds on fitted features",
        "Boosted trees with random thresholds on the columns and the fitted features.",
        table="enriched",
        learning_rate=0.04,
        num_leaves=32,
        extra_trees=True,
        colsample_bytree=0.45,
        min_child_samples=8,
        subsample=0.9,
        subsample_freq=1,
        reg_lambda=1.0,
    ),
)

_BY_NAME = {family.name: family for family in TREES}

SECOND_LAYER: tuple[Family, ...] = (
    replace(_BY_NAME["extra_trees"], name="deep_extra_trees", table="codes", params={"n_estimators": 100}),
    replace(_BY_NAME["random_forest"], name="deep_random_forest"),
    _lightgbm(
        "deep_lightgbm",
        "LightGBM",
        "Small boosted trees on the features and the predictions of the first layer.",
        learning_rate=0.03,
        num_leaves=12,
        colsample_bytree=0.5,
        min_child_samples=10,
        subsample=0.8,
        subsample_freq=1,
    ),
    _lightgbm(
        "deep_lightgbm_random",
        "LightGBM with random thresholds",
        "Boosted trees with random thresholds on the features and the predictions of the first layer.",
        learning_rate=0.04,
        num_leaves=16,
        extra_trees=True,
        colsample_bytree=0.6,
        min_child_samples=10,
    ),
)
"""Models that are fed the first layer's predictions; they are no starting points."""
