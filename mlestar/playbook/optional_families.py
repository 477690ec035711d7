"""Boosted trees of libraries that a user may have installed; suited only where scripts can import them."""

from __future__ import annotations

from mlestar.playbook.family import Family

OPTIONAL: tuple[Family, ...] = (
    Family(
        name="catboost",
        title="CatBoost",
        about="Boosted symmetric trees of CatBoost, stopped early on the held-out fold.",
        table="native",
        regression="CatBoostRegressor({params})",
        classification="CatBoostClassifier({params})",
        imports=("from catboost import CatBoost",),
        regression_imports=("from catboost import CatBoostRegressor",),
        classification_imports=("from catboost import CatBoostClassifier",),
        params={
            "iterations": 2000,
            "learning_rate": 0.05,
            "depth": 6,
            "l2_leaf_reg": 3.0,
            "thread_count": 1,
            "verbose": False,
            "allow_writing_files": False,
        },
        boosted=True,
        kin="catboost",
        cost=3.0,
        class_cost=1.0,
        requires="catboost",
        tunable=(
            'learning_rate=trial.suggest_float("learning_rate", 0.02, 0.15, log=True)',
            'depth=trial.suggest_int("depth", 4, 8)',
            'l2_leaf_reg=trial.suggest_float("l2_leaf_reg", 1.0, 20.0, log=True)',
        ),
    ),
    Family(
        name="xgboost",
        title="XGBoost",
        about="Boosted trees of XGBoost grown level by level, stopped early on the held-out fold.",
        table="native",
        regression="XGBRegressor({params})",
        classification="XGBClassifier({params})",
        imports=("from xgboost import XGBModel", "from xgboost.callback import TrainingCallback"),
        regression_imports=("from xgboost import XGBRegressor",),
        classification_imports=("from xgboost import XGBClassifier",),
        params={
            "n_estimators": 3000,
            "learning_rate": 0.05,
            "max_depth": 6,
            "min_child_weight": 3,
            "subsample": 0.8,
            "colsample_bytree": 0.7,
            "early_stopping_rounds": 60,
            "n_jobs": 1,
        },
        boosted=True,
        kin="xgboost",
        cost=1.5,
        class_cost=1.0,
        requires="xgboost",
        tunable=(
            'learning_rate=trial.suggest_float("learning_rate", 0.02, 0.15, log=True)',
            'max_depth=trial.suggest_int("max_depth", 3, 9)',
            'min_child_weight=trial.suggest_float("min_child_weight", 1.0, 20.0, log=True)',
            'colsample_bytree=trial.suggest_float("colsample_bytree", 0.3, 1.0)',
            'reg_lambda=trial.suggest_float("reg_lambda", 0.1, 20.0, log=True)',
        ),
    ),
)
