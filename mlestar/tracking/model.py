"""The winner of a study as an MLflow model: `mlflow models predict` and `serve` answer new rows with it.

A script that left what it fitted for its submission is served with that: no request trains anything. A script that only
knows how to train and predict is wrapped as that: every request executes it whole. The champion of a task changes only
when a better score was reached on the same data.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import tempfile
import warnings
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from mlestar.records.base import Record
from mlestar.records.run import RunSummary
from mlestar.records.task import ColumnProfile, Task
from mlestar.tables import NOT_DATA, csv_text, find_table, read_cells, usable_targets
from mlestar.tracking.backend import MlflowBackend
from mlestar.tracking.faults import StoreRefused, mapped_errors
from mlestar.tracking.notebook import FINAL_MODEL

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import ModelSignature

MODEL = "model"
CHAMPION = "champion"
LARGEST_BYTES = 300_000_000
"""What was fitted, or else the task's files, goes into the model; nothing larger is published."""
MODEL_VARIABLE = "MLESTAR_MODEL_FILE"
"""A script that does not read it leaves nothing that is meant to be served."""
EXAMPLE_ROWS = 3


class Published(Record):
    """What became of the winner."""

    name: str
    version: str = ""
    champion: bool = False
    said: str
    """One line for a person."""


def publish(backend: MlflowBackend, task: Task, winner: RunSummary, script: str) -> Published:
    """Keep the winner as a model of its run, register it, and make it the champion when it is better.

    Raises StoreUnavailable.
    """
    name = model_name(task.name)
    with tempfile.TemporaryDirectory(prefix="mlestar-model-") as folder:
        fitted = _fitted(backend, winner, script, Path(folder, "fitted"))
        size = sum(file.stat().st_size for file in task.folder.rglob("*") if file.is_file())
        if fitted is None and size > LARGEST_BYTES:
            return Published(name=name, said=f"not registered: the task's files have {size / 1e6:.0f} MB")
        save_model(Path(folder), task, script, winner.settings.exec_timeout, fitted)
        with mapped_errors():
            backend.client.log_artifacts(winner.mlflow_run_id, str(Path(folder, MODEL)), MODEL)
    made = _register(backend, name, winner, task)
    holder = _champion(backend, name)
    if holder is not None and not beats(winner, task, holder.tags):
        said = f"{name} version {made}; version {holder.version} stays champion"
        return Published(name=name, version=made, said=said)
    with mapped_errors():
        backend.client.set_registered_model_alias(name, CHAMPION, made)
    return Published(name=name, version=made, champion=True, said=f"{name} version {made} is the champion")


def model_name(task: str) -> str:
    """The registered name of a task's model; MLflow takes no `/`, `:` and `.` is kept out for aliases in URIs."""
    return "mlestar-" + re.sub(r"[^A-Za-z0-9_-]+", "-", task)


def beats(winner: RunSummary, task: Task, holder: dict[str, str]) -> bool:
    """Whether the winner is better than the champion with these tags, by audit score where both have one.

    A champion of other data or another metric cannot be beaten; move the alias by hand then.
    """
    if (holder.get("task_digest"), holder.get("metric")) != (task.digest, task.metric.name):
        return False
    audits = winner.audit_score, _number(holder.get("audit_score"))
    if None not in audits:
        return task.metric.better(*audits)
    return task.metric.better(winner.score, _number(holder.get("score")))


def _fitted(backend: MlflowBackend, winner: RunSummary, script: str, folder: Path) -> Path | None:
    """What the script fitted for its submission, as a file; None where it left nothing that can be served."""
    if MODEL_VARIABLE not in script:
        return None
    folder.mkdir()
    try:
        file = backend.fetch(winner.mlflow_run_id, FINAL_MODEL, folder)
    except StoreRefused:
        return None
    return file if file.stat().st_size <= LARGEST_BYTES else None


