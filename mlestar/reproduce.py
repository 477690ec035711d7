"""Reproduces one run from its MLflow run id: same configuration, same answers, scripts executed anew, scores compared.

python -m mlestar.reproduce run_id=0123abcd [task=PATH] [store.tracking_uri=URI]
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from mlestar.command_line import exit_with, translated
from mlestar.config import Composition, compose_layers, recomposed
from mlestar.doors import MEASURED
from mlestar.errors import ConfigError, MleStarError, TaskError
from mlestar.execution.factory import open_executor
from mlestar.progress import Terminal, score_text
from mlestar.recorder import CARRIED_SCRIPT, COMPOSED_YAML, STRATEGY, TAPE, OpenedRun, RunDoors, record_run
from mlestar.records.base import Record
from mlestar.records.run import Brief, CarriedScript, RunSummary
from mlestar.records.solution import CARRIED
from mlestar.records.strategy import Advice
from mlestar.scoring.evaluate import examiner_for
from mlestar.tape.tape import Tape
from mlestar.tape.taped import ReplayEngineer, TapedClock, TapedExecutor
from mlestar.tasks.assignment import assignment_for
from mlestar.tasks.load import task_paths
from mlestar.tasks.source import task_of
from mlestar.tracking.store import Store, open_store
from mlestar.tracking.study import REPRODUCES


class Compared(Record):
    """One score then and now."""

    what: str
    before: float | None
    after: float | None

    @property
    def same(self) -> bool:
        return self.before == self.after


class Reproduction(Record):
    """The run as it was, as it is now, and every score side by side."""

    before: RunSummary
    after: RunSummary
    scores: tuple[Compared, ...]

    @property
    def same(self) -> bool:
        """Whether every score is the same to the last digit."""
        return all(score.same for score in self.scores)


class _Recorded(Record):
    """What the store holds of the run."""

    summary: RunSummary
    composed_yaml: str
    advice: Advice | None
    carried: CarriedScript | None


def main() -> None:
    """Exit code 0 when every score is the same, 1 when one differs, 2 for the user's errors."""
    terminal = Terminal()
    try:
        overrides = translated(sys.argv[1:])
        given = [word.removeprefix("run_id=") for word in overrides if word.startswith("run_id=")]
        if len(given) != 1 or not given[0]:
            raise ConfigError("run_id=…: give the MLflow run id of the pipeline run to reproduce")
        rest = [word for word in overrides if not word.startswith("run_id=")]
        found = asyncio.run(reproduce(given[0], rest, terminal))
    except MleStarError as error:
        exit_with(error)
    show(found, terminal)
    sys.exit(0 if found.same else 1)


async def reproduce(mlflow_run_id: str, overrides: Sequence[str], terminal: Terminal) -> Reproduction:
    """Execute the scripts of a run anew, in a study of its own; raises MleStarError."""
    here = Composition(compose_layers(overrides), tuple(overrides)).app()
    store = await asyncio.to_thread(open_store, here.store, terminal.say)
    recorded = await asyncio.to_thread(_recorded, store, mlflow_run_id)
    composition = recomposed(recorded.composed_yaml, overrides)
    with tempfile.TemporaryDirectory() as folder:
        path = await asyncio.to_thread(store.download, mlflow_run_id, TAPE, Path(folder))
        after = await _execute_anew(store, recorded, composition, Tape(path), terminal, mlflow_run_id)
    return Reproduction(before=recorded.summary, after=after, scores=tuple(_compared(recorded.summary, after)))


def _recorded(store: Store, mlflow_run_id: str) -> _Recorded:
    summary = RunSummary.model_validate_json(store.artifact_text(mlflow_run_id, "run.json"))
    advised = summary.strategy is not None
    carried = any(candidate.model == CARRIED for candidate in summary.candidates)
    return _Recorded(
        summary=summary,
        composed_yaml=store.artifact_text(mlflow_run_id, COMPOSED_YAML),
        advice=Advice.model_validate_json(store.artifact_text(mlflow_run_id, STRATEGY)) if advised else None,
        carried=CarriedScript.model_validate_json(store.artifact_text(mlflow_run_id, CARRIED_SCRIPT))
        if carried
        else None,
    )


