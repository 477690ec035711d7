"""The command line: what it understands, and that a mistake is one clear line with the right exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from mlestar.__main__ import main, study
from mlestar.command_line import CommandLine, exit_with, translated
from mlestar.config import points_of
from mlestar.errors import ConfigError, StoreUnavailable, TaskError
from mlestar.execution.factory import LocalExecutorConfig, open_executor
from mlestar.tracking.store import StoreConfig, open_store
from tests.contracts.stores import free_port

ROOT = Path(__file__).resolve().parent.parent

WRONG = [
    (["settings.num_solution=3"], r"settings\.num_solution \(command line\): .*did you mean settings\.num_solutions\?"),
    (["num_solutions=3"], r"did you mean settings\.num_solutions\?"),
    (["engineer=gpt"], r"engineer=gpt: there is no such choice; allowed: gemini, openai, playbook, replay, vertex"),
    (["settings.num_solutions=9"], r"settings\.num_solutions=9 \(command line\): .*allowed: 1-8"),
    (["settings.num_solutions=many"], r"settings\.num_solutions=many \(command line\): .*allowed: 1-8"),
    (["settings.max_tokens=0"], r"settings\.max_tokens=0 \(command line\): .*allowed: above 0 or null"),
    (["settings.computational_budget=nan"], r"allowed: at least 10"),
    (["settings.use_data_usage_checker=maybe"], r"allowed: auto, on, off"),
    (["--settings.seed", "-1"], r"seed=-1 \(command line\): .*allowed: 0-2147483647"),
    (["runs=0"], r"runs=0 \(command line\): .*allowed: 1-10000"),
    (["runs="], r"runs= \(command line\): .*allowed: 1-10000"),
    (["settings.num_solutions=[1"], r"settings\.num_solutions=\[1: not understood"),
    (["settings.num_solutions=1,2"], r"settings\.num_solutions=1,2: a sweep over several values needs -m"),
    (["-m", "settings.num_solutions=1,9"], r"settings\.num_solutions=9 \(command line\): .*allowed: 1-8"),
    (["settings.locked=[colour]"], r"settings\.locked=.*locked names no setting: colour; lockable are num_solutions"),
    (["settings.locked=seed"], r"settings\.locked=seed \(command line\): .*allowed: a list"),
    (["executor.require=[walls]"], r"executor\.require=walls \(command line\): .*'network', 'files'"),
    (["engineer=replay"], r"engineer\.tape: give a value"),
    (["enhancer.history_scope=world"], r"enhancer\.history_scope=world \(command line\): .*'study', 'task' or 'all'"),
    (["+colour.of=red"], r"colour \(command line\): there is no such key"),
    (["nonsense"], r"nonsense: not understood; write KEY=VALUE"),
    (["=3"], r"=3: not understood"),
    (["--colour"], r"--colour: there is no such option; see --help"),
    (["--config-dir"], r"--config-dir: a value is missing"),
    (["--config-dir", "nowhere"], r"--config-dir nowhere: there is no such folder"),
    (["user=nobody_else"], r"user=nobody_else: there is no such choice; allowed: nobody"),
    (["overrides=runs=1 'x"], r"overrides=runs=1 'x: a quotation is not closed"),
]


@pytest.mark.parametrize(
    ("words", "message"), WRONG, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_a_wrong_word_is_one_clear_line_and_exit_code_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(words)
    said = capsys.readouterr().err
    assert left.value.code == 2
    assert said.startswith("mlestar: ")
    assert said.count("\n") == 1
    with pytest.raises(ConfigError, match=message):
        raise ConfigError(said)


USER_FILES = [
    ("settings: {a: [\n", r"user/mine\.yaml, line \d+: not readable as YAML"),
    ("settings:\n  num_solutions: 99\n", r"settings\.num_solutions=99 \(user=mine\): .*allowed: 1-8"),
    (
        "settings:\n  num_solution: 9\n",
        r"settings\.num_solution \(user=mine\): .*did you mean settings\.num_solutions\?",
    ),
]


@pytest.mark.parametrize(("text", "message"), USER_FILES)
def test_a_wrong_user_file_is_named(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "mine.yaml").write_text(f"# @package _global_\n{text}")
    with pytest.raises(SystemExit) as left:
        main(["user=mine", "--config-dir", str(tmp_path)])
    said = capsys.readouterr().err
    assert left.value.code == 2
    assert said.count("\n") == 1
    with pytest.raises(ConfigError, match=message):
        raise ConfigError(said)


def test_a_user_file_without_its_package_line_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "mine.yaml").write_text("settings:\n  num_solutions: 3\n")
    with pytest.raises(SystemExit):
        main(["user=mine", "--config-dir", str(tmp_path)])
    assert "# @package _global_" in capsys.readouterr().err


def folder_of(place: Path, train: str | None, test: str | None, task: str = "") -> str:
    """A task folder with these files."""
    for name, text in (("train.csv", train), ("test.csv", test), ("task.yaml", task)):
        if text:
            (place / name).write_text(text)
    (place / "description.md").write_text("Predict.")
    return str(place)


ROWS = "a,b,y\n" + "".join(f"{k},{k % 7},{k % 5}\n" for k in range(60))
TASKS: list[tuple[str | None, str | None, str, str]] = [
    (None, "a,b\n1,2\n", "", r"train\.csv is missing"),
    ("a,b\n1,2\n", "a,b\n1,2\n", "", r"the target cannot be inferred.*write `target: COLUMN` in task\.yaml"),
    (ROWS, "a,c\n1,2\n", "target: y\n", r"test\.csv has columns that train\.csv lacks: c"),
    (ROWS, "a,b\n1,2\n", "metric: rsme\n", r"unknown metric 'rsme': did you mean rmse"),
]


@pytest.mark.parametrize(("train", "test", "task", "message"), TASKS)
def test_a_wrong_task_folder_is_one_clear_line(
    train: str | None, test: str | None, task: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(TaskError, match=message) as error:
        study(folder_of(tmp_path, train, test, task), 1, [f"workspace={tmp_path}/w"])
    assert "\n" not in str(error.value)


def test_an_unknown_task_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"task=nowhere: no such task"):
        study("nowhere", 1, [f"workspace={tmp_path}/w"])


def test_a_missing_key_is_named_before_anything_starts(tmp_path: Path) -> None:
    words = ["engineer=gemini", "engineer.api_key_variable=NOT_SET_ANYWHERE", f"workspace={tmp_path}/w"]
    with pytest.raises(ConfigError, match="set the environment variable NOT_SET_ANYWHERE"):
        study("diabetes", 1, [*words, f"store.tracking_uri=sqlite:///{tmp_path}/m.db"])


def test_a_tracking_server_that_does_not_answer_is_named_quickly() -> None:
    uri = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(StoreUnavailable, match=f"the tracking server {uri} does not answer"):
        open_store(StoreConfig(tracking_uri=uri))


def test_the_worlds_errors_leave_with_1_and_the_users_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    for error, code in ((StoreUnavailable("gone"), 1), (TaskError("a\nb"), 2)):
        with pytest.raises(SystemExit) as left:
            exit_with(error)
        assert left.value.code == code
    assert capsys.readouterr().err == "mlestar: gone\nmlestar: a b\n"


async def test_a_required_guard_that_is_off_is_named(tmp_path: Path) -> None:
    config = LocalExecutorConfig(require=("network",), without=("namespaces", "landlock", "seccomp"))
    with pytest.raises(Exception, match=r"executor\.require: the guard network is (off|weak) here"):
        async with open_executor(config, tmp_path):
            pass


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["overrides=a.b=1 c=2"], ["a.b=1", "c=2"]),
        (["overrides="], []),
        (["overrides=a='x y'"], ["a=x y"]),
        (["--settings.seed", "1", "runs=2"], ["settings.seed=1", "runs=2"]),
        (["--seed", "1"], ["seed=1"]),
        (["--settings.seed=1"], ["settings.seed=1"]),
        (["--config-dir", "place", "-m"], ["--config-dir", "place", "-m"]),
        (["overrides=task=$(touch x);`touch y`"], ["task=$(touch", "x);`touch", "y`"]),
    ],
)
def test_the_words_of_mlflow_run_are_those_of_hydra(given: list[str], words: list[str]) -> None:
    assert translated(given) == words


def test_a_command_line_is_sorted() -> None:
    line = CommandLine.read(["-m", "--config-dir=place", "task=a,b", "overrides=seed=1,2,3"])
    assert (line.sweeps, line.only_shows, line.config_dir) == (True, False, Path("place"))
    assert line.overrides == ("task=a,b", "seed=1,2,3")
    assert points_of(line.overrides) == 6


def test_options_may_stand_among_the_overrides() -> None:
    line = CommandLine.read(["task=a", "-m", "seed=1,2", "--config-dir", "place", "runs=1"])
    assert line.words == ("-m", "--config-dir", "place", "task=a", "seed=1,2", "runs=1")


def ended(words: Sequence[str], folder: Path) -> tuple[int, str, str]:
    """Exit code and what was said, of the program as a user starts it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "mlestar", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def test_help_says_what_it_is_and_how_it_is_used(tmp_path: Path) -> None:
    code, said, wrong = ended(["--help"], tmp_path)
    assert (code, wrong) == (0, "")
    for part in ("python -m mlestar task=diabetes runs=3", "engineer: gemini, openai", "num_solutions: 2"):
        assert part in said
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_is_typed_reaches_a_shell(tmp_path: Path) -> None:
    code, _, said = ended(["task=$(touch shell)", "overrides=user=`touch shell`;touch shell"], tmp_path)
    assert code == 2
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []
