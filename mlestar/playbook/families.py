"""The model families the playbook knows: how each is written, which table it is fed and which data it suits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from mlestar.errors import BadAnswer
from mlestar.playbook.recipe import Parameter

Table = Literal["native", "codes", "scaled"]
Params = dict[str, Parameter]


@dataclass(frozen=True)
class Family:
    """A model family in one character; `{params}` in an expression stands for its parameters."""

    name: str
    title: str
    """Starts with a capital; what a person calls it."""
    about: str
    """One line that becomes the docstring of the function that builds the model."""
    table: Table
    regression: str = ""
    classification: str = ""
    imports: tuple[str, ...] = ()
    regression_imports: tuple[str, ...] = ()
    classification_imports: tuple[str, ...] = ()
    params: Params = field(default_factory=dict)
    regression_params: Params = field(default_factory=dict)
    classification_params: Params = field(default_factory=dict)
    seeded: bool = True
    boosted: bool = False
    """Stops early on the held-out fold."""
    kin: str = ""
    """Models of one kin resemble each other; a second solution looks for another kin first."""
    max_rows: int = 10_000_000
    max_columns: int = 100_000
    tunable: tuple[str, ...] = ()
    """Optuna suggestions, one for each parameter that is worth searching."""

    def suits(self, rows: int, columns: int, *, regression: bool) -> bool:
        """Whether the family can be trained on a table of this size."""
        written = self.regression if regression else self.classification
        return bool(written) and rows <= self.max_rows and columns <= self.max_columns

    def defaults(self, *, regression: bool) -> Params:
        return {**self.params, **(self.regression_params if regression else self.classification_params)}


def _lightgbm(name: str, title: str, about: str, **params: Parameter) -> Family:
    return Family(
        name=name,
        title=title,
        about=about,
        table="native",
        regression="LGBMRegressor({params})",
        classification="LGBMClassifier({params})",
        regression_imports=("from lightgbm import LGBMRegressor",),
        classification_imports=("from lightgbm import LGBMClassifier",),
        params={"n_estimators": 3000, **params, "n_jobs": 1, "verbosity": -1},
        boosted=True,
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


_SCALED_TARGET = "TransformedTargetRegressor(\n    {inner},\n    transformer=StandardScaler(),\n)"
_SCALED_IMPORTS = (
    "from sklearn.compose import TransformedTargetRegressor",
    "from sklearn.preprocessing import StandardScaler",
)


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
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
            table="codes",
            regression="ExtraTreesRegressor({params})",
            classification="ExtraTreesClassifier({params})",
            regression_imports=("from sklearn.ensemble import ExtraTreesRegressor",),
            classification_imports=("from sklearn.ensemble import ExtraTreesClassifier",),
            params={"n_estimators": 300},
            regression_params={"max_features": 0.7},
            classification_params={"max_features": "sqrt", "min_samples_leaf": 1},
            kin="forest",
            max_rows=60_000,
            max_columns=2000,
            tunable=(
                'max_features=trial.suggest_float("max_features", 0.2, 1.0)',
                'min_samples_leaf=trial.suggest_int("min_samples_leaf", 1, 8)',
            ),
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
            kin="boosting",
            tunable=(
                'learning_rate=trial.suggest_float("learning_rate", 0.02, 0.15, log=True)',
                'max_leaf_nodes=trial.suggest_int("max_leaf_nodes", 6, 63, log=True)',
                'l2_regularization=trial.suggest_float("l2_regularization", 0.01, 20.0, log=True)',
            ),
        ),
        Family(
            name="linear",
            title="Linear model",
            about="Regularised linear model on scaled numbers and one-hot categories.",
            table="scaled",
            regression="RidgeCV({params})",
            classification="LogisticRegression({params})",
            regression_imports=("from sklearn.linear_model import RidgeCV",),
            classification_imports=("from sklearn.linear_model import LogisticRegression",),
            regression_params={"alphas": (1, 3, 10, 30, 100, 300)},
            classification_params={"C": 0.5, "max_iter": 1000},
            seeded=False,
            kin="linear",
            max_columns=20_000,
        ),
    )
}


def family_of(model: str) -> Family:
    """The family of a model's name, `lightgbm` for `lightgbm_2`; raises BadAnswer for an unknown one."""
    name = model if model in FAMILIES else model.rpartition("_")[0]
    if name not in FAMILIES:
        raise BadAnswer(f"the playbook knows no model {model!r}; it knows {', '.join(FAMILIES)}")
    return FAMILIES[name]


def family_like(words: str) -> Family | None:
    """The family a person's words name, by its title or its name; None when they name none."""
    text = words.lower().replace("_", " ").replace("-", " ")
    matches = [f for f in FAMILIES.values() if f.title.lower() in text or f.name.replace("_", " ") in text]
    return max(matches, key=lambda family: len(family.title), default=None)
