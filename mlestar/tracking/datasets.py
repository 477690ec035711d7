"""The task's tables as dataset inputs of a run, with digests."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from mlestar.records.task import ColumnProfile, Task
from mlestar.tables import find_table

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

COLUMN_TYPES = {"numeric": "double", "boolean": "boolean", "date": "string", "identifier": "string"}


def dataset_inputs(task: Task) -> list[DatasetInput]:
    """train.csv and test.csv as far as they are there; the digest is of the file's bytes."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    rows = {"train": task.profile.train_rows, "test": task.profile.test_rows}
    inputs = []
    for name, count in rows.items():
        file = find_table(task.folder, name)
        if file is None:
            continue
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()[:16]
        columns = [*task.profile.columns, *([task.profile.target] if name == "train" else [])]
        dataset = Dataset(
            name=f"{task.name}/{name}.csv",
            digest=digest,
            source_type="local",
            source=json.dumps({"uri": str(file)}),
            schema=json.dumps({"mlflow_colspec": [_colspec(column) for column in columns]}),
            profile=json.dumps({"num_rows": count, "num_elements": count * len(columns)}),
        )
        context = "training" if name == "train" else "testing"
        inputs.append(DatasetInput(dataset, tags=[InputTag("mlflow.data.context", context)]))
    return inputs


def _colspec(column: ColumnProfile) -> dict[str, str | bool]:
    return {
        "type": COLUMN_TYPES.get(column.kind, "string"),
        "name": column.name,
        "required": column.missing_share == 0,
    }
