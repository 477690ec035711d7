"""What an Enhancer is asked: the state of a study between two runs."""

from __future__ import annotations

from typing import Protocol

from pydantic import Field

from mlestar.records.base import Record
from mlestar.records.run import History, RunSummary
from mlestar.records.settings import OVERRIDABLE, Settings
from mlestar.records.strategy import Advice
from mlestar.records.task import Metric, TaskTraits


class Situation(Record):
    """The study so far, what is known from earlier studies, and the user's configuration."""

    history: History
    """Runs of this study, as read back from MLflow."""
    earlier: History = History()
    """Runs of earlier studies; which ones is the history scope's business."""
    metric: Metric
    task: str = ""
    """Name of the task; runs of other tasks in `earlier` only teach lessons."""
    traits: TaskTraits | None = None
    """Traits of the task; lessons of tasks of its kind come first."""
    settings: Settings
    """The user's: defaults and user layers, without any override of the Enhancer."""
    run_number: int = Field(ge=0)
    """Number of the run to advise; 0 only when earlier studies are known."""
    runs_left: int = Field(default=0, ge=0)
    """Runs that may follow the advised one."""

    def adjustable(self) -> tuple[str, ...]:
        """Settings that may be overridden: none when the switch is off, never a locked one."""
        if not self.settings.allow_config_override:
            return ()
        return tuple(name for name in OVERRIDABLE if name not in self.settings.locked)

    def overrides(self) -> dict[str, int | float | str]:
        """The Enhancer's overrides in effect: those of the newest run of the study that has a strategy."""
        newest = next((run.strategy for run in reversed(self.history.runs) if run.strategy is not None), None)
        held = {} if newest is None else newest.config_overrides
        return {name: value for name, value in held.items() if name in self.adjustable()}

    def effective(self) -> Settings:
        """Defaults, then the user, then the overrides in effect."""
        return Settings.model_validate({**self.settings.model_dump(), **self.overrides()})


def comparable(run: RunSummary, task: str, metric: Metric, data: str) -> bool:
    """Whether an ended run's scores say something about this task: the same data, by its digest, and metric."""
    same_data = not data or run.traits is None or run.traits.digest == data
    return run.task == task and run.metric == metric and same_data and run.status != "running"


class Enhancer(Protocol):
    """Somebody who advises the next run."""

    async def advise(self, situation: Situation) -> Advice:
        """Advise; whatever goes wrong, an advice comes back and the study goes on."""
        ...
