"""Small task folders for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

HOUSES = "Predict `price`.\n\nMetric: RMSE, lower is better.\n"


def csv(header: str, rows: Sequence[str]) -> str:
    return "\n".join([header, *rows]) + "\n"


def write_folder(folder: Path, **files: str | bytes) -> Path:
    """A folder with these files; `train_csv` is train.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        stem, _, suffix = name.rpartition("_")
        path = folder / f"{stem}.{suffix}"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def houses(folder: Path, **files: str | bytes) -> Path:
    """Twelve houses with a price; `files` replace or add."""
    train = csv("rooms,town,price", [f"{n % 5},{'ab'[n % 2]},{100 + 10 * n}.5" for n in range(12)])
    test = csv("rooms,town", [f"{n % 5},{'ab'[n % 2]}" for n in range(4)])
    return write_folder(folder, **{"train_csv": train, "test_csv": test, "description_md": HOUSES, **files})
