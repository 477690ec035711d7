"""A fresh sqlite store for each test, copied from one that was made once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mlestar.tracking.store import Store, StoreConfig, open_store


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables; making them takes seconds."""
    file = tmp_path_factory.mktemp("template") / "mlflow.db"
    open_store(StoreConfig(tracking_uri=f"sqlite:///{file}"))
    return file


@pytest.fixture
def open_again(empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Store]:
    """Opens the test's own store; each call is a new client, as another process would have."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mlflow.db"
    shutil.copy(empty_database, file)

    def opened() -> Store:
        return open_store(StoreConfig(tracking_uri=f"sqlite:///{file}", patience_seconds=2, register_model=False))

    return opened


@pytest.fixture
def store(open_again: Callable[[], Store]) -> Store:
    return open_again()
