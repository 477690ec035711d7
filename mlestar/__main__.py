"""The Hydra application, and the only place that puts parts together.

python -m mlestar task=diabetes runs=3 settings.num_solutions=3
python -m mlestar -m task=diabetes settings.num_solutions=1,2,3
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig
from rich.markup import escape

from mlestar.choice import Hire, open_engineer
from mlestar.command_line import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_TERMINATED, CommandLine, exit_with, report
from mlestar.config import CONF, AppConfig, Composition, check_overrides, compose_layers, named_tasks
from mlestar.doors import Executor
from mlestar.engineers.budget import Budget
from mlestar.enhancer.choice import build_enhancer
from mlestar.errors import MleStarError
from mlestar.execution.factory import open_executor
from mlestar.orchestrator import StudyParts, run_study, study_status
from mlestar.progress import Terminal
from mlestar.records.run import History
from mlestar.records.task import Task
from mlestar.scoring.evaluate import examiner_for
from mlestar.sweep import PointReport, point_at_work, report_point, run_sweep
from mlestar.tasks.assignment import assignment_for
from mlestar.tasks.load import task_paths
from mlestar.tasks.source import FolderTaskConfig, task_of
from mlestar.tracking.history import history_table
from mlestar.tracking.store import Store, open_in_background
from mlestar.tracking.study import Study
from mlestar.tracking.sweep import SweepPoint


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script, with the arguments of the process unless others are given.

    Exits with 2 for the user's errors, 1 for the world's, 130 or 143 when interrupted.
    """
    try:
        line = CommandLine.read(sys.argv[1:] if arguments is None else arguments)
        configs = [] if line.only_shows else check_overrides(line.overrides, line.config_dir, sweeps=line.sweeps)
        sys.argv[1:] = named_tasks(line.words, line.config_dir)
        application = hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")(_application)
        if line.sweeps and configs:
            sys.exit(run_sweep(application, configs, line))
        application()
    except MleStarError as error:
        exit_with(error)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


def _application(composed: DictConfig) -> float | None:
    """One point of a sweep or the only study; returns the best score for sweepers."""
    found = HydraConfig.get()
    folders = [Path(source.path) for source in found.runtime.config_sources if source.provider == "command-line"]
    composition = Composition(composed, tuple(found.overrides.task), folders[0] if folders else None)
    point = _sweep_point()
    try:
        with nullcontext() if point is None else point_at_work():
            history = run_composition(composition, Terminal(), point)
    except MleStarError as error:
        if point is None:
            exit_with(error)
        report(error)
        report_point(PointReport(point=point.point, status="failed", error=str(error)))
        return None
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except asyncio.CancelledError:
        sys.exit(EXIT_TERMINATED)
    best = history.best()
    score = None if best is None else best.score
    status = study_status(history)
    if point is not None:
        report_point(PointReport(point=point.point, status=status, score=score))
    elif status != "finished":
        sys.exit(EXIT_FAILED)  # the table shows why
    return score


def study(task: str, runs: int = 3, overrides: Sequence[str] = (), config_dir: Path | None = None) -> History:
    """Run a study from Python; the same as the command line with these overrides. Raises MleStarError."""
    words = (f"task={task}", f"runs={runs}", *overrides)
    return run_composition(Composition(compose_layers(words, config_dir), words, config_dir), Terminal())


def _sweep_point() -> SweepPoint | None:
    """Which point of which sweep this is; None outside of sweeps."""
    job = HydraConfig.get()
    if job.mode != RunMode.MULTIRUN:
        return None
    return SweepPoint(
        sweep=Path(job.sweep.dir).name,
        point=" ".join(word for word in job.overrides.task if not word.startswith("store.")),
    )


def run_composition(composition: Composition, terminal: Terminal, sweep: SweepPoint | None = None) -> History:
    """Run the study a composition describes."""
    config = composition.app()

    def run() -> History:
        return asyncio.run(_study(config, composition, terminal, sweep))

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return run()
    with ThreadPoolExecutor(1, "mlestar-study") as beside_the_loop:  # a Jupyter notebook has a loop of its own
        return beside_the_loop.submit(run).result()


async def _study(config: AppConfig, composition: Composition, terminal: Terminal, sweep: SweepPoint | None) -> History:
    """Open every door, run the study, show the table."""
    _cancel_on_sigterm()
    workspace = config.workspace.resolve()
    task = task_of(config.task, task_paths(), workspace / "tasks", terminal.say)
    budget = Budget(max_tokens=config.settings.max_tokens, max_usd=config.settings.max_usd)
    async with open_engineer(config.engineer, budget) as hire:
        opening = open_in_background(config.store, terminal.say)
        async with open_executor(config.executor, workspace) as executor:
            terminal.task(task, executor.guards)
            store = await asyncio.wrap_future(opening)
            doors = _Doors(task, hire, budget, executor, store, terminal)
            with terminal.live():
                history = await run_study(_parts(config, composition, doors, sweep))
    terminal.show(history_table(history, "Runs", reasons=False))
    return history


@dataclass(frozen=True)
class _Doors:
    """What a study is given that is open already."""

    task: Task
    hire: Hire
    budget: Budget
    executor: Executor
    store: Store
    terminal: Terminal


def _parts(config: AppConfig, composition: Composition, doors: _Doors, sweep: SweepPoint | None) -> StudyParts:
    """What a study is made of."""
    task, store = doors.task, doors.store
    return StudyParts(
        task=task,
        assignment=assignment_for(task, config.settings, doors.executor.threads, config.settings.exec_timeout),
        runs=config.runs,
        engineer_name=config.engineer.kind,
        hire=doors.hire,
        budget=doors.budget,
        executor=doors.executor,
        store=store,
        enhancer=lambda asked: build_enhancer(config.enhancer, asked),
        configure=composition.for_run,
        prepare=lambda folder: examiner_for(task, config.settings.seed, folder),
        watcher=doors.terminal,
        workspace=config.workspace.resolve(),
        earlier=lambda study: History() if sweep else _earlier(config, store, study),  # points stay comparable
        carry_best=config.enhancer.carry_best,
        resume_command=lambda study_id: _resume_command(config, composition, study_id),
        project_run_id=os.environ.get("MLFLOW_RUN_ID"),
        sweep=sweep,
        resume=config.resume,
    )


def _cancel_on_sigterm() -> None:
    """SIGTERM ends a study as Ctrl-C does: children are ended, MLflow runs are closed, it can be resumed."""
    task = asyncio.current_task()
    assert task is not None
    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread hears signals
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is not signal.SIG_IGN:  # nohup ignores SIGHUP
            asyncio.get_running_loop().add_signal_handler(ending, task.cancel)


def _earlier(config: AppConfig, store: Store, study: Study) -> History:
    """Runs of earlier studies, as far as the Enhancer may know them."""
    if config.enhancer.history_scope == "study":
        return History()
    task = None if config.enhancer.history_scope == "all" else study.plan.task.name
    runs = store.history(task).runs
    return History(runs=tuple(run for run in runs if run.study_id != study.study_id))


def _resume_command(config: AppConfig, composition: Composition, study_id: str) -> str:
    """The command that goes on with a study, fit to be copied into a shell."""
    words = [word for word in composition.overrides if not word.startswith(("resume=", "task="))]
    task = config.task.path if isinstance(config.task, FolderTaskConfig) else config.task.name
    folder = [] if composition.config_dir is None else ["--config-dir", str(composition.config_dir)]
    return escape(shlex.join(["python", "-m", "mlestar", *folder, f"task={task}", *words, f"resume={study_id}"]))


if __name__ == "__main__":
    main()