async def _execute_anew(
    store: Store, recorded: _Recorded, composition: Composition, answers: Tape, terminal: Terminal, mlflow_run_id: str
) -> RunSummary:
    config, before = composition.app(), recorded.summary
    workspace = config.workspace.resolve()
    task = task_of(config.task, task_paths(), workspace / "tasks")
    if before.traits is not None and before.traits.digest != task.digest:
        raise TaskError(f"{task.folder}: the data is not what the run was made on; name its folder with task=PATH")
    study = await asyncio.to_thread(
        store.start_study,
        task,
        before.settings,
        engineer="replay",
        runs=1,
        project_run_id=os.environ.get("MLFLOW_RUN_ID"),
        tags={REPRODUCES: mlflow_run_id},
    )
    folder = workspace / study.study_id
    async with open_executor(config.executor, workspace) as executor:
        brief = Brief(
            run_id=before.run_id,
            study_id=study.study_id,
            task=task,
            assignment=assignment_for(task, before.settings, executor.threads, before.settings.exec_timeout),
            settings=before.settings,
            strategy=None if recorded.advice is None else recorded.advice.applied,
            carried=recorded.carried,
        )
        tape = Tape(folder / brief.run_id / TAPE)
        for decision in answers.decisions.values():
            if not decision.key.startswith(MEASURED):
                tape.append(decision)
        doors = RunDoors(
            engineer=ReplayEngineer(answers),
            executor=TapedExecutor(executor, tape),
            examiner=await asyncio.to_thread(examiner_for, task, before.settings.seed, folder / "views"),
            clock=TapedClock(tape, before.settings.computational_budget),
            watcher=terminal,
        )
        terminal.run_started(brief, 1)
        opened = OpenedRun(brief, composition.for_run(""), {COMPOSED_YAML: recorded.composed_yaml}, tape.path)
        with terminal.live():
            await record_run(study, opened, doors)
    history = await asyncio.to_thread(study.finish)
    return history.runs[-1]


def _compared(before: RunSummary, after: RunSummary) -> Iterator[Compared]:
    """Every score of the run, in the order they were made; where one side has fewer, the rest is absent."""
    then, now = dict(_scores(before)), dict(_scores(after))
    for what in dict.fromkeys((*then, *now)):
        yield Compared(what=what, before=then.get(what), after=now.get(what))


def _scores(run: RunSummary) -> Iterator[tuple[str, float | None]]:
    for number, candidate in enumerate(run.candidates, start=1):
        yield f"candidate {number} of solution {candidate.solution}: {candidate.model}", candidate.score
    for component in run.components:
        yield f"ablation {component.step} of solution {component.solution}: {component.change}", component.gain
    for number, attempt in enumerate(run.attempts, start=1):
        yield f"attempt {number}, {attempt.phase} of solution {attempt.solution}: {attempt.focus}", attempt.score
    yield "best", run.score


def show(found: Reproduction, terminal: Terminal) -> None:
    """Every score then and now, and the verdict."""
    table = Table(title="Reproduced", title_justify="left")
    for heading in ("", "then", "now", "difference"):
        table.add_column(heading, justify="left" if not heading else "right")
    for score in found.scores:
        known = score.before is not None and score.after is not None
        difference = (score.after or 0.0) - (score.before or 0.0) if known else None
        table.add_row(escape(score.what), score_text(score.before), score_text(score.after), score_text(difference))
    terminal.show(table)
    same = sum(score.same for score in found.scores)
    terminal.say(f"{same} of {len(found.scores)} scores are the same to the last digit")


if __name__ == "__main__":
    main()
