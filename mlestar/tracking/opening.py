"""How a study is opened or resumed, and what dead processes left open is closed."""

from __future__ import annotations

import time

from mlestar.errors import ConfigError
from mlestar.tracking.backend import MlflowBackend
from mlestar.tracking.past import run_or_none
from mlestar.tracking.processes import is_dead, process_tags
from mlestar.tracking.study import REPRODUCES, Study, StudyPlan, origin_tags, word
from mlestar.tracking.sweep import NAME_CHARACTERS, close_stale_sweeps, reopen_sweep, sweep_run
from mlestar.tracking.writer import Patience


def open_study(plan: StudyPlan, backend: MlflowBackend, patience: Patience) -> Study:
    """Open or resume a study and close the runs that a process which is gone left open."""
    if plan.resume is not None:
        return _resumed(plan, plan.resume, backend, patience)
    project = _project(plan, backend, patience)
    if project is not None:
        experiment_id = str(patience.call(lambda: backend.run(project)).info.experiment_id)
    else:
        experiment_id = patience.call(lambda: backend.experiment(plan.experiment))
    patience.call(lambda: close_stale(backend, experiment_id, None))
    patience.call(lambda: close_stale_sweeps(backend, experiment_id, plan.task))
    sweep_run_id = _sweep(plan, project, experiment_id, backend, patience)
    if project is not None and sweep_run_id is None:
        study_id = project
        patience.call(lambda: backend.rename(project, _name(plan)))
    else:
        name = _name(plan) if plan.sweep is None else plan.sweep.point[:NAME_CHARACTERS]
        study_id = patience.call(lambda: backend.create_run(experiment_id, name, origin_tags(), time.time()))
    tags = _study_tags(plan, sweep_run_id)
    taken = patience.call(lambda: backend.run(study_id)).data.params if project is not None else {}
    params = {key: value for key, value in study_params(plan).items() if key not in taken}
    patience.call(lambda: backend.log(study_id, params=params, tags=tags))
    return Study(plan, backend, study_id, experiment_id, patience, sweep_run_id)


def _project(plan: StudyPlan, backend: MlflowBackend, patience: Patience) -> str | None:
    """The run that `mlflow run` made, unless the study goes to another store than that run."""
    project = plan.project_run_id
    if project is None or patience.call(lambda: run_or_none(backend, project)) is None:
        return None
    return project


def _name(plan: StudyPlan) -> str:
    return f"{'reproduction' if REPRODUCES in plan.tags else 'study'} of {plan.task.name}"


def _sweep(
    plan: StudyPlan, project: str | None, experiment_id: str, backend: MlflowBackend, patience: Patience
) -> str | None:
    """The run of the sweep the study belongs to: what `mlflow run` made, or what the first point makes."""
    point = plan.sweep
    if point is None:
        return None
    task = plan.task.name
    if project is None:
        found = patience.call(lambda: sweep_run(backend, experiment_id, task, point.sweep))
        patience.call(lambda: reopen_sweep(backend, found))
        return found
    tags = {"kind": "sweep", "sweep": point.sweep, "task": task}
    patience.call(lambda: reopen_sweep(backend, project, tags))
    patience.call(lambda: backend.rename(project, f"sweep of {task}"))
    return project


def _resumed(plan: StudyPlan, study_id: str, backend: MlflowBackend, patience: Patience) -> Study:
    run = patience.call(lambda: run_or_none(backend, study_id))
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
    sweep_run_id = tags.get("mlflow.parentRunId") if "sweep" in tags else None
    if sweep_run_id is not None:
        patience.call(lambda: reopen_sweep(backend, sweep_run_id))
    return Study(plan, backend, study_id, experiment_id, patience, sweep_run_id)


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
