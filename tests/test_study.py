"""Whole studies as a user starts them: ended by signals, resumed, swept. A tiny task, real scripts, a real store."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from mlestar.records.run import RunSummary
from mlestar.tracking.store import StoreConfig, open_store

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 200
SHORT = ("settings.num_solutions=1", "settings.outer_loop_round=0", "settings.ensemble_loop_round=0")
FINAL = ("ensemble/final_solution.py", "ensemble/final/submission.csv")

pytestmark = pytest.mark.slow


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A working folder with a task folder `tiny` whose scripts take about a second."""
    chance = random.Random(1)
    rows = [(chance.gauss(0, 1), chance.gauss(0, 1)) for _ in range(160)]
    text = "".join(f"{a:.4f},{b:.4f},{2 * a - b * b + chance.gauss(0, 0.1):.4f}\n" for a, b in rows)
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "train.csv").write_text("a,b,y\n" + text)
    (folder / "test.csv").write_text("a,b\n" + "".join(f"{a:.4f},{b:.4f}\n" for a, b in rows[:20]))
    (folder / "description.md").write_text("Predict y; the metric is RMSE.")
    (folder / "task.yaml").write_text("validation: {kind: holdout}\n")
    return tmp_path


def started(place: Path, *words: str) -> subprocess.Popen[bytes]:
    """The program, in a session of its own."""
    task = () if any(word.startswith("task=") for word in words) else ("task=tiny",)
    small = (*task, "runs=1", "settings.computational_budget=240")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    for name in [name for name in environment if name.startswith("MLFLOW_")]:
        del environment[name]
    command = [sys.executable, "-m", "mlestar", *small, "store.register_model=false", *words]
    with (place / "log").open("wb") as log:
        return subprocess.Popen(
            command,
            cwd=place,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_hear_interrupts,
        )


def _hear_interrupts() -> None:
    """A shell that runs the tests in the background ignores SIGINT, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ended(study: subprocess.Popen[bytes]) -> int:
    """The exit code; a program that does not end is ended."""
    try:
        return study.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        study.kill()
        return study.wait()


def said(place: Path) -> str:
    return (place / "log").read_text()


def lines(place: Path) -> Counter[tuple[str, str]]:
    """How often each answer, execution and decision stands on the tape of the run."""
    found: Counter[tuple[str, str]] = Counter()
    for path in place.glob("mlestar-workspace/*/run_0/tape.jsonl"):
        for line in path.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                known = json.loads(line)
                found[known["kind"], known["key"]] += 1
    return found


def until_executed(place: Path, study: subprocess.Popen[bytes], executions: int) -> None:
    """Wait until so many executions are on the tape."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert study.poll() is None, said(place)
        if sum(kind == "execution" for kind, _ in lines(place)) >= executions:
            return
        time.sleep(0.1)
    raise AssertionError(said(place))


def processes_in(place: Path) -> list[int]:
    """Processes whose command line names the folder: the parent of the workers and what it forked."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(place / "mlestar-workspace") in path.read_bytes().decode(errors="replace"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def statuses(place: Path) -> set[str]:
    """What MLflow says of the study and its runs."""
    backend = open_store(StoreConfig(tracking_uri=f"sqlite:///{place}/mlflow.db")).backend
    return {str(run.info.status) for run in backend.runs(backend.experiments(), "tags.task = 'tiny'")}


def outcome(place: Path) -> tuple[RunSummary, tuple[str, ...]]:
    """The last run and its final files."""
    store = open_store(StoreConfig(tracking_uri=f"sqlite:///{place}/mlflow.db"))
    run = store.history("tiny").runs[-1]
    return run, tuple(store.artifact_text(run.mlflow_run_id, name) for name in FINAL)


def gone(place: Path) -> bool:
    """Whether all processes of the study end within a few seconds."""
    deadline = time.monotonic() + 10
    while processes_in(place) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not processes_in(place)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_children_closes_runs_and_says_how_to_go_on(
    place: Path, number: signal.Signals, code: int
) -> None:
    study = started(place)
    until_executed(place, study, 1)
    assert processes_in(place)
    study.send_signal(number)
    assert ended(study) == code
    assert gone(place)
    assert statuses(place) == {"KILLED"}
    assert "To go on: python -m mlestar task=tiny runs=1" in said(place)
    assert "Traceback" not in said(place)


def test_a_study_killed_twice_ends_as_one_that_was_not(place: Path) -> None:
    whole = place / "whole"
    whole.mkdir()
    (whole / "tiny").symlink_to(place / "tiny")
    assert ended(started(whole, *SHORT)) == 0, said(whole)
    resume: Sequence[str] = ()
    for executions in (1, 2):
        study = started(place, *SHORT, *resume)
        until_executed(place, study, executions)
        study.kill()
        study.wait()
        assert gone(place)
        resume = ("resume=latest",)
    assert "RUNNING" in statuses(place)
    assert ended(started(place, *SHORT, *resume)) == 0, said(place)
    assert set(lines(place).values()) == {1}  # nothing on the tape was asked or executed again
    assert statuses(place) == {"FINISHED", "KILLED"}
    (run, files), (expected, expected_files) = outcome(place), outcome(whole)
    assert (run.status, run.score) == ("finished", expected.score)
    assert files == expected_files


def test_a_point_that_fails_does_not_end_the_others_and_the_exit_code_says_so(place: Path) -> None:
    words = ("-m", "task=nowhere,tiny", "settings.num_model_candidates=1", *SHORT)
    assert ended(started(place, *words)) == 1
    assert "no such task" in said(place)
    run, _ = outcome(place)
    assert run.status == "finished"
    backend = open_store(StoreConfig(tracking_uri=f"sqlite:///{place}/mlflow.db")).backend
    (sweep,) = backend.runs(backend.experiments(), "tags.kind = 'sweep'")
    (study,) = backend.runs(backend.experiments(), "tags.kind = 'study'")
    assert study.data.tags["mlflow.parentRunId"] == sweep.info.run_id
