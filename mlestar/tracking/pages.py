"""Searches for runs, page by page.

A server's answer is read as the JSON it is: MLflow's own client makes protocol buffers of it first, which takes longer
than everything else together when there are hundreds of runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

MOST_PER_PAGE = 1000
NEWEST_FIRST = ("attributes.start_time DESC",)
SEARCH = "/api/2.0/mlflow/runs/search"


def runs_found(
    client: MlflowClient, uri: str, experiment_ids: Sequence[str], where: str, limit: int | None
) -> list[Run]:
    """Active runs, newest first; at most `limit` of them. From a server they come without their data sets."""
    page = _page_of_server if urlsplit(uri).scheme in ("http", "https") else _page
    found: list[Run] = []
    token = ""
    while experiment_ids and (limit is None or len(found) < limit):
        size = MOST_PER_PAGE if limit is None else min(limit - len(found), MOST_PER_PAGE)
        runs, token = page(client, uri, experiment_ids, where, size, token)
        found += runs
        if not token:
            break
    return found


def _page(
    client: MlflowClient, uri: str, experiment_ids: Sequence[str], where: str, size: int, token: str
) -> tuple[list[Run], str]:
    found = client.search_runs(
        list(experiment_ids),
        filter_string=where,
        max_results=size,
        order_by=list(NEWEST_FIRST),
        page_token=token or None,
    )
    return list(found), found.token or ""


def _page_of_server(
    client: MlflowClient, uri: str, experiment_ids: Sequence[str], where: str, size: int, token: str
) -> tuple[list[Run], str]:
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request_safe

    asked = {
        "experiment_ids": list(experiment_ids),
        "filter": where,
        "max_results": size,
        "order_by": list(NEWEST_FIRST),
        "page_token": token,
    }
    server = get_default_host_creds(uri)  # type: ignore[no-untyped-call]
    answer = http_request_safe(server, SEARCH, "POST", json=asked).json()  # type: ignore[no-untyped-call]
    return [_run(run) for run in answer.get("runs", [])], answer.get("next_page_token", "")


def _run(told: Mapping[str, Any]) -> Run:
    from mlflow.entities import Metric, Param, Run, RunData, RunInfo, RunTag

    info, data = told["info"], told.get("data", {})
    metrics = [
        Metric(metric["key"], float(metric.get("value", 0)), metric.get("timestamp", 0), metric.get("step", 0))
        for metric in data.get("metrics", [])
    ]
    return Run(
        RunInfo(
            run_id=info["run_id"],
            experiment_id=info["experiment_id"],
            user_id=info.get("user_id", ""),
            status=info["status"],
            start_time=info["start_time"],
            end_time=info.get("end_time"),
            lifecycle_stage=info["lifecycle_stage"],
            artifact_uri=info.get("artifact_uri"),
            run_name=info.get("run_name"),
        ),
        RunData(
            metrics,
            [Param(param["key"], param.get("value", "")) for param in data.get("params", [])],
            [RunTag(tag["key"], tag.get("value", "")) for tag in data.get("tags", [])],
        ),
    )
