"""Reading from MLflow: runs, experiments and artifacts."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlestar.tracking.faults import StoreRefused, mapped_errors
from mlestar.tracking.pages import runs_found

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


class MlflowReader:
    """Reads through one `MlflowClient`; may be used from several threads."""

    def __init__(self, uri: str) -> None:
        from mlflow import MlflowClient

        with mapped_errors():
            self.client: MlflowClient = MlflowClient(tracking_uri=uri)
        self.uri = uri

    def run(self, run_id: str) -> Run:
        """One run; StoreRefused when there is none."""
        with mapped_errors():
            return self.client.get_run(run_id)

    def runs(self, experiment_ids: Sequence[str], where: str, limit: int | None = None) -> list[Run]:
        """Runs in order of their start; the newest `limit` of them when a limit is given."""
        with mapped_errors():
            return runs_found(self.client, self.uri, experiment_ids, where, limit)[::-1]

    def experiments(self) -> list[str]:
        """The ids of all experiments, at most 1000."""
        with mapped_errors():
            return [str(found.experiment_id) for found in self.client.search_experiments(max_results=1000)]

    def fetch(self, run_id: str, path: str, folder: Path) -> Path:
        """Copy an artifact, a file or a folder, into a local folder; where it is now."""
        with mapped_errors():
            return Path(self.client.download_artifacts(run_id, path, str(folder)))

    def text(self, run_id: str, path: str) -> str:
        """The content of a text artifact; StoreRefused when there is none."""
        with tempfile.TemporaryDirectory(prefix="mlestar-artifacts-") as folder:
            file = self.fetch(run_id, path, Path(folder))
            if not file.is_file():
                raise StoreRefused(f"run {run_id} has no artifact {path}")
            return file.read_text(encoding="utf-8")
