"""What the report of a study shows of each run, read back from the store."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from mlestar.records.run import History, RunSummary
from mlestar.tracking.backend import MlflowBackend
from mlestar.tracking.notebook import FINAL_SCRIPT, TIMELINE
from mlestar.tracking.past import text_or_none
from mlestar.tracking.report import Story
from mlestar.tracking.timeline import Timeline

MOST_STORIES = 12


def stories_of(backend: MlflowBackend, history: History, known: Sequence[Story] = ()) -> tuple[Story, ...]:
    """The first run, the best run and the newest ones, in order of their start; what is known is not fetched."""
    told_already = {story.summary.mlflow_run_id: story for story in known}
    best = history.best()
    newest = history.runs[-MOST_STORIES:]
    told = [run for run in history.runs if run in newest or run is best or run is history.runs[0]]
    return tuple(told_already.get(run.mlflow_run_id) or _story(backend, run) for run in told)


def _story(backend: MlflowBackend, run: RunSummary) -> Story:
    timeline = _timeline(text_or_none(backend, run.mlflow_run_id, TIMELINE))
    first = next((step.scope.label for step in timeline.steps if step.score is not None and step.scope.label), None)
    return Story(
        summary=run,
        timeline=timeline,
        first_script=(first and text_or_none(backend, run.mlflow_run_id, first)) or "",
        final_script=text_or_none(backend, run.mlflow_run_id, FINAL_SCRIPT) or "",
    )


def _timeline(text: str | None) -> Timeline:
    try:
        return Timeline.model_validate_json(text or "{}")
    except ValidationError:
        return Timeline()
