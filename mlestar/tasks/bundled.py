"""Writes task folders from real data that scikit-learn carries, so that a first run needs no download."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mlestar.errors import TaskError

_SPLIT_SEED = 0
_TEST_SHARE = 0.2
_CALIFORNIA_ROWS = 3000

Load = Callable[[], pd.DataFrame]


@dataclass(frozen=True)
class BundledTask:
    """A table with its target as the last column, and what is asked of it."""

    title: str
    ask: str
    metric: str
    submission: str
    target: str
    classes: bool
    probabilities: bool
    load: Load


def write_bundled(name: str, cache: Path, load: Load | None = None) -> Path:
    """The folder of a bundled task under `cache`, written unless it is there; equal on every machine.

    `load` takes the place of the table's own loader. Raises TaskError for an unknown name, and for a table that must
    be fetched when there is no network.
    """
    tasks = bundled_tasks()
    if name not in tasks:
        raise TaskError(f"unknown bundled task {name!r}; known are {', '.join(tasks)}")
    folder = cache / name
    if name in FETCHED and load is None and (folder / "train.csv").is_file() and (folder / "test.csv").is_file():
        return folder
    task = tasks[name]
    files = _files_of(task, (load or task.load)())
    folder.mkdir(parents=True, exist_ok=True)
    for file_name, text in files.items():
        _write_changed(folder / file_name, text)
    return folder


def _files_of(task: BundledTask, table: pd.DataFrame) -> dict[str, str]:
    """The texts of a task folder's files; the split is the same on every machine."""
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(
        table, test_size=_TEST_SHARE, random_state=_SPLIT_SEED, stratify=table[task.target] if task.classes else None
    )
    features = [column for column in table.columns if column != task.target]
    if task.probabilities:
        classes = sorted(table[task.target].unique())
        train = train.assign(id=range(len(train)))[["id", *features, task.target]]
        test = test.assign(id=range(len(train), len(train) + len(test)))[["id", *features]]
        shares = {task.target: 0.5} if len(classes) == 2 else {str(label): 1 / len(classes) for label in classes}
        sample = test[["id"]].assign(**shares)
    else:
        sample = pd.DataFrame({task.target: [train[task.target].mode().iloc[0]] * len(test)})
    description = f"# {task.title}\n\n{task.ask}\n\nMetric: {task.metric}\n\nSubmission: {task.submission}\n"
    texts = {"train.csv": train, "test.csv": test[[c for c in test.columns if c != task.target]]}
    files = {file_name: str(frame.to_csv(index=False, lineterminator="\n")) for file_name, frame in texts.items()}
    files["sample_submission.csv"] = str(sample.to_csv(index=False, lineterminator="\n", float_format="%.6g"))
    return {**files, "description.md": description}


def _write_changed(path: Path, text: str) -> None:
    """Writes a file in one step, unless it holds the text already."""
    if path.is_file() and path.read_bytes() == text.encode():
        return
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(text.encode())
    fresh.replace(path)


def bundled_tasks() -> dict[str, BundledTask]:
    """Every bundled task by name."""
    return {
        "diabetes": BundledTask(
            title="Diabetes progression",
            ask="Predict `progression`, a quantitative measure of disease progression one year after baseline, "
            "from age, sex, body mass index, blood pressure and six blood serum measurements of 442 patients.",
            metric="root mean squared error (RMSE), lower is better.",
            submission="one column `progression`, one row for each row of `test.csv`, in its order.",
            target="progression",
            classes=False,
            probabilities=False,
            load=_diabetes,
        ),
        "breast-cancer": BundledTask(
            title="Breast cancer diagnosis",
            ask="Predict the `diagnosis` of a breast mass, benign or malignant, from 30 measurements of cell nuclei.",
            metric="log-loss of the predicted probabilities, lower is better.",
            submission="columns `id` and `diagnosis`, the probability of `malignant`.",
            target="diagnosis",
            classes=True,
            probabilities=True,
            load=_breast_cancer,
        ),
        "digits": BundledTask(
            title="Handwritten digits",
            ask="Recognize the handwritten `digit`, 0 to 9, from the grey values of an image of 8 x 8 pixels "
            "(`pixel_ROW_COLUMN`, 0 to 16).",
            metric="multi-class log-loss, lower is better.",
            submission="the column `id` and one column for each digit, its probability.",
            target="digit",
            classes=True,
            probabilities=True,
            load=_digits,
        ),
        "wine": BundledTask(
            title="Wine cultivars",
            ask="Tell the `cultivar`, 1 to 3, that a wine was made from, by 13 chemical measurements.",
            metric="macro F1, higher is better.",
            submission="one column `cultivar`, one row for each row of `test.csv`, in its order.",
            target="cultivar",
            classes=True,
            probabilities=False,
            load=_wine,
        ),
        "california-housing-prices": BundledTask(
            title="California housing prices",
            ask="Predict `median_house_value` of a census block group from its location, age, rooms, population, "
            "households and income.",
            metric="root mean squared error (RMSE), lower is better.",
            submission="one column `median_house_value`, one row for each row of `test.csv`, in its order.",
            target="median_house_value",
            classes=False,
            probabilities=False,
            load=_california,
        ),
    }


FETCHED: tuple[str, ...] = ("california-housing-prices",)
"""Bundled tasks whose table is not among scikit-learn's own files and must be fetched once."""


def _diabetes() -> pd.DataFrame:
    from sklearn.datasets import load_diabetes

    table: pd.DataFrame = load_diabetes(as_frame=True, scaled=False).frame
    return table.rename(columns={"target": "progression"})


def _breast_cancer() -> pd.DataFrame:
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer(as_frame=True)
    table: pd.DataFrame = bunch.frame.rename(columns=lambda name: str(name).replace(" ", "_"))
    names = bunch.target.map(dict(enumerate(bunch.target_names)))
    return table.drop(columns="target").assign(diagnosis=names)


def _digits() -> pd.DataFrame:
    from sklearn.datasets import load_digits

    table: pd.DataFrame = load_digits(as_frame=True).frame.astype(int)
    return table.rename(columns={"target": "digit"})


def _wine() -> pd.DataFrame:
    from sklearn.datasets import load_wine

    table: pd.DataFrame = load_wine(as_frame=True).frame
    return table.assign(target=table["target"] + 1).rename(columns={"target": "cultivar"})


def _california() -> pd.DataFrame:
    """A fixed sample of the census table, with totals in place of the averages that scikit-learn keeps."""
    from sklearn.datasets import fetch_california_housing

    try:
        frame: pd.DataFrame = fetch_california_housing(as_frame=True, n_retries=1).frame
    except OSError as error:
        raise TaskError(
            f"task=california-housing-prices: the table cannot be fetched ({error}); put its train.csv and test.csv "
            "into a folder california-housing-prices and name the folder that holds it in MLESTAR_TASKS"
        ) from None
    households = (frame["Population"] / frame["AveOccup"]).round()
    table = pd.DataFrame(
        {
            "longitude": frame["Longitude"],
            "latitude": frame["Latitude"],
            "housing_median_age": frame["HouseAge"],
            "total_rooms": (frame["AveRooms"] * households).round(),
            "total_bedrooms": (frame["AveBedrms"] * households).round(),
            "population": frame["Population"],
            "households": households,
            "median_income": frame["MedInc"],
            "median_house_value": (frame["MedHouseVal"] * 100_000).round(),
        }
    )
    return table.sample(n=_CALIFORNIA_ROWS, random_state=_SPLIT_SEED)
