"""The tracking store: studies are opened in it and their history is read back from it."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from pydantic import Field

from mlestar.errors import ConfigError, StoreUnavailable
from mlestar.records.base import Record
from mlestar.records.run import History
from mlestar.records.settings import Settings
from mlestar.records.task import Task
from mlestar.tracking.backend import MlflowBackend
from mlestar.tracking.links import shown_uri
from mlestar.tracking.notebook import NOTE
from mlestar.tracking.opening import open_study
from mlestar.tracking.past import history_of, latest_study_of, run_or_none
from mlestar.tracking.study import Study, StudyPlan
from mlestar.tracking.sweep import SweepPoint
from mlestar.tracking.turns import one_at_a_time
from mlestar.tracking.writer import Patience, Say

DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
URI_ADVICE = "store.tracking_uri takes sqlite:///file.db, http(s)://host:port or postgresql+psycopg://user@host/name"
LOOK = "history"
"""The entry point that only reads, and the kind of the run that MLflow makes for it."""
LOOK_NOTE = "Nothing was executed: MLflow keeps a run for every entry point. This one can be deleted."

_logger = logging.getLogger(__name__)


class StoreConfig(Record):
    """Where and how studies are kept."""

    tracking_uri: str | None = None
    """None: what MLFLOW_TRACKING_URI says, else `mlflow.db` in the working folder."""
    experiment_prefix: str = "mlestar"
    """A study goes to the experiment `<prefix>/<task>`, unless `mlflow run` chose one."""
    open_seconds: float = Field(default=5.0, gt=0)
    """How long the store may take to answer at the start."""
    patience_seconds: float = Field(default=900.0, ge=0)
    """How long a store that went away during a study is waited for."""
    traces: bool = True
    """Keep engineer calls and executions as MLflow traces."""
    register_model: bool = True
    """Register the winner as `mlestar-<task>`."""


class Store:
    """An MLflow tracking store that answers."""

    def __init__(self, config: StoreConfig, backend: MlflowBackend, say: Say) -> None:
        self.config = config
        self.backend = backend
        self.patience = Patience(config.patience_seconds, say)

    @property
    def uri(self) -> str:
        """The tracking URI, without a password."""
        return shown_uri(self.backend.uri)

    def start_study(
        self,
        task: Task,
        settings: Settings,
        *,
        engineer: str,
        runs: int,
        resume: str | None = None,
        project_run_id: str | None = None,
        sweep: SweepPoint | None = None,
        tags: Mapping[str, str] = {},
    ) -> Study:
        """Open a study, or go on with the one named by `resume` (a study id, or `latest`).

        `project_run_id` is the run that `mlflow run` made (MLFLOW_RUN_ID): the study becomes that run.
        `sweep` says which point of which sweep the study is: it hangs under the sweep's run then, which is the one that
        `mlflow run` made, if there is one. Raises ConfigError when there is no such study, it is of
        another task, or it is still running; StoreUnavailable.
        """
        if resume == "latest":
            resume = self.latest_study(task.name)
            if resume is None:
                raise ConfigError(f"resume=latest: there is no study of the task {task.name} in {self.uri}")
        plan = StudyPlan(
            task=task,
            settings=settings,
            engineer=engineer,
            runs=runs,
            resume=resume,
            project_run_id=project_run_id,
            sweep=sweep,
            tags=dict(tags),
            experiment=f"{self.config.experiment_prefix}/{task.name}",
            traces=self.config.traces,
            register_model=self.config.register_model,
        )
        return open_study(plan, self.backend, self.patience)

    def history(self, task: str | None, *, study_id: str | None = None, limit: int | None = None) -> History:
        """The runs of a study, or of all studies of a task, in order of their start; read from the store alone.

        Without a task those of every task. `limit` keeps the newest ones. Runs that were started again after they were
        killed count once.
        """
        return self.patience.call(lambda: history_of(self.backend, task, study_id, limit))

    def latest_study(self, task: str) -> str | None:
        """The id of the newest study of a task; None when there is none."""
        return self.patience.call(lambda: latest_study_of(self.backend, task))

    def mark_look(self, project_run_id: str, task: str) -> None:
        """Say on the run that `mlflow run -e history` made that it is none of ours. Any other run stays as it is.

        It cannot be deleted from inside: MLflow fails when it cannot close the run afterwards.
        """
        run = self.patience.call(lambda: run_or_none(self.backend, project_run_id))
        if run is not None and run.data.tags.get("mlflow.project.entryPoint") == LOOK:
            self.patience.call(lambda: self.backend.rename(project_run_id, f"look at the history of {task}"))
            self.patience.call(lambda: self.backend.log(project_run_id, tags={"kind": LOOK, NOTE: LOOK_NOTE}))

    def artifact_text(self, mlflow_run_id: str, path: str) -> str:
        """The content of a text artifact; StoreUnavailable when there is none."""
        return self.patience.call(lambda: self.backend.text(mlflow_run_id, path))

    def download(self, mlflow_run_id: str, path: str, folder: Path) -> Path:
        """Copy an artifact (a file or a folder) into a local folder; where it is now."""
        return self.patience.call(lambda: self.backend.fetch(mlflow_run_id, path, folder))


def open_store(config: StoreConfig, say: Say = _logger.warning) -> Store:
    """Open the store; takes seconds, because MLflow is imported and a database may be made.

    `say` is told, as one line, when the store has to be waited for. Raises ConfigError for a URI that names no store
    and StoreUnavailable, within `open_seconds` and some, when it does not answer.
    """
    if config.tracking_uri:
        _probe(config.tracking_uri, config.open_seconds)
    elif "MLFLOW_TRACKING_URI" in os.environ:
        _probe(os.environ["MLFLOW_TRACKING_URI"], config.open_seconds)
    _settle_mlflow()
    import mlflow

    uri = config.tracking_uri or mlflow.get_tracking_uri()
    _check_scheme(uri)
    try:
        with one_at_a_time(f"open {uri}"):  # two that make the tables of a new database together break it
            backend = MlflowBackend(uri)
            backend.experiments()
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{shown_uri(uri)} needs the package {error.name}: pip install 'mlestar[postgres]'"
        ) from error
    except StoreUnavailable as error:
        raise StoreUnavailable(f"the tracking store {shown_uri(uri)} cannot be opened: {error}") from error
    return Store(config, backend, say)


def open_in_background(config: StoreConfig, say: Say = _logger.warning) -> Future[Store]:
    """`open_store` in a thread of its own, so that other work goes on meanwhile."""
    opener = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-opener")
    opened = opener.submit(open_store, config, say)
    opener.shutdown(wait=False)
    return opened


def _check_scheme(uri: str) -> None:
    scheme = urlsplit(uri).scheme.partition("+")[0]
    if scheme not in ("sqlite", "http", "https", "databricks", *DATABASE_PORTS):
        raise ConfigError(f"{shown_uri(uri)} is no tracking store: {URI_ADVICE}")


def _probe(uri: str, seconds: float) -> None:
    """Ask a server once for a sign of life, because MLflow itself would try for minutes."""
    parts = urlsplit(uri)
    kind = parts.scheme.partition("+")[0]
    _check_scheme(uri)
    try:
        if kind in ("http", "https"):
            urlopen(f"{uri.rstrip('/')}/health", timeout=seconds).close()
        elif kind in DATABASE_PORTS and parts.hostname:
            socket.create_connection((parts.hostname, parts.port or DATABASE_PORTS[kind]), timeout=seconds).close()
    except HTTPError:
        return  # it answers; whether it is MLflow shows at the first real request
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise StoreUnavailable(f"the tracking server {shown_uri(uri)} does not answer: {reason}") from error


def _settle_mlflow() -> None:
    """Defaults for MLflow, unless the user set them: short waits (we do our own), no chatter, no usage reports."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    for name in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.WARNING)
