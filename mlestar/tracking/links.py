"""Where to look in the MLflow UI."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from mlestar.records.base import Record
from mlestar.records.task import Direction

LOCAL_UI = "http://127.0.0.1:5000"
WORKFLOW = "machine_learning"
"""The side of the UI that shows training runs; it opens on the other one."""


class Look(Record):
    """How a person gets to see a study."""

    command: str | None
    """Starts the UI; None when a server is running already."""
    runs: str
    """Address of the charts of the runs side by side, best first."""
    study: str
    """Address of the study's page: its description and its report."""


def look_at(uri: str, experiment_id: str, study_id: str, direction: Direction) -> Look:
    """The addresses of a study in a store."""
    served = urlsplit(uri).scheme in ("http", "https")
    uri = shown_uri(uri)
    base = uri.rstrip("/") if served else LOCAL_UI
    command = (
        None if served else f"MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow ui --workers 1 --backend-store-uri {uri}"
    )
    return Look(
        command=command,
        runs=f"{base}/{charts(experiment_id, study_id, direction)}",
        study=f"{base}/#/experiments/{experiment_id}/runs/{study_id}?workflowType={WORKFLOW}",
    )


def shown_uri(uri: str) -> str:
    """The URI as a person may see it: without the password."""
    parts = urlsplit(uri)
    if parts.password is None:
        return uri
    return parts._replace(netloc=f"{parts.username}:***@{parts.netloc.rpartition('@')[2]}").geturl()


def charts(experiment_id: str, study_id: str, direction: Direction) -> str:
    """The page that compares the pipeline runs of a study, best first."""
    wanted = {
        "workflowType": WORKFLOW,
        "compareRunsMode": "CHART",
        "searchFilter": f'tags.study = "{study_id}"',
        "orderByKey": "metrics.`best_score`",
        "orderByAsc": "true" if direction == "minimize" else "false",
    }
    return f"#/experiments/{experiment_id}/runs?" + "&".join(f"{key}={quote(value)}" for key, value in wanted.items())
