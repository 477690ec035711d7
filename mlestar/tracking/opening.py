"""How a study is opened or resumed, and what dead processes left open is closed."""

from __future__ import annotations

import time

from mlestar.errors import ConfigError
from mlestar.tracking.backend import MlflowBackend
from mlestar.tracking.past import study_run
from mlestar.tracking.processes import is_dead, process_tags
from mlestar.tracking.study import Study, StudyPlan, origin_tags, word
from mlestar.tracking.sweep import sweep_run
from mlestar.tracking.writer import Patience

NAME_CHARACTERS = 100


def open_study(plan: StudyPlan, backend: MlflowBackend, patience: Patience) -> Study:
    """Open or resume a study and close the runs that a process which is gone left open."""
    if plan.resume is not None:
        return _resumed(plan, plan.resume, backend, patience)
    project = plan.project_run_id
    if project is not None:
        experiment_id = str(patience.call(lambda: backend.run(project)).info.experiment_id)
    else:
        experiment_id = patience.call(lambda: backend.experiment(plan.experiment))
    sweep_run_id = _sweep(plan, experiment_id, backend, patience)
    if project is not None and sweep_run_id is None:
        study_id = project
        patience.call(lambda: backend.rename(project, f"study of {plan.task.name}"))
    else:
        name = f"study of {plan.task.name}" if plan.sweep is None else plan.sweep.point[:NAME_CHARACTERS]
        study_id = patience.call(lambda: backend.create_run(experiment_id, name, origin_tags(), time.time()))
    tags = _study_tags(plan, sweep_run_id)
    taken = patience.call(lambda: backend.run(study_id)).data.params if project is not None else {}
    params = {key: value for key, value in study_params(plan).items() if key not in taken}
    patience.call(lambda: backend.log(study_id, params=params, tags=tags))
    patience.call(lambda: close_stale(backend, experiment_id, None))
    return Study(plan, backend, study_id, experiment_id, patience, sweep_run_id)


def _sweep(plan: StudyPlan, experiment_id: str, backend: MlflowBackend, patience: Patience) -> str | None:
    """The run of the sweep the study belongs to: what `mlflow run` made, or what the first point makes."""
    point, project = plan.sweep, plan.project_run_id
    if point is None:
        return None
    if project is None:
        return patience.call(lambda: sweep_run(backend, experiment_id, plan.task.name, point.sweep))
    patience.call(lambda: backend.log(project, tags={"kind": "sweep", "sweep": point.sweep}))
    patience.call(lambda: backend.rename(project, f"sweep of {plan.task.name}"))
    return project


def _resumed(plan: StudyPlan, study_id: str, backend: MlflowBackend, patience: Patience) -> Study:
    run = patience.call(lambda: study_run(backend, study_id))
    if run is None or run.data.tags.get("kind") != "study":
        raise ConfigError(f"resume={study_id}: there is no such study; give a study id or `latest`")
    tags = run.data.tags
    if tags.get("task_digest") != plan.task.digest:
        raise ConfigError(f"resume={study_id}: the study is of task {tags.get('task')}, or its data has changed")
    ours = process_tags()
    alive = tags.get("host") == ours["host"] and not is_dead(tags) and tags.get("pid") != ours["pid"]
    if run.info.status == "RUNNING" and alive:
        raise ConfigError(f"resume={study_id}: the study is still running as process {tags.get('pid')}")
    experiment_id = str(run.info.experiment_id)
    patience.call(lambda: close_stale(backend, experiment_id, study_id))
    patience.call(lambda: backend.log(study_id, tags={**ours, "status": "running"}))
    patience.call(lambda: backend.reopen(study_id))
    return Study(plan, backend, study_id, experiment_id, patience)


def close_stale(backend: MlflowBackend, experiment_id: str, study_id: str | None) -> None:
    """Close as killed the open runs of processes that are gone, and those of the given study."""
    for run in backend.runs([experiment_id], "attributes.status = 'RUNNING' AND tags.status = 'running'"):
        tags = run.data.tags
        ours = study_id is not None and study_id in (tags.get("study"), run.info.run_id)
        if ours or is_dead(tags):
            backend.log(run.info.run_id, tags={"status": "killed"})
            backend.close(run.info.run_id, "KILLED")


def study_params(plan: StudyPlan) -> dict[str, str]:
    """The settings a study starts from; dotted, because `mlflow run` has taken the plain names.

    A dotted name that was given with -P is taken too, as the user wrote it; MLflow would refuse another form of it.
    """
    params = {f"settings.{key}": word(value) for key, value in plan.settings.model_dump().items()}
    return {**params, "study.engineer": plan.engineer, "study.runs": str(plan.runs)}


def _study_tags(plan: StudyPlan, sweep_run_id: str | None) -> dict[str, str]:
    task = plan.task
    tags = {
        **plan.tags,
        **process_tags(),
        "kind": "study",
        "task": task.name,
        "task_digest": task.digest,
        "engineer": plan.engineer,
        "metric": task.metric.name,
        "direction": task.metric.direction,
        "status": "running",
    }
    if plan.sweep is None or sweep_run_id is None:
        return tags
    return {**tags, "sweep": plan.sweep.sweep, "point": plan.sweep.point, "mlflow.parentRunId": sweep_run_id}
