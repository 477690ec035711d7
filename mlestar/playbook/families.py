"""The model families the playbook knows: how each is written, which table it is fed and which data it suits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from mlestar.errors import BadAnswer
from mlestar.playbook.recipe import Parameter, Table

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
    extrapolates: bool = False
    """Its predictions may go far beyond what was seen."""
    kin: str = ""
    """Models of one kin resemble each other; a second solution looks for another kin first."""
    max_rows: int = 10_000_000
    max_columns: int = 100_000
    cost: float = 1.0
    """Seconds of one fit as a multiple of LightGBM's."""
    tunable: tuple[str, ...] = ()
    """Optuna suggestions, one for each parameter that is worth searching."""

    def suits(self, rows: int, columns: int, *, regression: bool, text: bool) -> bool:
        """Whether the family can be trained on a table of this size, with or without columns of text."""
        written = self.regression if regression else self.classification
        fed = text or self.table != "words"
        return bool(written) and fed and rows <= self.max_rows and columns <= self.max_columns

    def seconds(self, rows: int, columns: int, classes: int) -> float:
        """A rough guess of the seconds of one fit on one thread; fitted features take longer."""
        outputs = classes if classes > 2 and self.table in ("native", "enriched") else 1
        quadratic = rows / 1500 if self.kin == "kernel" else 1.0
        fitted = 0.3 if self.table.startswith("enriched") else 0.0
        return fitted + self.cost * (0.2 + 6e-6 * rows * columns * outputs * max(quadratic, 0.2))

    def defaults(self, *, regression: bool) -> Params:
        return {**self.params, **(self.regression_params if regression else self.classification_params)}


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
            table="enriched_codes",
            regression="ExtraTreesRegressor({params})",
            classification="ExtraTreesClassifier({params})",
            regression_imports=("from sklearn.ensemble import ExtraTreesRegressor",),
            classification_imports=("from sklearn.ensemble import ExtraTreesClassifier",),
            params={"n_estimators": 120},
            regression_params={"max_features": 0.5},
            classification_params={"max_features": "sqrt"},
            cost=0.9,
            kin="forest",
            max_rows=60_000,
            max_columns=2000,
            tunable=(
                'max_features=trial.suggest_float("max_features", 0.2, 1.0)',
                'min_samples_leaf=trial.suggest_int("min_samples_leaf", 1, 8)',
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
            cost=0.1,
            kin="linear",
            max_rows=200_000,
            max_columns=20_000,
            extrapolates=True,
        ),
        Family(
            name="svm",
            title="Support vector machine",
            about="Smooth kernel model on scaled numbers and one-hot categories.",
            table="scaled",
            regression=_SCALED_TARGET.format(inner="SVR({params})"),
            classification="CalibratedClassifierCV(SVC({params}), ensemble=False, cv=3)",
            regression_imports=(*_SCALED_IMPORTS, "from sklearn.svm import SVR"),
            classification_imports=(
                "from sklearn.calibration import CalibratedClassifierCV",
                "from sklearn.svm import SVC",
            ),
            params={"gamma": "auto", "cache_size": 300},
            regression_params={"C": 3.0, "epsilon": 0.05},
            classification_params={"C": 5.0},
            seeded=False,
            cost=0.4,
            kin="kernel",
            max_rows=6000,
            extrapolates=True,
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
        Family(
            name="neural_network",
            title="Neural network",
            about="Two dense layers on scaled numbers and one-hot categories; the mean of two starts.",
            table="enriched_scaled",
            regression=_SCALED_TARGET.format(
                inner="BaggingRegressor(\n        MLPRegressor({params}),\n        n_estimators=2,\n"
                "        bootstrap=False,\n        random_state=seed,\n    )"
            ),
            classification="BaggingClassifier(\n    MLPClassifier({params}),\n    n_estimators=2,\n"
            "    bootstrap=False,\n    random_state=seed,\n)",
            regression_imports=(
                *_SCALED_IMPORTS,
                "from sklearn.ensemble import BaggingRegressor",
                "from sklearn.neural_network import MLPRegressor",
            ),
            classification_imports=(
                "from sklearn.ensemble import BaggingClassifier",
                "from sklearn.neural_network import MLPClassifier",
            ),
            params={
                "hidden_layer_sizes": (128, 64),
                "alpha": 0.001,
                "batch_size": 64,
                "max_iter": 60,
                "early_stopping": True,
                "n_iter_no_change": 8,
            },
            seeded=False,
            cost=2.0,
            kin="neural",
            max_rows=100_000,
            extrapolates=True,
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
        Family(
            name="neighbours",
            title="Nearest neighbours",
            about="Distance-weighted mean of the nearest rows.",
            table="scaled",
            regression="KNeighborsRegressor({params})",
            classification="KNeighborsClassifier({params})",
            regression_imports=("from sklearn.neighbors import KNeighborsRegressor",),
            classification_imports=("from sklearn.neighbors import KNeighborsClassifier",),
            params={"n_neighbors": 10, "weights": "distance"},
            seeded=False,
            cost=0.1,
            kin="neighbours",
            max_rows=30_000,
            max_columns=300,
            extrapolates=True,
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
        Family(
            name="discriminant",
            title="Linear discriminant analysis",
            about="Classes as Gaussians of one shape, shrunk.",
            table="scaled",
            classification="LinearDiscriminantAnalysis({params})",
            classification_imports=("from sklearn.discriminant_analysis import LinearDiscriminantAnalysis",),
            params={"solver": "lsqr", "shrinkage": "auto"},
            seeded=False,
            cost=0.1,
            kin="discriminant",
            max_rows=100_000,
            max_columns=150,
        ),
        Family(
            name="gaussian_process",
            title="Gaussian process",
            about="A smooth function with noise; its length scale is learned from the rows.",
            table="enriched_scaled",
            regression=_SCALED_TARGET.format(
                inner="GaussianProcessRegressor(\n        Matern(5.0, nu=1.5) + WhiteKernel(0.2),"
                "\n        {params},\n    )"
            ),
            regression_imports=(
                *_SCALED_IMPORTS,
                "from sklearn.gaussian_process import GaussianProcessRegressor",
                "from sklearn.gaussian_process.kernels import Matern, WhiteKernel",
            ),
            cost=10.0,
            kin="kernel",
            max_rows=2500,
            extrapolates=True,
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
        Family(
            name="svm_enriched",
            title="Support vector machine on fitted features",
            about="Smooth kernel model on scaled numbers, categories and fitted features.",
            table="enriched_scaled",
            regression=_SCALED_TARGET.format(inner="SVR({params})"),
            classification="CalibratedClassifierCV(SVC({params}), ensemble=False, cv=3)",
            regression_imports=(*_SCALED_IMPORTS, "from sklearn.svm import SVR"),
            classification_imports=(
                "from sklearn.calibration import CalibratedClassifierCV",
                "from sklearn.svm import SVC",
            ),
            params={"gamma": "auto", "cache_size": 300},
            regression_params={"C": 3.0, "epsilon": 0.05},
            classification_params={"C": 5.0},
            seeded=False,
            cost=0.5,
            kin="kernel",
            max_rows=6000,
            extrapolates=True,
        ),
        Family(
            name="text_linear",
            title="Linear model of words",
            about="Regularised linear model on the weights of words and letters.",
            table="words",
            regression="Ridge({params})",
            classification="LogisticRegression({params})",
            regression_imports=("from sklearn.linear_model import Ridge",),
            classification_imports=("from sklearn.linear_model import LogisticRegression",),
            regression_params={"alpha": 1.0},
            classification_params={"C": 10.0, "max_iter": 500},
            seeded=False,
            cost=1.0,
            kin="text",
        ),
        Family(
            name="text_bayes",
            title="Naive Bayes of words",
            about="Words as independent signs of each class.",
            table="words",
            classification="ComplementNB({params})",
            classification_imports=("from sklearn.naive_bayes import ComplementNB",),
            params={"alpha": 0.2},
            seeded=False,
            cost=0.5,
            kin="text",
        ),
    )
}

SECOND_LAYER: tuple[Family, ...] = (
    replace(FAMILIES["extra_trees"], name="deep_extra_trees", table="codes", params={"n_estimators": 100}),
    replace(FAMILIES["random_forest"], name="deep_random_forest"),
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

_ALL: dict[str, Family] = {**FAMILIES, **{family.name: family for family in SECOND_LAYER}}


def family_of(model: str) -> Family:
    """The family of a model's name, `lightgbm` for `lightgbm_2`; raises BadAnswer for an unknown one."""
    name = model if model in _ALL else model.rpartition("_")[0]
    if name not in _ALL:
        raise BadAnswer(f"the playbook knows no model {model!r}; it knows {', '.join(FAMILIES)}")
    return _ALL[name]


def family_like(words: str) -> Family | None:
    """The family a person's words name, by its title or its name; None when they name none."""
    text = words.lower().replace("_", " ").replace("-", " ")
    matches = [f for f in FAMILIES.values() if f.title.lower() in text or f.name.replace("_", " ") in text]
    return max(matches, key=lambda family: len(family.title), default=None)
