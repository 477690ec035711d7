"""What an engineer is told of a task and of the conditions scripts are executed under."""

from __future__ import annotations

from importlib import metadata

from mlestar.records.settings import Settings
from mlestar.records.task import Assignment, Task

LIBRARIES: tuple[str, ...] = (
    "numpy",
    "pandas",
    "scikit-learn",
    "scipy",
    "lightgbm",
    "optuna",
    "xgboost",
    "xgboost-cpu",
    "catboost",
    "statsmodels",
    "category-encoders",
    "imbalanced-learn",
    "torch",
    "torchvision",
    "transformers",
    "sentence-transformers",
    "tensorflow",
    "nltk",
    "spacy",
    "pillow",
    "opencv-python",
    "pyarrow",
    "polars",
    "joblib",
)
"""Distributions a script may want; those that are installed are named to the engineer."""


def assignment_for(task: Task, settings: Settings, threads: int, script_seconds: float) -> Assignment:
    """The task as every question tells it."""
    return Assignment(
        description=task.description,
        kind=task.kind,
        target=task.target,
        metric=task.metric,
        submission=task.submission,
        profile=task.profile,
        scoring=task.scoring,
        script_seconds=script_seconds,
        threads=threads,
        libraries=installed_libraries(),
        seed=settings.seed,
    )


def installed_libraries() -> tuple[str, ...]:
    """The libraries that scripts can import here, each as `name version`."""
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return tuple(found)
