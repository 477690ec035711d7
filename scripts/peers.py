"""Other tools on one split: run by the interpreter of their own environment, so they are never dependencies.

  python peers.py TOOL FOLDER TARGET KIND METRIC SECONDS SEED [ID_COLUMN]

Reads train.csv and test.csv of FOLDER and writes submission.csv there: values, labels or probabilities by METRIC,
in the columns of sample_submission.csv. METRIC is the tool-neutral name of mlestar.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

AUTOGLUON_METRICS = {
    "rmse": "root_mean_squared_error",
    "rmsle": "root_mean_squared_error",
    "mae": "mean_absolute_error",
}
FLAML_METRICS = {"rmsle": "rmse", "f1_macro": "macro_f1", "f1_micro": "micro_f1"}


@dataclass
class Split:
    """A split as every tool gets it."""

    folder: Path
    target: str
    kind: str
    metric: str
    seconds: float
    seed: int
    id_column: str

    def __post_init__(self) -> None:
        drop = [self.id_column] if self.id_column else []
        self.train = pd.read_csv(self.folder / "train.csv").drop(columns=drop)
        self.test = pd.read_csv(self.folder / "test.csv").drop(columns=drop)
        if self.metric == "rmsle":
            self.train[self.target] = np.log1p(self.train[self.target])

    @property
    def encoded(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Both tables in numbers: categories as codes, gaps kept."""
        x = self.train.drop(columns=self.target)
        xt = self.test.reindex(columns=x.columns).copy()
        for column in x.columns[x.dtypes.map(lambda kind: not pd.api.types.is_numeric_dtype(kind))]:
            levels = x[column].dropna().unique()
            x[column] = pd.Categorical(x[column], levels).codes
            xt[column] = pd.Categorical(xt[column], levels).codes
        names = [f"c{number}" for number in range(x.shape[1])]
        return x.set_axis(names, axis=1), xt.set_axis(names, axis=1)


def lightgbm(split: Split) -> tuple[Any, Any]:
    from lightgbm import LGBMClassifier, LGBMRegressor

    model = (LGBMRegressor if split.kind == "regression" else LGBMClassifier)(
        verbosity=-1, n_jobs=2, random_state=split.seed
    )
    return _fitted(model, split)


def forest(split: Split) -> tuple[Any, Any]:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    kind = RandomForestRegressor if split.kind == "regression" else RandomForestClassifier
    model = kind(500, min_samples_leaf=2, n_jobs=2, random_state=split.seed)
    return _fitted(make_pipeline(SimpleImputer(strategy="median"), model), split)


def _fitted(model: Any, split: Split) -> tuple[Any, Any]:
    x, xt = split.encoded
    model.fit(x, split.train[split.target])
    if split.kind == "regression":
        return model.predict(xt), None
    return model.predict_proba(xt), model.classes_


def flaml(split: Split) -> tuple[Any, Any]:
    from flaml import AutoML

    x, xt = split.encoded
    tool = AutoML()
    tool.fit(
        x,
        split.train[split.target],
        task="regression" if split.kind == "regression" else "classification",
        metric=FLAML_METRICS.get(split.metric, split.metric),
        time_budget=split.seconds,
        n_jobs=2,
        seed=split.seed,
        verbose=0,
    )
    if split.kind == "regression":
        return tool.predict(xt), None
    return tool.predict_proba(xt), tool.classes_


def autogluon(split: Split, presets: str) -> tuple[Any, Any]:
    from autogluon.tabular import TabularPredictor

    place = split.folder / f"autogluon-{presets}"
    tool = TabularPredictor(
        split.target,
        problem_type=split.kind,
        eval_metric=AUTOGLUON_METRICS.get(split.metric, split.metric),
        path=str(place),
        verbosity=0,
    )
    tool.fit(split.train, time_limit=split.seconds, presets=presets, num_cpus=2)
    try:
        if split.kind == "regression":
            return tool.predict(split.test).to_numpy(), None
        table = tool.predict_proba(split.test)
        return table.to_numpy(), np.asarray(table.columns)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def submission(split: Split, prediction: Any, classes: Any) -> pd.DataFrame:
    """The prediction in the columns of the sample submission."""
    made = pd.read_csv(split.folder / "sample_submission.csv")
    columns = [column for column in made.columns if column != split.id_column]
    if split.id_column:
        made[split.id_column] = pd.read_csv(split.folder / "test.csv")[split.id_column]
    if classes is None:
        made[columns[0]] = np.expm1(prediction) if split.metric == "rmsle" else prediction
    elif len(columns) > 1:
        table = pd.DataFrame(prediction, columns=[str(label) for label in classes])
        made[columns] = table.reindex(columns=columns).to_numpy()
    elif split.metric in ("log_loss", "roc_auc", "pr_auc", "brier", "gini"):
        made[columns[0]] = prediction[:, 1]
    else:
        made[columns[0]] = np.asarray(classes)[prediction.argmax(axis=1)]
    return made


TOOLS = {
    "lightgbm": lightgbm,
    "forest": forest,
    "flaml": flaml,
    "autogluon-best": lambda split: autogluon(split, "best_quality"),
    "autogluon-medium": lambda split: autogluon(split, "medium_quality"),
}


def main() -> None:
    tool, folder, target, kind, metric, seconds, seed, *rest = sys.argv[1:]
    split = Split(Path(folder), target, kind, metric, float(seconds), int(seed), rest[0] if rest else "")
    prediction, classes = TOOLS[tool](split)
    submission(split, prediction, classes).to_csv(split.folder / "submission.csv", index=False)


if __name__ == "__main__":
    main()