def save_model(folder: Path, task: Task, script: str, timeout_seconds: float, fitted: Path | None = None) -> None:
    """Write the model into `folder/model`: code, script, what it fitted or else trains on, signature and an example."""
    code, source, inputs = folder / "served_model.py", folder / "solution.py", folder / "input"
    code.write_text(served_code(task, timeout_seconds, fitted=fitted is not None))
    source.write_text(script)
    if fitted is None:
        _copy_inputs(inputs, task)
        _add_sample(inputs, task)
    needed = {"input": str(inputs)} if fitted is None else {"fitted": str(fitted)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow warns of its own types when it is imported
        import mlflow.pyfunc

        mlflow.pyfunc.save_model(
            str(folder / MODEL),
            python_model=str(code),
            artifacts={"script": str(source), **needed},
            signature=_signature(task),
            pip_requirements=requirements(script),
        )
    _add_example(folder / MODEL, task)


def _copy_inputs(inputs: Path, task: Task) -> None:
    """What the script trains on, the tables as the script saw them: plain CSV, rows without a target left out."""
    shutil.copytree(task.folder, inputs, ignore=shutil.ignore_patterns(".*", *NOT_DATA))
    test = find_table(inputs, "test")
    for name in (*task.withheld, *([] if test is None else [test.name])):
        (inputs / name).unlink(missing_ok=True)
    for stem in ("train", "sample_submission"):
        path = find_table(inputs, stem)
        if path is not None:
            cells = read_cells(path)
            usable = cells[usable_targets(cells[task.target])] if stem == "train" and task.target in cells else cells
            path.unlink()
            (inputs / f"{stem}.csv").write_bytes(csv_text(usable).encode())


def served_code(task: Task, timeout_seconds: float, *, fitted: bool = False) -> str:
    """The Python file the model consists of."""
    pages = Environment(loader=PackageLoader("mlestar.tracking"), autoescape=False, undefined=StrictUndefined)
    return pages.get_template("served_fitted.py.j2" if fitted else "served_script.py.j2").render(
        id_column=repr(task.submission.id_column),
        columns=repr(list(task.submission.columns)),
        timeout_seconds=timeout_seconds,
    )


def requirements(script: str) -> list[str]:
    """The distributions a script imports, pinned to what is installed, and MLflow with pandas."""
    packages = {"mlflow", "pandas"}
    for node in ast.walk(ast.parse(script)):
        if isinstance(node, ast.Import):
            packages |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            packages.add(node.module.partition(".")[0])
    installed = packages_distributions()
    names = {name if name in installed[name] else installed[name][0] for name in packages if name in installed}
    return sorted(f"{name}=={version(name)}" for name in names)


def _register(backend: MlflowBackend, name: str, winner: RunSummary, task: Task) -> str:
    values = {"score": winner.score, "audit_score": winner.audit_score}
    tags = {key: repr(value) for key, value in values.items() if value is not None}
    tags |= {"metric": task.metric.name, "task_digest": task.digest, "study": winner.study_id, "run": winner.run_id}
    with mapped_errors():
        if not backend.client.search_registered_models(f"name = '{name}'"):
            backend.client.create_registered_model(name, description=f"Winners of the task {task.name}, by mlestar")
        source = f"{backend.client.get_run(winner.mlflow_run_id).info.artifact_uri}/{MODEL}"
        made = backend.client.create_model_version(
            name, source, run_id=winner.mlflow_run_id, tags=tags, await_creation_for=0
        )
    return str(made.version)


def _champion(backend: MlflowBackend, name: str) -> ModelVersion | None:
    try:
        with mapped_errors():
            return backend.client.get_model_version_by_alias(name, CHAMPION)
    except StoreRefused:
        return None


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _signature(task: Task) -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, DataType, Schema, TensorSpec

    kinds = {"numeric": DataType.double, "boolean": DataType.boolean}
    given: list[ColSpec | TensorSpec] = [
        ColSpec(kinds.get(c.kind, DataType.string), c.name, required=False) for c in task.profile.columns
    ]
    numeric = task.metric.needs == "probabilities" or task.kind == "regression"
    kind = DataType.double if numeric else DataType.string
    made: list[ColSpec | TensorSpec] = [ColSpec(kind, name) for name in task.submission.columns]
    return ModelSignature(inputs=Schema(given), outputs=Schema(made))


def _add_sample(inputs: Path, task: Task) -> None:
    """A sample submission of one row, for scripts that read its columns."""
    if (inputs / "sample_submission.csv").exists():
        return
    columns = [*([task.submission.id_column] if task.submission.id_column else []), *task.submission.columns]
    (inputs / "sample_submission.csv").write_text(",".join(columns) + "\n" + ",".join("0" for _ in columns) + "\n")


def _add_example(model: Path, task: Task) -> None:
    """The first test rows as the request `mlflow models predict` and the server take."""
    path = find_table(task.folder, "test")
    if path is None:
        return
    cells = read_cells(path).head(EXAMPLE_ROWS)
    columns = [str(name) for name in cells.columns]
    data = cells.to_numpy().tolist()
    kinds = {column.name: column for column in task.profile.columns}
    values = [[_cell(text, kinds.get(name)) for name, text in zip(columns, row, strict=True)] for row in data]
    request = {"dataframe_split": {"columns": columns, "data": values}}
    (model / "request_example.json").write_text(json.dumps(request, indent=1))


def _cell(text: str, column: ColumnProfile | None) -> str | float | bool | None:
    if text == "":
        return None
    if column is not None and column.kind == "boolean":
        return text.lower() in ("true", "1")
    return _number(text) if column is not None and column.kind == "numeric" else text
