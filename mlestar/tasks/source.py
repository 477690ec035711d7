"""Where a task comes from, as the configuration says it: a folder, or a bundled task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from mlestar.records.base import Record
from mlestar.records.task import Task
from mlestar.tasks.bundled import FETCHED, write_bundled
from mlestar.tasks.load import Say, find_task, load_task
from mlestar.tasks.options import TaskOptions


class FolderTaskConfig(TaskOptions):
    """A folder of the user's; the other keys are those of `task.yaml` and win over it."""

    kind: Literal["folder"] = "folder"
    path: str
    """A path, or a name found under the task path."""

    @property
    def options(self) -> TaskOptions:
        return TaskOptions.model_validate({key: value for key, value in self if key in TaskOptions.model_fields})


class BundledTaskConfig(Record):
    """A task whose data scikit-learn carries."""

    kind: Literal["bundled"] = "bundled"
    name: str


TaskConfig = Annotated[FolderTaskConfig | BundledTaskConfig, Field(discriminator="kind")]


def task_of(
    config: FolderTaskConfig | BundledTaskConfig, paths: Sequence[Path], cache: Path, say: Say | None = None
) -> Task:
    """The configured task; bundled data is written under `cache`, `say` hears of what takes long. Raises TaskError.

    A bundled task that would have to be fetched is first looked for under `paths`.
    """
    if isinstance(config, FolderTaskConfig):
        return load_task(find_task(config.path, paths), config.options, say=say)
    if config.name in FETCHED:
        found = next((path / config.name for path in paths if (path / config.name).is_dir()), None)
        if found is not None:
            return load_task(found)
    return load_task(write_bundled(config.name, cache), name=config.name)
