"""Only regular files inside the folder count, whatever a script left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlestar.doors import Job
from mlestar.execution.footprint import MOST_FILES, MOST_LEVELS, footprint
from mlestar.execution.workspace import Workspace
from mlestar.records.solution import Script, View


@pytest.fixture
def job(tmp_path: Path) -> Job:
    folder = tmp_path / "view"
    folder.mkdir()
    (folder / "train.csv").write_text("x")
    view = View(name="fold 1/2", folder=folder, digest="d")
    return Job(script=Script(source="x = 1"), view=view, timeout_seconds=1, time_limit_seconds=1, seed=0)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def test_a_folder_holds_the_script_and_its_input(workspace: Workspace, job: Job) -> None:
    folder = workspace.prepare(job, "copy")
    assert (folder / "script.py").read_text() == "x = 1"
    assert (folder / "input" / "train.csv").read_text() == "x"
    assert (folder / "final").is_dir()
    assert folder.parent == workspace.folder


def test_only_what_the_script_left_is_collected(workspace: Workspace, job: Job) -> None:
    folder = workspace.prepare(job, "copy")
    (folder / "final" / "submission.csv").write_text("y")
    (folder / "models" / "deep").mkdir(parents=True)
    (folder / "models" / "deep" / "m.txt").write_text("m")
    assert workspace.collect(folder) == (("final/submission.csv", "models/deep/m.txt"), ())
    assert not (folder / "input").exists()


def test_links_pipes_and_odd_names_are_removed(workspace: Workspace, job: Job, tmp_path: Path) -> None:
    folder = workspace.prepare(job, "link")
    (tmp_path / "secret").write_text("s")
    (folder / "final" / "submission.csv").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "final" / "pipe")
    Path(os.fsdecode(os.fsencode(folder) + b"/final/\xff")).write_text("x")
    kept, removed = workspace.collect(folder)
    assert kept == ()
    assert sorted(removed) == ["final/pipe", "final/submission.csv", "final/\ufffd"]
    assert list((folder / "final").iterdir()) == []
    assert (tmp_path / "secret").read_text() == "s"
    assert (job.view.folder / "train.csv").read_text() == "x"


def test_an_input_that_was_replaced_by_a_link_is_removed_and_not_followed(workspace: Workspace, job: Job) -> None:
    folder = workspace.prepare(job, "mount")
    (folder / "input").rmdir()
    (folder / "input").symlink_to(job.view.folder)
    workspace.collect(folder)
    assert (job.view.folder / "train.csv").exists()


@pytest.mark.slow
def test_folders_deeper_than_any_path_are_removed(workspace: Workspace, job: Job) -> None:
    folder = workspace.prepare(job, "copy")
    here = os.open(folder, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert footprint(str(folder)).levels > MOST_LEVELS
    assert workspace.collect(folder) == ((), ("everything",))
    assert list(folder.iterdir()) == []


def test_counting_stops_when_there_is_too_much(tmp_path: Path) -> None:
    for number in range(MOST_FILES // 100):
        (tmp_path / str(number)).touch()
    assert footprint(str(tmp_path)).files == MOST_FILES // 100


def test_a_view_that_others_may_read_is_used_as_it_is(workspace: Workspace, job: Job) -> None:
    job.view.folder.chmod(0o755)
    (job.view.folder / "train.csv").chmod(0o644)
    assert workspace.open_to_others(job.view.folder) == job.view.folder


def test_a_view_that_others_may_not_read_is_copied_once(workspace: Workspace, job: Job) -> None:
    job.view.folder.chmod(0o700)
    copy = workspace.open_to_others(job.view.folder)
    assert copy != job.view.folder
    assert copy.stat().st_mode & 0o005 == 0o005
    assert (copy / "train.csv").read_text() == "x"
    assert workspace.open_to_others(job.view.folder) == copy
    assert job.view.folder.stat().st_mode & 0o077 == 0
