"""The Hydra application, and the only place that puts parts together.

python -m mlestar task=diabetes runs=3 settings.num_solutions=3
python -m mlestar -m task=diabetes settings.num_solutions=1,2,3
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from mlestar.choice import open_engineer
from mlestar.command_line import EXIT_INTERRUPTED, exit_with, translated
from mlestar.config import CONF, AppConfig, Composition, check_overrides, compose_layers, named_tasks
from mlestar.engineers.budget import Budget
from mlestar.enhancer.choice import build_enhancer
from mlestar.errors import MleStarError
from mlestar.execution.factory import open_executor
from mlestar.orchestrator import StudyParts, run_study
from mlestar.progress import Terminal
from mlestar.records.run import History
from mlestar.scoring.evaluate import examiner_for
from mlestar.tasks.assignment import assignment_for
from mlestar.tasks.load import task_paths
from mlestar.tasks.source import task_of
from mlestar.tracking.store import Store, open_in_background
from mlestar.tracking.study import Study
from mlestar.tracking.sweep import SweepPoint


def main() -> None:
    """The console script; exits with 2 for the user's errors, 1 for the world's, 130 when interrupted."""
    try:
        arguments = translated(sys.argv[1:])
        config_dir, overrides = _user_layer(arguments)
        if not _asks_hydra(arguments):
            check_overrides(overrides, config_dir)
        sys.argv[1:] = named_tasks(arguments, config_dir)
        hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")(_application)()
    except MleStarError as error:
        exit_with(error)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


def _user_layer(arguments: Sequence[str]) -> tuple[Path | None, list[str]]:
    """The user's folder of YAML files, if there is one, and the overrides."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config-dir", "-cd", type=Path)
    known, rest = parser.parse_known_args(list(arguments))
    return known.config_dir, [word for word in rest if not word.startswith("-") and "=" in word]


def _asks_hydra(arguments: Sequence[str]) -> bool:
    """Whether Hydra is only asked to show something."""
    return any(word in ("--help", "-h", "--hydra-help", "--info", "-i", "--version") for word in arguments)


def _application(composed: DictConfig) -> float | None:
    """One point of a sweep or the only one; returns the best score for sweepers."""
    overrides = tuple(HydraConfig.get().overrides.task)
    try:
        history = run_composition(Composition(composed, overrides), Terminal(), _sweep_point())
    except MleStarError as error:
        exit_with(error)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    best = history.best()
    return None if best is None else best.score


def study(task: str, runs: int = 3, overrides: Sequence[str] = (), config_dir: Path | None = None) -> History:
    """Run a study from Python; the same as the command line with these overrides. Raises MleStarError."""
    words = (f"task={task}", f"runs={runs}", *overrides)
    return run_composition(Composition(compose_layers(words, config_dir), words), Terminal())


def _sweep_point() -> SweepPoint | None:
    """Which point of which sweep this is; None outside of sweeps."""
    job = HydraConfig.get()
    if job.mode != RunMode.MULTIRUN:
        return None
    return SweepPoint(sweep=Path(job.sweep.dir).name, point=" ".join(job.overrides.task))


def run_composition(composition: Composition, terminal: Terminal, sweep: SweepPoint | None = None) -> History:
    """Run the study a composition describes."""
    config = composition.app()
    return asyncio.run(_study(config, composition, terminal, sweep))


async def _study(config: AppConfig, composition: Composition, terminal: Terminal, sweep: SweepPoint | None) -> History:
    """Open every door, run the study, show the table."""
    _cancel_on_sigterm()
    opening = open_in_background(config.store, terminal.say)
    task = task_of(config.task, task_paths(), config.workspace.resolve() / "tasks")
    budget = Budget(max_tokens=config.settings.max_tokens, max_usd=config.settings.max_usd)
    async with (
        open_executor(config.executor, config.workspace.resolve()) as executor,
        open_engineer(config.engineer, budget) as hire,
    ):
        terminal.task(task, executor.guards)
        store = await asyncio.wrap_future(opening)
        parts = StudyParts(
            task=task,
            assignment=assignment_for(task, config.settings, executor.threads, config.settings.exec_timeout),
            runs=config.runs,
            engineer_name=config.engineer.kind,
            hire=hire,
            budget=budget,
            executor=executor,
            store=store,
            enhancer=lambda asked: build_enhancer(config.enhancer, asked),
            configure=composition.for_run,
            prepare=lambda folder: examiner_for(task, config.settings.seed, folder),
            watcher=terminal,
            workspace=config.workspace.resolve(),
            earlier=lambda study: _earlier(config, store, study),
            carry_best=config.enhancer.carry_best,
            resume_command=lambda study_id: _resume_command(composition, study_id),
            project_run_id=os.environ.get("MLFLOW_RUN_ID"),
            sweep=sweep,
            resume=config.resume,
        )
        with terminal.live():
            history = await run_study(parts)
    terminal.table(history)
    return history


def _cancel_on_sigterm() -> None:
    """SIGTERM ends a study as Ctrl-C does: children are ended, MLflow runs are closed, it can be resumed."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _earlier(config: AppConfig, store: Store, study: Study) -> History:
    """Runs of earlier studies, as far as the Enhancer may know them."""
    if config.enhancer.history_scope == "study":
        return History()
    task = None if config.enhancer.history_scope == "all" else study.plan.task.name
    runs = store.history(task).runs
    return History(runs=tuple(run for run in runs if run.study_id != study.study_id))


def _resume_command(composition: Composition, study_id: str) -> str:
    words = [word for word in composition.overrides if not word.startswith("resume=")]
    return shlex.join(["python", "-m", "mlestar", *words, f"resume={study_id}"])


if __name__ == "__main__":
    main()
